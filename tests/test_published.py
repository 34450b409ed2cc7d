"""The published numbers: the file is checked, what is derived is right, and a result finds its place among them."""

import copy
import io
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

from gannorm import records
from gannorm.data import MNIST
from gannorm.published import benchmarks, check_kl, everything, published, registry, rows
from gannorm.records import RecordError
from gannorm.report import published_page
from gannorm.report.comparison import comparison
from gannorm.report.comparison_table import compare
from gannorm.report.perfect import expected_kl, kl_sd, perfect
from tests.reference.published import simulated_kl

ROOT = Path(__file__).parents[1]


def row(benchmark, method, paper):
    (found,) = [one for one in published(benchmark) if (one.method, one.paper) == (method, paper)]
    return found


def stacks():
    digit = MNIST().prior.double()
    return torch.einsum("a,b,c->abc", digit, digit, digit).flatten()


# ---------------------------------------------------------------------------------------------------- rows


@pytest.mark.parametrize(
    ("benchmark", "method", "paper", "effective"),
    [
        ("smnist", "VEEGAN", "VEEGAN", 52),
        ("smnist", "R3GAN config E", "R3GAN", 971),
        ("smnist", "DCGAN", "PacGAN", 11),
        ("smnist", "Adv. DSM", "R3GAN", 225),
        ("smnist", "Self-conditioned GAN", "self-cond. GAN", 1000 * 10**-0.08),
        ("smnist/unrolled-quarter", "Unrolled GAN (10)", "Unrolled GAN", 9.5),
        ("smnist/unrolled-half", "PacDCGAN3", "PacGAN", 407),
        ("grid", "PacGAN4", "PacGAN", 25 * math.exp(-0.04)),
    ],
)
def test_effective_modes_follow_from_the_kl(benchmark, method, paper, effective):
    assert row(benchmark, method, paper).effective_modes == pytest.approx(effective, rel=0.01)


def test_spread_of_single_runs():
    quarter = row("smnist/unrolled-quarter", "PacDCGAN2", "PacGAN")
    assert quarter.modes_sd == pytest.approx(32.99 * 50**0.5)
    assert quarter.kl_sd == pytest.approx(0.22 * 50**0.5)
    unrolled = row("smnist/unrolled-quarter", "DCGAN", "Unrolled GAN")
    assert (unrolled.modes_spread, unrolled.modes_sd) == (20.73, None)  # ± of a kind that is not stated


def test_log10_is_converted():
    ten = row("smnist", "Self-conditioned GAN", "self-cond. GAN")
    assert (ten.log_base, ten.kl, ten.kl_nats) == ("10", 0.08, pytest.approx(0.08 * math.log(10)))


def test_every_row_says_where_it_is_from():
    for one in everything():
        figures = (one.modes, one.kl, one.high_quality_percent, one.ivom, one.fid)
        assert one.failed == all(figure is None for figure in figures), one
        assert one.paper
        assert one.table is not None or one.read == "remembered", one
        assert one.modes is None or one.num_modes is None or one.modes <= one.num_modes
        if one.effective_modes is not None and one.modes is not None:  # of means, hence the slack
            assert one.effective_modes <= one.modes * 1.1 + 1, one
    assert {one.benchmark for one in everything()} == set(benchmarks())


def test_a_repeated_row_stands_there_once_more():
    for one in everything():
        others = [
            other
            for other in published(one.benchmark)
            if other is not one and not other.repeats and other.kl and one.kl and abs(other.kl - one.kl) < 0.006
        ]
        assert not one.repeats or any(abs(other.modes - one.modes) < 0.5 for other in others), one


def test_batch_norm_is_the_worst_of_the_standard_networks():
    norms = [one for one in published("sngan-cifar10") if one.note == "standard CNN"]
    assert max(norms, key=lambda one: one.fid).method == "batch norm"
    assert len(norms) == 9


# ---------------------------------------------------------------------------------------------------- the file


def spoilt(**changes):
    table = copy.deepcopy(registry().tables[0])
    table["rows"][0].update(changes)
    return [table]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mode": 3}, "has no key 'mode'; did you mean 'modes'?"),
        ({"modes": "many"}, "modes is 'many'; it has to be float"),
        ({"modes": True}, "modes is True; it has to be float"),
        ({"runs": 2.5}, "runs is 2.5; it has to be int"),
        ({"read": "seen"}, "read is 'seen'; it has to be 'read' or 'remembered'"),
        ({"benchmark": "rings"}, "no benchmark 'rings'; did you mean 'ring'?"),
        ({"kl": 2.5}, "VEEGAN, GAN: kl=2.5 nats is not this KL"),
        ({"kl": 1.0, "log_base": "10"}, "kl=2.30259 nats is not this KL"),
        ({"kl": -0.1}, "kl=-0.1 nats is not this KL"),
    ],
)
def test_a_wrong_row_is_an_error(changes, message):
    with pytest.raises(RecordError) as error:
        rows(spoilt(**changes), benchmarks())
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_table_without_rows_or_a_row_without_a_paper():
    with pytest.raises(RecordError, match="VEEGAN, Table 1 has no rows"):
        rows([{**registry().tables[0], "rows": []}], benchmarks())
    incomplete = {key: value for key, value in registry().tables[0].items() if key != "paper"}
    with pytest.raises(RecordError, match="lacks paper; null says"):
        rows([incomplete], benchmarks())


def test_a_key_that_stands_twice_is_an_error(tmp_path):
    path = tmp_path / "twice.yaml"
    path.write_text("{kl: 1, modes: 2, kl: 3}")
    with pytest.raises(RecordError, match=r"twice\.yaml is not YAML: kl stands twice"):
        records.read(path)


@pytest.mark.parametrize("kl", [6.909, 7.5, -1e-9])
def test_a_kl_beyond_ln_k_is_another_kl(kl):
    check_kl(math.log(1000), 1000, "the largest there is")
    with pytest.raises(RecordError, match="is not this KL"):
        check_kl(kl, 1000, "a row")


def test_misspelt_benchmark():
    with pytest.raises(RecordError, match="no benchmark 'smist'; did you mean 'smnist'"):
        published("smist")


# ---------------------------------------------------------------------------------------------------- perfect


def test_the_floor_of_mnist_stacks():
    best = perfect(stacks().numpy(), 26_000)
    assert best.kl == pytest.approx(0.0236, abs=0.0002)
    assert best.kl_sd == pytest.approx(0.0010, abs=0.0001)
    assert best.effective_modes == pytest.approx(977, abs=1)
    assert best.modes == pytest.approx(1000, abs=0.01)


@pytest.mark.parametrize(
    ("prior", "num_samples"),
    [(np.full(8, 1 / 8), 300), (np.array([0.7, 0.2, 0.06, 0.04]), 500), (np.full(200, 1 / 200), 400)],
)
def test_the_floor_is_what_simulation_gives(prior, num_samples):
    draws = simulated_kl(prior, num_samples, draws=4000)
    assert expected_kl(prior, num_samples) == pytest.approx(draws.mean(), abs=4 * draws.std() / 4000**0.5)
    assert kl_sd(prior, num_samples) == pytest.approx(draws.std(), rel=0.25)


def test_the_floor_by_enumeration():
    """Two modes, three samples: every outcome by hand."""
    probability = {0: 0.7**3, 1: 3 * 0.3 * 0.7**2, 2: 3 * 0.3**2 * 0.7, 3: 0.3**3}
    terms = {count: sum(p * math.log(2 * p) for p in (count / 3, 1 - count / 3) if p) for count in probability}
    assert expected_kl(np.array([0.3, 0.7]), 3) == pytest.approx(sum(probability[c] * terms[c] for c in terms))
    assert perfect(np.array([0.3, 0.7]), 3).modes == pytest.approx(2 - 0.7**3 - 0.3**3)


@pytest.mark.parametrize("prior", [[0.5, 0.6], [1.0, 0.0], [float("nan"), 0.5]])
def test_frequencies_that_are_none(prior):
    with pytest.raises(ValueError, match="give positive frequencies with sum 1"):
        perfect(np.array(prior), 10)


# ---------------------------------------------------------------------------------------------------- comparison


def place(kl, **more):
    ours = {"raw_modes": 1000, "kl_plug_in": kl, **more}
    found = comparison("smnist", ours, num_modes=1000, num_samples=26_000, prior=stacks())
    return found["rows"], [one["kind"] for one in found["rows"]].index("yours")


def test_a_result_stands_where_its_kl_puts_it():
    found, collapsed = place(math.log(1000) - math.log(1.02))
    assert found[collapsed - 1]["effective_modes"] > 1.02 > 0  # one mode of a thousand: last of those with a KL
    assert all(one["effective_modes"] is None for one in found[collapsed + 1 :])
    found, perfect_one = place(0.0240)
    assert perfect_one == 1
    assert found[0]["kind"] == "perfect"
    found, half = place(math.log(2))
    assert found[half]["effective_modes"] == pytest.approx(500)
    assert (found[half - 1]["method"], found[half + 1]["method"]) == ("StyleGAN2", "WGAN-GP")
    assert found[half]["rank"] == found[half - 1]["rank"] + 1


def test_no_row_stands_twice_and_failed_ones_come_last():
    found, _ = place(0.1)
    theirs = [one for one in found if one["kind"] == "published"]
    assert len({(one["method"], one["modes"], one["kl"]) for one in theirs}) == len(theirs)
    assert [one["method"] for one in found[-2:]] == ["RpGAN + R1", "GAN + R1"]


def test_footnotes_say_what_differs():
    found = comparison("ring", {"kl_plug_in": 0.1}, num_modes=8, num_samples=2500, prior=[1 / 8] * 8, rule="circle")
    notes = {
        (one["method"], one["paper"]): [found["footnotes"][number - 1] for number in one["footnotes"]]
        for one in found["rows"]
    }
    assert notes["PacGAN2", "PacGAN"] == ["± is a standard error"]
    box = " ".join(notes["Self-conditioned GAN", "self-cond. GAN"])
    for said in ("remembered", "N = 50,000, yours is 2,500", "another rule: box", "not stated"):
        assert said in box


def test_the_comparison_is_plain_data_and_takes_what_is_not_known():
    found = comparison("grid", {}, num_modes=25, num_samples=2500, prior=[0.04] * 25, ceiling=0.9889)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    (ours,) = [one for one in found["rows"] if one["kind"] == "yours"]
    assert (ours["kl"], ours["effective_modes"], ours["rank"]) == (None, None, None)
    (best,) = [one for one in found["rows"] if one["kind"] == "perfect"]
    assert best["high_quality"] == 0.9889


def test_the_table_shows_the_row_with_its_interval():
    ours = {
        "covered_modes": 8, "raw_modes": 8, "kl_plug_in": 0.02, "effective_modes": 7.9, "effective_low": 7.7,
        "effective_high": 8.0, "high_quality": 0.95,
    }  # fmt: skip
    table = compare("ring", ours, num_modes=8, num_samples=2500, prior=torch.full((8,), 1 / 8), ceiling=0.9889)
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(table)
    text = console.export_text()
    (line,) = [number for number, line in enumerate(text.splitlines()) if line.startswith("yours")]
    assert text.splitlines()[line].split()[:-1] == ["yours", "8", "0.02", "7.84", "95%", "1"]
    assert text.splitlines()[line + 1].split() == ["8", "covered", "(7.9,", "7.7–8)"]
    assert "98.9%" in text
    assert "yours is one evaluation" in text
    assert all(note in text for note in ("in brackets: corrected for few samples", "SD: how single runs vary"))


@pytest.mark.parametrize(
    ("benchmark", "ours", "options", "message"),
    [
        ("smnist", {}, {"num_modes": 10}, "has 1000 modes and your result 10"),
        ("sngan-cifar10", {}, {}, "counts no modes; its numbers stand in docs/published.md"),
        ("rng", {}, {}, "no benchmark 'rng'; did you mean 'ring'"),
        ("ring", {"kl": 0.1}, {}, "ours has 'kl'; it may have covered_modes"),
        ("ring", {"kl_plug_in": 2.2}, {}, "is not this KL"),
        ("ring", {"kl_plug_in": float("nan")}, {}, "is not this KL"),
        ("ring", {}, {"prior": [0.5, 0.5]}, "prior has 2 frequencies; 8 modes need 8"),
        ("ring", {}, {"num_samples": 0}, "num_samples=0"),
    ],
)
def test_what_cannot_be_compared(benchmark, ours, options, message):
    usual = {"num_modes": 8, "num_samples": 2500, "prior": [1 / 8] * 8}
    with pytest.raises(ValueError, match=message.split(";")[0].replace("(", r"\(")) as error:
        compare(benchmark, ours, **{**usual, **options})
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_the_page_is_what_the_rows_say():
    written = (ROOT / published_page.PAGE).read_text(encoding="utf-8")
    assert written == published_page.page() + "\n", f"write it anew: {published_page.REWRITE}"

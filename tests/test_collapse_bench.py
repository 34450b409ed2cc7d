"""The bench for detectors: streams that are what they say, rules that see what they should, and the page about it."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.collapse_runs import blind, journal
from benchmarks.collapse_runs import page as runs_page
from benchmarks.collapse_runs.command import BEFORE, JUDGED
from benchmarks.collapse_runs.page import IMAGES
from benchmarks.collapse_runs.training import CONFIGS
from gannorm.collapse_bench import bench, page
from gannorm.collapse_bench.bench import EQUAL, OURS, Size, delays, events_of, false_alarms, rows_of
from gannorm.collapse_bench.figures import FIGURES
from gannorm.collapse_bench.generators import Counted, Digits
from gannorm.collapse_bench.pool import OtherHalf, pool
from gannorm.collapse_bench.rules import SIMPLE_RULES, largest_cluster, lost_entropy
from gannorm.collapse_bench.sensitivity import curve
from gannorm.collapse_bench.streams import FAILING_LOOKS, HEALTHY_LOOKS, failures, healthy, without
from gannorm.gan.fitting import check_fit
from gannorm.training.parser import Configuration

RECORDED = Path("benchmarks/detector.json")
IMAGES_OF_DOCS = Path("docs/images")


def look(generator: Digits | Counted, *, copies: bool = False):
    return generator.look(np.random.default_rng(0), 32_000, copies=copies)


def by_name(name: str):
    return next(failure for failure in failures() if failure.name == name)


def found_in(name: str) -> list[tuple[int, str]]:
    failure = by_name(name)
    looks = [failure.healthy] * HEALTHY_LOOKS + [failure.failing(number) for number in range(FAILING_LOOKS)]
    rows = list(rows_of(looks, np.random.default_rng(0), copies=failure.copies))
    return [(number - HEALTHY_LOOKS, state) for number, state in events_of(failure, rows, None)]


def test_a_generator_makes_the_shares_that_it_has() -> None:
    row = look(Digits(without((3, 7))))
    assert row.num_samples == 2048
    assert row.counts is not None
    assert max(row.counts[3], row.counts[7]) < 20
    assert min(row.counts[digit] for digit in (0, 1, 2, 4, 5, 6, 8, 9)) > 180
    assert set(row.covered or ()) == {0, 1, 2, 4, 5, 6, 8, 9}
    assert sum(look(Digits(spoilt=1.0)).counts or ()) == 0


def test_no_digit_comes_twice_before_all_have_come_and_copies_are_seen() -> None:
    many, few = look(Digits(), copies=True), look(Digits(pictures=3), copies=True)
    assert many.near_duplicates is not None
    assert many.near_duplicates < 0.1
    assert few.near_duplicates == 1.0
    assert max(few.class_rke or [9.0]) < 0.2
    noise = look(Digits(rejected=1.0), copies=True)
    assert (noise.spread, noise.num_accepted) == (0.0, 0)


def test_a_repeated_look_is_another_one_but_the_same_for_everyone() -> None:
    ((row, again),) = rows_of([Digits()], np.random.default_rng(0), copies=False)
    assert again().counts == again().counts != row.counts


def test_streams_and_yardsticks_share_no_digit() -> None:
    ours = {image.numpy().tobytes() for image in pool().images}
    others, _ = OtherHalf().real(100, torch.Generator().manual_seed(0))
    assert not ours & {image.numpy().tobytes() for image in others}


def test_simple_rules_see_what_they_should() -> None:
    even, one = look(Counted((0.1,) * 10)), look(Counted(without(tuple(range(9)))))
    assert lost_entropy(even) == pytest.approx(0, abs=0.01)
    assert lost_entropy(one) == pytest.approx(1)
    assert largest_cluster(one) == 1
    assert largest_cluster(even) == pytest.approx(0.1, abs=0.03)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("1 of 10 digits gone", (1, "mode dropped")),
        ("3 of 10 digits gone", (0, "partial")),
        ("6 of 10 digits gone", (0, "severe")),
        ("9 of 10 digits gone", (0, "total")),
        ("one picture of noise", (0, "total")),
        ("10 pictures of each digit", (0, "intra-mode")),
        ("half of the digits, others every 3 looks", (3, "hopping")),
        ("1,000 modes: 50 % of the modes gone", (0, "severe")),
    ],
)
def test_failures_are_found_as_soon_as_they_can_be(name: str, expected: tuple[int, str]) -> None:
    assert expected in found_in(name)
    assert min(number for number, _ in found_in(name)) >= 0


def test_a_small_bench_has_no_false_alarm_and_every_generator_in_it() -> None:
    quiet = false_alarms(Size(evaluations=len(healthy()) * 4, repeats=1), None)
    assert quiet["alarms"] == 0
    assert quiet["evaluations"] == len(healthy()) * 4
    assert set(quiet["by_generator"]) == {kind.name for kind in healthy()}


def test_equal_false_alarms_are_no_more_than_the_detectors() -> None:
    values = [0.2, 0.4, 0.1, 0.3]
    assert [sum(value > bench.limit(values, alarms) for value in values) for alarms in range(4)] == [0, 1, 2, 3]


def test_a_simple_rule_that_may_err_finds_more_and_finds_it_sooner() -> None:
    random = np.random.default_rng(0)
    prior = (0.1,) * 10
    quiet = [(prior, list(rows_of([Counted(prior)] * 100, random, copies=False)))]
    mild = Counted(without((0,), weight=0.6))
    failing = [(prior, list(rows_of([Counted(prior)] * HEALTHY_LOOKS + [mild] * 20, random, copies=False)))]
    points = curve(SIMPLE_RULES[0], quiet, failing)
    alarms, delays_of = zip(*points, strict=True)
    assert alarms[0] == 0
    assert alarms[-1] == pytest.approx(0.2)
    assert delays_of[0] >= delays_of[-1]
    assert delays_of[-1] < 5


def test_a_failure_says_who_found_it_when() -> None:
    limits = dict.fromkeys((rule.name for rule in SIMPLE_RULES), 0.3)
    row = delays(by_name("9 of 10 digits gone"), 0, Size(repeats=2), limits, None)
    assert (row["raised"], row["early"]) == ({"total": 2}, 0)
    assert row["delays"][OURS] == {"found": 1.0, "median": 0.0, "worst": 0}
    assert row["delays"][f"largest cluster above 50 %{EQUAL}"]["worst"] == 0
    assert bench.summary([None, 3])["found"] == 0.5


def test_the_page_is_that_of_the_recorded_bench() -> None:
    """Anew: `gannorm bench-detector --from ... --markdown > docs/detector.md`, and with `--figures docs/images`."""
    result = json.loads(RECORDED.read_text())
    assert Path("docs/detector.md").read_text(encoding="utf-8") == page.page(result)
    for name, draw in FIGURES.items():
        assert (IMAGES_OF_DOCS / name).read_text(encoding="utf-8") == draw(result)


def test_the_recorded_bench_reaches_what_it_has_to() -> None:
    result = json.loads(RECORDED.read_text())
    assert result["healthy"]["evaluations"] >= 10_000
    assert result["healthy"]["alarms"] <= 1
    ours = {failure["name"]: failure["delays"][OURS] for failure in result["failures"]}
    kinds = {failure["name"]: failure["kind"] for failure in result["failures"]}
    gone = [name for name in ours if name.endswith("gone")]
    allowed = {"mode dropped": 2, "partial": 1, "severe": 0, "total": 0, "total, severe": 0}
    assert all(ours[name]["found"] == 1 and ours[name]["worst"] <= allowed[kinds[name]] for name in gone)
    named = {failure["name"]: failure["delays"][f"{OURS}, by name"] for failure in result["failures"]}
    hopping = [failure for failure in result["failures"] if failure["kind"] == "hopping"]
    assert all(named[failure["name"]]["worst"] <= failure["begins"] + 8 for failure in hopping)
    assert sum(failure["early"] for failure in result["failures"]) == 0
    points = result["tradeoff"]
    ((alarms, delay),) = points[OURS]
    assert alarms == 0
    assert all(delay < reached for name, curve_ in points.items() if name != OURS for _, reached in curve_)


# ------------------------------------------------------------------------------------------------- runs that collapse


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.name)
def test_every_run_that_collapses_builds(path: Path) -> None:
    gan, data = Configuration([f"--config={path}"]).build()
    check_fit(gan, data.image_shape)
    assert path.read_text().startswith("# ")


def test_the_page_of_runs_is_that_of_the_journal() -> None:
    """Write it anew with `python -m benchmarks collapse_runs --document`."""
    judged = json.loads(JUDGED.read_text()) if JUDGED.exists() else None
    assert runs_page.FILE.read_text(encoding="utf-8") == runs_page.page(
        journal.read(), judged, json.loads(BEFORE.read_text())
    )
    assert all(path.stat().st_size < 60_000 for path in IMAGES.glob("*.png"))


def test_agreement_is_counted_by_what_words_mean() -> None:
    key = [{"sheet": 1, "state": "total"}, {"sheet": 2, "state": "healthy"}, {"sheet": 3, "state": "immature"}]
    result = blind.agreement(key, {1: "one", 2: "missing", 3: "poor"})
    assert (result["agreed"], result["sheets"]) == (2, 3)
    assert result["warned_alike"] == pytest.approx(2 / 3)
    assert result["low"] < 2 / 3 < result["high"]


def test_a_verdict_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "verdicts.csv").write_text("sheet,verdict\n1,fine\n")
    with pytest.raises(ValueError, match="fine is none of healthy"):
        blind.read_verdicts(tmp_path / "verdicts.csv")

"""The protocols: the file is checked, each is what its source says, and computes what its paper's code computes."""

import copy
import math
from pathlib import Path

import pytest
import torch

from gannorm import data, judges, protocols, records, rng
from gannorm.classifier.judge import SHIPPED_SHA256
from gannorm.data import MNIST
from gannorm.judges import DigitJudge
from gannorm.protocols import Built, Protocol, judge_of, protocol
from gannorm.published import everything
from gannorm.records import RecordError
from gannorm.report import protocols_page
from tests.reference.published import plug_in

THOUSAND = {name for name in protocols.names() if name.startswith("smnist/")}
SIZES = {"stacked_mnist": 1000, "mnist": 10, **dict.fromkeys(THOUSAND, 1000)}


def counts(num_modes, present, each=26):
    """Return counts of a generator that makes the first modes only, and makes them evenly."""
    return torch.tensor([each] * present + [0] * (num_modes - present))


# ---------------------------------------------------------------------------------------------------- the file


CONTENT = records.read(protocols.FILE)


def spoilt(name="ring/pacgan", **changes):
    content = copy.deepcopy(CONTENT)
    content["protocols"][name].update(changes)
    return content


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_sample": 5}, "protocol ring/pacgan has no key 'num_sample'; did you mean 'num_samples'?"),
        ({"num_samples": "2500"}, "num_samples is '2500'; it has to be int"),
        ({"version": None}, "version is None; it has to be int"),
        ({"log_base": "2"}, "log_base is '2'; it has to be 'e' or '10'"),
        ({"log_base": 10}, "log_base is 10; it has to be 'e' or '10'"),
        ({"kl_over": "good"}, "kl_over is 'good'; it has to be 'accepted' or 'all'"),
        ({"reports": ["modes", "fid"]}, "reports[1] is 'fid'"),
        ({"notes": "a trap"}, "notes is 'a trap'"),
        ({"judge": {"class": "x"}}, "judge has no key 'class'; did you mean 'class_path'?"),
        ({"data": "gannorm.data.MNIST"}, "it has to be a mapping of class_path, init_args"),
    ],
)
def test_a_wrong_protocol_is_an_error_of_one_line(changes, message):
    with pytest.raises(RecordError) as error:
        protocols.checked(spoilt(**changes))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_section_that_is_none_or_missing():
    with pytest.raises(RecordError, match=r"protocols\.yaml has no key 'protocol'; did you mean 'protocols'"):
        protocols.checked({"classifiers": {}, "protocol": CONTENT["protocols"]})
    with pytest.raises(RecordError, match="lacks protocols"):
        protocols.checked({"classifiers": {}})


def test_misspelt_name():
    with pytest.raises(RecordError, match="no protocol 'stacked-mnist'; did you mean 'stacked_mnist'"):
        protocol("stacked-mnist")


# ---------------------------------------------------------------------------------------------------- the presets


def test_all_are_there():
    assert set(protocols.names()) == {
        "mnist", "stacked_mnist", "smnist/veegan-pacgan", "smnist/unrolled-quarter", "smnist/unrolled-half",
        "smnist/valkov", "smnist/selfcond", "smnist/presgan", "smnist/inclusive", "smnist/meg", "smnist/ddgan",
        "smnist/alpha-gan", "smnist/r3gan", "ring/pacgan", "ring/veegan", "ring/selfcond", "ring/unrolled-demo",
        "ring/unrolled-paper", "ring/presgan", "grid/pacgan", "grid/selfcond", "veegan-1200d",
    }  # fmt: skip


def test_what_differs_between_papers_that_seem_to_measure_the_same():
    assert [protocol(name).log_base for name in ("smnist/selfcond", "ring/selfcond")] == ["10", "e"]
    assert [protocol(f"ring/{name}").kl_over for name in ("pacgan", "selfcond")] == ["accepted", "all"]
    assert [protocol(f"ring/{name}").judge.init_args["rule"] for name in ("pacgan", "selfcond")] == ["circle", "box"]
    sizes = {
        name: protocol(f"smnist/{name}").num_samples for name in ("veegan-pacgan", "selfcond", "inclusive", "r3gan")
    }
    assert sizes == {"veegan-pacgan": 26_000, "selfcond": 50_000, "inclusive": 24_000, "r3gan": None}


@pytest.mark.parametrize("name", protocols.names())
def test_a_preset_is_consistent(name):
    one = protocol(name)
    assert (one.name, one.version >= 1) == (name, True)
    digits = one.judge.class_path in {"gannorm.judges.DigitJudge", "gannorm.judges.StackedDigitJudge"}
    assert one.classifier_sha256 == (SHIPPED_SHA256 if digits else None)
    assert one.notes
    assert one.num_samples is not None or one.rule is None
    if one.data.class_path == "gannorm.data.Mixture":
        assert one.data.init_args["preset"] == name


def test_published_rows_name_protocols_that_measure_alike():
    for row in everything():
        if row.protocol is None:
            continue
        one = protocol(row.protocol)
        assert row.num_samples in (one.num_samples, None), row
        assert one.log_base in (row.log_base, None), row
        assert row.rule in (one.judge.init_args.get("rule"), None) or row.rule == "within 10 σ", row
        assert row.kl is None or "kl" in one.reports, row


def test_data_and_judge_of_digits():
    one = protocol("mnist")
    made, judge = one.make_data(batch_size=16), one.make_judge()
    assert isinstance(made, MNIST)
    assert made.batch_size == 16
    assert isinstance(judge, DigitJudge)
    assert judge.sha256 == one.classifier_sha256


def test_a_judge_of_points_is_told_where_they_are(monkeypatch):
    class Mixture:
        prior = torch.tensor([0.75, 0.25])

        def __init__(self, preset, fixed=None):
            self.preset, self.fixed = preset, fixed

    class Judge:
        def __init__(self, centers, sigma, *, rule, prior, noisy_dims):
            self.given = (centers.tolist(), sigma, rule, prior.tolist(), noisy_dims)

    known = type("MixtureSpec", (), {"centers": torch.tensor([[0.0], [1.0]]), "sigma": 0.1, "noisy_dims": None})
    unknown = type("MixtureSpec", (), {"centers": None, "sigma": None, "noisy_dims": None})
    stand_ins = {
        "gannorm.data.Mixture": Mixture,
        "gannorm.data.mixtures.MIXTURES": {"ring/pacgan": known, "ring/veegan": unknown},
        "gannorm.judges.MixtureJudge": Judge,
    }
    monkeypatch.setattr(protocols, "by_path", stand_ins.__getitem__)
    assert protocol("ring/pacgan").make_judge().given == ([[0.0], [1.0]], 0.1, "circle", [0.75, 0.25], None)
    assert protocol("ring/pacgan").make_judge(rule="box").given[2] == "box"
    assert protocol("ring/pacgan").make_data(fixed=None).fixed is None
    with pytest.raises(ValueError, match="ring/veegan: its source does not state σ and radius"):
        protocol("ring/veegan").make_judge()


def test_data_without_some_of_the_modes_have_no_judge():
    assert judge_of(MNIST(shares=[1.0] * 10)).num_modes == 10
    assert judge_of(MNIST(shares=[1.0] * 9 + [0.0])) is None


POINTS = [name for name in protocols.names() if protocol(name).data.class_path == "gannorm.data.Mixture"]


@pytest.mark.parametrize("name", sorted({*POINTS, "stacked_mnist", "smnist/veegan-pacgan"} - {"ring/veegan"}))
def test_real_data_of_a_protocol_pass_its_judge(name):
    made, judge = protocol(name).make_data(seed=0), protocol(name).make_judge()
    samples, modes = made.real(1000, rng.generator(0, "real data"))
    judged = judge(samples)
    accepted = judged.confidence >= judge.threshold
    assert (judge.num_modes, len(judge.prior)) == (made.num_modes, made.num_modes)
    assert torch.allclose(judge.prior.double(), made.prior.double(), atol=1e-3)
    assert float(accepted.double().mean()) == pytest.approx(judge.ceiling, abs=0.02)
    assert float((judged.mode == modes).double().mean()) > 0.97


def test_a_mixture_that_is_not_stated_is_not_made_up():
    with pytest.raises(ValueError, match="ring/veegan"):
        protocol("ring/veegan").make_data()
    with pytest.raises(ValueError, match="ring/veegan"):
        protocol("ring/veegan").make_judge()


# ---------------------------------------------------------------------------------------------------- legacy figures


@pytest.mark.parametrize(("present", "kl"), [(1, math.log(1000)), (500, math.log(2)), (1000, 0.0)])
def test_collapsed_half_and_perfect_stacks(present, kl):
    made = counts(1000, present)
    figures = protocol("smnist/veegan-pacgan").legacy(made, made)
    assert figures["raw_modes"] == present
    assert figures["kl"] == pytest.approx(kl, abs=1e-12)
    assert figures["high_quality"] is None  # the paper rejects nothing and reports no share
    assert figures["num_samples"] == 26 * present
    assert figures["protocol"] == "smnist/veegan-pacgan v1"
    ten = protocol("smnist/selfcond").legacy(made, made)
    assert ten["kl"] == pytest.approx(kl / math.log(10), abs=1e-12)
    assert ten["log_base"] == "10"


def test_stacks_count_all_samples_and_points_the_good_ones():
    accepted, every = torch.tensor([90, 10, 0, 0]), torch.tensor([100, 60, 40, 0])
    uniform = [0.25] * 4
    stacked = protocol("smnist/meg").legacy(accepted, every)
    assert (stacked["raw_modes"], stacked["kl"]) == (3, pytest.approx(plug_in([100, 60, 40, 0], uniform)))
    pacgan = protocol("ring/pacgan").legacy(accepted, every)
    assert (pacgan["raw_modes"], pacgan["kl"]) == (2, pytest.approx(plug_in([90, 10, 0, 0], uniform)))
    assert pacgan["high_quality"] == 0.5
    selfcond = protocol("ring/selfcond").legacy(accepted, every)  # modes of good points, KL of all points
    assert (selfcond["raw_modes"], selfcond["kl"]) == (2, pytest.approx(plug_in([100, 60, 40, 0], uniform)))


def test_log10_by_hand():
    figures = protocol("smnist/selfcond").legacy(torch.tensor([3, 1]), torch.tensor([3, 1]))
    assert figures["kl"] == pytest.approx(0.75 * math.log10(1.5) + 0.25 * math.log10(0.5))
    assert figures["kl"] == pytest.approx(plug_in([3, 1], [0.5, 0.5], base=10))


def test_ours_is_to_the_true_frequencies():
    prior = torch.tensor([0.5, 0.3, 0.2])
    exact = torch.tensor([50, 30, 20])
    ours = protocol("stacked_mnist")
    assert ours.legacy(exact, exact, prior)["kl"] == pytest.approx(0, abs=1e-7)
    assert ours.legacy(exact, exact, torch.full((3,), 1 / 3))["kl"] > 0.05  # a mislabelled prior is seen
    assert protocol("smnist/meg").legacy(exact, exact)["kl"] > 0.05  # to uniform, real data are not 0
    with pytest.raises(ValueError, match="protocol stacked_mnist: its KL is to the true frequencies; give the prior"):
        ours.legacy(exact, exact)
    with pytest.raises(ValueError, match="reference has 2 frequencies, counts 3 modes"):
        ours.legacy(exact, exact, torch.tensor([0.5, 0.5]))


def test_nothing_accepted():
    nothing, noise = torch.zeros(8, dtype=torch.int64), torch.full((8,), 5)
    figures = protocol("ring/pacgan").legacy(nothing, noise)
    assert (figures["raw_modes"], figures["kl"], figures["high_quality"]) == (0, None, 0.0)
    figures = protocol("ring/selfcond").legacy(nothing, noise)
    assert (figures["raw_modes"], figures["kl"], figures["high_quality"]) == (0, 0.0, 0.0)
    assert protocol("ring/pacgan").legacy(nothing, nothing)["high_quality"] is None


def test_what_a_paper_has_not_or_does_not_state_is_none():
    made = counts(1000, 10)
    assert protocol("smnist/alpha-gan").legacy(made, made)["kl"] is None
    unstated = protocol("smnist/r3gan").legacy(made, made)
    assert (unstated["raw_modes"], unstated["kl"], unstated["log_base"]) == (None, None, None)
    plots = protocol("ring/unrolled-demo").legacy(made, made)
    assert (plots["raw_modes"], plots["kl"], plots["high_quality"]) == (None, None, None)


def test_a_threshold_of_more_than_one_sample():
    few = Protocol(**{**vars(protocol("smnist/meg")), "raw_modes_at": 5})
    made = torch.tensor([5, 4, 9, 0])
    assert few.legacy(made, made)["raw_modes"] == 2


@pytest.mark.parametrize(
    ("accepted", "every", "message"),
    [
        ([5, 1], [4, 9], "mode 0: 5 accepted of 4 samples"),
        ([5, 1, 0], [5, 1], "counts_accepted has 3 modes, counts_all 2"),
    ],
)
def test_counts_that_cannot_be(accepted, every, message):
    with pytest.raises(ValueError, match=message):
        protocol("ring/pacgan").legacy(torch.tensor(accepted), torch.tensor(every))


def test_a_built_object_has_no_arguments_unless_told():
    assert Built("gannorm.data.MNIST").init_args == {}


def test_a_data_module_finds_its_judge_and_brings_its_frequencies():
    shares = [4.0] + [1.0] * 9
    judge = judge_of(data.MNIST(shares=shares))
    assert isinstance(judge, judges.Judge)
    assert judge.prior[0] == pytest.approx(4 / 13, rel=0.05)
    ring = judge_of(data.Mixture(preset="ring/pacgan", weights=[2.0] + [1.0] * 7))
    assert ring.prior.tolist() == pytest.approx([2 / 9] + [1 / 9] * 7)
    assert judge_of(data.StackedMNIST()).num_modes == 1000
    assert judge_of(data.StackedMNIST(size=32)) is None  # its digits are padded
    assert judge_of(object()) is None


def test_the_page_is_what_the_file_says():
    written = (Path(__file__).parents[1] / protocols_page.PAGE).read_text(encoding="utf-8")
    assert written == protocols_page.page() + "\n", f"write it anew: {protocols_page.REWRITE}"
    rows = [line for line in written.splitlines() if line.startswith("| [")]
    assert [line[3:].partition("]")[0] for line in rows] == protocols.names()
    assert all(f"\n## {name}\n" in written for name in protocols.names())
    assert all(note.rstrip(".") in written for name in protocols.names() for note in protocol(name).notes)

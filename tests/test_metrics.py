"""Mode coverage: collapsed, perfect, half, rejected; against a second implementation; over two processes."""

import json
import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import multiprocessing

from gannorm.metrics import ModeCoverage, mode_coverage
from gannorm.metrics.counts import checked_prior
from gannorm.metrics.coverage import fewest_samples
from gannorm.metrics.divergence import forward_kl, jensen_shannon, kl_divergence, kl_floor
from gannorm.metrics.legacy import plug_in_kl
from tests.reference import metrics as reference

K = 10
UNIFORM = torch.full((K,), 0.1)


def coverage(modes, accepted=None, prior=None, num_modes=K):
    metric = ModeCoverage(num_modes=num_modes, prior=prior)
    modes = torch.as_tensor(modes, dtype=torch.int64)
    metric.update(modes, torch.ones(len(modes), dtype=torch.bool) if accepted is None else accepted)
    return metric.compute()


def test_collapsed():
    result = coverage([3] * 2048)
    assert result["covered"] == [3]
    assert result["covered_modes"] == 1
    assert result["effective_modes"] == 1.0
    assert result["kl"] == pytest.approx(math.log(10))
    assert result["tv"] == pytest.approx(0.9, abs=1e-3)
    assert result["high_quality"] == 1.0
    assert result["shares"] == [0.0] * 3 + [1.0] + [0.0] * 6


def test_perfect():
    prior = torch.tensor([0.4, 0.3, 0.2, 0.1])
    result = coverage([0] * 400 + [1] * 300 + [2] * 200 + [3] * 100, prior=prior, num_modes=4)
    assert result["covered"] == [0, 1, 2, 3]
    assert result["kl"] == 0.0
    assert result["tv"] == pytest.approx(0.0, abs=1e-6)
    entropy = -sum(p * math.log(p) for p in (0.4, 0.3, 0.2, 0.1))
    assert result["effective_modes"] == pytest.approx(math.exp(entropy + 3 / 2000))


def test_perfect_draws_stay_below_the_floor():
    draws = torch.distributions.Multinomial(1800, UNIFORM).sample((300,)).long()
    results = [mode_coverage(counts, 2048, UNIFORM) for counts in draws[:30]]
    assert all(result["covered_modes"] == K for result in results)
    assert all(9.8 < result["effective_modes"] <= K for result in results)
    below = sum(kl_divergence(counts, UNIFORM) <= kl_floor(counts) for counts in draws) / len(draws)
    assert 0.92 < below < 1.0  # χ²(9) is at most 18 with probability 0.965


def test_uncorrected_kl_is_the_floor_on_average():
    draws = torch.distributions.Multinomial(26_000, torch.full((1000,), 1e-3)).sample((20,))
    shares = draws.double() / 26_000
    plain = torch.special.xlogy(shares, shares * 1000).sum(1).mean()
    assert kl_floor(draws[0].long()) == pytest.approx(float(plain), rel=0.02)


@pytest.mark.parametrize("dropped", range(1, K))
def test_half_covering(dropped):
    left = K - dropped
    result = coverage(torch.arange(left).repeat(2000))
    assert result["covered"] == list(range(left))
    assert result["effective_modes"] == pytest.approx(left, abs=0.01)
    assert result["kl"] == pytest.approx(math.log(K / left), abs=1e-3)
    assert result["tv"] == pytest.approx(dropped / K, abs=1e-3)


def test_rejected_only():
    result = coverage([8] * 500, accepted=torch.zeros(500, dtype=torch.bool))
    assert (result["num_samples"], result["num_modes"], result["shares"]) == (500, K, [0.0] * K)
    assert (result["covered_modes"], result["covered_modes_high"], result["covered"], result["raw_modes"]) == (
        0,
        0,
        [],
        0,
    )
    assert (result["effective_modes"], result["effective_modes_high"]) == (0.0, 0.0)
    assert (result["high_quality"], result["high_quality_low"]) == (0.0, 0.0)
    assert result["high_quality_high"] < 0.01
    assert all(result[name] is None for name in result if name.split("_")[0] in ("kl", "tv", "js", "forward"))


def test_nothing_at_all():
    result = coverage([])
    assert (result["num_samples"], result["covered_modes"], result["high_quality"], result["kl"]) == (0, 0, 0.0, None)


def test_rejected_samples_belong_to_no_mode():
    accepted = torch.tensor([True] * 100 + [False] * 900)
    result = coverage([0] * 50 + [1] * 50 + [2] * 900, accepted=accepted)
    assert result["covered"] == [0, 1]
    assert result["shares"][:3] == [0.5, 0.5, 0.0]
    assert result["high_quality"] == 0.1


def test_one_lone_sample_covers_nothing():
    assert coverage(range(K))["covered_modes"] == 0
    assert coverage(torch.arange(K).repeat(2))["covered_modes"] == K


def test_rejected_samples_raise_the_threshold():
    modes = torch.arange(K).repeat(10)  # 10 accepted of each mode
    for num_rejected, expected in ((0, K), (900, K), (901, 0)):
        accepted = torch.tensor([True] * 100 + [False] * num_rejected)
        padded = torch.cat([modes, torch.zeros(num_rejected, dtype=torch.int64)])
        assert coverage(padded, accepted)["covered_modes"] == expected


def test_threshold_is_a_tenth_of_the_true_frequency():
    assert fewest_samples(2000, UNIFORM).tolist() == [20] * K
    counts = torch.tensor([20, 19] + [240] * 8)
    assert mode_coverage(counts, 2000, UNIFORM)["covered"] == [0, *range(2, K)]
    assert mode_coverage(counts, 2001, UNIFORM)["covered"] == list(range(2, K))
    assert mode_coverage(torch.tensor([89, 10]), 1000, torch.tensor([0.9, 0.1]))["covered"] == [1]


@given(num_samples=st.integers(0, 100_000), num_modes=st.integers(1, 1000))
def test_threshold_is_free_of_rounding_errors(num_samples, num_modes):
    prior = torch.full((num_modes,), 1 / num_modes, dtype=torch.float64)
    exact = max(2, math.ceil(Fraction(num_samples, 10 * num_modes)))
    assert fewest_samples(num_samples, prior).tolist() == [exact] * num_modes


@st.composite
def judged(draw):
    num_modes = draw(st.integers(1, 6))
    weights = draw(st.lists(st.integers(1, 9), min_size=num_modes, max_size=num_modes))
    modes = draw(st.lists(st.integers(0, num_modes - 1), max_size=60))
    accepted = draw(st.lists(st.booleans(), min_size=len(modes), max_size=len(modes)))
    return modes, accepted, [Fraction(weight, sum(weights)) for weight in weights]


@given(judged())
@settings(max_examples=80, deadline=None)
def test_equals_the_obvious_implementation(case):
    modes, accepted, prior = case
    metric = ModeCoverage(len(prior), torch.tensor([float(p) for p in prior], dtype=torch.float64))
    metric.update(torch.tensor(modes, dtype=torch.int64), torch.tensor(accepted, dtype=torch.bool))
    result, expected = metric.compute(), reference.mode_coverage(modes, accepted, prior)
    for name, value in expected.items():
        assert result[name] == (value if value is None else pytest.approx(value, rel=1e-12, abs=1e-12)), name
    assert result["effective_modes"] <= result["num_modes"]
    json.dumps(result, allow_nan=False)


def test_limits_stand_around_what_they_limit():
    result = coverage(torch.arange(5).repeat(400), prior=UNIFORM)
    for name in ("covered_modes", "effective_modes", "kl", "tv", "high_quality"):
        assert result[f"{name}_low"] <= result[name] <= result[f"{name}_high"], name
    assert (result["covered_modes_low"], result["covered_modes_high"]) == (5, 5)
    few = coverage(torch.arange(5).repeat(20), prior=UNIFORM)
    assert (few["covered_modes_low"], few["covered_modes_high"]) == (5, 10)  # 100 samples exclude no weak mode
    ten = torch.zeros(1000, dtype=torch.int64)
    ten[:10] = 2_600
    assert mode_coverage(ten, 26_000, torch.full((1000,), 1e-3))["covered_modes_high"] == 11


def test_weak_modes_that_show_too_few_samples_may_be_covered_all_the_same():
    prior = torch.full((1000,), 1e-3)
    # Of 26,000 samples 14,430 are accepted: 26 of each strong mode, 2.9 of each weak one, where 2.6 are the line.
    share = torch.tensor([1.0] * 500 + [0.11] * 500)
    draws = torch.distributions.Multinomial(14_430, share / share.sum()).sample((20,)).long()
    for counts in draws:
        result = mode_coverage(counts, 26_000, prior)
        assert result["covered_modes_low"] <= 1000 <= result["covered_modes_high"] + 5
        assert result["covered_modes"] < 1000


def test_few_accepted_samples_are_no_perfect_generator():
    counts = torch.zeros(25, dtype=torch.int64)
    counts[:4] = 2
    result = mode_coverage(counts, 512, torch.full((25,), 1 / 25))
    assert result["effective_modes"] <= 8
    assert result["tv"] is None
    assert result["tv_floor"] > 0.3
    one = mode_coverage(torch.tensor([1] + [0] * 9), 10_000, UNIFORM)
    assert (one["effective_modes"], one["tv"], one["covered_modes"]) == (1.0, None, 0)
    assert one["kl_floor"] == pytest.approx(math.log(10))


def test_distances_have_no_bias_at_a_thousand_modes():
    prior = torch.full((1000,), 1e-3)
    draws = torch.distributions.Multinomial(26_000, prior).sample((20,)).long()
    results = [mode_coverage(counts, 26_000, prior) for counts in draws]
    mean = {name: sum(r[name] for r in results) / len(results) for name in ("kl", "kl_plug_in", "tv", "tv_floor")}
    assert mean["kl"] < 0.0007 < 0.018 < mean["kl_plug_in"]
    assert mean["tv"] < 0.02 < 0.077 < mean["tv_floor"]
    plain = (draws / 26_000 - prior).abs().sum(1).mean() / 2
    assert mean["tv_floor"] == pytest.approx(float(plain), rel=0.01)


def test_a_mislabelled_prior_is_seen_as_a_distance():
    true = torch.tensor([0.5] + [0.5 / 9] * 9)
    counts = (true * 10_000).round().long()
    right, wrong = (mode_coverage(counts, int(counts.sum()), prior) for prior in (true, UNIFORM))
    assert (right["covered_modes"], wrong["covered_modes"]) == (K, K)
    assert right["kl_high"] < 0.001 < 0.3 < wrong["kl_low"]
    assert right["tv_high"] < 0.02 < 0.38 < wrong["tv_low"]
    assert right["effective_modes"] == pytest.approx(right["effective_modes_ceiling"], rel=1e-3)


def test_the_other_direction_counts_what_is_missing():
    half = torch.tensor([200] * 5 + [0] * 5)
    assert forward_kl(half, UNIFORM) > 2 > plug_in_kl(half, UNIFORM)
    assert forward_kl(half * 100, UNIFORM) > forward_kl(half, UNIFORM) + 2
    assert jensen_shannon(half, UNIFORM) == pytest.approx(0.2158, abs=1e-4)
    assert jensen_shannon(torch.full((K,), 5), UNIFORM) == pytest.approx(0, abs=1e-7)


def test_halves_make_the_whole():
    modes, accepted = torch.randint(0, K, (999,)), torch.rand(999) < 0.7
    whole, parts = ModeCoverage(K), ModeCoverage(K)
    whole.update(modes, accepted)
    for start, stop in ((0, 100), (100, 500), (500, 999)):
        parts.update(modes[start:stop], accepted[start:stop])
    assert parts.compute() == whole.compute()
    parts.reset()
    assert (int(parts.mode_samples), int(parts.mode_counts.sum())) == (0, 0)


def test_forward_returns_the_batch_and_adds_it():
    metric = ModeCoverage(K)
    metric.update(torch.zeros(10, dtype=torch.int64), torch.ones(10, dtype=torch.bool))
    batch = metric(torch.full((30,), 4), torch.ones(30, dtype=torch.bool))
    assert batch["covered"] == [4]
    assert metric.compute()["covered"] == [0, 4]


def test_random_state_stays():
    before = torch.get_rng_state()
    coverage(torch.arange(K).repeat(100))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    ("prior", "message"),
    [
        (torch.full((9,), 1 / 9), "prior has 9 numbers; 10 modes need 10"),
        (torch.full((K,), 0.2), "prior sums to 2, not to 1; give frequencies"),
        (torch.tensor([0.0] + [1 / 9] * 9), "prior has 0 for mode 0; leave out modes without data"),
    ],
)
def test_what_is_no_prior(prior, message):
    with pytest.raises(ValueError, match=message):
        ModeCoverage(K, prior)
    with pytest.raises(ValueError, match=message):
        checked_prior(prior, K)


@pytest.mark.parametrize("mode", [-1, K])
def test_what_is_no_mode(mode):
    with pytest.raises(ValueError, match=f"modes has {mode}; with num_modes=10 they are 0 to 9"):
        coverage([0, mode])
    rejected = torch.tensor([True, False])
    assert coverage([0, mode], rejected)["num_samples"] == 2


def test_what_are_no_counts():
    with pytest.raises(ValueError, match="counts has -1 for mode 1"):
        mode_coverage(torch.tensor([3, -1]), 10, torch.full((2,), 0.5))
    with pytest.raises(ValueError, match="counts sums to 6 but num_samples is 5"):
        mode_coverage(torch.tensor([3, 3]), 5, torch.full((2,), 0.5))
    with pytest.raises(ValueError, match="num_modes=0"):
        ModeCoverage(0)


def count_in_process(rank, folder):
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    metric = ModeCoverage(K)
    metric.update(torch.full((100 + rank,), rank), torch.ones(100 + rank, dtype=torch.bool))
    (folder / f"{rank}.json").write_text(json.dumps(metric.compute()))
    torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_two_processes_count_once(tmp_path):
    multiprocessing.spawn(count_in_process, (tmp_path,), nprocs=2)
    results = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2)]
    assert results[0] == results[1] == coverage([0] * 100 + [1] * 101)

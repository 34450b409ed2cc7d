"""Intervals hold the truth as often as they say; tests of difference err as seldom as they say."""

import numpy as np
import pytest
from scipy.stats import ttest_ind

from gannorm.data import MNIST
from gannorm.statistics import (
    Summary,
    difference_test,
    divergence_interval,
    entropy_interval,
    exact_limits,
    expected_entropy,
    homogeneity_test,
    hopping_index,
    mean_interval,
    miller_madow,
    share_interval,
    summary,
    total_variation_floor,
    total_variation_interval,
    welch_test,
)

DIGITS = MNIST().prior.double().numpy()
DIGITS = DIGITS / DIGITS.sum()


def digits(*, gone=(), thinned=(), doubled=()):
    """Return shares of a generator of digits some of which are gone, at a tenth, or twice as frequent."""
    shares = DIGITS.copy()
    shares[list(gone)] = 0
    shares[list(thinned)] /= 10
    shares[list(doubled)] *= 2
    return shares / shares.sum()


def stacked(shares):
    return np.einsum("i,j,k->ijk", shares, shares, shares).ravel()


GENERATORS = {
    "perfect": digits(),
    "half": digits(gone=range(5, 10)),
    "two gone": digits(gone=(7, 9)),
    "one thinned": digits(thinned=(4,)),
    "one doubled": digits(doubled=(1,)),
    "all of it": digits(gone=(0,), thinned=(7, 9), doubled=(1,)),
}
STACKS = {name: stacked(shares) for name, shares in GENERATORS.items()}


def entropy(shares):
    shares = shares[shares > 0]
    return -(shares * np.log(shares)).sum()


def hits(truth, low, high):
    return np.mean((low <= truth + 1e-9) & (truth <= high + 1e-9))


@pytest.mark.parametrize(("samples", "generators"), [(2_048, GENERATORS), (10_000, GENERATORS), (26_000, STACKS)])
def test_entropy_and_divergence_in_a_thousand_simulations(samples, generators):
    rng = np.random.default_rng(0)
    prior = generators["perfect"]
    for name, shares in generators.items():
        counts = rng.multinomial(samples, shares, size=1_000)
        assert hits(entropy(shares), *entropy_interval(counts)) >= 0.93, name
        present = shares > 0
        truth = (shares[present] * np.log(shares[present] / prior[present])).sum()
        share = hits(truth, *divergence_interval(counts, prior))
        assert share >= 0.93, name
        assert share <= 0.98 or name in ("perfect", "half", "two gone"), (name, share)


def test_a_bootstrap_holds_nothing_where_the_interval_does():
    rng = np.random.default_rng(0)
    counts = rng.multinomial(26_000, np.full(1000, 1e-3), size=20)
    redrawn = [miller_madow(rng.multinomial(26_000, c / c.sum(), size=200)) for c in counts]
    limits = np.quantile(redrawn, [0.025, 0.975], axis=1)
    assert hits(np.log(1000), *limits) == 0
    assert hits(np.log(1000), *entropy_interval(counts)) >= 0.9


def test_what_one_mode_alone_can_hide():
    for share in (1e-5, 1e-4, 3e-4):
        truth = entropy(np.array([1 - share, share]))
        counts = np.random.default_rng(0).multinomial(5_000, [1 - share, share, 0], size=500)
        assert hits(truth, *entropy_interval(counts)) >= 0.93, share
    low, high = divergence_interval(np.array([1000, 0]), np.array([0.5, 0.5]))
    assert low < np.log(2) <= high


@pytest.mark.parametrize(
    ("samples", "generators", "times"),
    [
        (2_048, GENERATORS, 25),
        (26_000, STACKS, 3),
        pytest.param(2_048, GENERATORS, 200, marks=pytest.mark.slow),
        pytest.param(26_000, STACKS, 20, marks=pytest.mark.slow),
    ],
)
def test_total_variation_in_simulations(samples, generators, times):
    rng = np.random.default_rng(0)
    prior, found = generators["perfect"], []
    for shares in generators.values():
        limits = [total_variation_interval(c, prior) for c in rng.multinomial(samples, shares, size=times)]
        _, low, high = np.array(limits).T
        found.append(hits(abs(shares - prior).sum() / 2, low, high))
    assert np.mean(found) >= 0.93, found
    assert min(found) >= (0.85 if times >= 20 else 0.6), found  # of so few simulations


def test_total_variation_where_few_modes_are_far_off_and_the_others_right():
    shares, prior = np.array([0.5] + [1 / 18] * 9), np.array([1 / 18] * 9 + [0.5])
    draws = np.random.default_rng(0).multinomial(10_000, shares, size=100)
    _, low, high = np.array([total_variation_interval(counts, prior) for counts in draws]).T
    assert hits(abs(shares - prior).sum() / 2, low, high) >= 0.93


@pytest.mark.parametrize("present", [10, 500, 1_000])
def test_total_variation_where_a_mode_has_two_samples(present):
    rng = np.random.default_rng(present)
    prior, shares = np.full(1_000, 1e-3), np.repeat([1 / present, 0], [present, 1_000 - present])
    truth = 1 - present / 1_000
    estimate, low, high = np.array([total_variation_interval(c, prior) for c in rng.multinomial(2_048, shares, 5)]).T
    assert hits(truth, low, high) >= 0.8
    assert estimate.mean() == pytest.approx(truth, abs=0.04)


def test_one_sample_tells_nothing_of_the_total_variation():
    estimate, low, high = total_variation_interval(np.eye(1_000, dtype=int)[3], np.full(1_000, 1e-3))
    assert low <= estimate <= high
    assert low < 0.01
    assert high > 0.9


@pytest.mark.parametrize(("samples", "modes"), [(3, 10), (100, 1_000), (2_048, 1_000), (26_000, 1_000)])
def test_the_floor_of_the_total_variation_is_what_draws_show(samples, modes):
    prior = np.random.default_rng(1).dirichlet(np.full(modes, 20.0))
    draws = np.random.default_rng(0).multinomial(samples, prior, size=500)
    shown = abs(draws / samples - prior).sum(1) / 2
    assert total_variation_floor(samples, prior) == pytest.approx(shown.mean(), abs=4 * shown.std() / 500**0.5 + 1e-6)


@pytest.mark.parametrize("share", [0.02, 0.5, 0.83, 0.99])
def test_shares_in_simulations(share):
    counts = np.random.default_rng(0).binomial(2_000, share, size=1_000)
    limits = np.array([share_interval(int(c), 2_000) for c in counts]).T
    assert 0.93 <= hits(share, *limits) <= 0.97
    low, high = exact_limits(counts, 2_000, 0.025)
    assert hits(share, low, high) >= 0.945


def test_sources_that_are_the_same_seldom_differ():
    rng = np.random.default_rng(0)
    found = [
        homogeneity_test(*rng.multinomial(500, GENERATORS["perfect"], size=2), permutations=99, rng=rng)
        for _ in range(200)
    ]
    assert 0.01 <= np.mean(np.array(found) <= 0.05) <= 0.09
    a, b = (rng.multinomial(500, GENERATORS[name]) for name in ("perfect", "two gone"))
    assert homogeneity_test(a, b, permutations=999, rng=rng) == 0.001
    with pytest.raises(ValueError, match="a source without samples"):
        homogeneity_test(a, np.zeros_like(a), rng=rng)


def test_seeds_are_divided_in_all_ways():
    rng = np.random.default_rng(0)
    low, high = np.arange(5.0), np.arange(5.0) + 10
    assert difference_test(low, high, rng=rng) == pytest.approx(2 / 252)
    assert difference_test(low, low + 0.1, rng=rng) > 0.8
    close = difference_test(1e6 + np.array([0.0, 3e-7, 1e-7]), 1e6 + np.array([9e-7, 7e-7, 8e-7]), rng=rng)
    assert close == pytest.approx(0.1)  # the seen division is one of them, however the sums are rounded
    many = difference_test(np.arange(12.0), np.arange(12.0) + 20, rng=rng)
    assert many == pytest.approx(1 / 20_001)


# ---------------------------------------------------------------------------------------------------- means over runs


def test_the_interval_of_a_mean_holds_the_truth_at_five_runs():
    draws = np.random.default_rng(0).normal(3.0, 2.0, size=(2_000, 5))
    low, high = np.array([mean_interval(values) for values in draws]).T
    assert 0.94 <= hits(3.0, low, high) <= 0.96
    assert mean_interval([8, 8, 8]) == (8, 8)
    with pytest.raises(ValueError, match="1 run"):
        mean_interval([8.0])


def test_welch_needs_summaries_only_and_equals_the_test_of_the_values():
    rng = np.random.default_rng(0)
    one, other = rng.normal(0, 1, size=5), rng.normal(1, 3, size=10)
    assert welch_test(summary(one), summary(other)) == pytest.approx(ttest_ind(one, other, equal_var=False).pvalue)


def test_welch_errs_as_seldom_as_it_says_and_knows_groups_without_spread():
    rng = np.random.default_rng(0)
    pairs = [(rng.normal(0, 1, size=5), rng.normal(0, 2, size=10)) for _ in range(2_000)]
    assert 0.035 <= np.mean([welch_test(summary(one), summary(other)) < 0.05 for one, other in pairs]) <= 0.065
    assert welch_test(Summary(8, 0, 5), Summary(8, 0, 10)) == 1
    assert welch_test(Summary(8, 0, 5), Summary(7, 0, 10)) == 0
    assert welch_test(Summary(8, 0, 5), Summary(7.9, 0.316, 10)) == pytest.approx(0.343, abs=0.001)  # t(9) = 1.0
    with pytest.raises(ValueError, match="no spread that can be tested"):
        welch_test(Summary(8, 0, 1), Summary(8, 0, 10))


# ---------------------------------------------------------------------------------------------- modes that come and go


def test_hopping_is_told_from_a_collapse_and_from_health():
    odd, even = np.array([0, 400] * 5), np.array([400, 0] * 5)
    circles, collapsed, healthy = np.stack([odd, even] * 4), np.stack([odd] * 8), np.full((8, 10), 200)
    assert hopping_index(circles).information == pytest.approx(np.log(2), abs=1e-3)
    assert hopping_index(collapsed).information == pytest.approx(0, abs=3e-3)
    assert hopping_index(healthy).information == pytest.approx(0, abs=3e-3)
    assert hopping_index(circles).p_value < 1e-100
    assert min(hopping_index(collapsed).p_value, hopping_index(healthy).p_value) > 0.99


def test_a_look_without_samples_is_left_out_and_one_look_says_nothing():
    counts = np.array([[100, 50], [90, 60], [0, 0]])
    assert hopping_index(counts) == hopping_index(counts[:2])
    assert hopping_index(counts[:1]) == hopping_index(counts[2:]) == (0.0, 1.0)


@pytest.mark.parametrize(("num_modes", "num"), [(2, 500), (10, 2048), (1000, 2048), (1000, 500)])
def test_looks_at_one_generator_differ_as_seldom_as_the_p_value_says(num_modes, num):
    rng = np.random.default_rng(0)
    shares = np.exp(rng.normal(0, 0.5, num_modes))
    draws = rng.multinomial(num, shares / shares.sum(), size=(1000, 8))
    assert 0.035 <= np.mean([hopping_index(counts).p_value < 0.05 for counts in draws]) <= 0.075


@pytest.mark.parametrize(("num_modes", "num", "spread"), [(2, 30, 1.0), (10, 2048, 0.5), (1000, 2048, 1.0)])
def test_the_expected_entropy_is_the_mean_of_the_estimates(num_modes, num, spread):
    rng = np.random.default_rng(0)
    shares = np.exp(rng.normal(0, spread, num_modes))
    shares /= shares.sum()
    estimates = miller_madow(rng.multinomial(num, shares, size=4000))
    assert expected_entropy(shares, num) == pytest.approx(estimates.mean(), abs=4 * estimates.std() / 4000**0.5)

"""What is said of seeds and of times to collapse errs as seldom as it says, and agrees with the slow way."""

import numpy as np
import pytest

from gannorm.statistics import (
    Watched,
    holm,
    levels_test,
    log_rank_differences,
    median_interval,
    paired_test,
    seeds_needed,
    survival,
)
from tests.reference import study as slow


@pytest.mark.parametrize("number", [1, 3, 5, 10])
def test_a_paired_test_is_all_ways_to_give_signs(number):
    rng = np.random.default_rng(number)
    for values in (rng.normal(0.5, 1, number), rng.integers(-2, 3, number).astype(float)):
        assert paired_test(values) == pytest.approx(slow.paired(values))


def test_a_paired_test_errs_as_seldom_as_it_says_and_finds_what_is_there():
    rng = np.random.default_rng(0)
    errors = [paired_test(rng.standard_t(2, 8)) <= 0.05 for _ in range(400)]
    assert np.mean(errors) <= 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / 400)
    assert np.mean([paired_test(rng.normal(2, 1, 8)) <= 0.05 for _ in range(100)]) > 0.9
    assert paired_test(np.full(30, 1.0)) < 1e-3  # drawn, not all ways


@pytest.mark.parametrize(("seeds", "levels"), [(2, 3), (3, 3), (2, 4), (5, 2)])
def test_a_test_of_all_levels_is_all_ways_to_order_them(seeds, levels):
    rng = np.random.default_rng(seeds)
    for values in (rng.normal(0, 1, (seeds, levels)), rng.integers(0, 3, (seeds, levels)).astype(float)):
        assert levels_test(values) == pytest.approx(slow.levels(values))


def test_a_test_of_two_levels_is_the_paired_one():
    values = np.random.default_rng(4).normal([0.7, 0.0], 1, (9, 2))
    assert levels_test(values) == pytest.approx(paired_test(values[:, 0] - values[:, 1]))


def test_a_test_of_all_levels_errs_as_seldom_as_it_says_and_finds_what_is_there():
    rng = np.random.default_rng(5)
    seeds = rng.normal(0, 5, (300, 3, 1))  # what a seed does to all its levels says nothing of them
    errors = [levels_test(values) <= 0.05 for values in rng.standard_t(2, (300, 3, 4)) + seeds]
    assert np.mean(errors) <= 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / 300)
    found = [levels_test(rng.normal([0, 0, 1, 2], 0.4, (3, 4))) <= 0.05 for _ in range(100)]
    assert np.mean(found) > 0.8
    assert levels_test(rng.normal([0, 0, 0, 0, 0, 1], 0.3, (10, 6))) < 1e-3  # drawn, not all ways


def test_tests_that_are_made_together_claim_falsely_as_seldom_as_one():
    rng = np.random.default_rng(1)
    claims = [min(holm(list(rng.random(20)))) <= 0.05 for _ in range(2000)]
    assert np.mean(claims) <= 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / 2000)
    assert holm([0.5, 0.5]) == [1.0, 1.0]
    assert holm([]) == []


@pytest.mark.parametrize(("number", "least"), [(3, 0.70), (5, 0.90), (20, 0.90)])
def test_the_interval_of_a_median_holds_it_as_often_as_is_said(number, least):
    rng = np.random.default_rng(2)
    intervals = [median_interval(list(rng.exponential(1, number))) for _ in range(200)]
    assert np.mean([low <= np.log(2) <= high for low, high in intervals]) >= least - 0.06


def test_as_many_seeds_as_are_said_to_be_needed_find_the_difference():
    rng = np.random.default_rng(3)
    pilot = rng.normal(1.0, 1.0, 200)
    needed = seeds_needed(pilot)
    assert 8 <= needed <= 14
    assert 0.7 < np.mean([paired_test(rng.normal(1.0, 1.0, needed)) <= 0.05 for _ in range(200)]) < 0.95
    assert seeds_needed(np.full(4, 2.0)) == 6  # five cannot conclude, whatever they say
    assert seeds_needed(np.array([1.0, -1.0])) is None


def test_the_survival_curve_is_that_of_kaplan_and_meier_run_by_run():
    rng = np.random.default_rng(4)
    times, happened = rng.integers(1, 12, 30).tolist(), (rng.random(30) < 0.6).tolist()
    curve = survival(times, happened)
    assert dict(zip(curve.times.tolist(), curve.share.tolist(), strict=True)) == pytest.approx(
        slow.kaplan_meier(times, happened)
    )
    assert (curve.low <= curve.share + 1e-12).all()
    assert (curve.share <= curve.high + 1e-12).all()


def test_survival_where_none_and_where_all_collapse():
    none, everyone = survival([5, 5], [False, False]), survival([5, 5], [True, True])
    assert (none.times.tolist(), none.share.tolist()) == ([0.0], [1.0])
    assert (everyone.times.tolist(), everyone.share.tolist()) == ([0.0, 5.0], [1.0, 0.0])
    with pytest.raises(ValueError, match="no runs have no survival curve"):
        survival([], [])


def test_the_log_rank_test_exchanges_whole_seeds_as_by_hand():
    rng = np.random.default_rng(5)
    groups = [
        Watched(rng.integers(1, most, 16).tolist(), (rng.random(16) < 0.7).tolist(), (np.arange(16) % 4).tolist())
        for most in (20, 10)
    ]
    differences = log_rank_differences(*groups)
    assert differences.sum() / 2 == pytest.approx(slow.log_rank(*groups)[0])
    assert paired_test(differences) == pytest.approx(slow.log_rank_over_seeds(*groups))
    nothing = [group._replace(happened=[False] * 16) for group in groups]
    assert log_rank_differences(*nothing).tolist() == [0.0] * 4
    assert paired_test(log_rank_differences(*nothing)) == 1.0
    assert not len(log_rank_differences(groups[0], groups[1]._replace(seeds=[9] * 16)))


def test_one_event_each_is_no_finding():
    soon = Watched([40.0, 900.0, 900.0], [True, False, False], [0, 1, 2])
    late = Watched([60.0] + [900.0] * 20, [True] + [False] * 20, [0] + [seed % 3 for seed in range(20)])
    assert paired_test(log_rank_differences(soon, late)) >= 0.25

"""Points: how wide modes are, and the distance to real ones; against SciPy."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from gannorm import rng
from gannorm.metrics import PointScores, deviation_ratios, sliced_wasserstein, wasserstein_scores
from gannorm.metrics.points import cut_deviation

K, SIGMA = 8, 0.01
ANGLES = torch.arange(K) * (2 * math.pi / K)
CENTRES = torch.stack([ANGLES.cos(), ANGLES.sin()], dim=1)


def ring(num, seed=0, sigma=SIGMA, kinds=K):
    stream = rng.generator(seed, "ring")
    modes = torch.randint(kinds, (num,), generator=stream)
    return CENTRES[modes] + sigma * torch.randn(num, 2, generator=stream), modes


def test_a_perfect_generator_has_the_true_widths():
    ratios = deviation_ratios(*ring(8000), num_modes=K, sigma=SIGMA)
    assert all(ratio == pytest.approx(1, abs=0.08) for ratio in ratios)


def test_contracted_and_lost_modes():
    points, modes = ring(4000, sigma=SIGMA / 4, kinds=4)
    ratios = deviation_ratios(points, modes, num_modes=K, sigma=SIGMA)
    assert all(ratio == pytest.approx(0.25, abs=0.03) for ratio in ratios[:4])
    assert ratios[4:] == [None] * 4


def test_points_cut_at_three_sigma_are_compared_with_a_cut_gaussian():
    points, modes = ring(40_000)
    inside = (points - CENTRES[modes]).norm(dim=1) < 2 * SIGMA
    ratio = lambda within: deviation_ratios(  # noqa: E731
        points[inside], torch.zeros_like(modes[inside]), num_modes=1, sigma=SIGMA, within=within
    )
    centred = points[inside] - CENTRES[modes[inside]]
    cut = deviation_ratios(centred, torch.zeros_like(modes[inside]), num_modes=1, sigma=SIGMA, within=2.0)
    assert cut[0] == pytest.approx(1, abs=0.01)
    assert ratio(None)[0] > 10  # all modes taken for one
    draws = torch.randn(200_000, 3, generator=rng.generator(1))
    kept = draws[draws.norm(dim=1) < 2.0]
    assert cut_deviation(2.0, 3) == pytest.approx(float(kept.square().mean().sqrt()), rel=0.01)


@pytest.mark.parametrize(("num", "other"), [(50, 50), (40, 70), (1, 5)])
def test_on_a_line_it_is_scipys(num, other):
    one = torch.randn(num, 1, generator=rng.generator(1), dtype=torch.float64)
    two = torch.randn(other, 1, generator=rng.generator(2), dtype=torch.float64) * 2 + 1
    expected = stats.wasserstein_distance(one[:, 0].numpy(), two[:, 0].numpy())
    assert sliced_wasserstein(one, two) == pytest.approx(expected, rel=1e-9)


def test_in_the_plane_it_is_the_mean_over_directions():
    one, two = (ring(60, seed=seed)[0].double() for seed in (1, 2))
    angles = np.linspace(0, math.pi, 2000, endpoint=False)
    over = [
        stats.wasserstein_distance((one.numpy() @ a), (two.numpy() @ a))
        for a in np.stack([np.cos(angles), np.sin(angles)], axis=1)
    ]
    assert sliced_wasserstein(one, two, projections=5000) == pytest.approx(np.mean(over), rel=0.05)


def test_lost_modes_are_far_and_fresh_points_near():
    (real, _), (fresh, _), (half, _) = ring(2000, seed=1), ring(2000, seed=2), ring(2000, seed=3, kinds=4)
    scores = wasserstein_scores(half, real, fresh)
    assert scores["sliced_wasserstein"] > 5 * scores["sliced_wasserstein_real"] > 0
    assert sliced_wasserstein(real, real.flip(0)) == pytest.approx(0, abs=1e-12)
    before = torch.get_rng_state()
    assert wasserstein_scores(half, real, fresh) == scores
    assert torch.equal(before, torch.get_rng_state())


def test_a_user_gets_one_line():
    points, modes = ring(10)
    with pytest.raises(ValueError, match="sigma=0: a standard deviation is above 0"):
        deviation_ratios(points, modes, num_modes=K, sigma=0.0)
    with pytest.raises(ValueError, match="within=-1: a radius is above 0"):
        deviation_ratios(points, modes, num_modes=K, sigma=SIGMA, within=-1.0)
    with pytest.raises(ValueError, match="with num_modes=1 from 0"):
        deviation_ratios(points, modes, num_modes=1, sigma=SIGMA)
    with pytest.raises(ValueError, match="points of 2 and of 3 dimensions"):
        sliced_wasserstein(points, torch.zeros(5, 3))
    with pytest.raises(ValueError, match="sets of 0 and 10 points"):
        sliced_wasserstein(points[:0], points)
    with pytest.raises(ValueError, match="not finite"):
        sliced_wasserstein(points * math.nan, points)


def test_a_stream_in_the_order_of_its_modes_is_thinned_evenly():
    points, modes = ring(8_000)
    order = modes.argsort()
    metric = PointScores(2, num_modes=K, deviation=SIGMA, real=ring(2_000, seed=1)[0], cap=2_000)
    for chosen in order.split(500):
        metric.update(points[chosen], modes[chosen], torch.ones(len(chosen), dtype=torch.bool))
    figures = metric.compute()
    assert figures["deviation_ratios"] == pytest.approx([1.0] * K, abs=0.15)
    assert figures["sliced_wasserstein"] < 3 * figures["sliced_wasserstein_real"]


def test_rejected_points_widen_no_mode():
    points, modes = ring(2_000)
    far = torch.full((500, 2), 9.0)
    metric = PointScores(2, num_modes=K, deviation=SIGMA)
    metric.update(torch.cat([points, far]), torch.cat([modes, torch.zeros(500).long()]), torch.arange(2_500) < 2_000)
    assert metric.compute() == {"deviation_ratios": pytest.approx([1.0] * K, abs=0.2)}

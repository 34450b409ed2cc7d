"""Fréchet distance: its meaning, against SciPy, in parts, and how often its interval holds the truth."""

import math
import pickle

import numpy as np
import pytest
import torch
from torch import multiprocessing

from gannorm import rng
from gannorm.data import MNIST
from gannorm.judges import DigitJudge
from gannorm.metrics import FrechetDistance, Moments, frechet_distance, moments
from gannorm.metrics.frechet import GROUPS, Target, degrees_of_freedom, jackknife
from tests.reference import features as reference

UNIT = Moments(torch.zeros(4).double(), torch.eye(4).double())


def gaussian(num, dims, seed=0):
    return torch.randn(num, dims, generator=rng.generator(seed, "gaussian"), dtype=torch.float64)


def spectrum(dims, decay):
    """Variances from 1 down to 10^-decay."""
    return torch.logspace(0, -decay, dims, dtype=torch.float64)


def measured(features, real=UNIT):
    metric = FrechetDistance(real)
    metric.update(features)
    return metric.compute()


def test_a_perfect_generator():
    result = measured(gaussian(5000, 4))
    assert result["frechet_low"] == 0.0
    assert abs(result["frechet_corrected"]) < 0.002
    assert 0 < result["frechet"] < result["frechet_high"] < 0.02


def test_a_collapsed_generator():
    result = measured(torch.ones(100, 4))
    # |μ|² + tr Σ: a point has no spread that could overlap
    assert all(result[name] == pytest.approx(8.0, abs=1e-9) for name in result)


def test_half_the_digits_are_far_and_all_of_them_near():
    images, labels = MNIST().held_out()
    images, labels = images[:3000], labels[:3000]
    features = DigitJudge()(images).features
    known, other, half = features[::2], features[1::2], features[1::2][labels[1::2] < 5]
    near, far = measured(other, moments(known)), measured(half, moments(known))
    assert far["frechet_low"] > 10 * near["frechet_high"]


@pytest.mark.parametrize("dims", [1, 2, 16, 96])
def test_equals_scipy(dims):
    a, b = gaussian(3 * dims + 5, dims, seed=1), gaussian(2 * dims + 7, dims, seed=2) * 1.7 + 0.3
    b = b @ gaussian(dims, dims, seed=3)
    expected = reference.frechet_distance(
        a.mean(0).numpy(), np.atleast_2d(np.cov(a.T)), b.mean(0).numpy(), np.atleast_2d(np.cov(b.T))
    )
    assert frechet_distance(*moments(a), *moments(b)) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(*moments(b), *moments(a)) == pytest.approx(expected, rel=1e-9)
    assert measured(a, moments(b))["frechet"] == pytest.approx(expected, rel=1e-9)


def test_singular_covariances():
    a, b = gaussian(40, 96, seed=1), gaussian(30, 96, seed=2) + 0.1  # fewer samples than features
    expected = reference.frechet_distance(a.mean(0).numpy(), np.cov(a.T), b.mean(0).numpy(), np.cov(b.T))
    assert frechet_distance(*moments(a), *moments(b)) == pytest.approx(expected, rel=1e-5)
    assert frechet_distance(*moments(a), *moments(a)) == pytest.approx(0, abs=1e-9)


def test_features_far_from_zero_lose_no_digits():
    near, far = gaussian(500, 4), gaussian(500, 4) + 1e6
    shifted = Moments(UNIT.mean + 1e6, UNIT.covariance)
    assert measured(far, shifted)["frechet"] == pytest.approx(measured(near)["frechet"], rel=1e-6)


def test_parts_make_the_whole():
    features = gaussian(997, 4).float()
    whole = measured(features)
    parts = FrechetDistance(UNIT)
    for part in features.split([1, 19, 333, 0, 644]):
        parts.update(part)
    assert parts.compute() == pytest.approx(whole, rel=1e-10)
    one, other = FrechetDistance(UNIT), FrechetDistance(UNIT)
    one.update(features[:400])  # a multiple of the number of groups
    other.update(features[400:])
    one.merge_state(other)
    assert one.compute() == pytest.approx(whole, rel=1e-10)
    one.reset()
    one.update(features[:0])
    assert one.compute() == dict.fromkeys(whole)


def test_too_few_samples():
    assert measured(gaussian(1, 4)) == dict.fromkeys(
        ("frechet", "frechet_corrected", "frechet_low", "frechet_high")
    )  # fmt: skip
    few = measured(gaussian(2 * GROUPS - 1, 4))
    assert few["frechet"] > 0
    assert few["frechet_high"] is None
    assert measured(gaussian(2 * GROUPS, 4))["frechet_high"] > 0


def test_the_jackknife_removes_the_bias():
    draws = [measured(gaussian(400, 4, seed=seed)) for seed in range(60)]
    bias = sum(draw["frechet"] for draw in draws) / 60
    left = sum(draw["frechet_corrected"] for draw in draws) / 60
    assert bias > 0.015
    assert abs(left) < 0.1 * bias


def coverage(num, dims, decay, shift, scale, repeats):
    """Return in which share of draws the interval holds the true distance, and its mean width."""
    variances = spectrum(dims, decay)
    real = Moments(torch.zeros(dims).double(), variances.diag())
    mean = torch.zeros(dims).double()
    mean[0] = shift
    truth = frechet_distance(mean, variances.diag() * scale**2, *real)
    metric, hits = FrechetDistance(real), 0
    for seed in range(repeats):
        metric.reset()
        metric.update(mean + gaussian(num, dims, seed=seed) * variances.sqrt() * scale)
        result = metric.compute()
        hits += result["frechet_low"] - 1e-12 <= truth <= result["frechet_high"] + 1e-12
    return hits / repeats


@pytest.mark.parametrize(("shift", "scale"), [(0, 1), (0.1, 1), (0.3, 1), (0, 0.9)])
def test_the_interval_holds_the_truth(shift, scale):
    assert coverage(300, 2, 3, shift, scale, 80) >= 0.88  # 0.93, less two standard errors of 80 draws


@pytest.mark.slow
@pytest.mark.parametrize("decay", [0, 3])
@pytest.mark.parametrize(("num", "dims", "repeats"), [(1000, 2, 400), (1000, 16, 200), (2000, 96, 60)])
@pytest.mark.parametrize(("shift", "scale"), [(0, 1), (0.03, 1), (0.1, 1), (0.3, 1), (1, 1), (0, 0.9), (0, 0.5)])
def test_the_interval_holds_the_truth_in_many_draws(num, dims, repeats, decay, shift, scale):
    assert coverage(num, dims, decay, shift, scale, repeats) >= 0.93 - 2 * math.sqrt(0.07 * 0.93 / repeats)


def test_the_interval_of_a_distance_of_0_is_never_empty_at_0():
    # All groups alike: the textbook's variance is 0, and the corrected distance below 0.
    corrected, low, high = jackknife(0.1, [torch.full((GROUPS,), 0.106).double()], freedom=4.0)
    assert corrected < 0 == low < high


def test_degrees_of_freedom():
    weights = [1, 1, 1 / 2, 1 / 2, 1 / 2]  # two means, two variances, one covariance
    assert degrees_of_freedom(torch.ones(2).double()) == pytest.approx(sum(weights) ** 2 / sum(w * w for w in weights))
    assert Target(Moments(torch.zeros(2).double(), torch.zeros(2, 2).double())).freedom == 1.0


def test_random_state_stays_and_a_metric_pickles():
    before = torch.get_rng_state()
    metric = FrechetDistance(UNIT)
    metric.update(gaussian(100, 4))
    assert pickle.loads(pickle.dumps(metric)).compute() == metric.compute()
    assert torch.equal(before, torch.get_rng_state())


def test_a_user_gets_one_line():
    metric = FrechetDistance(UNIT)
    with pytest.raises(ValueError, match=r"features \(N, 3\), but the reference has 4: use the same judge"):
        metric.update(torch.zeros(5, 3))
    with pytest.raises(ValueError, match="features of sample 2 are not finite"):
        metric.update(torch.tensor([[0.0] * 4] * 2 + [[math.nan] * 4]))
    with pytest.raises(ValueError, match="features has 1 samples; a covariance needs 2 or more"):
        FrechetDistance(torch.zeros(1, 4))


def measure_in_process(rank, folder):
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    metric = FrechetDistance(UNIT)
    metric.update(gaussian(800, 4)[rank * 400 : rank * 400 + 400])
    torch.save(metric.compute(), folder / f"{rank}.pt")
    torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_two_processes_measure_once(tmp_path):
    multiprocessing.spawn(measure_in_process, (tmp_path,), nprocs=2)
    for rank in range(2):
        assert torch.load(tmp_path / f"{rank}.pt") == pytest.approx(measured(gaussian(800, 4)), rel=1e-10)

"""Nearest neighbours: collapsed, perfect, half, copied, outliers; against prdc and against plain loops."""

import contextlib
import io
import math

import numpy as np
import prdc
import pytest
import torch

from gannorm import rng
from gannorm.metrics import NeighbourScores, neighbour_scores
from gannorm.metrics.distances import distance_blocks, nearest_distances
from gannorm.metrics.neighbours import FIGURES, balls, expected_coverage, good_share
from tests.reference import features as reference


def gaussian(num, dims=8, seed=0):
    return torch.randn(num, dims, generator=rng.generator(seed, "gaussian"), dtype=torch.float64)


def test_a_perfect_generator():
    scores = neighbour_scores(gaussian(1000, seed=1), gaussian(1000, seed=2))
    assert scores["coverage"] == pytest.approx(expected_coverage(1000, 1000), abs=0.02)
    assert scores["coverage_ratio"] == pytest.approx(1, abs=0.02)
    assert scores["density"] == pytest.approx(1, abs=0.1)
    assert scores["clipped_density"] > 0.93
    assert scores["clipped_coverage"] > 0.9


def test_a_collapsed_generator_is_precise_and_covers_nothing():
    real = gaussian(500)
    scores = neighbour_scores(real[:1].repeat(500, 1) + 1e-3 * gaussian(500, seed=1), real)
    assert scores["precision"] == 1.0
    assert scores["recall"] < 0.01
    assert scores["coverage"] < 0.05
    assert scores["clipped_coverage"] < 0.02


def test_half_the_classes_cover_half():
    labels = torch.arange(1000) % 2
    apart = 20.0 * labels[:, None]
    real, fake = gaussian(1000) + apart, gaussian(1000, seed=1)  # all fakes of the first class
    scores = neighbour_scores(fake, real)
    assert scores["coverage"] == pytest.approx(0.5, abs=0.01)
    assert scores["precision"] > 0.9
    assert scores["clipped_density"] > 0.93
    # Twice as many fakes as their class deserves cover it better than 500 would: hence above 0.5 after calibration.
    assert 0.47 < scores["clipped_coverage"] < 0.6


def test_the_share_of_bad_samples_can_be_read():
    real = gaussian(1000)
    for good in (0.2, 0.5, 0.8):
        fake = gaussian(1000, seed=1)
        fake[int(1000 * good) :] += 100.0
        scores = neighbour_scores(fake, real)
        assert scores["clipped_density"] == pytest.approx(good, abs=0.05)
        assert scores["clipped_coverage"] == pytest.approx(good, abs=0.05)
        assert scores["coverage_ratio"] > good + 0.05 or good == 0.2  # not linear: this is what the clipped one mends


def test_one_outlier_among_the_real_does_not_make_fakes_precise():
    real = torch.cat([gaussian(500), torch.full((1, 8), 50.0).double()])
    fake = torch.full((500, 8), 20.0).double() + gaussian(500, seed=1)
    scores = neighbour_scores(fake, real)
    assert scores["precision"] == 1.0  # all in the one enormous ball
    assert scores["clipped_density"] == 0.0


def test_copies_of_few_real_samples_cover_little():
    real = gaussian(500)
    scores = neighbour_scores(real[:25].repeat(20, 1), real)
    assert scores["precision"] == 1.0
    assert scores["coverage"] < 0.5
    assert neighbour_scores(real.flip(0), real)["coverage"] == 1.0


@pytest.mark.parametrize(("num_fake", "num_real", "dims", "k"), [(300, 300, 8, 5), (200, 450, 2, 3), (700, 90, 64, 7)])
def test_equals_prdc(num_fake, num_real, dims, k):
    fake, real = gaussian(num_fake, dims, seed=1) * 0.8 + 0.2, gaussian(num_real, dims, seed=2)
    with contextlib.redirect_stdout(io.StringIO()):
        expected = prdc.compute_prdc(real.numpy(), fake.numpy(), nearest_k=k)
    scores = neighbour_scores(fake, real, k)
    for name, value in expected.items():
        assert scores[name] == pytest.approx(float(value), rel=1e-9), name


@pytest.mark.parametrize(("shift", "k"), [(0.0, 5), (1.0, 5), (0.5, 2)])
def test_clipped_scores_equal_plain_loops(shift, k):
    fake, real = gaussian(80, 3, seed=1) + shift, gaussian(110, 3, seed=2)
    expected = reference.clipped_scores(fake.numpy(), real.numpy(), k)
    scores = neighbour_scores(fake, real, k)
    for name, value in expected.items():
        assert scores[name] == pytest.approx(float(value), rel=1e-9), name


def test_expected_coverage_is_what_perfect_generators_show():
    draws = [neighbour_scores(gaussian(40, 2, seed=s), gaussian(60, 2, seed=s + 100))["coverage"] for s in range(100)]
    assert expected_coverage(40, 60) == pytest.approx(np.mean(draws), abs=4 * np.std(draws) / 10)
    assert expected_coverage(10_000, 10_000) == pytest.approx(1 - 2**-5, abs=1e-4)


def test_good_share_is_the_inverse_of_what_good_samples_attain():
    assert good_share(0.0, 50, 60) == 0.0
    assert good_share(1.0, 50, 60) == 1.0
    assert good_share(0.4, 50, 60) == pytest.approx(reference.good_share(0.4, 50, 60, 5), rel=1e-9)


def test_blocks_make_the_whole():
    rows, columns = gaussian(600, 3, seed=1), gaussian(50, 3, seed=2)
    whole = torch.cat([block for _, block in distance_blocks(rows, columns)])
    assert torch.allclose(whole, torch.cdist(rows, columns), rtol=1e-9)
    own = torch.cdist(rows, rows).fill_diagonal_(math.inf).sort(dim=1).values
    assert torch.allclose(nearest_distances(rows, 4), own[:, 3], rtol=1e-9)


def test_parts_make_the_whole():
    fake, real = gaussian(400, seed=1).float(), gaussian(300, seed=2).float()
    one, other = NeighbourScores(real), NeighbourScores(real)
    one.update(fake[:150])
    other.update(fake[150:200])
    other.update(fake[200:])
    one.merge_state(other)
    assert one.compute() == neighbour_scores(fake, balls(real))
    one.reset()
    one.update(fake[:5])
    assert one.compute() == dict.fromkeys(FIGURES)


def test_a_user_gets_one_line():
    with pytest.raises(ValueError, match="fake has 5 samples; with k=5 they have to be 6 or more"):
        neighbour_scores(gaussian(5), gaussian(50))
    with pytest.raises(ValueError, match="real has 3 samples; with k=5"):
        NeighbourScores(gaussian(3))
    with pytest.raises(ValueError, match="k=0: there has to be at least one neighbour"):
        neighbour_scores(gaussian(9), gaussian(50), k=0)
    with pytest.raises(ValueError, match="fake has 3 features, real 8"):
        neighbour_scores(gaussian(9, 3), gaussian(50))

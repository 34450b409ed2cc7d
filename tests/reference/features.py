"""Metrics of features once more: NumPy and SciPy, one sample or one whole matrix at a time, nothing clever."""

import math

import numpy as np
from scipy import linalg, spatial, stats


def frechet_distance(mean_a, cov_a, mean_b, cov_b):
    """By the root of the product itself, which may come out complex."""
    root = linalg.sqrtm(cov_a @ cov_b)
    return float(((mean_a - mean_b) ** 2).sum() + np.trace(cov_a + cov_b) - 2 * np.trace(root).real)


def kernel_distance(fake, real):
    def kernel(x, y):
        return (float(np.dot(x, y)) / len(x) + 1) ** 3

    def within(samples):
        return np.mean([kernel(x, y) for i, x in enumerate(samples) for j, y in enumerate(samples) if i != j])

    return within(fake) + within(real) - 2 * np.mean([kernel(x, y) for x in fake for y in real])


def kernel_truth(mean_a, cov_a, mean_b, cov_b):
    """The same of two Gaussians themselves: (x·y / D + 1)³ needs their moments up to the third."""

    def moments(mean, cov):
        third = np.einsum("i,j,k->ijk", mean, mean, mean)
        third += (
            np.einsum("i,jk->ijk", mean, cov) + np.einsum("j,ik->ijk", mean, cov) + np.einsum("k,ij->ijk", mean, cov)
        )
        return mean, np.outer(mean, mean) + cov, third

    def expected(one, other):
        first, second, third = ((x * y).sum() for x, y in zip(one, other, strict=True))
        dims = len(one[0])
        return third / dims**3 + 3 * second / dims**2 + 3 * first / dims + 1

    a, b = moments(mean_a, cov_a), moments(mean_b, cov_b)
    return expected(a, a) + expected(b, b) - 2 * expected(a, b)


def clipped_scores(fake, real, k):
    """Clipped density and coverage, ball by ball."""
    among = spatial.distance.cdist(real, real)
    between = spatial.distance.cdist(real, fake)
    radii = np.sort(among, axis=1)[:, k]
    clipped = np.minimum(radii, np.median(radii))
    fakes = [min(1, sum(between[i, j] <= clipped[i] for i in range(len(real))) / k) for j in range(len(fake))]
    reals = [
        min(1, sum(among[i, j] <= clipped[i] for i in range(len(real)) if i != j) / k) for j in range(len(real))
    ]  # fmt: skip
    covered = np.mean([min(1, sum(between[i] < radii[i]) / k) for i in range(len(real))])
    return {
        "clipped_density": min(1.0, np.mean(fakes) / np.mean(reals)),
        "clipped_coverage": good_share(covered, len(fake), len(real), k),
    }


def good_share(covered, num_fake, num_real, k):
    """The smallest number of good fakes that attains it, up to a straight line between two numbers, over all fakes."""

    def attained(good):
        chances = stats.betabinom(good, k, num_real - k).pmf(range(good + 1))
        return sum(min(j, k) / k * chance for j, chance in enumerate(chances))

    below = attained(0)
    for good in range(1, num_fake + 1):
        above = attained(good)
        if above >= covered:
            return (good - 1 + (covered - below) / (above - below)) / num_fake
        below = above
    return 1.0


def rke(features, bandwidth):
    kernel = [[math.exp(-((x - y) ** 2).sum() / (2 * bandwidth**2)) for y in features] for x in features]
    return 1 / np.linalg.norm(np.array(kernel) / len(features), "fro") ** 2

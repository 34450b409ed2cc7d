"""Tests of whether two sources, or two sets of seeds, differ by more than chance."""

from collections.abc import Callable
from itertools import combinations
from math import comb

import numpy as np
from jaxtyping import Float, Int

EXACT_UP_TO = 20_000  # ways to divide the values


def homogeneity_test(
    counts_a: Int[np.ndarray, " k"],
    counts_b: Int[np.ndarray, " k"],
    *,
    permutations: int = 2_000,
    rng: np.random.Generator,
    statistic: Callable[[np.ndarray, np.ndarray], float] | None = None,
) -> float:
    """Return p of two sources having equal modes: how often random division of all their samples differs as much.

    The samples of both are pooled and divided anew at random (a multivariate hypergeometric draw of counts); p is the
    share of divisions, the seen one among them, whose statistic is at least as large. It is exact at any N and K, where
    the χ² approximation needs five samples of each mode.

    Args:
        counts_a: Samples of each mode in one source; a last entry for rejected samples makes quality count too.
        counts_b: In the other.
        permutations: Random divisions; the smallest p is 1 / (permutations + 1).
        rng: Of the divisions.
        statistic: Of two counts, large where they differ; None = Pearson's χ² of the table.

    Raises:
        ValueError: A source without samples.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> homogeneity_test(np.array([50, 50]), np.array([50, 50]), rng=rng) > 0.9
        True
        >>> homogeneity_test(np.array([90, 10]), np.array([50, 50]), rng=rng) < 0.001
        True
    """
    pooled = counts_a + counts_b
    if not counts_a.sum() or not counts_b.sum():
        raise ValueError("a source without samples can be compared with nothing")
    statistic = statistic or pearson
    seen = statistic(counts_a, counts_b)
    draws = rng.multivariate_hypergeometric(pooled, int(counts_a.sum()), size=permutations, method="marginals")
    as_large = sum(statistic(draw, pooled - draw) >= seen * (1 - 1e-9) for draw in draws)
    return (as_large + 1) / (permutations + 1)


def pearson(counts_a: Int[np.ndarray, " k"], counts_b: Int[np.ndarray, " k"]) -> float:
    """Return χ² of a table of two rows, over modes that either row has.

    Example:
        >>> pearson(np.array([10, 0]), np.array([0, 10]))
        20.0
    """
    pooled = counts_a + counts_b
    expected = pooled * (counts_a.sum() / pooled.sum())
    other = pooled - expected
    present = pooled > 0
    difference = (counts_a - expected)[present] ** 2
    return float((difference / expected[present] + difference / other[present]).sum())


def difference_test(a: Float[np.ndarray, " n"], b: Float[np.ndarray, " m"], *, rng: np.random.Generator) -> float:
    """Return p of equal means of two sets of numbers, one for each seed, by dividing them anew in all ways.

    Two-sided. Of more than 20,000 ways 20,000 are drawn at random. The smallest p of 5 against 5 seeds is 2/252; of 3
    against 3 it is 0.1, so three seeds can conclude nothing.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> round(difference_test(np.array([1.0, 2.0, 3.0]), np.array([7.0, 8.0, 9.0]), rng=rng), 3)
        0.1
    """
    values, size = np.concatenate([a, b]).astype(float), len(a)
    values -= values[0]  # so that little is lost where they are nearly equal
    values -= values.mean()  # so that the sum of one part is minus the other's, and tells the difference
    seen, rounding = abs(values[:size].sum()), 1e-12 * abs(values).sum()

    def as_large(chosen: np.ndarray) -> bool:
        return bool(abs(values[chosen].sum()) >= seen - rounding)

    ways = comb(len(values), size)
    if ways <= EXACT_UP_TO:
        return sum(as_large(np.array(chosen)) for chosen in combinations(range(len(values)), size)) / ways
    found = sum(as_large(rng.permutation(len(values))[:size]) for _ in range(EXACT_UP_TO))
    return (found + 1) / (EXACT_UP_TO + 1)

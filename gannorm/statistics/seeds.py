"""What seeds can tell: paired tests over them, many tests at once, intervals of a median, how many more are needed."""

import itertools
import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy.stats import norm, permutation_test

Differences = Float[np.ndarray, " n"]
RESAMPLES = 20_000  # signs or orders drawn at random where there are more ways; bootstrap samples
LEVEL, POWER = 0.05, 0.8


def paired_test(differences: Differences) -> float:
    """Return p of no effect, from one difference per seed: how often random signs make their sum as large.

    Two-sided and exact up to 14 seeds (20,000 random draws beyond). Supposed is only that without an effect a
    difference is as likely as its opposite. The smallest p of n seeds is 2 / 2ⁿ: 5 seeds cannot get below 0.0625.

    Example:
        >>> paired_test(np.array([1.0, 2.0, 0.5, 1.5, 3.0]))
        0.0625
        >>> paired_test(np.zeros(4))
        1.0
    """
    if len(differences) < 2:
        return 1.0
    found = permutation_test(
        (differences.astype(float),),
        lambda values, axis: values.mean(axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=RESAMPLES,
        rng=np.random.default_rng(0),
    )
    return min(1.0, float(found.pvalue))


def levels_test(values: Float[np.ndarray, "seeds levels"]) -> float:
    """Return p of no level differing from any other: how often random orders within each seed differ as much.

    One test for all levels of a factor: Σ over levels of (mean over seeds − grand mean)², where each seed's values are
    given to the levels in any order. Exact up to 20,000 ways, L!^(n − 1) for n seeds of L levels, of which 20,000 are
    drawn beyond. With two levels it is `paired_test`. Three seeds of four levels have 576 ways, so that even they can
    tell that a factor matters, though not which pair of its levels differs.

    Source: E. Pitman, Significance tests which may be applied to samples from any populations III, 1938.

    Args:
        values: One row per seed.

    Example:
        >>> values = np.array([[1.0, 5.0, 9.0], [2.0, 4.0, 8.0], [1.0, 6.0, 7.0]])
        >>> round(levels_test(values), 4), levels_test(np.ones((3, 4)))
        (0.0278, 1.0)
    """
    seeds, levels = values.shape
    if seeds < 2 or levels < 2:
        return 1.0
    centred = values - values.mean(1, keepdims=True)
    exact = math.factorial(levels) ** (seeds - 1) <= RESAMPLES
    sums = all_sums(centred) if exact else drawn_sums(centred)
    seen, rounding = (centred.sum(0) ** 2).sum(), 1e-9 * (centred**2).sum()
    as_large = int(((sums**2).sum(1) >= seen - rounding).sum())
    return as_large / len(sums) if exact else (as_large + 1) / (len(sums) + 1)


def all_sums(centred: Float[np.ndarray, "seeds levels"]) -> Float[np.ndarray, "ways levels"]:
    """Return the sums of levels in all ways to order each seed but the first, which the others are relative to."""
    sums = centred[:1]
    for row in centred[1:]:
        orders = np.array(list(itertools.permutations(row)))
        sums = (sums[:, None] + orders[None]).reshape(-1, len(row))
    return sums


def drawn_sums(centred: Float[np.ndarray, "seeds levels"]) -> Float[np.ndarray, "ways levels"]:
    """Return the sums of levels in some random orders of each seed."""
    rng = np.random.default_rng(0)
    return rng.permuted(np.broadcast_to(centred, (RESAMPLES, *centred.shape)), axis=2).sum(1)


def holm(p_values: Sequence[int | float]) -> list[float]:
    """Return p values of tests that are made together, so that any false claim among them is as rare as said.

    The i-th smallest of m is multiplied by m − i + 1, and none may be below a smaller one's.

    Source: S. Holm, A simple sequentially rejective multiple test procedure, 1979.

    Example:
        >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
        [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    scaled = np.asarray(p_values, dtype=float)[order] * np.arange(len(order), 0, -1)
    adjusted = np.empty(len(order))
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return [float(p) for p in adjusted]


def median_interval(values: Sequence[int | float]) -> tuple[float, float]:
    """Return the 95 % percentile bootstrap interval of a median.

    Of few values it is too narrow: it cannot leave their range, which holds the true median in 1 − 2 / 2ⁿ of cases,
    75 % for 3 seeds and 94 % for 5.

    Raises:
        ValueError: No values.

    Example:
        >>> median_interval([7.0, 8.0, 9.0])
        (7.0, 9.0)
    """
    if not len(values):
        raise ValueError("no values have no median")
    draws = np.random.default_rng(0).integers(len(values), size=(RESAMPLES, len(values)))
    low, high = np.quantile(np.median(np.asarray(values, dtype=float)[draws], axis=1), [0.025, 0.975])
    return float(low), float(high)


def seeds_needed(differences: Differences, level: float = LEVEL) -> int | None:
    """Return how many seeds would show a difference as large as this one with probability 0.8; None if there is none.

    n = ((z₁₋ₐ⸝₂ + z₀.₈) · sd / mean)² + z₁₋ₐ⸝₂² / 2, the normal approximation for a paired t test with its usual
    correction, and never fewer than a permutation test of this level can conclude with.

    Args:
        differences: One per seed, two or more.
        level: Of the test, divided by the number of tests that are made together.

    Example:
        >>> seeds_needed(np.array([1.0, 3.0, 2.0, 2.5])), seeds_needed(np.array([0.1, -1.0, 1.2, 0.0]))
        (6, 1131)
    """
    mean, deviation = float(differences.mean()), float(differences.std(ddof=1))
    if abs(mean) <= 1e-9 * deviation or mean == 0:
        return None
    z, least = float(norm.ppf(1 - level / 2)), math.ceil(1 - math.log2(level))
    return max(least, math.ceil(((z + float(norm.ppf(POWER))) * deviation / mean) ** 2 + z**2 / 2))

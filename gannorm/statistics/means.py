"""Means over runs: their interval, and whether two means differ where only summaries are known."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import t as student
from scipy.stats import ttest_ind_from_stats

Values = Sequence[int | float] | np.ndarray


class Summary(NamedTuple):
    """What is known of a figure over runs.

    Attributes:
        mean: Over the runs.
        sd: Standard deviation of single runs, with n − 1.
        runs: How many, n.
    """

    mean: float
    sd: float
    runs: int


def summary(values: Values) -> Summary:
    """Return mean, standard deviation (n − 1) and number of values.

    Raises:
        ValueError: Fewer than two values.

    Example:
        >>> summary([7, 8, 8, 7])
        Summary(mean=7.5, sd=0.577..., runs=4)
    """
    if len(values) < 2:
        raise ValueError(f"{len(values)} run(s) have no spread; give two or more")
    return Summary(float(np.mean(values)), float(np.std(values, ddof=1)), len(values))


def mean_interval(values: Values) -> tuple[float, float]:
    """Return the 95 % interval of a mean: mean ± t · sd / √n, t the 97.5 % quantile of Student's t with n − 1 degrees.

    It supposes means that are normally distributed. Of values that are all alike it has no width; then it says nothing
    of the values that were not drawn.

    Raises:
        ValueError: Fewer than two values.

    Example:
        >>> low, high = mean_interval([7, 8, 8, 7])
        >>> round(low, 2), round(high, 2)
        (6.58, 8.42)
    """
    mean, sd, runs = summary(values)
    half = float(student.ppf(0.975, runs - 1)) * sd / runs**0.5
    return mean - half, mean + half


def welch_test(one: Summary, other: Summary) -> float:
    """Return the p value of equal means of two groups whose spreads may differ, from summaries alone.

    Two-sided: t = (m₁ − m₂) / √(s₁²/n₁ + s₂²/n₂), degrees of freedom by Welch and Satterthwaite. Where neither group
    has a spread p is 1 for equal means and 0 otherwise.

    Source: B. Welch, The generalization of Student's problem when several different population variances are involved,
    1947.

    Raises:
        ValueError: A group of fewer than two runs, or a negative spread.

    Example:
        >>> round(welch_test(Summary(6.3, 1.58, 10), Summary(7.9, 0.32, 10)), 3)
        0.011
    """
    for group in (one, other):
        if group.runs < 2 or group.sd < 0:
            raise ValueError(f"{group} has no spread that can be tested; give two runs or more and sd >= 0")
    if one.sd == other.sd == 0:
        return float(one.mean == other.mean)
    return float(ttest_ind_from_stats(*one, *other, equal_var=False).pvalue)

"""Intervals of a share, out of a count."""

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import beta

Z = 1.959964  # of a standard normal distribution, 95 %


def share_interval(count: int, total: int) -> tuple[float, float]:
    """Return the 95 % interval of Wilson: all shares within 1.96 of their own standard deviations of what was seen.

    Source: E. Wilson, Probable inference, the law of succession, and statistical inference, 1927.

    Example:
        >>> low, high = share_interval(90, 100)
        >>> round(low, 3), round(high, 3)
        (0.826, 0.945)
    """
    share, shrink = count / total, 1 + Z**2 / total
    centre = (share + Z**2 / (2 * total)) / shrink
    half = Z / shrink * np.sqrt(share * (1 - share) / total + Z**2 / (4 * total**2))
    return (0.0 if count == 0 else float(centre - half)), (1.0 if count == total else float(centre + half))


def exact_limits(
    counts: Int[np.ndarray, " k"], total: int, error: float
) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """Return lower and upper limits of shares, each wrong with probability `error` at most (Clopper and Pearson 1934).

    Example:
        >>> low, high = exact_limits(np.array([0, 50]), 100, 0.025)
        >>> low.round(3).tolist(), high.round(3).tolist()
        ([0.0, 0.398], [0.036, 0.602])
    """
    low = np.where(counts > 0, beta.ppf(error, np.maximum(counts, 1), total - counts + 1), 0.0)
    high = np.where(counts < total, beta.ppf(1 - error, counts + 1, np.maximum(total - counts, 1)), 1.0)
    return low, high

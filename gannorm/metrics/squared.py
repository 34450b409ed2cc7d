"""The interval of a squared distance: near 0 its estimate is a sum of squares, and its spread grows with it."""


def squared_interval(
    estimate: float, *, null: float, growing: float, rate: float, quantile: float
) -> tuple[float, float]:
    """Return the ends of the interval of a squared distance, neither below 0.

    The squared length of a mean, estimated from normal numbers, has a variance that grows in a straight line with it,
    n + r F; for w χ²(ν), n = 2 w² ν, the slope is r = 4 w. The upper end is the F with F - C = q √(n + g + r (F - C)),
    further off than C + q √(n + g), because there estimate and variance are too small together; r is `rate`, or what
    the data show, g / max(C, √n), if that is more. The lower end is C - q √(n + g).

    Args:
        estimate: C, without bias.
        null: n, the variance of the estimate if the distance were 0.
        growing: g, the rest of its variance.
        rate: The least growth of the variance for each unit of distance.
        quantile: q, 1.96 for 95 % where the variance is known well.

    Source: the idea is that of E. B. Wilson's interval of a proportion, 1927; worked out here.

    Example:
        >>> squared_interval(100.0, null=0.0, growing=4.0, rate=0.0, quantile=2.0)  # far from 0: nearly 100 ± 2 · 2
        (96.0, 104.08...)
        >>> squared_interval(-0.5, null=1.0, growing=0.0, rate=0.0, quantile=2.0)
        (0.0, 1.5)
    """
    reach = quantile * (null + growing) ** 0.5
    scale = max(estimate, null**0.5)
    slope = max(growing / scale if scale else 0.0, rate)
    skew = quantile**2 * slope / 2
    return max(estimate - reach, 0.0), max(estimate + skew + (reach**2 + skew**2) ** 0.5, 0.0)

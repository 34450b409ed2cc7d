"""The interval of a squared distance: near 0 its estimate is a sum of squares, and its spread grows with it."""


def squared_interval(estimate: float, *, null: float, growing: float, quantile: float) -> tuple[float, float]:
    """Return the ends of the interval of a squared distance, neither below 0.

    A sum of squares of normal numbers about means has a variance that is a straight line in the squared length of the
    means. So the upper end is the F with F - C = q √(n + g + (F - C) g / max(C, √n)), further off than q standard errors
    where C is small: there the estimate and its variance are too small together. The lower end is C - q √(n + g).

    Args:
        estimate: C, without bias.
        null: n, the variance of the estimate if the distance were 0.
        growing: g, the rest of its variance.
        quantile: q, 1.96 for 95 % where the variance is known well.

    Source: the idea is that of E. B. Wilson's interval of a proportion, 1927; worked out here.

    Example:
        >>> squared_interval(100.0, null=0.0, growing=4.0, quantile=2.0)  # far from 0: nearly 100 ± 2 · 2
        (96.0, 104.08...)
        >>> squared_interval(-0.5, null=1.0, growing=0.0, quantile=2.0)
        (0.0, 1.5)
    """
    reach = quantile * (null + growing) ** 0.5
    scale = max(estimate, null**0.5)
    skew = quantile**2 * growing / scale / 2 if scale else 0.0
    return max(estimate - reach, 0.0), max(estimate + skew + (reach**2 + skew**2) ** 0.5, 0.0)

"""Where numbers stand in a chart and how they are written; which points of a long curve are drawn."""

import math
from collections.abc import Sequence
from typing import TypeVar

WIDTH, HEIGHT = 460, 230
LEFT, RIGHT, TOP, BOTTOM = 50, 12, 12, 34
Place = TypeVar("Place", bound=tuple[float, ...])


def thinned(points: Sequence[Place], most: int) -> Sequence[Place]:
    """Return at most so many points: both ends, and of each stretch between them the lowest and the highest.

    Example:
        >>> thinned([(0.0, 1.0), (1.0, 5.0), (2.0, 3.0), (3.0, 0.0), (4.0, 2.0)], 4)
        [(0.0, 1.0), (1.0, 5.0), (3.0, 0.0), (4.0, 2.0)]
    """
    if len(points) <= most:
        return points
    inner, stretches = range(1, len(points) - 1), max((most - 2) // 2, 1)
    kept = {0, len(points) - 1}
    for number in range(stretches):
        stretch = inner[len(inner) * number // stretches : len(inner) * (number + 1) // stretches]
        kept |= {find(stretch, key=lambda place: points[place][1]) for find in (min, max)}
    return [points[place] for place in sorted(kept)]


def limits(values: Sequence[float], bounds: tuple[float, float] | None) -> tuple[float, float]:
    """Return the vertical axis's ends: the bounds, and whatever leaves them.

    Example:
        >>> limits([3.0, 12.0], (0.0, 10.0)), limits([5.0], None)
        ((0.0, 12.0), (4.5, 5.5))
    """
    low, high = min(values, default=0.0), max(values, default=1.0)
    if bounds is not None:
        return min(low, bounds[0]), max(high, bounds[1])
    room = 0.06 * (high - low) or 0.1 * abs(high) or 1.0
    return low - room, high + room


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Return round numbers between two.

    Example:
        >>> ticks(0.0, 10.0)
        [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]
    """
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(step * number, 12) for number in range(first, math.floor(high / step + 1e-9) + 1)]


def spaced(number: int, most: int = 5) -> list[int]:
    """Return at most so many places, evenly spread, the first and last among them."""
    if number <= most:
        return list(range(number))
    return sorted({round(place * (number - 1) / (most - 1)) for place in range(most)})


def tick(value: float) -> str:
    """Return a number as short as it can be told.

    Example:
        >>> tick(0.25), tick(0.0), tick(123456.0)
        ('0.25', '0', '1.23e+05')
    """
    return f"{value:.3g}"


def short(images: float) -> str:
    """Return a number of images.

    Example:
        >>> short(128_000.0), short(2_500_000.0), short(64.0)
        ('128k', '2.5M', '64')
    """
    if images >= 1e6:
        return f"{images / 1e6:.3g}M"
    return f"{images / 1e3:.3g}k" if images >= 1000 else f"{images:.3g}"

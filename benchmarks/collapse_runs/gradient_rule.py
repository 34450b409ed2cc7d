"""The gradient rule of *From Fitting to Collapse*, as far as its abstract says it.

The paper (TMLR 2025, openreview 58gPkcVbFL) detects the transition from fitting to collapse by a metric that integrates
the discriminator's gradient at fakes and the generator's steepness, its sensitivity to the latent vector. Its abstract
was read, its text was not to be had: product, smoothing and threshold are ours. Both gradients fall while the generator
fits; the rule fires where their product has risen to `RISE` times the lowest that it has been.
"""

from collections.abc import Mapping, Sequence
from statistics import fmean

SMOOTHED = 3  # readings in a mean
RISE = 2.0
FIRST = 10  # readings before anything is said


def readings(rows: Sequence[Mapping[str, str]]) -> list[tuple[int, float]]:
    """Return (images seen, fake gradient times steepness) of each reading in metrics.csv."""
    names = ("signals/fake_gradient", "signals/steepness")
    return [
        (int(float(row["images_seen"])), float(row[names[0]]) * float(row[names[1]]))
        for row in rows
        if all(row.get(name) for name in names)
    ]


def fired_at(values: Sequence[tuple[int, float]], rise: float = RISE) -> int | None:
    """Return the images seen where the rule fires; None where it never does.

    Example:
        >>> fired_at([(i, 10.0 - i / 2) for i in range(15)] + [(15 + i, 3.0 * i) for i in range(9)])
        18
        >>> fired_at([(i, 1.0) for i in range(50)]) is None
        True
    """
    lowest = float("inf")
    for number in range(SMOOTHED, len(values) + 1):
        now = fmean(value for _, value in values[number - SMOOTHED : number])
        lowest = min(lowest, now)
        if number >= FIRST and now > rise * lowest:
            return values[number - 1][0]
    return None

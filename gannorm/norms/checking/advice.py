"""What to use instead: the registered norms that fit a place, and how a line names the one that does not."""

from collections.abc import Sequence

from gannorm.norms.checking.places import Place
from gannorm.norms.info import NormInfo
from gannorm.norms.registry import describe, names

FEW = 8  # values; fewer make a poor mean and variance
MOST_NAMED = 4  # besides no norm; `names` lists the rest


def called(place: Place) -> str:
    """Return how a line names a norm."""
    return f"norm {place.info.name!r}"


def alternatives(place: Place, *, penalized: bool = False, shape: Sequence[int] | None = None) -> str:
    """Return which norms do not couple samples and fit the place of one that does not do.

    Args:
        place: Of the norm to replace.
        penalized: Whether they have to be differentiated twice.
        shape: What they are to normalize, if that is known: only those with enough values are named.
    """
    shape = shape or (place.seen[0].shape if place.seen else None)
    others = [
        describe(name)
        for name in names(
            kind="activation",
            batch_free=True,
            double_backward=True if penalized else None,
            dims=len(shape) - 2 if shape else None,
        )
    ]
    fitting = [info for info in others if info.name != place.info.name and _ready(info) and _enough(info, shape)]
    named = [info.name for info in fitting if info.axes][:MOST_NAMED]
    named += [info.name for info in fitting if not info.axes][:1]  # no norm
    return f"use {', '.join(named[:-1])} or {named[-1]}" if len(named) > 1 else f"use {named[0]}"


def _ready(info: NormInfo) -> bool:
    return not info.needs_data and not info.differs_in_eval


def _enough(info: NormInfo, shape: Sequence[int] | None) -> bool:
    return shape is None or not info.axes or info.values_per_statistic(shape) >= FEW

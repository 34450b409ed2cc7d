"""What to use instead: the registered norms that fit a place, and how a line names the one that does not."""

from collections.abc import Callable, Sequence

import torch

from gannorm.norms.build import create
from gannorm.norms.checking.places import Place
from gannorm.norms.errors import NormError
from gannorm.norms.info import NormInfo
from gannorm.norms.registry import describe, names

FEW = 8  # values; fewer make a poor mean and variance
MOST_NAMED = 4  # besides no norm; `names` lists the rest


def called(place: Place) -> str:
    """Return how a line names a norm."""
    return f"norm {place.info.name!r}"


def alternatives(
    place: Place,
    *,
    penalized: bool = False,
    shape: Sequence[int] | None = None,
    suited: Callable[[NormInfo], bool] = lambda _: True,
) -> str:
    """Return which norms do not couple samples and fit the place of one that does not do.

    Args:
        place: Of the norm to replace.
        penalized: Whether they have to be differentiated twice.
        shape: What they are to normalize, if that is known: only those with enough values are named.
        suited: Which of them are an answer to what was found.
    """
    shape = shape or (place.seen[0].shape if place.seen else None)
    known = map(describe, names(kind="activation", batch_free=True, double_backward=True if penalized else None))
    others = [info for info in known if shape is None or len(shape) - 2 in info.dims]
    ready = [info for info in others if info.name != place.info.name and _ready(info) and _enough(info, shape)]
    fitting = [info for info in ready if suited(info)]
    named = [info.name for info in fitting if info.axes][:MOST_NAMED]
    named += [info.name for info in fitting if not info.axes][:1]  # no norm
    return _use(named) if named else "take it out"


def brings_shift(info: NormInfo, channels: int) -> bool:
    """Whether a norm has a β where its name is all that is given.

    Example:
        >>> [brings_shift(describe(name), 8) for name in ("group", "instance_plain", "rms", "none")]
        [True, False, False, False]
    """
    if info.defaults.get("affine") is not True:
        return False
    try:
        with torch.random.fork_rng(devices=[]):
            return getattr(create(info.name, channels, dims=info.dims[-1]), "bias", None) is not None
    except (NormError, TypeError):  # it is not made of its name alone
        return False


def _use(names: Sequence[str]) -> str:
    return f"use {', '.join(names[:-1])} or {names[-1]}" if len(names) > 1 else f"use {names[0]}"


def _ready(info: NormInfo) -> bool:
    return not info.needs_data and not info.differs_in_eval


def _enough(info: NormInfo, shape: Sequence[int] | None) -> bool:
    return shape is None or not info.axes or info.values_per_statistic(shape) >= FEW

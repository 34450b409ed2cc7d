"""In which order a sample's axes are stored: recognised by where the channels fit, or refused where they fit twice."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from jaxtyping import Float
from torch import Tensor

from gannorm.sources.errors import SourceError

ImageLayout = Literal["NHWC", "NCHW"]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Layout:
    """An order of axes.

    Args:
        stored: Expected shape of a sample, (C, H, W) or (D,), to its shape in this layout; None where it has none.
        restore: Samples as stored, and the expected shape, to samples in the expected shape.
    """

    stored: Callable[[Shape], Shape | None]
    restore: Callable[[Float[Tensor, "n ..."], Shape], Float[Tensor, "n ..."]]


def grey(shape: Shape) -> Shape | None:
    """Return height and width of an image of one channel, None of any other."""
    return shape[1:] if len(shape) == 3 and shape[0] == 1 else None


LAYOUTS: dict[str, Layout] = {
    "NCHW": Layout(lambda shape: shape if len(shape) == 3 else None, lambda x, _: x),
    "NHWC": Layout(
        lambda shape: (*shape[1:], shape[0]) if len(shape) == 3 else None,
        lambda x, _: x.movedim(-1, 1),
    ),
    "NHW": Layout(grey, lambda x, _: x.unsqueeze(1)),
    "NP": Layout(  # P = H·W pixels, row by row; of several channels nobody knows the order
        lambda shape: None if (sides := grey(shape)) is None else (sides[0] * sides[1],),
        lambda x, shape: x.unflatten(1, shape),
    ),
    "ND": Layout(lambda shape: shape if len(shape) == 1 else None, lambda x, _: x),
}
"""Orders of axes: images of one channel may come without the channel's axis or in one row; points are N x D."""


def recognise_layout(found: Shape, expected: Shape) -> str:
    """Return the name of the layout that samples are stored in.

    Args:
        found: Shape of a stored sample, without N.
        expected: (C, H, W) of an image, or (D,) of a point, as the judge takes it.

    Raises:
        SourceError: The sample fits in no order of axes, or in two.

    Example:
        >>> recognise_layout((28, 28, 3), (3, 28, 28)), recognise_layout((28, 28), (1, 28, 28))
        ('NHWC', 'NHW')
        >>> recognise_layout((28, 28, 3), (1, 28, 28))
        Traceback (most recent call last):
        gannorm.sources.errors.SourceError: samples of shape (28, 28, 3) have 3 channels; the judge takes 1
    """
    fitting = [name for name, layout in LAYOUTS.items() if layout.stored(expected) == found]
    if not fitting:
        raise SourceError(mismatch(found, expected))
    if len(fitting) > 1:
        raise SourceError(f"samples of shape {found} are {' or '.join(fitting)}; say which with --layout")
    return fitting[0]


def mismatch(found: Shape, expected: Shape) -> str:
    """Return what is wrong with the shape of a sample."""
    channels = number_of_channels(found, expected)
    if channels is not None and channels != expected[0]:
        plural = "channel" if channels == 1 else "channels"
        return f"samples of shape {found} have {channels} {plural}; the judge takes {expected[0]}"
    return f"samples of shape {found} do not fit: the judge takes {expected}, and nothing is resized"


def number_of_channels(found: Shape, expected: Shape) -> int | None:
    """Return how many channels a sample has whose sides are the expected ones; None where the sides are others."""
    sides = expected[1:]
    if len(expected) != 3:
        return None
    by_place = {(*found[:1], *sides): found[:1], (*sides, *found[-1:]): found[-1:], sides: (1,)}
    return by_place.get(found, (None,))[0]

"""In which range pixels are stored: recognised from the values, or refused where nobody can tell."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Shaped
from torch import Tensor

from gannorm.sources.errors import SourceError

ValueRange = Literal["0..255", "0..1", "-1..1"]

FAINT = 0.05  # what overshoots black or white by no more may have been resampled; what is below -0.05 is negative

REACHED = 0.8  # signed images whose values all stay nearer to 0 may be in a range of their own
DARK = 32  # digits of 16 greys, 0 to 16, are in circulation; as 0..255 they would be black


@dataclass(frozen=True)
class Range:
    """Darkest and brightest value of stored pixels.

    Args:
        low: What black is stored as.
        high: What white is stored as.
        overshoot: What may lie beyond either and is cut off; resampling of pictures leaves as much.

    Example:
        >>> import torch
        >>> RANGES["0..255"].to_images(torch.tensor([[0.0, 255.0]]))
        tensor([[-1.,  1.]])
    """

    low: float
    high: float
    overshoot: float = FAINT

    def holds(self, low: float, high: float) -> bool:
        """Return whether values between these two can be pixels of this range."""
        return self.low - self.overshoot <= low and high <= self.high + self.overshoot

    def to_images(self, values: Float[Tensor, "n ..."]) -> Float[Tensor, "n ..."]:
        """Return pixels in [-1, 1], in place: 2·(x - low)/(high - low) - 1, cut off at both ends.

        Written so that 0..255 gives the bits of `gannorm.data.to_images`.
        """
        half = (self.high - self.low) / 2
        return values.div_(half).sub_(self.low / half + 1).clamp_(-1, 1)


RANGES: dict[str, Range] = {
    "0..255": Range(0.0, 255.0, overshoot=1.0),
    "0..1": Range(0.0, 1.0),
    "-1..1": Range(-1.0, 1.0),
}
"""The ranges that pixels are stored in, by the name that the option takes."""


def recognise_range(values: Shaped[np.ndarray, "n ..."]) -> str:
    """Return the name of the range that pixels are stored in.

    Unsigned bytes are 0..255. Of floats the extremes decide: below -0.05 it is -1..1, above 32 it is 0..255. What
    lies within [0, 1] might be a faint -1..1, so it is 0..1 only where it reaches black and leaves it: 1 % of the
    values below 0.1 and 1 % above 0.5. The rules are this project's own.

    Args:
        values: Some of the samples, (n, ...), all finite.

    Raises:
        SourceError: Constant values, signed ones that stay below 0.8, bytes of 0 and 1, standardized images and
            whatever else fits none.

    Example:
        >>> recognise_range(np.array([[0, 7, 255]], np.uint8)), recognise_range(np.array([[-1.0, 0.2]]))
        ('0..255', '-1..1')
        >>> recognise_range(np.array([[0.4, 0.6]]))
        Traceback (most recent call last):
        gannorm.sources.errors.SourceError: values from 0.4 to 0.6 might be 0..1 or -1..1; say which with --range
    """
    low, high = float(values.min()), float(values.max())
    told = f"values from {low:.3g} to {high:.3g}"
    if np.issubdtype(values.dtype, np.integer):
        return of_integers(low, high, told)
    if values.dtype == bool:
        return "0..1"
    if low < -FAINT:
        return of_signed(low, high, told)
    if RANGES["0..255"].holds(low, high) and high > 1.5:
        return of_bytes_as_floats(high, told)
    if not RANGES["0..1"].holds(low, high):
        raise SourceError(f"{told} are in no known range; store images as 0..255, 0..1 or -1..1")
    if (values < 0.1).mean() < 0.01 or (values > 0.5).mean() < 0.01:
        raise SourceError(f"{told} might be 0..1 or -1..1; say which with --range")
    return "0..1"


def of_integers(low: float, high: float, told: str) -> str:
    """Return the range of integers: 0..255, unless they are the 0 and 1 of pictures in two colours."""
    if low < 0 or high > 255:
        raise SourceError(f"whole numbers: {told} are in no known range; store images as 0..255, 0..1 or -1..1")
    if high == 1:
        raise SourceError(f"whole numbers: {told} might be 0..1 or an all but black 0..255; say which with --range")
    return "0..255"


def of_bytes_as_floats(high: float, told: str) -> str:
    """Return the range of floats well above 1: 0..255, unless they are so dark that they may be 0..16 or the like."""
    if high < DARK:
        raise SourceError(f"{told} might be a dark 0..255 or in a range of their own; say --range 0..255 if they are")
    return "0..255"


def of_signed(low: float, high: float, told: str) -> str:
    """Return the range of floats that go below 0: -1..1, unless they end at the ends of another convention."""
    if not RANGES["-1..1"].holds(low, high):
        raise SourceError(f"{told} are in no known range (standardized?); store images as 0..255, 0..1 or -1..1")
    if max(-low, high) < REACHED:
        raise SourceError(f"{told} might be a range of their own, such as [-0.5, 0.5]; say --range -1..1 if it is that")
    return "-1..1"

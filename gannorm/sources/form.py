"""How samples are stored, range and layout, and how they become what a judge takes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Shaped
from torch import Tensor

from gannorm.sources.errors import SourceError
from gannorm.sources.layouts import LAYOUTS, Shape, mismatch, recognise_layout
from gannorm.sources.ranges import RANGES, recognise_range


@dataclass(frozen=True, kw_only=True)
class Form:
    """Range and layout of stored samples, and whether they were known, given or recognised.

    Attributes:
        expected_shape: Of one sample as the judge takes it: (C, H, W), or (D,).
        layout: A name of `LAYOUTS`.
        layout_from: "known", "given" or "recognised".
        range: A name of `RANGES`; None of points, which stay as they are.
        range_from: As `layout_from`.
    """

    expected_shape: Shape
    layout: str
    layout_from: str = "known"
    range: str | None = None
    range_from: str = "known"

    def to_samples(self, stored: Float[Tensor, "n ..."]) -> Float[Tensor, "n ..."]:
        """Return samples as the judge takes them, (n, *expected_shape); what was stored is overwritten."""
        samples = LAYOUTS[self.layout].restore(stored, self.expected_shape)
        return samples if self.range is None else RANGES[self.range].to_images(samples)

    def check(self, samples: Float[Tensor, "n ..."], first: int) -> None:
        """Make sure that finite samples, as they are stored, are in the range.

        Args:
            samples: (n, ...), stored values.
            first: Number of the first one.

        Raises:
            SourceError: One is not; it is named.
        """
        if self.range is None or not len(samples):
            return
        lows, highs = samples.flatten(1).aminmax(dim=1)
        if RANGES[self.range].holds(lows.min().item(), highs.max().item()):
            return
        fits = [RANGES[self.range].holds(low, high) for low, high in zip(lows.tolist(), highs.tolist(), strict=True)]
        at = fits.index(False)
        raise SourceError(
            f"sample {first + at} has values from {lows[at]:.3g} to {highs[at]:.3g}, "
            f"not in the range {self.range} ({self.range_from}); name the right one with --range"
        )

    def describe(self) -> str:
        """Return range and layout in words, with the option that changes what was only recognised."""
        told = {"recognised": " (recognised; {} overrides)", "given": " (given)", "known": ""}
        layout = f"{self.layout}{told[self.layout_from].format('--layout')}"
        return layout if self.range is None else f"{self.range}{told[self.range_from].format('--range')}, {layout}"

    def facts(self) -> dict[str, Any]:
        """Return the same for programs."""
        return {
            "range": self.range,
            "range_from": None if self.range is None else self.range_from,
            "layout": self.layout,
            "layout_from": self.layout_from,
        }


def form_of(
    some: Shaped[np.ndarray, "n ..."], expected_shape: Shape, *, value_range: str | None, layout: str | None
) -> Form:
    """Return the form of samples from some of them.

    Args:
        some: A few samples as stored, of any numbers.
        expected_shape: (C, H, W), or (D,) for points.
        value_range: The range if it is given; None = recognise it.
        layout: The layout if it is given; None = recognise it.

    Raises:
        SourceError: The samples do not fit, a range or layout cannot be recognised, or is given and cannot be.

    Example:
        >>> form = form_of(np.zeros((4, 28, 28, 3), np.uint8), (3, 28, 28), value_range=None, layout=None)
        >>> form.describe()
        '0..255 (recognised; --range overrides), NHWC (recognised; --layout overrides)'
    """
    found = some.shape[1:]
    if layout is not None and LAYOUTS[layout].stored(expected_shape) != found:
        raise SourceError(f"--layout {layout}: {mismatch(found, expected_shape)}")
    order = layout or recognise_layout(found, expected_shape)
    if len(expected_shape) == 1:
        if value_range is not None:
            raise SourceError(f"--range {value_range} has no effect on points, which stay as they are")
        return Form(expected_shape=expected_shape, layout=order)
    finite = some[np.isfinite(some).reshape(len(some), -1).all(axis=1)]
    if value_range is None and not len(finite):
        raise SourceError(f"none of the first {len(some)} samples is finite; no range can be recognised")
    return Form(
        expected_shape=expected_shape,
        layout=order,
        layout_from="given" if layout else "recognised",
        range=value_range or recognise_range(finite),
        range_from="given" if value_range else "recognised",
    )

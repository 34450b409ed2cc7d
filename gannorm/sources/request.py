"""What was asked of a source: where it is, what the judge takes, and what was said about how it is stored."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gannorm.sources.layouts import ImageLayout, Shape
from gannorm.sources.ranges import ValueRange

Latent = Literal["normal", "uniform"]


@dataclass(frozen=True, kw_only=True)
class Request:
    """The arguments of `open_source`, for a reader.

    Attributes:
        path: Where.
        expected_shape: Of one sample, as the judge takes it.
        value_range: Range of the stored pixels; None = recognise it.
        layout: Order of the stored axes; None = recognise it.
        key: Name of the array in an .npz; None = the usual one.
        latent_dim: Length of an exported generator's latent vectors; None = what the file says.
        latent: What they are drawn from; None = N(0, I).
    """

    path: Path
    expected_shape: Shape
    value_range: ValueRange | None = None
    layout: ImageLayout | None = None
    key: str | None = None
    latent_dim: int | None = None
    latent: Latent | None = None


OPTIONS: dict[str, str] = {
    "value_range": "--range",
    "layout": "--layout",
    "key": "--key",
    "latent_dim": "--latent",
    "latent": "--latent-law",
}
"""Attributes of a request that are options, and what they are called on the command line."""

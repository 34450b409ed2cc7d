"""What samples are compared with: features and modes of real data that no generator was trained on."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from gannorm import rng
from gannorm.judges import Judge, Judged, accepted

SIZE = 10_000  # samples
CHUNK = 512


@dataclass(frozen=True)
class Reference:
    """Real samples as the judge sees them.

    Attributes:
        features: Of each, (M, D).
        modes: Of each, (M,).
        accepted: Which of them the judge takes for a mode, (M,).
        points: The samples themselves where they are points, (M, D); None for images.
    """

    features: Float[Tensor, "m d"]
    modes: Int64[Tensor, " m"]
    accepted: Bool[Tensor, " m"]
    points: Float[Tensor, "m p"] | None = None

    def halves(self) -> tuple["Reference", "Reference"]:
        """Return every other sample, and the rest: two references that share none."""
        parts = (slice(0, None, 2), slice(1, None, 2))
        first, second = (
            Reference(
                self.features[part],
                self.modes[part],
                self.accepted[part],
                None if self.points is None else self.points[part],
            )
            for part in parts
        )
        return first, second


def reference_of(data: Any, judge: Judge, *, num: int | None = None, stream: str = "reference") -> Reference:
    """Return held-out real samples of a data set, judged.

    A data set with a fixed number of held-out samples gives all of them, once each; one that draws them (stacks of
    digits, mixtures) gives fresh ones of a stream of its own.

    Args:
        data: Has `held_out()`, or `real(num, rng)`.
        judge: Says what they are.
        num: How many are drawn; None = 10,000.
        stream: Of the draws.

    Example:
        >>> from gannorm.data import MNIST
        >>> from gannorm.judges import DigitJudge
        >>> reference_of(MNIST(), DigitJudge()).features.shape
        torch.Size([10000, 96])
    """
    samples, judged = [], []
    for chunk in real_chunks(data, num or SIZE, stream):
        judged.append(judge(chunk))
        samples.append(chunk if chunk.ndim == 2 else chunk[:0])
    features, modes, confidence = (torch.cat(column) for column in zip(*judged, strict=True))
    points = torch.cat(samples)
    return Reference(
        features,
        modes,
        accepted(judge, Judged(features, modes, confidence)),
        points if points.ndim == 2 else None,
    )


def real_chunks(data: Any, num: int, stream: str) -> Iterator[Tensor]:
    """Yield real samples of a data set in chunks: all held-out ones, or `num` fresh ones."""
    if hasattr(data, "held_out") and getattr(data, "shares", None) is None:
        yield from data.held_out()[0].split(CHUNK)
    else:
        yield from drawn_real(data, num, stream)


def drawn_real(data: Any, num: int, stream: str) -> Iterator[Tensor]:
    """Yield `num` held-out real samples as a perfect generator would make them, in chunks.

    A data set that holds few of them is asked once, so that none comes twice before all have come.
    """
    if hasattr(data, "held_out"):
        yield from data.real(num, rng.generator(0, "real", stream))[0].split(CHUNK)
        return
    for start in range(0, num, CHUNK):
        yield data.real(min(CHUNK, num - start), rng.generator(0, "real", stream, start))[0]

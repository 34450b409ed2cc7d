"""Real digits, judged once: what the streams draw their samples from."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torchvision.transforms.v2.functional import gaussian_blur

from gannorm import rng
from gannorm.data import MNIST
from gannorm.judges import DigitJudge, accepted

CHUNK = 1000


@dataclass(frozen=True)
class Pool:
    """Test digits as the judge sees them.

    Attributes:
        images: (M, 1, 28, 28) in [-1, 1].
        labels: What each is.
        modes: What the judge calls it.
        accepted: Whether it takes it for a digit.
        features: Of each.
    """

    images: Float[Tensor, "m 1 28 28"]
    labels: Int[np.ndarray, " m"]
    modes: Int[np.ndarray, " m"]
    accepted: Bool[np.ndarray, " m"]
    features: Float[Tensor, "m d"]


Change = Callable[[Tensor, torch.Generator], Tensor]


def blurred(width: float) -> Change:
    """Return what blurs images with a Gaussian of so many pixels."""
    return lambda images, _: gaussian_blur(images, [9, 9], [width, width])


def noisy(deviation: float) -> Change:
    """Return what adds normal noise to images."""
    return lambda images, generator: (images + deviation * torch.randn(images.shape, generator=generator)).clamp(-1, 1)


CHANGES: dict[str, Change] = {
    "as they are": lambda images, _: images,
    "blurred, 0.5 pixels": blurred(0.5),
    "blurred, 0.8 pixels": blurred(0.8),
    "blurred, 1.0 pixels": blurred(1.0),
    "noise, 0.1": noisy(0.1),
    "noise, 0.2": noisy(0.2),
}
"""What is done to the digits before they are judged."""


@functools.cache
def judge() -> DigitJudge:
    """Return the shipped judge."""
    return DigitJudge()


@functools.cache
def pool(change: str = "as they are") -> Pool:
    """Return every other test digit, changed and judged; the rest is for yardsticks."""
    images, labels = MNIST().held_out()
    images = CHANGES[change](images[::2], rng.generator(0, "bench", change))
    return judged(images, labels[::2])


def judged(images: Float[Tensor, "m 1 28 28"], labels: Int[Tensor, " m"]) -> Pool:
    """Return images with what the judge says of them."""
    parts = [judge()(chunk) for chunk in images.split(CHUNK)]
    kept = torch.cat([accepted(judge(), part) for part in parts])
    return Pool(
        images,
        labels.numpy(),
        torch.cat([part.mode for part in parts]).numpy(),
        kept.numpy(),
        torch.cat([part.features for part in parts]),
    )


class OtherHalf:
    """The other half of the test digits, as data that a yardstick is drawn from."""

    def real(self, num: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return images and labels in random order."""
        images, labels = MNIST().held_out()
        order = torch.randperm(len(images) // 2, generator=generator)[:num] * 2 + 1
        return images[order], labels[order]

"""What a remedy against mode collapse may do in the training loop, and what it is told there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Setting:
    """What is known before the first step.

    Args:
        discriminator: The network itself.
        shape: Of one image or point as the data give it, packing or not: (C, H, W) or (D,).
        batch_size: Number of fakes of one generator step; None where nobody knows it yet.
        optimizer: The discriminator's; None where nobody knows it yet.
    """

    discriminator: Any
    shape: Sequence[int]
    batch_size: int | None = None
    optimizer: Any = None


@dataclass(frozen=True)
class Moment:
    """Where in the run something is seen.

    Args:
        images_seen: Real images shown to the discriminator so far.
        total_images: Of the whole run; None where it has no known end.
        generator: Source of random numbers, on the CPU.
    """

    images_seen: int
    total_images: int | None
    generator: torch.Generator


@dataclass(frozen=True)
class GeneratorStep:
    """What a generator step has at hand when its loss is put together.

    Args:
        z: (N, Z), latent vectors.
        fake: (N, ...), what the generator made of them, in their order, neither altered nor packed.
        real: (M, ...), real images as the discriminator sees them: altered by the remedies, and packed.
        fake_seen: (N / m, ...) with packing m, the fakes likewise.
        discriminator: (N, ...) to (N,) logits: the network, or what unrolling puts in its place.
    """

    z: Float[Tensor, "n z"]
    fake: Float[Tensor, "n ..."]
    real: Float[Tensor, "n_real ..."]
    fake_seen: Float[Tensor, "n_seen ..."]
    discriminator: Any


class Remedy:
    """A remedy that does nothing; each real one overrides what it needs.

    Example:
        >>> remedy = Remedy()
        >>> images = torch.zeros(2, 1, 4, 4)
        >>> remedy.see(images, Moment(0, None, torch.Generator())) is images
        True
    """

    adversarial_weight: float = 1.0  # of the adversarial loss in the generator's step

    def check(self, setting: Setting) -> None:
        """Refuse a setting in which the remedy cannot work, before the first step.

        Raises:
            ValueError: It cannot.
        """

    def see(self, images: Float[Tensor, "n ..."], moment: Moment) -> Float[Tensor, "n ..."]:
        """Return what the discriminator sees of images, before they are packed; real and fake in calls of their own.

        Whatever it does has a gradient, and draws from the moment's generator only.
        """
        del moment
        return images

    def generator_term(self, step: GeneratorStep) -> Float[Tensor, ""] | None:
        """Return what is added to the generator's loss, strength included; None where nothing is."""
        del step
        return None


def positive(remedy: str, option: str, value: Any) -> float:
    """Return an option that is a number above 0.

    Raises:
        ValueError: It is none.

    Example:
        >>> positive("mode_seeking", "strength", "1e-1")
        0.1
    """
    try:
        number = float(value) if not isinstance(value, bool) else 0.0
    except (TypeError, ValueError):
        number = 0.0
    if not 0 < number < float("inf"):
        raise ValueError(f"remedy {remedy!r}: {option}={value!r} is no number above 0; leave it out for none")
    return number


def whole(remedy: str, option: str, value: Any, least: int) -> int:
    """Return an option that is a whole number, `least` or more.

    Raises:
        ValueError: It is none.

    Example:
        >>> whole("stddev", "group_size", 4, least=2)
        4
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"remedy {remedy!r}: {option}={value!r} is no whole number of {least} or more")
    return value

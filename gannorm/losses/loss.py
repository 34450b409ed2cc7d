"""What a loss is: two functions of logits, and the row of the table that names them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias, runtime_checkable

from torch import Tensor

LossFunction: TypeAlias = Callable[..., Tensor]


@runtime_checkable
class AdversarialLoss(Protocol):
    """What a loss has to have: two functions of the logits of real and fake images, (N,) each, to N losses.

    An attribute `generator_needs_real = False` says that `generator` ignores the real logits; it is then given None for
    them, and one pass of the discriminator is saved.
    """

    @property
    def discriminator(self) -> LossFunction:
        """(real_logits, fake_logits) -> (N,), minimized by the discriminator."""

    @property
    def generator(self) -> LossFunction:
        """(real_logits, fake_logits) -> (N,), minimized by the generator."""


@dataclass(frozen=True)
class Loss:
    """One row of the table of losses.

    Args:
        name: As it stands in configs.
        discriminator: As in `AdversarialLoss`.
        generator: As in `AdversarialLoss`.
        paper: Where it is from.
        generator_needs_real: Whether `generator` looks at the real logits.
        no_smoothing: Why there is no label smoothing; empty where `discriminator` has an argument `label_smoothing`.
        label_smoothing: What real images lack to the target 1.

    Example:
        >>> Loss("hinge_like", lambda real, fake: fake - real, lambda real, fake: -fake).generator_needs_real
        True
    """

    name: str
    discriminator: LossFunction = field(repr=False)
    generator: LossFunction = field(repr=False)
    paper: str = ""
    generator_needs_real: bool = True
    no_smoothing: str = field(default="its discriminator's function has no argument for it", repr=False)
    label_smoothing: float = 0.0


def generator_needs_real(loss: AdversarialLoss) -> bool:
    """Return whether a loss's `generator` looks at the real logits; of a user's own object that is assumed.

    Example:
        >>> loss = Loss("own", lambda real, fake: fake, lambda real, fake: -fake, generator_needs_real=False)
        >>> generator_needs_real(loss)
        False
    """
    return getattr(loss, "generator_needs_real", True)

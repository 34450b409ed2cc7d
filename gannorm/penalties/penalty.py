"""What a penalty is: a term of the discriminator's loss that its weights or its gradients cost, or a limit on them."""

from collections.abc import Iterator
from typing import Any, ClassVar, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from gannorm import schedules
from gannorm.schedules import Schedule

REPARAMETRIZED = ("weight_orig", "weight_g", "weight_v")  # names of torch's older hooks


@runtime_checkable
class Discriminator(Protocol):
    """What a penalty needs of a discriminator: an nn.Module is one, a stand-in with other parameters may be."""

    def __call__(self, images: Tensor, /) -> Tensor:
        """Return logits (N,) of images (N, ...)."""

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """Yield the parameters by name."""


class Penalty:
    """A penalty as the loop sees it; a subclass has a `term`, or a `constrain`.

    The loop adds strength · interval · `term` to the discriminator's loss in every `interval`-th of its steps, and
    calls `constrain` after each.

    Args:
        strength: A number of 0 or more, or a schedule of such (`gannorm.schedules`); None = `usual_strength`.
        interval: Discriminator steps from one term to the next.

    Raises:
        ValueError: One of them is none.

    Example:
        >>> from gannorm.penalties import PENALTIES
        >>> PENALTIES["r1"](strength=0.5, interval=16)
        R1(strength=0.5, interval=16)
    """

    name: ClassVar[str]
    """As it stands in configs."""
    paper: ClassVar[str] = ""
    """Where it is from."""
    of_gradient: ClassVar[bool] = False
    """Whether it is made of each image's gradient: the discriminator then has to judge each image by itself."""

    usual_strength: ClassVar[float] = 1.0
    """Most often the paper's."""

    def __init__(self, strength: Any = None, interval: int = 1) -> None:
        try:
            self.strength: Schedule = schedules.resolve(self.usual_strength if strength is None else strength)
        except ValueError as error:
            raise ValueError(f"strength of penalty {self.name!r}: {error}") from None
        if min(self.strength.start, self.strength.end) < 0:
            raise ValueError(f"strength={strength!r} of penalty {self.name!r}: 0 or more, it is to cost something")
        if not isinstance(interval, int) or isinstance(interval, bool) or interval < 1:
            raise ValueError(f"interval={interval!r} of penalty {self.name!r}: a whole number of steps, 1 or more")
        self.interval = interval

    def term(
        self,
        discriminator: Discriminator,
        real: Float[Tensor, "n ..."],
        fake: Float[Tensor, "n ..."],
        generator: torch.Generator,
    ) -> Float[Tensor, ""] | None:
        """Return the mean over images, without strength and interval; None where there is nothing to add.

        Args:
            discriminator: The one to be trained.
            real: Real images as it sees them.
            fake: Fake images as it sees them; no gradient goes to who made them.
            generator: Of random numbers, on the CPU.
        """

    def constrain(self, discriminator: Discriminator) -> None:
        """Change the weights after a step; nothing where nothing is limited."""

    def check(self, discriminator: Discriminator) -> None:
        """Refuse a discriminator on which this would do something else than it says.

        Raises:
            ValueError: It is such a one.
        """

    def __repr__(self) -> str:
        strength = self.strength.start if self.strength.constant else self.strength
        return f"{type(self).__name__}(strength={strength}, interval={self.interval})"


def check_plain_weights(name: str, discriminator: Discriminator) -> None:
    """Refuse weights that are re-parametrized: what stands in them is not what the layers compute with."""
    for parameter, _ in discriminator.named_parameters():
        if "parametrizations." in parameter or parameter.rpartition(".")[2] in REPARAMETRIZED:
            raise ValueError(
                f"penalty {name!r} and a weight norm ({parameter}) contradict each other: what it would change are "
                "not the weights that the layers use; set its weight_norm to null, or leave the penalty out"
            )

"""Penalties in the loop: those of each step, those with an interval, and bounds on weights."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor

from gannorm.penalties import Penalty, resolve

if TYPE_CHECKING:
    from gannorm.gan.module import GAN


class Regularizer:
    """The penalties on a discriminator.

    A penalty with interval k is a step of its own after every k-th step of the discriminator, k times as strong, as
    lazy regularization is meant: its optimizer then takes k + 1 steps where it took k, which `Plan` accounts for.

    Args:
        spec: As `gannorm.penalties.resolve` takes it.

    Raises:
        ValueError: No such penalty, or penalties with different intervals above 1.
    """

    def __init__(self, spec: Any) -> None:
        self.penalties = resolve(spec)
        intervals = sorted({penalty.interval for penalty in self.penalties} - {1})
        if len(intervals) > 1:
            raise ValueError(f"penalties with intervals {intervals}: lazy ones share one step; give them one interval")
        self.interval = intervals[0] if intervals else 1
        self.always = [penalty for penalty in self.penalties if penalty.interval == 1]
        self.lazy = [penalty for penalty in self.penalties if penalty.interval > 1]

    def each_step(self, gan: "GAN", critic: Any, real: Tensor, fake: Tensor) -> Float[Tensor, ""] | None:
        """Return what is added to the loss of each step; None where nothing is."""
        return self.total("penalty", self.always, gan, critic, real, fake)

    def after_step(self, gan: "GAN", critic: Any, real: Tensor, fake: Tensor) -> None:
        """Do what follows a step of the discriminator: a lazy penalty's step where one is due, then bounds."""
        if self.lazy and gan.d_steps % self.interval == 0:
            total = self.total("lazy_penalty", self.lazy, gan, critic, real, fake)
            if total is not None:
                gan.step(gan.both_optimizers()[0], self.interval * total)
                gan.add(lazy_penalty=total)
        for penalty in self.penalties:
            penalty.constrain(gan.discriminator)

    @staticmethod
    def total(
        stream: str, penalties: Sequence[Penalty], gan: "GAN", critic: Any, real: Tensor, fake: Tensor
    ) -> Float[Tensor, ""] | None:
        """Return strengths times terms; no buffer of the discriminator moves in these passes."""
        if not penalties:
            return None
        moment = gan.moment(stream)
        with gan.frozen_discriminator:
            terms = [
                (penalty.strength.at(moment.images_seen, moment.total_images), term)
                for penalty in penalties
                if (term := penalty.term(critic, real, fake, moment.generator)) is not None
            ]
        return torch.stack([strength * term for strength, term in terms]).sum() if terms else None

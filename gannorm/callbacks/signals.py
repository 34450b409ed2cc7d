"""Signals of the two players while they train: what costs little at each reading of the losses, the rest at looks."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from gannorm import norms, rng
from gannorm.callbacks.every import EveryImages
from gannorm.gan import GAN
from gannorm.gan.critic import Conditioned
from gannorm.metrics import (
    deviation_ratio,
    feature_rank,
    input_gradients,
    logit_gap,
    mean_rank,
    statistics_gap,
    weight_ranks,
)
from gannorm.remedies import pack
from gannorm.sampling import inputs

SAMPLES = 64  # of each kind at a reading, at most
STEEP, EPSILON = 16, 1e-2  # latent vectors, and how far they are moved


class Signals(EveryImages):
    """Read what both networks say of each other; it draws from random numbers of its own and moves nothing.

    Args:
        every_images: Real images between two readings.

    Attributes:
        latest: The last reading: names of `gannorm.collapse.Row`, and the norms of the last step's gradients.
        read_at: Images seen at it.
    """

    def __init__(self, every_images: int) -> None:
        super().__init__(every_images)
        self.latest: dict[str, float] = {}
        self.read_at: int | None = None
        self.batch: Any = None  # the last one that was trained on

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *args: Any) -> None:
        """Keep the batch, and read where a moment has come."""
        self.batch = args[1]
        super().on_train_batch_end(trainer, pl_module, *args)

    def act(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Read what costs little, and log it."""
        assert isinstance(module, GAN)
        self.read_at = self.images_seen
        self.latest = known(self.read(module) | parameter_gradients(module))
        for logger in trainer.loggers:
            values = {f"signals/{name}": value for name, value in self.latest.items()}
            logger.log_metrics({"images_seen": self.images_seen, **values}, step=self.images_seen)

    def read(self, gan: GAN) -> dict[str, float | None]:
        """Return the signals of one small batch of real images and one of fakes."""
        with rng.untouched(), norms.freeze_state(gan):
            critics, real, fake = self.players(gan)
            steepness = self.steepness(gan)
            real_logits, real_features = answer(critics[0], real)
            caught: list[Tensor] = []

            def critic(samples: Tensor) -> Tensor:
                logits, features = answer(critics[1], samples, gradient=True)
                caught.extend([logits.detach(), *([] if features is None else [features])])
                return logits

            gradient, cosine = input_gradients(critic, fake)
        fake_logits, *features = caught
        ratio = deviation_ratio(features[0], real_features) if features and real_features is not None else None
        return {
            "fake_gradient": gradient,
            "gradient_cosine": cosine,
            "steepness": steepness,
            "logit_gap": logit_gap(real_logits, fake_logits),
            "feature_deviation": ratio,
        }

    def costly(self, gan: GAN) -> dict[str, float | None]:
        """Return the signals that are for looks only: ranks of weights and features, and how stale statistics are."""
        with rng.untouched(), norms.freeze_state(gan), gaps_of(gan.generator) as gaps:
            critics, real, fake = self.players(gan)
            _, real_features = answer(critics[0], real)
            _, fake_features = answer(critics[1], fake)
        rank = None
        if real_features is not None and fake_features is not None and (wanted := feature_rank(real_features)):
            rank = feature_rank(fake_features) / wanted
        return {
            "discriminator_rank": mean_rank(weight_ranks(gan.discriminator)),
            "generator_rank": mean_rank(weight_ranks(gan.generator)),
            "feature_rank": rank,
            "statistics_gap": sum(gaps) / len(gaps) if gaps else None,
        }

    @torch.no_grad()
    def players(self, gan: GAN) -> tuple[tuple[Any, Any], Tensor, Tensor]:
        """Return who judges real and fake samples, some of the last batch, and as many fakes, as in a training pass."""
        real, *labels = (self.batch,) if isinstance(self.batch, Tensor) else self.batch
        number = max(min(len(real), SAMPLES) // gan.packing * gan.packing, gan.packing)
        generator = rng.generator(gan.seed, "signals", gan.images_seen)
        latent = tuple(part.to(gan.device) for part in inputs(gan.generator, number, generator))
        fake = gan.generate(*latent)
        asked = (labels[0][:number], latent[1]) if gan.num_classes else (None, None)
        critics = tuple(gan.discriminator if y is None else Conditioned(gan.discriminator, y) for y in asked)
        return (critics[0], critics[1]), pack(real[:number], gan.packing), pack(fake, gan.packing)

    @torch.no_grad()
    def steepness(self, gan: GAN) -> float:
        """Return how far samples move with their latent vectors: ‖G(z + εu) − G(z)‖ / ε, u a random direction."""
        generator = rng.generator(gan.seed, "steepness", gan.images_seen)
        z, *labels = (part.to(gan.device) for part in inputs(gan.generator, STEEP, generator))
        direction = torch.nn.functional.normalize(torch.randn(z.shape, generator=generator)).to(gan.device)
        moved = gan.generator(z + EPSILON * direction, *labels) - gan.generator(z, *labels)
        return float(moved.double().flatten(1).norm(dim=1).mean()) / EPSILON


def answer(critic: Any, samples: Tensor, *, gradient: bool = False) -> tuple[Tensor, Tensor | None]:
    """Return a discriminator's logits, and its features where it is one of this package's."""
    caught: list[Tensor] = []
    layer: Any = getattr(critic, "minibatch", None)
    ours = isinstance(layer, nn.Module)
    hook = layer.register_forward_pre_hook(lambda _, args: caught.append(args[0].detach())) if ours else None
    try:
        with torch.set_grad_enabled(gradient):
            logits = critic(samples)
    finally:
        if hook is not None:
            hook.remove()
    return logits, caught[0] if caught else None


@contextmanager
def gaps_of(network: nn.Module) -> Iterator[list[float]]:
    """Collect in the block how far each batch's statistics are from the running ones of each norm that has some."""
    gaps: list[float] = []

    def compare(norm: Any, args: tuple[Tensor, ...]) -> None:
        axes = [axis for axis in range(args[0].ndim) if axis != 1]
        mean, variance = args[0].mean(axes), args[0].var(axes, correction=0)
        gaps.append(statistics_gap(mean, variance, norm.running_mean, norm.running_var))

    normed = [layer for layer in network.modules() if isinstance(getattr(layer, "running_mean", None), Tensor)]
    hooks = [layer.register_forward_pre_hook(compare) for layer in normed]
    try:
        yield gaps
    finally:
        for hook in hooks:
            hook.remove()


def parameter_gradients(gan: GAN) -> dict[str, float | None]:
    """Return the norms of the gradients that the last step of each network took."""
    networks = {"discriminator_gradient": gan.discriminator, "generator_gradient": gan.generator}
    return {name: gradient_norm(network) for name, network in networks.items()}


def gradient_norm(network: nn.Module) -> float | None:
    """Return ‖∂L/∂θ‖ over all parameters; None where no gradient is there."""
    found = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
    return float(torch.stack(torch._foreach_norm(found)).norm()) if found else None


def known(values: dict[str, float | None]) -> dict[str, float]:
    """Return what is known.

    Example:
        >>> known({"a": 1.0, "b": None})
        {'a': 1.0}
    """
    return {name: value for name, value in values.items() if value is not None}

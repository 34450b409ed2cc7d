"""What both networks are shown at every reading of their layers, and what each of them minimizes on it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from gannorm import norms, rng
from gannorm.gan import GAN
from gannorm.gan.critic import Conditioned, logits_of
from gannorm.remedies import pack
from gannorm.sampling import inputs

SAMPLES = 64  # of each kind, at most


def players(gan: GAN) -> dict[str, nn.Module]:
    """Return both networks by name."""
    return {"generator": gan.generator, "discriminator": gan.discriminator}


def norms_of(network: nn.Module) -> dict[str, nn.Module]:
    """Return a network's norms by name."""
    return {name: layer for name, layer in network.named_modules() if norms.is_norm(layer)}


@contextmanager
def still(gan: GAN) -> Iterator[None]:
    """Leave random numbers and buffers as they are."""
    with rng.untouched(), norms.freeze_state(gan):
        yield


@torch.no_grad()
def exhibits(gan: GAN, batch: Any) -> dict[str, Any]:
    """Return what the networks are shown from now on: latent vectors, real samples and fakes, with their labels."""
    real, *labels = (batch,) if isinstance(batch, Tensor) else batch
    number = max(min(len(real), SAMPLES) // gan.packing * gan.packing, gan.packing)
    generator = rng.generator(gan.seed, "exhibits")
    with still(gan):
        latent = tuple(part.to(gan.device) for part in inputs(gan.generator, number, generator))
        if gan.num_classes:  # a fake has the label of the real sample at its place, as in training
            latent = (latent[0], labels[0][:number].clone())
        fake = fakes(gan, latent)
    asked = latent[1] if gan.num_classes else None
    return {"latent": latent, "real": pack(real[:number], gan.packing).clone(), "fake": fake, "labels": asked}


@torch.no_grad()
def fakes(gan: GAN, latent: tuple[Tensor, ...]) -> Tensor:
    """Return what the discriminator sees of the generator as it is now; remedies that alter images are left out."""
    return pack(gan.generate(*latent), gan.packing)


def moved(shown: dict[str, Any], device: torch.device) -> dict[str, Any]:
    """Return what is shown on another device."""

    def one(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(one(part) for part in value)
        return value.to(device) if isinstance(value, Tensor) else value

    return {name: one(value) for name, value in shown.items()}


def critic(discriminator: Any, labels: Tensor | None) -> Any:
    """Return what judges samples, which may have labels."""
    return discriminator if labels is None else Conditioned(discriminator, labels)


def discriminator_loss(gan: GAN, shown: dict[str, Any]) -> Callable[[Any], Tensor]:
    """Return the adversarial loss of a discriminator on the real samples and fakes that are shown; no penalties."""

    def loss(network: Any) -> Tensor:
        judge = critic(network, shown["labels"])
        return gan.loss.discriminator(*logits_of(judge, shown["real"], shown["fake"], joined=gan.joined[0])).mean()

    return loss


def generator_loss(gan: GAN, shown: dict[str, Any]) -> Callable[[Any], Tensor]:
    """Return the adversarial loss of a generator on the latent vectors that are shown; no remedies."""

    def loss(network: Any) -> Tensor:
        fake = pack(network(*shown["latent"]), gan.packing)
        logits = logits_of(critic(gan.discriminator, shown["labels"]), shown["real"], fake, joined=gan.joined[1])
        return gan.loss.generator(*logits).mean()

    return loss


LOSSES = {"generator": generator_loss, "discriminator": discriminator_loss}
"""What each player minimizes, as far as the adversarial loss goes."""

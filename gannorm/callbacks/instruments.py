"""Instruments: what goes through each layer of both networks while they train, and internal covariate shift."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from gannorm import norms, rng
from gannorm.callbacks.every import EveryImages, num_images
from gannorm.gan import GAN
from gannorm.gan.critic import Conditioned, logits_of
from gannorm.metrics.layers import Activation, gradient_shifts, watched
from gannorm.remedies import pack
from gannorm.sampling import inputs

SAMPLES = 64  # of each kind, at most
Readings = dict[str, tuple[Activation, Activation]]


class Instruments(EveryImages):
    """Read the layers of both networks; it draws from random numbers of its own and moves nothing.

    What goes in and comes out of each linear or convolutional layer is read of the generator on fixed latent vectors,
    of the discriminator on a fixed real batch and on fakes that were made at the reading before: so a drift is that of
    the network, not of what it is shown. In training mode, without moving a buffer.

    Args:
        every_images: Real images between two readings.
        covariate_shift: Also how each layer's gradient changes when the layers below it take their step. It costs a
            backward pass per layer.

    Attributes:
        latest: The last reading, as it was logged.
    """

    def __init__(self, every_images: int, *, covariate_shift: bool = False) -> None:
        super().__init__(every_images)
        self.covariate_shift = covariate_shift
        self.latest: dict[str, float] = {}
        self.shown: dict[str, Any] = {}  # what the networks are shown at every reading
        self.before: dict[str, Readings] = {}  # the last reading, from which a drift is measured
        self.weights: dict[str, dict[str, Tensor]] | None = None  # before the step that is read
        self.resumed = False

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, *_: Any) -> None:  # noqa: ARG002
        """Keep the weights where the step to come will be read."""
        assert isinstance(pl_module, GAN)
        self.weights = None
        if self.covariate_shift and self.due(pl_module.images_seen, num_images(batch)):
            self.weights = {name: copied(network) for name, network in players(pl_module).items()}

    def due(self, images_seen: int, more: int) -> bool:
        """Return whether a moment comes with the next batch."""
        return any((images_seen + more) // every > images_seen // every for every in self.intervals)

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *args: Any) -> None:
        """Choose what is shown at the first batch; read where a moment has come."""
        assert isinstance(pl_module, GAN)
        if not self.shown:
            self.shown = exhibits(pl_module, args[1])
        elif self.resumed:  # a checkpoint is loaded to the CPU
            self.shown = moved(self.shown, pl_module.device)
        self.resumed = False
        super().on_train_batch_end(trainer, pl_module, *args)

    def act(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Read, and log."""
        assert isinstance(module, GAN)
        with still(module):
            found = self.layers(module)
            if self.weights is not None:
                found |= self.shifts(module, self.weights)
        self.latest = found
        for logger in trainer.loggers:
            logger.log_metrics({"images_seen": self.images_seen, **found}, step=self.images_seen)

    def layers(self, gan: GAN) -> dict[str, float]:
        """Return moments, dead units and drift of each layer; fakes are new once the drift on the old ones is known."""
        now = read(gan, self.shown)
        found = drifts(self.before, now)
        self.shown["fake"] = fakes(gan, self.shown["latent"])
        self.before = now | read_discriminator(gan, self.shown, "fake")
        for name, layer, place, point in points(self.before):
            found |= {f"layer/{name}/{layer}/{place}/{key}": value for key, value in point.summary().items()}
        return found | scales(gan)

    def shifts(self, gan: GAN, before: dict[str, dict[str, Tensor]]) -> dict[str, float]:
        """Return how the step that was just taken below each layer changes its gradient, the other player frozen."""
        found: dict[str, float] = {}
        for name, network in players(gan).items():
            now = copied(network)
            for layer, shift in gradient_shifts(network, LOSSES[name](gan, self.shown), before[name], now).items():
                found[f"covariate_shift/{name}/{layer}/relative"] = shift.relative
                found[f"covariate_shift/{name}/{layer}/cosine"] = shift.cosine
        return found

    def state_dict(self) -> dict[str, Any]:
        """Return what is shown and was last read, for a resumed run."""
        last = {
            name: {layer: pair_as_data(pair) for layer, pair in found.items()} for name, found in self.before.items()
        }
        return super().state_dict() | {"shown": self.shown, "before": last}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from there."""
        super().load_state_dict(state_dict)
        self.shown, self.resumed = state_dict["shown"], True
        self.before = {
            name: {layer: pair_of(pair) for layer, pair in found.items()}
            for name, found in state_dict["before"].items()
        }


def points(readings: dict[str, Readings]) -> Iterator[tuple[str, str, str, Activation]]:
    """Yield whose layer, its name, the place and what passed there."""
    for name, layers in readings.items():
        for layer, pair in layers.items():
            for place, point in zip(PLACES, pair, strict=True):
                yield name, layer, place, point


def drifts(before: dict[str, Readings], now: dict[str, Readings]) -> dict[str, float]:
    """Return how far the moments at each place have moved since the reading before; empty at the first."""
    then = {tuple(place): point for *place, point in points(before)}
    return {
        f"layer/{name}/{layer}/{place}/drift": point.drift_from(then[name, layer, place])
        for name, layer, place, point in points(now)
        if (name, layer, place) in then
    }


PLACES = ("in", "out")  # of a weight layer: after the norm and activation before it, and before the norm after it


def players(gan: GAN) -> dict[str, nn.Module]:
    """Return both networks by name."""
    return {"generator": gan.generator, "discriminator": gan.discriminator}


def copied(network: nn.Module) -> dict[str, Tensor]:
    """Return a copy of a network's trained parameters."""
    return {name: value.detach().clone() for name, value in network.named_parameters() if value.requires_grad}


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


@torch.no_grad()
def read(gan: GAN, shown: dict[str, Any]) -> dict[str, Readings]:
    """Return what passes the layers of the generator, and of the discriminator on real samples and on fakes."""
    with watched(gan.generator) as readings:
        gan.generator(*shown["latent"])
    return {"generator": readings} | read_discriminator(gan, shown, "real") | read_discriminator(gan, shown, "fake")


@torch.no_grad()
def read_discriminator(gan: GAN, shown: dict[str, Any], kind: str) -> dict[str, Readings]:
    """Return what passes the layers of the discriminator on one kind of samples, which share their labels."""
    with watched(gan.discriminator) as readings:
        critic(gan.discriminator, shown["labels"])(shown[kind])
    return {f"discriminator_{kind}": readings}


def moved(shown: dict[str, Any], device: torch.device) -> dict[str, Any]:
    """Return what is shown on another device."""

    def one(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(one(part) for part in value)
        return value.to(device) if isinstance(value, Tensor) else value

    return {name: one(value) for name, value in shown.items()}


def scales(gan: GAN) -> dict[str, float]:
    """Return the root mean square of γ and of β of each norm that has them."""
    found = {}
    for player, network in players(gan).items():
        for name, layer in network.named_modules():
            if not norms.is_norm(layer):
                continue
            for greek, attribute in (("gamma", "weight"), ("beta", "bias")):
                if isinstance(value := getattr(layer, attribute, None), Tensor):
                    found[f"norm/{player}/{name}/{greek}"] = float(value.detach().double().square().mean().sqrt())
    return found


def critic(discriminator: Any, labels: Tensor | None) -> Any:
    """Return what judges samples, which may have labels."""
    return discriminator if labels is None else Conditioned(discriminator, labels)


def discriminator_loss(gan: GAN, shown: dict[str, Any]) -> Any:
    """Return the adversarial loss of a discriminator on the real samples and fakes that are shown; no penalties."""

    def loss(network: Any) -> Tensor:
        judge = critic(network, shown["labels"])
        return gan.loss.discriminator(*logits_of(judge, shown["real"], shown["fake"], joined=gan.joined[0])).mean()

    return loss


def generator_loss(gan: GAN, shown: dict[str, Any]) -> Any:
    """Return the adversarial loss of a generator on the latent vectors that are shown; no remedies."""

    def loss(network: Any) -> Tensor:
        fake = pack(network(*shown["latent"]), gan.packing)
        logits = logits_of(critic(gan.discriminator, shown["labels"]), shown["real"], fake, joined=gan.joined[1])
        return gan.loss.generator(*logits).mean()

    return loss


LOSSES = {"generator": generator_loss, "discriminator": discriminator_loss}
"""What each player minimizes, as far as the adversarial loss goes."""


def pair_as_data(pair: tuple[Activation, Activation]) -> list[tuple[Tensor, Tensor, float]]:
    """Return what a checkpoint can keep."""
    return [(point.mean, point.variance, point.dead) for point in pair]


def pair_of(data: list[tuple[Tensor, Tensor, float]]) -> tuple[Activation, Activation]:
    """Return what `pair_as_data` gave."""
    first, second = (Activation(mean, variance, dead) for mean, variance, dead in data)
    return first, second

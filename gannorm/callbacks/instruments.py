"""Instruments: what goes through each layer of both networks while they train, and internal covariate shift."""

from collections.abc import Collection, Iterator
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from gannorm.callbacks.every import EveryImages, num_images
from gannorm.callbacks.exhibits import LOSSES, critic, exhibits, fakes, moved, norms_of, players, still
from gannorm.callbacks.parameters import layer_gradients, scales, spectra
from gannorm.gan import GAN
from gannorm.metrics.layers import Activation, gradient_shifts, watched, weight_layers
from gannorm.metrics.opponents import statistics_gap

INSTRUMENTS = {
    "layers": "what goes in and out of each layer and norm, γ, β, gradients, how stale running statistics are",
    "spectra": "also the singular values of each weight",
    "covariate_shift": "also how a step below each layer changes its gradient: a backward pass per layer",
}
"""What can be read; the layers always are."""

Readings = dict[str, tuple[Activation, Activation]]  # by `layer/<network>/<name>` or `norm/<network>/<name>`
PLACES = ("in", "out")  # of a weight layer: after the norm and activation before it, and before the norm after it


class Instruments(EveryImages):
    """Read the layers of both networks; it draws from random numbers of its own and moves nothing.

    What goes in and comes out of each linear or convolutional layer and of each norm is read of the generator on fixed
    latent vectors, of the discriminator on a fixed real batch and on fakes that were made at the reading before: so a
    drift is that of the network, not of what it is shown. In training mode, without moving a buffer.

    Args:
        every_images: Real images between two readings.
        names: Of INSTRUMENTS.

    Attributes:
        latest: The last reading, as it was logged.
    """

    def __init__(self, every_images: int, names: Collection[str] = ("layers",)) -> None:
        super().__init__(every_images)
        self.names = names
        self.latest: dict[str, float] = {}
        self.shown: dict[str, Any] = {}  # what the networks are shown at every reading
        self.before: Readings = {}  # the last reading, from which a drift is measured
        self.weights: dict[str, dict[str, Tensor]] | None = None  # before the step that is read
        self.steps: dict[str, int] = {}  # that each player had taken then
        self.resumed = False

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, *_: Any) -> None:  # noqa: ARG002
        """Keep the weights where the step to come will be read."""
        assert isinstance(pl_module, GAN)
        self.weights = None
        seen = pl_module.images_seen
        if "covariate_shift" in self.names and self.reached(seen, seen + num_images(batch)):
            self.weights = {name: copied(network) for name, network in players(pl_module).items()}
            self.steps = steps_of(pl_module)

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
            found = self.layers(module) | scales(module) | layer_gradients(module)
            if "spectra" in self.names:
                found |= spectra(module)
            if self.weights is not None:
                stepped = {name for name, number in steps_of(module).items() if number > self.steps[name]}
                found |= shifts(module, self.shown, {name: self.weights[name] for name in stepped})
        self.latest = found
        for logger in trainer.loggers:
            logger.log_metrics({"images_seen": self.images_seen, **found}, step=self.images_seen)

    def layers(self, gan: GAN) -> dict[str, float]:
        """Return moments, dead units and drift of each layer; fakes are new once the drift on the old ones is known."""
        now = read(gan, self.shown)
        found = drifts(self.before, now)
        self.shown["fake"] = fakes(gan, self.shown["latent"])
        self.before = now | again(gan, self.shown)
        for place, point in points(self.before):
            found |= {f"{place}/{key}": value for key, value in point.summary().items()}
        return found | stale(gan, self.before)

    def state_dict(self) -> dict[str, Any]:
        """Return what is shown and was last read, for a resumed run."""
        last = {place: pair_as_data(pair) for place, pair in self.before.items()}
        return super().state_dict() | {"shown": self.shown, "before": last}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from there."""
        super().load_state_dict(state_dict)
        self.shown, self.resumed = state_dict["shown"], True
        self.before = {place: pair_of(pair) for place, pair in state_dict["before"].items()}


def points(readings: Readings) -> Iterator[tuple[str, Activation]]:
    """Yield each place, such as `layer/generator/input/in`, and what passed there."""
    for name, pair in readings.items():
        for place, point in zip(PLACES, pair, strict=True):
            yield f"{name}/{place}", point


def drifts(before: Readings, now: Readings) -> dict[str, float]:
    """Return how far the moments at each place have moved since the reading before; empty at the first."""
    then = dict(points(before))
    return {f"{place}/drift": point.drift_from(then[place]) for place, point in points(now) if place in then}


def copied(network: nn.Module) -> dict[str, Tensor]:
    """Return a copy of a network's trained parameters."""
    return {name: value.detach().clone() for name, value in network.named_parameters() if value.requires_grad}


@torch.no_grad()
def read(gan: GAN, shown: dict[str, Any]) -> Readings:
    """Return what passes the layers of the generator, and of the discriminator on real samples and on fakes."""
    with watched(named(gan.generator, "generator")) as readings:
        gan.generator(*shown["latent"])
    return readings | read_discriminator(gan, shown, "real") | read_discriminator(gan, shown, "fake")


@torch.no_grad()
def read_discriminator(gan: GAN, shown: dict[str, Any], kind: str) -> Readings:
    """Return what passes the layers of the discriminator on one kind of samples; both kinds share their labels.

    Where training joins real samples and fakes in one batch, so does this, because a norm may couple them.
    """
    judge, number = critic(gan.discriminator, shown["labels"]), len(shown["real"])
    batch, rows = shown[kind], slice(None)
    if gan.joined[0]:
        batch = torch.cat([shown["real"], shown["fake"]])
        rows = slice(number) if kind == "real" else slice(number, None)
    with watched(named(gan.discriminator, f"discriminator_{kind}"), rows) as readings:
        judge(batch)
    return readings


def again(gan: GAN, shown: dict[str, Any]) -> Readings:
    """Return what new fakes change: their own reading, and that of the real samples that are in one batch with them."""
    fake = read_discriminator(gan, shown, "fake")
    return fake | read_discriminator(gan, shown, "real") if gan.joined[0] else fake


def named(network: nn.Module, called: str) -> dict[str, nn.Module]:
    """Return the layers of a network that are read, weight layers and norms, by the names of their readings."""
    weights = {f"layer/{called}/{name}": layer for name, layer in weight_layers(network).items()}
    return weights | {f"norm/{called}/{name}": layer for name, layer in norms_of(network).items()}


def stale(gan: GAN, readings: Readings) -> dict[str, float]:
    """Return how far the batches that were shown are from the running statistics of each norm that has some."""
    found = {}
    for called in ("generator", "discriminator_real", "discriminator_fake"):
        for name, layer in norms_of(players(gan)[called.partition("_")[0]]).items():
            running: Any = getattr(layer, "running_mean", None), getattr(layer, "running_var", None)
            batches = [readings[f"norm/{one}/{name}"][0] for one in together(gan, called)]
            if all(isinstance(one, Tensor) for one in running):
                batch = Activation.pooled(batches)
                gap = statistics_gap(batch.mean, batch.variance, *(one.cpu() for one in running))
                found[f"norm/{called}/{name}/gap"] = gap
    return found


def together(gan: GAN, called: str) -> tuple[str, ...]:
    """Return whose samples are in one batch with these when the discriminator is trained."""
    both = ("discriminator_real", "discriminator_fake")
    return both if called in both and gan.joined[0] else (called,)


def shifts(gan: GAN, shown: dict[str, Any], before: dict[str, dict[str, Tensor]]) -> dict[str, float]:
    """Return how the step that was just taken below each layer changes its gradient, the other player frozen.

    Args:
        gan: After the step.
        shown: What the networks are shown.
        before: The weights from before it, of each player that took one.
    """
    found: dict[str, float] = {}
    for name in sorted(before):
        network = players(gan)[name]
        for layer, shift in gradient_shifts(network, LOSSES[name](gan, shown), before[name], copied(network)).items():
            found[f"covariate_shift/{name}/{layer}/relative"] = shift.relative
            found[f"covariate_shift/{name}/{layer}/cosine"] = shift.cosine
    return found


def steps_of(gan: GAN) -> dict[str, int]:
    """Return how many steps each player has taken."""
    return {"generator": gan.g_steps, "discriminator": gan.d_steps}


def pair_as_data(pair: tuple[Activation, Activation]) -> list[tuple[Tensor, Tensor, float]]:
    """Return what a checkpoint can keep."""
    return [(point.mean, point.variance, point.dead) for point in pair]


def pair_of(data: list[tuple[Tensor, Tensor, float]]) -> tuple[Activation, Activation]:
    """Return what `pair_as_data` gave."""
    first, second = (Activation(mean, variance, dead) for mean, variance, dead in data)
    return first, second

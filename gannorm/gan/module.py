"""The only training loop: one discriminator step and one generator step for each batch of real images.

Everything that a norm study has to know about a step is a named option here: how real and fake images meet in the
discriminator, whether both steps see the same fakes, whether both networks move at once, which statistics samples are
drawn with.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytorch_lightning as pl
import torch
from jaxtyping import Float
from torch import Tensor, nn

from gannorm import losses, norms, rng
from gannorm.ema import GeneratorEMA
from gannorm.gan.means import Means
from gannorm.gan.options import JOINED, DiscriminatorBatches, Fakes, Updates, Which, check_options
from gannorm.networks import DCGANDiscriminator, DCGANGenerator
from gannorm.remedies import pack
from gannorm.sampling import Sample, Statistics, latent_batches, latents, sampler


class GAN(pl.LightningModule):
    """A generator and a discriminator, trained against each other by manual optimization.

    Each batch of N real images is one discriminator step, then one generator step. No observer's forward pass and no
    generator step moves a buffer of the discriminator; only training passes move batch statistics.

    Args:
        generator: `forward(z)` to images in [-1, 1], with `latent_dim`; None is a `DCGANGenerator` as it comes.
        discriminator: `forward(x)` to one logit per image; None is a `DCGANDiscriminator` as it comes.
        loss: A name of `gannorm.losses`, an import path, or an object with `discriminator` and `generator`.
        generator_rate: Learning rate of the generator's Adam.
        discriminator_rate: Learning rate of the discriminator's Adam.
        betas: Of both Adams.
        decay_from: Share of the run after which both rates fall linearly to 0; 1 = they stay.
        discriminator_batches: How real and fake images meet in the discriminator. "separate": in passes of their own;
            "joined": in one pass, in the generator's step too; "joined_in_d_step": in one pass in the discriminator's
            step only. With batch norm in the discriminator these are three different models.
        fakes: "shared": one batch of latent vectors serves both networks' steps; "fresh": each generator step draws its
            own.
        updates: "alternating": the generator's step meets the discriminator that has just moved; "simultaneous": both
            gradients are taken at the same weights and from the same passes, as in the code of ALI and PacGAN.
        discriminator_steps: For each round of the generator; each sees a batch of real images of its own.
        generator_steps: In a round; "shared" ones have the same latent vectors, seen by a generator that has moved.
        ema_half_life: Of the averaged generator, in images; 0 = no averaged generator.
        statistics: What batch norm samples with. "running": the generator's running statistics; "standing": computed
            anew from fresh batches; "batch": of each batch of samples. The averaged generator has no running
            statistics of its own: for it "running" means "standing".
        seed: Of the noise.

    Raises:
        ValueError: An option that is none, or an image size that generator and discriminator do not share.

    Example:
        >>> from gannorm.networks import MLPDiscriminator, MLPGenerator
        >>> gan = GAN(generator=MLPGenerator(shape=(2,)), discriminator=MLPDiscriminator(shape=(2,)))
        >>> gan.sample("raw")(3, rng.generator(0)).shape
        torch.Size([3, 2])
    """

    def __init__(
        self,
        generator: nn.Module | None = None,
        discriminator: nn.Module | None = None,
        *,
        loss: str | Mapping[str, Any] | losses.AdversarialLoss = "non_saturating",
        generator_rate: float = 2e-3,
        discriminator_rate: float = 2e-3,
        betas: Sequence[float] = (0.0, 0.99),
        decay_from: float = 1.0,
        discriminator_batches: DiscriminatorBatches = "separate",
        fakes: Fakes = "shared",
        updates: Updates = "alternating",
        discriminator_steps: int = 1,
        generator_steps: int = 1,
        ema_half_life: int = 40_000,
        statistics: Statistics = "running",
        seed: int = 0,
    ) -> None:
        super().__init__()
        check_options(
            discriminator_batches=discriminator_batches,
            fakes=fakes,
            statistics=statistics,
            updates=updates,
            discriminator_steps=discriminator_steps,
            generator_steps=generator_steps,
            ema_half_life=ema_half_life,
        )
        self.automatic_optimization = False
        self.generator = generator or DCGANGenerator()
        self.discriminator = discriminator or DCGANDiscriminator()
        self.averaged = GeneratorEMA(self.generator, ema_half_life) if ema_half_life else None
        self.loss = losses.resolve(loss)
        self.rates, self.betas = checked_adam((discriminator_rate, generator_rate), betas)
        self.decay_from = decay_from
        self.discriminator_batches = discriminator_batches
        self.joined = JOINED[discriminator_batches]  # in the discriminator's step, in the generator's step
        self.packing = getattr(self.discriminator, "packing", 1)  # samples that the discriminator judges together
        self.fresh_fakes = fakes == "fresh"
        self.simultaneous = updates == "simultaneous"
        self.discriminator_steps = discriminator_steps
        self.generator_steps = generator_steps
        self.statistics = statistics
        self.seed = seed
        self.total_images: int | None = None  # length of the run, known to its trainer; None = rates stay
        self.images_seen = 0  # real images shown to the discriminator
        self.averaged_at = 0  # images seen at the last update of the averaged generator
        self.d_steps = 0
        self.g_steps = 0
        self.batch_size = 64  # of the generator's last pass in training
        self.frozen_discriminator = norms.freeze_state(self.discriminator)
        self.sums = Means()  # of what the steps yield, since they were last taken

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        """Return Adam for the discriminator and Adam for the generator."""
        networks = (self.discriminator, self.generator)
        return [
            torch.optim.Adam(network.parameters(), lr=rate, betas=self.betas, fused=True)
            for network, rate in zip(networks, self.rates, strict=True)
        ]

    def training_step(self, batch: Tensor | Sequence[Tensor], _: int) -> None:
        """Take a step of the discriminator, and of the generator where its turn has come."""
        real = batch if isinstance(batch, Tensor) else batch[0]
        self.set_rates(*self.optimizers())  # type: ignore[misc]
        if self.simultaneous:
            self.step_both(real)
        else:
            self.step_discriminator(real)
        self.images_seen += len(real)
        self.batch_size = len(real) // self.packing
        if self.averaged is not None and self.g_steps and self.d_steps % self.discriminator_steps == 0:
            since = self.images_seen - self.averaged_at
            self.averaged.update(self.generator, num_images=since, images_seen=self.images_seen)
            self.averaged_at = self.images_seen

    def step_discriminator(self, real: Tensor) -> None:
        """Take a step of the discriminator, then those of the generator if it is their turn."""
        d_optimizer, _ = self.optimizers()  # type: ignore[attr-defined]
        turn = (self.d_steps + 1) % self.discriminator_steps == 0
        z = self.noise(len(real), "discriminator")
        with torch.set_grad_enabled(turn and not self.fresh_fakes):
            fake = self.generate(z)
        real_logits, fake_logits = self.logits(
            pack(real, self.packing), pack(fake.detach(), self.packing), self.joined[0]
        )
        d_loss = self.loss.discriminator(real_logits, fake_logits).mean()
        self.step(d_optimizer, d_loss)
        self.d_steps += 1
        self.sums.add(discriminator_loss=d_loss, real_logit=real_logits.mean(), fake_logit=fake_logits.mean())
        if turn:
            self.step_generator(real, z, fake)

    def step_generator(self, real: Tensor, z: Tensor, fake: Tensor) -> None:
        """Take a round of the generator's steps, the first one with the fakes of the discriminator's step if shared."""
        _, g_optimizer = self.optimizers()  # type: ignore[attr-defined]
        for number in range(self.generator_steps):
            if self.fresh_fakes:
                z = self.noise(len(real), "generator", *([number] if number else []))
            if self.fresh_fakes or number:
                fake = self.generate(z)
            with without_gradient(self.discriminator), self.frozen_discriminator:
                g_loss = self.loss.generator(*self.generator_logits(real, fake)).mean()
                self.step(g_optimizer, g_loss)
            self.g_steps += 1
            self.sums.add(generator_loss=g_loss)

    def step_both(self, real: Tensor) -> None:
        """Take both gradients at the same weights, from the same passes, then both steps."""
        d_optimizer, g_optimizer = self.optimizers()  # type: ignore[attr-defined]
        fake = self.generate(self.noise(len(real), "discriminator"))
        real_logits, fake_logits = self.logits(pack(real, self.packing), pack(fake, self.packing), self.joined[0])
        d_loss = self.loss.discriminator(real_logits, fake_logits).mean()
        g_loss = self.loss.generator(real_logits, fake_logits).mean()
        for optimizer in (d_optimizer, g_optimizer):
            optimizer.zero_grad()
        self.manual_backward(d_loss, inputs=parameters_of(self.discriminator), retain_graph=True)
        self.manual_backward(g_loss, inputs=parameters_of(self.generator))
        for optimizer in (d_optimizer, g_optimizer):
            optimizer.step()
        self.d_steps += 1
        self.g_steps += 1
        self.sums.add(
            discriminator_loss=d_loss,
            generator_loss=g_loss,
            real_logit=real_logits.mean(),
            fake_logit=fake_logits.mean(),
        )

    def generate(self, z: Float[Tensor, "n z"]) -> Float[Tensor, "n ..."]:
        """Return fakes: the members of a pack are as many passes, each with batch statistics of its own."""
        return torch.cat([self.generator(member) for member in z.chunk(self.packing)])

    def logits(self, real: Tensor, fake: Tensor, joined: bool) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
        """Return the discriminator's logits of real and fake images, from one pass or from two, in float32 or more."""
        if joined:
            real_logits, fake_logits = self.discriminator(torch.cat([real, fake])).split([len(real), len(fake)])
        else:
            real_logits, fake_logits = self.discriminator(real), self.discriminator(fake)
        return at_least_float32(real_logits), at_least_float32(fake_logits)

    def generator_logits(self, real: Tensor, fake: Tensor) -> tuple[Tensor | None, Tensor]:
        """Return what the generator's loss takes; real images are judged only where something depends on them."""
        fake = pack(fake, self.packing)
        if self.joined[1] or losses.generator_needs_real(self.loss):
            return self.logits(pack(real, self.packing), fake, self.joined[1])
        return None, at_least_float32(self.discriminator(fake))

    def step(self, optimizer: Any, loss: Tensor) -> None:
        """Minimize."""
        optimizer.zero_grad()
        self.manual_backward(loss)
        optimizer.step()

    def noise(self, num: int, *step: str | int) -> Float[Tensor, "n z"]:
        """Return this iteration's latent vectors: a function of seed and iteration, so that a resumed run has them."""
        name, *number = step
        generator = rng.generator(self.seed, "noise", name, self.d_steps, *number)
        return latents(self.generator, num, generator).to(self.device)

    def set_rates(self, *optimizers: Any) -> None:
        """Let the rates fall linearly to 0 from `decay_from` of the run on."""
        if self.total_images is None or self.decay_from >= 1:
            return
        left = (1 - self.images_seen / self.total_images) / (1 - self.decay_from)
        for optimizer, rate in zip(optimizers, self.rates, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = rate * min(1.0, max(0.0, left))

    def means(self) -> dict[str, float]:
        """Return the means of losses and logits since they were last taken; empty where no step was."""
        return self.sums.values()

    def take_means(self) -> dict[str, float]:
        """Return the means, and start new ones."""
        means = self.means()
        self.sums.clear()
        return means

    def sample(self, which: Which = "averaged") -> Sample:
        """Return a sampler of the generator as it is now; it works on a copy, so that looking leaves no trace.

        Args:
            which: The averaged generator (the raw one where nothing is averaged), or the raw one.
        """
        return self.sampler_of(self.snapshot(which), which)

    def sampler_of(self, snapshot: nn.Module, which: Which) -> Sample:
        """Return what draws from a snapshot that is there already."""
        return sampler(snapshot, self.statistics_of(which), batch_size=self.batch_size)

    def statistics_of(self, which: Which) -> Statistics:
        """Return which statistics a generator is sampled with: the averaged one has no running ones of its own."""
        averaged = which == "averaged" and self.averaged is not None
        return "standing" if averaged and self.statistics == "running" else self.statistics

    def snapshot(self, which: Which = "averaged") -> nn.Module:
        """Return a copy of the generator in eval mode, with the statistics that it is to be sampled with."""
        averaged = which == "averaged" and self.averaged is not None
        # The average never took part in a training pass: it can be copied where a layer of the generator cannot.
        network = copy.deepcopy(self.generator if self.averaged is None else self.averaged.network)
        if averaged:
            norms.settle_spectral_norm(network)
        else:
            network.load_state_dict(self.generator.state_dict())
        if self.statistics_of(which) == "standing":
            generator = rng.generator(self.seed, "standing", self.images_seen)
            norms.recalibrate(network, latent_batches(network, self.batch_size, generator))
        return network.eval().requires_grad_(False)

    def needs_data(self) -> bool:
        """Return whether a norm of either network has to see a batch before its first use."""
        return norms.needs_data(self.generator) or norms.needs_data(self.discriminator)

    def prepare(self, real: Tensor) -> None:
        """Show both networks the batch that some norms need first: real images, and as many latent vectors.

        Before the first step, and before a checkpoint is loaded; nothing happens where no norm needs it.

        Args:
            real: (N, ...) images in [-1, 1].
        """
        z = latents(self.generator, len(real), rng.generator(self.seed, "reference"))
        norms.prepare(self.generator, z)
        norms.prepare(self.discriminator, pack(real, self.packing))
        if self.averaged is not None:
            norms.prepare(self.averaged.network, z)

    def check_shape(self, shape: Sequence[int]) -> None:
        """Make sure that the networks fit the data, before the first step.

        Args:
            shape: Of one real image, (C, H, W).

        Raises:
            ValueError: The generator makes other shapes, or the discriminator cannot take them.
        """
        fake = self.sample("raw")(2 * self.packing, rng.generator(0))
        if tuple(fake.shape[1:]) != tuple(shape):
            made = tuple(fake.shape[1:])
            raise ValueError(f"the generator makes {made} and the data are {tuple(shape)}; set its size and channels")
        try:
            logits = copy.deepcopy(self.discriminator).eval()(pack(fake, self.packing))
        except RuntimeError as error:
            raise ValueError(f"the discriminator cannot take images of shape {tuple(shape)}: {error}") from error
        if logits.shape != (2,):
            raise ValueError(f"the discriminator makes {tuple(logits.shape)} of 2 images; it has to make (2,), logits")

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Save the counters and the sums of the losses beside the weights."""
        checkpoint["gannorm_gan"] = {name: getattr(self, name) for name in COUNTERS} | {"means": self.sums.state_dict()}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on counting from there."""
        saved = checkpoint["gannorm_gan"]
        for name in COUNTERS:
            setattr(self, name, saved[name])
        self.sums.load_state_dict(saved["means"])


def checked_adam(rates: tuple[float, float], betas: Sequence[float]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the options of both Adams, or say which is none."""
    if min(rates) < 0:
        raise ValueError(f"discriminator_rate={rates[0]}, generator_rate={rates[1]}: a rate is 0 or more")
    if len(betas) != 2 or not all(0 <= beta < 1 for beta in betas):
        raise ValueError(f"betas={list(betas)}: Adam takes two numbers, 0 or more and below 1")
    return rates, (float(betas[0]), float(betas[1]))


COUNTERS = ("images_seen", "averaged_at", "d_steps", "g_steps", "batch_size")


@contextmanager
def without_gradient(network: nn.Module) -> Iterator[None]:
    """Let gradients pass through a network and not stay in it."""
    taking = [parameter for parameter in network.parameters() if parameter.requires_grad]
    for parameter in taking:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in taking:
            parameter.requires_grad_(True)


def parameters_of(network: nn.Module) -> list[nn.Parameter]:
    """Return the parameters that are trained."""
    return [parameter for parameter in network.parameters() if parameter.requires_grad]


def at_least_float32(logits: Tensor) -> Tensor:
    """Return logits in a precision that losses can be summed in."""
    return logits if logits.dtype == torch.float64 else logits.float()

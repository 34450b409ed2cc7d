"""The only training loop: one discriminator step and one generator step for each batch of real images.

Everything that a norm study has to know about a step is a named option here: how real and fake images meet in the
discriminator, whether both steps see the same fakes, whether both networks move at once, which statistics samples are
drawn with.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from jaxtyping import Float
from torch import Tensor, nn

from gannorm import losses, norms, rng
from gannorm.ema import GeneratorEMA
from gannorm.gan import progress
from gannorm.gan.compiling import backend_of, compile_networks
from gannorm.gan.critic import Conditioned
from gannorm.gan.fitting import check_contradictions, check_first
from gannorm.gan.graph import GraphedStep
from gannorm.gan.labels import ask_for
from gannorm.gan.manual_ddp import check_strategy
from gannorm.gan.means import Means
from gannorm.gan.optimizers import OptimizerSpec, Plan
from gannorm.gan.options import JOINED, DiscriminatorBatches, Fakes, Updates, Which, check_options
from gannorm.gan.ranks import Ranks
from gannorm.gan.reference import prepare
from gannorm.gan.regularizer import Regularizer
from gannorm.gan.snapshot import snapshot_of
from gannorm.gan.steps import UPDATES
from gannorm.networks import DCGANDiscriminator, DCGANGenerator
from gannorm.remedies import Moment, Unrolling, pack
from gannorm.remedies import resolve as remedies_of
from gannorm.sampling import Sample, Statistics, latents, sampler

Rate = float | Mapping[str, Any]  # that may be a schedule
Specs = str | Mapping[str, Any] | Sequence[str | Mapping[str, Any]] | None


class GAN(pl.LightningModule):
    """A generator and a discriminator, trained against each other by manual optimization.

    Each batch of N real images is one discriminator step, then one generator step. No observer's forward pass and no
    generator step moves a buffer of the discriminator; only training passes move batch statistics.

    Of R processes (`ManualDDP`) each takes its share of a batch of N. What belongs to single samples is as with one
    process; what is computed over a batch, such as batch norm's statistics, is computed over the N/R samples of a
    share, and running statistics are the mean of all shares.

    Args:
        generator: `forward(z)` to images in [-1, 1], with `latent_dim`; None is a `DCGANGenerator` as it comes. With a
            `num_classes` above 0, which the discriminator has to share, both take labels (N,) after it. A fake has the
            label of the real sample at its place in the batch.
        discriminator: `forward(x)` to one logit per image; None is a `DCGANDiscriminator` as it comes.
        loss: A name of `gannorm.losses`, an import path, or an object with `discriminator` and `generator`.
        penalties: On the discriminator, such as "r1" or [{"name": "r1", "strength": 1.0}, "r2"]; `gannorm.penalties`.
        remedies: Against mode collapse, such as "mode_seeking" or {"name": "unrolling", "steps": 5}; those that are
            options of something else are listed with them in `gannorm.remedies`.
        generator_rate: Learning rate of the generator, a number or a schedule (`gannorm.schedules`).
        discriminator_rate: Learning rate of the discriminator.
        betas: Of Adam, for both networks; numbers or schedules.
        generator_optimizer: None = Adam; or the class path of another optimizer, with `init_args`.
        discriminator_optimizer: Likewise.
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
        cuda_graph: On a GPU, record the step once and replay it (`gannorm.gan.graph`); steps are taken as ever where
            that cannot be, and the reason is said.
        compile: A backend of `torch.compile` for both networks, such as "inductor", whose first steps take long.
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
        penalties: Specs = None,
        remedies: Specs = None,
        generator_rate: Rate = 2e-3,
        discriminator_rate: Rate = 2e-3,
        betas: Sequence[Rate] = (0.0, 0.99),
        generator_optimizer: OptimizerSpec = None,
        discriminator_optimizer: OptimizerSpec = None,
        discriminator_batches: DiscriminatorBatches = "separate",
        fakes: Fakes = "shared",
        updates: Updates = "alternating",
        discriminator_steps: int = 1,
        generator_steps: int = 1,
        ema_half_life: int = 40_000,
        statistics: Statistics = "running",
        cuda_graph: bool = False,
        compile: str | None = None,
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
        self.regularizer = Regularizer(penalties)
        self.remedies = remedies_of(remedies)
        self.unrolling = next((remedy for remedy in self.remedies if isinstance(remedy, Unrolling)), None)
        self.adversarial_weight = math.prod(remedy.adversarial_weight for remedy in self.remedies)
        self.plans = (
            Plan.of("discriminator", discriminator_optimizer, discriminator_rate, betas, self.regularizer.interval),
            Plan.of("generator", generator_optimizer, generator_rate, betas),
        )
        self.discriminator_batches = discriminator_batches
        self.joined = JOINED[discriminator_batches]  # in the discriminator's step, in the generator's step
        self.num_classes = getattr(self.generator, "num_classes", 0)  # 0 = nobody asks for labels
        self.packing = getattr(self.discriminator, "packing", 1)  # samples that the discriminator judges together
        self.fresh_fakes = fakes == "fresh"
        self.updates = updates
        self.take_step = GraphedStep(UPDATES[updates]) if cuda_graph else UPDATES[updates]
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
        self.backend = backend_of(compile)
        self.sums = Means()  # of what the steps yield, since they were last taken
        self.ranks = Ranks()
        self.running: list[Tensor] = []  # statistics of both networks that all processes share
        check_contradictions(self)

    def setup(self, stage: str) -> None:  # noqa: ARG002 (Lightning's signature)
        """Take down who trains beside this, and how often each class occurs in the data: samples are asked for so."""
        check_strategy(self.trainer)
        self.ranks = Ranks(self.global_rank, self.trainer.world_size)
        compile_networks(self)
        ask_for(self, getattr(getattr(self.trainer, "datamodule", None), "prior", None))

    def on_train_start(self) -> None:
        """Look up the running statistics, now that the networks are where they are trained."""
        self.running = norms.running_statistics(self.generator) + norms.running_statistics(self.discriminator)

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        """Return the optimizers of the discriminator and of the generator."""
        networks = (self.discriminator, self.generator)
        return [plan.build(network.parameters()) for plan, network in zip(self.plans, networks, strict=True)]

    def both_optimizers(self) -> tuple[Any, Any]:
        """Return the optimizers as Lightning has wrapped them, the discriminator's first."""
        found = self.optimizers()
        assert isinstance(found, list)
        return found[0], found[1]

    def training_step(self, batch: Tensor | Sequence[Tensor], _: int) -> None:
        """Take a step of the discriminator, and those of the generator where its turn has come."""
        real, *labels = (batch,) if isinstance(batch, Tensor) else batch
        if not self.images_seen:
            self.ranks.check_same([real, *labels])
            check_first(self, real, labels)
        self.ranks.check_shares(num_images := len(real), self.packing)
        real, *labels = (self.ranks.share(part, self.packing) for part in (real, *labels))
        for plan, optimizer in zip(self.plans, self.both_optimizers(), strict=True):
            plan.follow(optimizer, self.images_seen, self.total_images)
        self.take_step(self, real, labels[0] if self.num_classes else None)
        self.ranks.average([*self.running, *self.sums.sums.values()])
        self.images_seen += num_images
        self.batch_size = len(real) // self.packing
        if self.averaged is not None and self.d_steps % self.discriminator_steps == 0:
            since = self.images_seen - self.averaged_at
            self.averaged.update(self.generator, num_images=since, images_seen=self.images_seen)
            self.averaged_at = self.images_seen

    def critic(self, labels: Tensor | None, discriminator: Any = None) -> Any:
        """Return what judges samples of a batch, which may have labels."""
        discriminator = self.discriminator if discriminator is None else discriminator
        return discriminator if labels is None else Conditioned(discriminator, labels)

    def generate(self, z: Float[Tensor, "n z"], labels: Tensor | None = None) -> Float[Tensor, "n ..."]:
        """Return fakes: the members of a pack are as many passes, each with batch statistics of its own."""
        if labels is not None:
            return self.generator(z, labels)
        if self.packing == 1:
            return self.generator(z)
        return torch.cat([self.generator(member) for member in z.chunk(self.packing)])

    def see(self, images: Tensor, *stream: str | int) -> Tensor:
        """Return what the discriminator sees of images: altered by the remedies, then packed."""
        if self.remedies:
            moment = self.moment("seen", *stream)
            for remedy in self.remedies:
                images = remedy.see(images, moment)
        return pack(images, self.packing)

    def moment(self, *stream: str | int) -> Moment:
        """Return where the run is, with random numbers of this iteration."""
        generator = rng.generator(self.seed, *stream, self.d_steps, *self.ranks.stream())
        return Moment(self.images_seen, self.total_images, generator)

    def noise(self, num: int, *step: str | int) -> Float[Tensor, "n z"]:
        """Return this iteration's latent vectors: a function of seed and iteration, so that a resumed run has them."""
        name, *number = step
        generator = rng.generator(self.seed, "noise", name, self.d_steps, *number)
        whole = latents(self.generator, num * self.ranks.size, generator)
        return self.ranks.share(whole, self.packing).to(self.device)

    def step(self, optimizer: Any, loss: Tensor) -> None:
        """Minimize."""
        optimizer.zero_grad()
        self.manual_backward(loss)
        self.ranks.average_gradients(optimizer)
        optimizer.step()

    def add(self, **numbers: Tensor | None) -> None:
        """Take numbers into the means; None is none."""
        self.sums.add(**{name: number for name, number in numbers.items() if number is not None})

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
        return snapshot_of(self, which)

    def needs_data(self) -> bool:
        """Return whether a norm of either network has to see a batch before its first use."""
        return norms.needs_data(self.generator) or norms.needs_data(self.discriminator)

    def prepare(self, batch: Tensor | Sequence[Tensor]) -> None:
        """Show both networks the batch that some norms need first: real images, and latent vectors.

        Before the first step, and before a checkpoint is loaded; `gannorm.gan.reference.prepare`.
        """
        prepare(self, batch)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Save the counters and the sums of the losses beside the weights."""
        checkpoint["gannorm_gan"] = progress.of(self)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on counting from there."""
        progress.restore(self, checkpoint["gannorm_gan"])

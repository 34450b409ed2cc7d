"""Mode coverage while a generator trains: sample, judge, log, say one line, and tell the detector of collapse."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytorch_lightning as pl
from torch import nn

from gannorm import screen
from gannorm.callbacks.every import EveryImages
from gannorm.callbacks.reactions import Log, Reaction
from gannorm.callbacks.rows import RowMaker
from gannorm.callbacks.signals import Signals
from gannorm.collapse import SEVERITIES, Detector, Event, Row, Thresholds, code
from gannorm.evaluation import Evaluation, look
from gannorm.gan import GAN
from gannorm.gan.options import Which
from gannorm.judges import Judge
from gannorm.protocols import protocol
from gannorm.sampling import Sample, latent_dim
from gannorm.tracking import WandbLogger

LOGGED = 100  # modes whose shares are logged one by one
CHEAP = (
    "fake_gradient",
    "gradient_cosine",
    "steepness",
    "logit_gap",
    "feature_deviation",
)  # of a reading between two looks


class ModeCoverage(EveryImages):
    """Every k images, count the modes that a generator covers; for our `GAN` and for anybody's LightningModule.

    Each look is a row for a `gannorm.collapse.Detector`, whose events are said, logged and kept; a look that shows a
    collapse is repeated at once with fresh noise. It draws from random numbers of its own and restores everything it
    touches: with and without it the trained weights are the same, bit for bit.

    Args:
        generator: Name of the module's attribute that is a generator with `latent_dim`, or `sample(n, rng)` to images
            in [-1, 1]; None = a `GAN`'s own.
        data: Name of the protocol whose judge counts the modes (`gannorm.protocols.names()`), or a judge.
        every_images: Real images between two looks.
        num_samples: Drawn at each look; 2,048 detects a dropped mode of ten.
        seed: Of the samples; each look has fresh ones.
        which: Of a `GAN`: its averaged generator, or the raw one.
        real: Has `real(num, rng)`, as the data modules of this package: what copies among the samples are compared
            with. None = the protocol's data; with a judge of one's own, nothing.
        thresholds: Of the detector.
        reactions: To its events, see `gannorm.callbacks.reactions`.
        signals: Whose costly signals a look asks for; None = none.

    Attributes:
        latest: The last `Evaluation`; None before the first.
        looked_at: Images seen at the last look; None before the first.
        suspected: Whether the last look alone was bad, confirmed or not.
        detector: Knows the state, and all events and looks so far.

    Raises:
        ValueError: No such protocol.

    Example:
        >>> ModeCoverage(generator="netG", every_images=10_000).num_samples
        2048
    """

    def __init__(
        self,
        generator: str | Sample | None = None,
        *,
        data: str | Judge = "mnist",
        every_images: int = 32_000,
        num_samples: int = 2048,
        seed: int = 0,
        which: Which = "averaged",
        real: Any = None,
        thresholds: Thresholds | None = None,
        reactions: Sequence[Reaction] = (Log(),),
        signals: Signals | None = None,
    ) -> None:
        super().__init__(every_images)
        self.generator = generator
        self.judge: Judge = protocol(data).make_judge() if isinstance(data, str) else data
        self.num_samples = num_samples
        self.seed = seed
        self.which = which
        self.latest: Evaluation | None = None
        self.looked_at: int | None = None
        self.suspected = False
        self.rows = RowMaker(self.judge, protocol(data).make_data() if isinstance(data, str) else real, seed=seed)
        self.detector = Detector(self.judge.prior.tolist(), thresholds)
        self.reactions = tuple(reactions)
        self.signals = signals

    @property
    def state_key(self) -> str:
        """Two of these may watch two generators of one module."""
        return self._generate_state_key(generator=getattr(self.generator, "__name__", self.generator))

    @property
    def events(self) -> list[dict[str, Any]]:
        """All events so far, as they stand in events.jsonl."""
        return self.detector.events

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *args: Any) -> None:
        """Look where a moment has come, and pass on a reading of signals that was made at this step."""
        super().on_train_batch_end(trainer, pl_module, *args)
        if self.signals is not None and self.signals.read_at == self.images_seen:
            if trainer.is_global_zero:
                cheap: dict[str, Any] = {name: value for name, value in self.signals.latest.items() if name in CHEAP}
                self.react(trainer, self.detector.update(Row(images_seen=self.images_seen, **cheap)))
            self.follow(trainer)

    def act(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Look, in the first process; the others wait for what comes of it."""
        self.looked_at = self.images_seen
        if trainer.is_global_zero:
            self.examine(trainer, module)
        self.follow(trainer)

    def follow(self, trainer: pl.Trainer) -> None:
        """Do as the first process: stop, and look again, when it does."""
        trainer.should_stop, self.intervals = trainer.strategy.broadcast((trainer.should_stop, self.intervals))

    def examine(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Look once, log it, say it, and tell the detector."""
        sample = self.sampler_of(module)
        self.latest = self.look(sample, self.images_seen)
        log(trainer, self.latest.metrics, self.images_seen)
        screen.say(line(self.latest.metrics, self.images_seen))
        costly = self.signals.costly(module) if self.signals is not None and isinstance(module, GAN) else {}
        row = self.rows.row(self.latest, self.images_seen, {**costly, "churn": self.rows.churn(sample)})
        again = None
        if self.detector.needs_confirmation(row):
            again = self.rows.row(self.look(sample, f"{self.images_seen} again"), self.images_seen, {})
        events = self.detector.update(row, again)
        self.suspected = self.detector.suspects(row)
        log_state(trainer, self.detector, row)
        self.react(trainer, events)

    def has_looked(self) -> bool:
        """Return whether there was a look at this very step."""
        return self.looked_at == self.images_seen

    def look(self, sample: Sample | nn.Module, stream: int | str) -> Evaluation:
        """Return what the judge says of fresh samples."""
        return look(sample, self.judge, num_samples=self.num_samples, seed=self.seed, stream=stream)

    def react(self, trainer: pl.Trainer, events: list[Event]) -> None:
        """Let each reaction have its turn, in order."""
        for reaction in self.reactions:
            reaction.react(trainer, self, events)

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:  # noqa: ARG002
        """Find the generator before the first step, not at the first look; a `GAN` has one."""
        if self.generator is None and isinstance(pl_module, GAN):
            return
        if isinstance(found := self.sampler_of(pl_module), nn.Module):
            latent_dim(found)

    def sampler_of(self, module: pl.LightningModule) -> Sample | nn.Module:
        """Return what to draw from.

        Raises:
            ValueError: The module has no such attribute, or is no `GAN` and no generator was named.
        """
        if isinstance(self.generator, str):
            if not hasattr(module, self.generator):
                raise ValueError(f"generator={self.generator!r}: {type(module).__name__} has no such attribute")
            return getattr(module, self.generator)
        if self.generator is not None:
            return self.generator
        if not isinstance(module, GAN):
            raise ValueError(
                f"generator=None: {type(module).__name__} is no GAN of gannorm; name its attribute, "
                'such as ModeCoverage(generator="generator")'
            )
        return module.sample(self.which)

    def state_dict(self) -> dict[str, Any]:
        """Return what the next look needs, for a resumed run."""
        return super().state_dict() | {
            "looked_at": self.looked_at,
            "intervals": self.intervals,
            "rows": self.rows.state_dict(),
            "detector": self.detector.state_dict(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from there."""
        super().load_state_dict(state_dict)
        self.looked_at, self.intervals = state_dict["looked_at"], state_dict["intervals"]
        self.rows.load_state_dict(state_dict["rows"])
        self.detector.load_state_dict(state_dict["detector"])


def log_state(trainer: pl.Trainer, detector: Detector, row: Row) -> None:
    """Send what the detector makes of a look to every logger: its state is a mark on the charts."""
    figures: Mapping[str, Any] = detector.summary(row)
    state = {"state": code(detector.state), "severity": SEVERITIES.index(detector.severity)}
    values = {f"collapse/{name}": value for name, value in {**figures, **state}.items()}
    for logger in trainer.loggers:
        logger.log_metrics({"images_seen": row.images_seen, **values}, step=row.images_seen)


def flat(metrics: dict[str, Any], prefix: str = "coverage") -> dict[str, int | float]:
    """Return metrics as one number per key, those of single modes among them where they are not more than 100.

    Example:
        >>> flat({"covered_modes": 2, "kl": None, "shares": [0.5, 0.5]})
        {'coverage/covered_modes': 2, 'share/0': 0.5, 'share/1': 0.5}
    """
    numbers = {f"{prefix}/{name}": value for name, value in metrics.items() if isinstance(value, int | float)}
    shares = "share" if prefix == "coverage" else f"{prefix}_share"
    listed = metrics["shares"] if len(metrics["shares"]) <= LOGGED else []
    asked_for = "asked_for" if prefix == "coverage" else f"{prefix}_asked_for"
    by_class = {f"{asked_for}/{label}": share for label, share in enumerate(metrics.get("asked_for_by_class", []))}
    of_modes = {f"{shares}/{mode}": share for mode, share in enumerate(listed)} | by_class
    return numbers | {name: value for name, value in of_modes.items() if value is not None}


def log(trainer: pl.Trainer, metrics: dict[str, Any], images_seen: int, prefix: str = "coverage") -> None:
    """Send metrics to every logger, with the images seen as the x axis."""
    for logger in trainer.loggers:
        logger.log_metrics({"images_seen": images_seen, **flat(metrics, prefix)}, step=images_seen)
        if isinstance(logger, WandbLogger) and metrics["num_modes"] <= LOGGED:
            logger.log_bar("shares of the modes", metrics["shares"], images_seen)


def line(metrics: dict[str, Any], images_seen: int) -> str:
    """Return metrics as one short line; that of a class-conditional generator also says how well it obeys.

    Example:
        >>> line({"covered_modes": 9, "num_modes": 10, "effective_modes": 8.71, "high_quality": 0.8}, 30000)
        '    30,000 images   9/10 modes   8.71 effective   80.0 % accepted'
    """
    asked_for = metrics.get("asked_for")
    return (
        f"{images_seen:>10,} images   {metrics['covered_modes']}/{metrics['num_modes']} modes   "
        f"{metrics['effective_modes']:.2f} effective   {100 * metrics['high_quality']:.1f} % accepted"
        + ("" if asked_for is None else f"   {100 * asked_for:.1f} % as asked")
    )

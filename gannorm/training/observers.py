"""The run's own callbacks: who stops, checks, looks, saves and shows, and in which order."""

from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from gannorm import callbacks
from gannorm.callbacks.instruments import INSTRUMENTS
from gannorm.callbacks.reactions import LookMore, Stop
from gannorm.gan import GAN
from gannorm.records import nearest
from gannorm.training.errors import ConfigError
from gannorm.training.judging import judge_and_real
from gannorm.training.reacting import check_reactions, reactions_of, thresholds_of

CHECKPOINTS = 10  # of a run whose modes are not looked at


class Observers:
    """All callbacks of a run.

    Args:
        gan: That is trained.
        data: That it is trained on.
        config: Of the run.
        path: The run folder.
        times: As many times as long is the run as it says, because its steps take packs.

    Attributes:
        clock: Ends the run at its last image or minute, and knows how long it took.
        interrupts: Know which signal came.
        coverage: Counts modes; None where nobody can judge these data.
        stop: Ends the run where it collapses; None where that is not wanted.

    Raises:
        ConfigError: A reaction that this run cannot do, or a threshold that is none.
    """

    def __init__(self, gan: GAN, data: pl.LightningDataModule, config: Any, path: Path, times: int) -> None:
        self.config, self.path = config, path
        self.total_images = config.images * times
        self.every_look = config.evaluation.every_images * times
        self.every_save = self.every_look or max(1, config.images // CHECKPOINTS) * times
        self.every_reading = config.log_every_images * times
        self.thresholds = thresholds_of(config)
        judge, real = judge_and_real(data, config.evaluation.cells, gan.seed)
        check_reactions(config, judge is not None)
        check_instruments(config.evaluation.instruments)
        self.clock = callbacks.StopAt(self.total_images, config.minutes)
        self.interrupts = callbacks.Interrupts()
        self.signals = callbacks.Signals(self.every_reading)
        self.reactions = reactions_of(config, self.every_look)
        self.stop = next((reaction for reaction in self.reactions if isinstance(reaction, Stop)), None)
        self.coverage = None if judge is None else self.watch(judge, real, gan.seed)

    def watch(self, judge: Any, real: Any, seed: int) -> callbacks.ModeCoverage:
        """Return the callback that counts modes and tells the detector."""
        options = self.config.evaluation
        return callbacks.ModeCoverage(
            data=judge,
            every_images=self.every_look,
            num_samples=options.num_samples,
            seed=seed,
            which=options.generator,
            real=real,
            thresholds=self.thresholds,
            reactions=self.reactions,
            signals=self.signals,
        )

    def in_order(self) -> list[Callback]:
        """Return the callbacks in the order in which they act: they stop, check, look, save, show."""
        more = [reaction.more_often for reaction in self.reactions if isinstance(reaction, LookMore)]
        last = self.path / "checkpoints" / "last.ckpt"
        return [
            self.clock,
            self.interrupts,
            callbacks.StopTogether(self.clock, self.interrupts),
            callbacks.Losses(last, self.every_reading, self.every_save, *more),
            self.signals,
            *self.reading_layers(),
            *self.looking(),
            self.saving(),
            callbacks.Speed(self.every_reading),
            callbacks.ProgressBar(self.total_images, self.coverage),
        ]

    def reading_layers(self) -> list[Callback]:
        """Return the instruments that are wanted."""
        wanted = self.config.evaluation.instruments
        return [callbacks.Instruments(self.every_save, wanted)] if wanted else []

    def looking(self) -> list[Callback]:
        """Return those that look at samples, and keep what was seen."""
        if self.coverage is None:
            return []
        sheets = callbacks.SampleGrid(self.coverage, self.path / "samples")
        return [self.coverage, sheets, callbacks.EventFile(self.path / "events.jsonl", self.coverage)]

    def saving(self) -> callbacks.Checkpoints:
        """Return the one that saves checkpoints."""
        folder = self.path / "checkpoints"
        if self.coverage is not None and "keep" in self.config.collapse.reactions:
            return callbacks.KeptCheckpoints(folder, self.every_save, self.coverage)
        return callbacks.Checkpoints(folder, self.every_save, self.coverage)


def check_instruments(names: list[str]) -> None:
    """Refuse what is no instrument.

    Raises:
        ConfigError: A name that is none.
    """
    for name in names:
        if name not in INSTRUMENTS:
            raise ConfigError(f"evaluation.instruments: no instrument {name!r}; {nearest(name, INSTRUMENTS)}")

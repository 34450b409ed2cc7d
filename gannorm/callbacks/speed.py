"""How fast a run trains, for the dashboard alone: two runs of one configuration write the same metrics.csv."""

import time
from typing import Any

import pytorch_lightning as pl

from gannorm.callbacks.every import EveryImages
from gannorm.tracking import WandbLogger


class Speed(EveryImages):
    """Log images per second since the reading before to W&B, with all that the run did in between.

    Args:
        every_images: Real images between two readings.
    """

    def __init__(self, every_images: int) -> None:
        super().__init__(every_images)
        self.since = (0, time.perf_counter())

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Start the clock, where a resumed run goes on."""
        self.since = (self.images_seen, time.perf_counter())

    def act(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:  # noqa: ARG002
        """Log it."""
        (before, start), now = self.since, time.perf_counter()
        values: dict[str, Any] = {"images_seen": self.images_seen}
        values["speed/images_per_second"] = (self.images_seen - before) / max(now - start, 1e-9)
        self.since = (self.images_seen, now)
        for logger in trainer.loggers:
            if isinstance(logger, WandbLogger):
                logger.log_metrics(values)

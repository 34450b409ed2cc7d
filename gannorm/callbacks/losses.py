"""The losses of a run: read off the device now and then, logged, and checked for what is no number."""

import datetime
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from gannorm.callbacks.every import EveryImages
from gannorm.gan import GAN


class NotFiniteError(ArithmeticError):
    """A loss is no number any more; nothing after it means anything."""


class Losses(EveryImages):
    """Log the mean losses and logits since the last time; stop the run where one of them is not finite.

    It must come before whatever looks at samples or saves, and be told when those act: they are to see numbers only.

    Args:
        checkpoint: The last good one, to be named in the error.
        every_images: Real images between two readings: each makes the device wait.
    """

    def __init__(self, checkpoint: Path, *every_images: int) -> None:
        super().__init__(*every_images)
        self.checkpoint = checkpoint

    def act(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Read, check, log.

        Raises:
            NotFiniteError: A mean is NaN or infinite.
        """
        assert isinstance(module, GAN)
        self.check(means := module.take_means())
        steps = {"images_seen": module.images_seen, "d_steps": module.d_steps, "g_steps": module.g_steps}
        values = steps | {f"train/{name}": value for name, value in means.items()}
        for logger in trainer.loggers:
            logger.log_metrics(values, step=module.images_seen)

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *args: Any) -> None:
        """Read where a moment has come; where the run stops, only check: a resumed run reads at the same moments."""
        super().on_train_batch_end(trainer, pl_module, *args)
        if trainer.should_stop and isinstance(pl_module, GAN):
            self.check(pl_module.means())

    def check(self, means: Mapping[str, float]) -> None:
        """Raise NotFiniteError where a mean is none."""
        for name, value in means.items():
            if not math.isfinite(value):
                raise NotFiniteError(self.explain(name, value))

    def explain(self, name: str, value: float) -> str:
        """Return what happened when, and what is left."""
        moment = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
        there = self.checkpoint.exists()
        left = f"the last good checkpoint is {self.checkpoint}" if there else "there is no checkpoint"
        return f"{moment}: {name} is {value} after {self.images_seen:,} images; {left}; try a smaller rate"

"""The end of a run, in images seen or in minutes, and the clock of all its attempts."""

import time
from typing import Any

import pytorch_lightning as pl

from gannorm.gan import GAN


class StopAt(pl.Callback):
    """Stop after so many images, or after so many minutes, whichever comes first.

    Args:
        images: Real images shown to the discriminator, over all attempts.
        minutes: Over all attempts: a run that was killed has not more of them. None = no limit.
    """

    def __init__(self, images: int, minutes: float | None = None) -> None:
        self.images = images
        self.minutes = minutes
        self.start = time.monotonic()
        self.end: float | None = None
        self.earlier_seconds = 0.0  # of the attempts before this one

    @property
    def seconds(self) -> float:
        """Time since the first step, over all attempts."""
        return self.earlier_seconds + time.monotonic() - self.start

    @property
    def training_seconds(self) -> float:
        """Time from the first step to the last, over all attempts."""
        return self.seconds if self.end is None else self.earlier_seconds + self.end - self.start

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Note the end."""
        self.end = time.monotonic()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:  # noqa: ARG002
        """Note the end of a run that fails: what is found out about it afterwards is no training."""
        self.end = time.monotonic()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock; a run that was resumed at its end stops at once."""
        assert isinstance(pl_module, GAN)
        over = self.minutes is not None and self.earlier_seconds >= 60 * self.minutes
        self.start = time.monotonic()
        if pl_module.images_seen >= self.images or over:
            trainer.should_stop = True

    @property
    def late(self) -> bool:
        """Whether the minutes are over; `StopTogether` asks, because clocks of several processes differ."""
        return self.minutes is not None and self.seconds >= 60 * self.minutes

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        """Stop where all images have been seen."""
        assert isinstance(pl_module, GAN)
        if pl_module.images_seen >= self.images:
            trainer.should_stop = True

    def state_dict(self) -> dict[str, Any]:
        """Return the time so far."""
        return {"seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on counting from there."""
        self.earlier_seconds = state_dict["seconds"]

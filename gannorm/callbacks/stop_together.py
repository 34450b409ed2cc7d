"""A stop that not every process knows of: a signal that one of them got, or minutes by clocks that differ."""

import signal
from typing import Any

import pytorch_lightning as pl
import torch

from gannorm.callbacks.interrupts import Interrupts
from gannorm.callbacks.stop_at import StopAt
from gannorm.gan import GAN

EVERY = 16  # steps between two exchanges of several processes; one that trains alone looks at each step


class StopTogether(pl.Callback):
    """Stop all processes after the same step, where one of them has a reason; it must come after both that have.

    Args:
        clock: Knows whether the minutes are over.
        interrupts: Know the signal; afterwards every process knows it.
    """

    def __init__(self, clock: StopAt, interrupts: Interrupts) -> None:
        self.clock, self.interrupts = clock, interrupts

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        """Ask all, and stop if one says so."""
        assert isinstance(pl_module, GAN)
        if trainer.world_size > 1 and pl_module.d_steps % EVERY:
            return
        reasons = [int(self.interrupts.received or 0), int(self.clock.late)]
        if trainer.world_size > 1:
            reasons = trainer.strategy.reduce(torch.tensor(reasons, device=pl_module.device), reduce_op="max").tolist()
        if reasons[0]:
            self.interrupts.received = signal.Signals(reasons[0])
        trainer.should_stop = trainer.should_stop or any(reasons)

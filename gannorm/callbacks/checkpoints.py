"""Checkpoints of a run: the last one and the best one, each whole or not there."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import nn

from gannorm.callbacks.every import EveryImages
from gannorm.callbacks.mode_coverage import ModeCoverage


class Checkpoints(EveryImages):
    """Save `last.ckpt` at each look at the modes and where the run stops, and `best.ckpt`: most modes, then lowest KL.

    It follows the looks where these come more often, too. It must come after every callback that may stop the run.
    Where a run stops it acts at the end of that step, not when training has ended: by then Lightning has closed the
    epoch, and a resumed run would start the next one.

    Args:
        folder: Where they go.
        every_images: Real images between two of them.
        coverage: The callback whose looks decide what is best; it must come before this one. None = no best one.
    """

    at_the_end = True

    def __init__(self, folder: Path, every_images: int, coverage: ModeCoverage | None = None) -> None:
        super().__init__(every_images)
        self.folder = folder
        self.coverage = coverage
        self.best: tuple[int, float] | None = None  # covered modes, -KL

    @property
    def last(self) -> Path:
        """Where the last one is."""
        return self.folder / "last.ckpt"

    def reached(self, before: int, after: int) -> bool:
        """Return whether to save: at its own moments, and after each look."""
        return super().reached(before, after) or (self.coverage is not None and self.coverage.has_looked())

    def act(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Save, and keep a copy if it is the best."""
        latest = self.coverage.latest if self.coverage is not None and self.coverage.has_looked() else None
        best_now = latest is not None and self.improves(latest.metrics)
        self.save(trainer, module)
        if best_now and trainer.is_global_zero:
            self.copy("best.ckpt")

    def copy(self, name: str) -> None:
        """Keep a copy of the last one under another name, whole or not at all."""
        temporary = self.last.with_name(f"{name}.tmp")
        shutil.copyfile(self.last, temporary)
        os.replace(temporary, self.folder / name)

    def improves(self, metrics: dict[str, Any]) -> bool:
        """Return whether these metrics are the best so far, and remember them if so."""
        score = (metrics["covered_modes"], -float("inf") if metrics["kl"] is None else -metrics["kl"])
        if self.best is not None and score <= self.best:
            return False
        self.best = score
        return True

    def save(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Write `last.ckpt` beside the old one and put it in its place; weights that are no numbers are not saved."""
        if not all_finite(module):
            return
        temporary = self.last.with_name("last.tmp")
        if trainer.is_global_zero:
            self.folder.mkdir(parents=True, exist_ok=True)
        trainer.save_checkpoint(temporary)  # of several processes the first one writes
        if trainer.is_global_zero:
            os.replace(temporary, self.last)

    def state_dict(self) -> dict[str, Any]:
        """Return what was best."""
        return super().state_dict() | {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from there."""
        super().load_state_dict(state_dict)
        self.best = None if state_dict["best"] is None else tuple(state_dict["best"])


def all_finite(module: nn.Module) -> bool:
    """Return whether all parameters are numbers.

    Example:
        >>> all_finite(nn.Linear(1, 1))
        True
    """
    return bool(torch.stack([p.detach().sum() for p in module.parameters()]).isfinite().all())

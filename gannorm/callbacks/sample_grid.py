"""A picture of what was judged: one row for each mode, and a last row of what belongs to none."""

import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from jaxtyping import UInt8
from torch import Tensor

from gannorm.callbacks.mode_coverage import ModeCoverage
from gannorm.evaluation import Evaluation
from gannorm.evaluation.sheet import COLUMNS, sheet, to_picture
from gannorm.tracking import WandbLogger


def grid(evaluation: Evaluation, num_modes: int, columns: int = COLUMNS) -> UInt8[Tensor, "c rows_h columns_w"]:
    """Return the sample sheet of one look."""
    kinds = torch.where(evaluation.accepted, evaluation.judged.mode, num_modes)
    counts = torch.bincount(kinds, minlength=num_modes)[:num_modes]
    return sheet(evaluation.images, kinds, counts, columns)


class SampleGrid(pl.Callback):
    """Save the samples of each look at the modes as one PNG, and log it to W&B as one image.

    Args:
        coverage: The callback whose samples are shown; it must come before this one.
        folder: Where the PNGs go, named by images seen.

    Attributes:
        seconds: Spent saving, in this attempt.
    """

    def __init__(self, coverage: ModeCoverage, folder: Path) -> None:
        self.coverage = coverage
        self.folder = folder
        self.seconds = 0.0

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:  # noqa: ARG002
        """Save what the coverage callback has just judged."""
        latest = self.coverage.latest
        if not self.coverage.has_looked() or not trainer.is_global_zero or latest is None or latest.images.ndim != 4:
            return
        start = time.perf_counter()
        picture = to_picture(grid(latest, self.coverage.judge.num_modes))
        self.folder.mkdir(parents=True, exist_ok=True)
        picture.save(self.folder / sheet_name(self.coverage.images_seen))
        for logger in trainer.loggers:
            if isinstance(logger, WandbLogger):
                logger.log_image("samples", picture, self.coverage.images_seen)
        self.seconds += time.perf_counter() - start


def sheet_name(images_seen: int) -> str:
    """Return the name of the sheet of one look.

    Example:
        >>> sheet_name(32_000)
        '000032000.png'
    """
    return f"{images_seen:09d}.png"

"""A picture of what was judged: one row for each mode, and a last row of what belongs to none."""

from pathlib import Path

import pytorch_lightning as pl
import torch
from jaxtyping import UInt8
from torch import Tensor

from gannorm.callbacks.every import EveryImages
from gannorm.callbacks.mode_coverage import ModeCoverage
from gannorm.evaluation import Evaluation
from gannorm.evaluation.sheet import COLUMNS, sheet, to_picture
from gannorm.tracking import WandbLogger


def grid(evaluation: Evaluation, num_modes: int, columns: int = COLUMNS) -> UInt8[Tensor, "c rows_h columns_w"]:
    """Return the sample sheet of one look."""
    kinds = torch.where(evaluation.accepted, evaluation.judged.mode, num_modes)
    counts = torch.bincount(kinds, minlength=num_modes)[:num_modes]
    return sheet(evaluation.images, kinds, counts, columns)


class SampleGrid(EveryImages):
    """Save the samples of each look at the modes as one PNG, and log it to W&B as one image.

    Args:
        coverage: The callback whose samples are shown; it must come before this one.
        folder: Where the PNGs go, named by images seen.
    """

    def __init__(self, coverage: ModeCoverage, folder: Path) -> None:
        super().__init__(*coverage.intervals)
        self.coverage = coverage
        self.folder = folder

    def act(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:  # noqa: ARG002
        """Save what the coverage callback has just judged."""
        latest = self.coverage.latest
        if not trainer.is_global_zero or latest is None or latest.images.ndim != 4:
            return
        picture = to_picture(grid(latest, self.coverage.judge.num_modes))
        self.folder.mkdir(parents=True, exist_ok=True)
        picture.save(self.folder / f"{self.images_seen:09d}.png")
        for logger in trainer.loggers:
            if isinstance(logger, WandbLogger):
                logger.log_image("samples", picture, self.images_seen)

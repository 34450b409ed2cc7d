"""A picture of what was judged: a row of images for each mode, and of what belongs to none; or points in the plane."""

import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from gannorm import files
from gannorm.callbacks.mode_coverage import ModeCoverage
from gannorm.evaluation import Evaluation
from gannorm.evaluation.scatter import scatter
from gannorm.evaluation.sheet import COLUMNS, sheet, to_picture
from gannorm.judges import Judge
from gannorm.tracking import WandbLogger


def grid(evaluation: Evaluation, num_modes: int, columns: int = COLUMNS) -> UInt8[Tensor, "c rows_h columns_w"]:
    """Return the sample sheet of one look."""
    kinds = torch.where(evaluation.accepted, evaluation.judged.mode, num_modes)
    counts = torch.bincount(kinds, minlength=num_modes)[:num_modes]
    return sheet(evaluation.images, kinds, counts, columns)


def picture_of(evaluation: Evaluation, judge: Judge) -> Image.Image | None:
    """Return what a look saw; None of what cannot be shown, such as points of many dimensions."""
    if evaluation.images.ndim == 4:
        return to_picture(grid(evaluation, judge.num_modes))
    centers = getattr(judge, "centers", None)
    if not isinstance(centers, Tensor) or centers.shape[1:] != (2,):
        return None
    return scatter(evaluation.images, evaluation.accepted, centers)


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
        if not self.coverage.has_looked() or not trainer.is_global_zero or latest is None:
            return
        start = time.perf_counter()
        picture = picture_of(latest, self.coverage.judge)
        if picture is None:
            return
        with files.in_place_of(files.folder(self.folder) / sheet_name(self.coverage.images_seen)) as beside:
            picture.save(beside, format="PNG")
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

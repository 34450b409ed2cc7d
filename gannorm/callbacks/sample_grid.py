"""A picture of what was judged: one row for each mode, and a last row of what belongs to none."""

from pathlib import Path

import pytorch_lightning as pl
import torch
from jaxtyping import Int64, UInt8
from PIL import Image
from torch import Tensor

from gannorm import tracking
from gannorm.callbacks.every import EveryImages
from gannorm.callbacks.mode_coverage import ModeCoverage
from gannorm.data import to_pixels
from gannorm.evaluation import Evaluation
from gannorm.tracking import WandbLogger

COLUMNS = 12
GAP = 2  # pixels between pictures
GREY = -0.4
MOST_ROWS = 32  # the rejected samples' row among them


def grid(evaluation: Evaluation, num_modes: int, columns: int = COLUMNS) -> UInt8[Tensor, "c rows_h columns_w"]:
    """Return the first samples of each mode in a row of its own, then those that the judge rejects.

    An empty place is grey: a row with gaps is a mode with few samples. Of more than 31 modes only 31 have a row: the 16
    most frequent ones among the samples and the 15 least frequent, in that order.
    """
    kinds = torch.where(evaluation.accepted, evaluation.judged.mode, num_modes)
    rows = [evaluation.images[kinds == kind][:columns] for kind in [*shown(kinds, num_modes), num_modes]]
    _, channels, height, width = evaluation.images.shape
    sheet = torch.full((channels, (height + GAP) * len(rows) - GAP, (width + GAP) * columns - GAP), GREY)
    for i, row in enumerate(rows):
        for j, image in enumerate(row):
            top, left = i * (height + GAP), j * (width + GAP)
            sheet[:, top : top + height, left : left + width] = image
    return to_pixels(sheet)


def shown(kinds: Int64[Tensor, " n"], num_modes: int) -> list[int]:
    """Return the modes that have a row: all, or the most and the least frequent ones.

    Example:
        >>> shown(torch.tensor([5, 5, 7, 40]), 40)[:3], len(shown(torch.tensor([5]), 40)), shown(torch.tensor([1]), 3)
        ([5, 7, 0], 31, [0, 1, 2])
    """
    if num_modes < MOST_ROWS:
        return list(range(num_modes))
    counts = torch.bincount(kinds, minlength=num_modes)[:num_modes]
    order = counts.argsort(descending=True, stable=True).tolist()
    most = MOST_ROWS // 2
    return order[:most] + order[most + 1 - MOST_ROWS :]


def to_picture(pixels: UInt8[Tensor, "c h w"]) -> Image.Image:
    """Return pixels as a PIL picture, grey or RGB."""
    return tracking.to_picture(pixels.permute(1, 2, 0).cpu().numpy())


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

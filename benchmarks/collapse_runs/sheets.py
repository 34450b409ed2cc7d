"""Plain sheets of samples: what a person sees who judges a run without knowing what the detector says."""

from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from PIL import Image
from torch import Tensor

from gannorm.callbacks import ModeCoverage
from gannorm.callbacks.sample_grid import sheet_name
from gannorm.data import to_pixels
from gannorm.training.metrics_file import MetricsFile

SIDE = 10  # samples in a row, and rows


class PlainSheets(pl.Callback):
    """Save the first hundred samples of each look as they come, unsorted, to `plain/` in the run folder."""

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:  # noqa: ARG002
        """Save those of a look at the step before."""
        self.save(trainer)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Save those of the last look."""
        self.save(trainer)

    def save(self, trainer: pl.Trainer) -> None:
        """Save the samples of the look that was taken at this very moment."""
        for coverage in trainer.callbacks:  # type: ignore[attr-defined]
            if isinstance(coverage, ModeCoverage) and coverage.has_looked() and coverage.latest is not None:
                folder = run_folder(trainer) / "plain"
                folder.mkdir(exist_ok=True)
                plain_sheet(coverage.latest.images).save(folder / sheet_name(coverage.images_seen))


def run_folder(trainer: pl.Trainer) -> Path:
    """Return where the run's own metrics go."""
    return next(logger.path for logger in trainer.loggers if isinstance(logger, MetricsFile)).parent


def plain_sheet(images: Tensor) -> Image.Image:
    """Return a hundred images in ten rows."""
    pixels = to_pixels(images[: SIDE**2, 0])
    height, width = pixels.shape[-2:]
    rows = pixels.reshape(SIDE, SIDE, height, width).permute(0, 2, 1, 3).reshape(SIDE * height, SIDE * width)
    return Image.fromarray(rows.cpu().numpy())

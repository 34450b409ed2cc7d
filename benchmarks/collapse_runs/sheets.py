"""Plain sheets of samples: what a person sees who judges a run without knowing what the detector says."""

from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from jaxtyping import Float
from PIL import Image, ImageDraw
from torch import Tensor

from gannorm.callbacks import ModeCoverage
from gannorm.callbacks.sample_grid import sheet_name
from gannorm.data import to_pixels
from gannorm.training.metrics_file import MetricsFile

SIDE = 10  # samples in a row, and rows
PIXELS = 280  # of a sheet of points, as wide as one of digits
MARGIN = 0.6  # of the modes' extent on each side: a point further out is drawn at the edge
CIRCLE, GREY = 9, 110  # radius in pixels and shade of the marks where the modes are


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
                centers = getattr(coverage.judge, "centers", None)
                plain_sheet(coverage.latest.images, centers).save(folder / sheet_name(coverage.images_seen))


def run_folder(trainer: pl.Trainer) -> Path:
    """Return where the run's own metrics go."""
    return next(logger.path for logger in trainer.loggers if isinstance(logger, MetricsFile)).parent


def plain_sheet(samples: Tensor, centers: Float[Tensor, "k 2"] | None = None) -> Image.Image:
    """Return a hundred images in ten rows, or points of the plane with a circle where each mode is."""
    if centers is not None:
        return scatter(samples, centers)
    pixels = to_pixels(samples[: SIDE**2, 0])
    height, width = pixels.shape[-2:]
    rows = pixels.reshape(SIDE, SIDE, height, width).permute(0, 2, 1, 3).reshape(SIDE * height, SIDE * width)
    return Image.fromarray(rows.cpu().numpy())


def scatter(points: Float[Tensor, "n 2"], centers: Float[Tensor, "k 2"]) -> Image.Image:
    """Return all points of a look, white, and the modes as grey circles.

    Example:
        >>> import torch
        >>> sheet = scatter(torch.zeros(1, 2), torch.tensor([[-1.0, -1.0], [1.0, 1.0]]))
        >>> sheet.size, sheet.getpixel((PIXELS // 2, PIXELS // 2))
        ((280, 280), 255)
    """
    low, high = centers.min(0).values, centers.max(0).values
    reach = (high - low).max() * (0.5 + MARGIN)
    sheet = Image.new("L", (PIXELS, PIXELS), 0)
    draw = ImageDraw.Draw(sheet)

    def places(those: Tensor) -> list[tuple[float, float]]:
        """Return where points are on the sheet."""
        scaled = ((those.cpu() - (low + high) / 2) / reach).clamp(-1, 1).nan_to_num(1.0)
        return [(float(x), float(y)) for x, y in ((scaled + 1) / 2 * (PIXELS - 1)).tolist()]

    for x, y in places(centers):
        draw.ellipse((x - CIRCLE, y - CIRCLE, x + CIRCLE, y + CIRCLE), outline=GREY)
    for x, y in places(points):
        draw.rectangle((round(x), round(y), round(x) + 1, round(y) + 1), fill=255)
    return sheet

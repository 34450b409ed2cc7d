"""Checkpoints of a run: the last two and the best one, each whole or not there."""

import datetime
import io
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins import TorchCheckpointIO
from torch import nn

from gannorm import files
from gannorm._version import __version__
from gannorm.callbacks.every import EveryImages
from gannorm.callbacks.losses import NotFiniteError
from gannorm.callbacks.mode_coverage import ModeCoverage

LAST, PREVIOUS, BEST, NEXT = "last.ckpt", "previous.ckpt", "best.ckpt", "next.ckpt"
FORMAT = 1  # of a checkpoint; one that older code cannot read has a higher number


class FormatError(ValueError):
    """A checkpoint was written by a newer version."""


class Checkpoints(EveryImages):
    """Save `last.ckpt` at each look at the modes and where the run stops, and `best.ckpt`: most modes, then lowest KL.

    The one before stays as `previous.ckpt`. A new one is whole and on the disk as `next.ckpt`, and what is kept of it
    under other names too, before it takes the place of the last one: a run that is killed in between does it again.

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
        return self.folder / LAST

    def reached(self, before: int, after: int) -> bool:
        """Return whether to save: at its own moments, and after each look."""
        return super().reached(before, after) or (self.coverage is not None and self.coverage.has_looked())

    def act(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Save, and keep copies of what is worth it.

        Raises:
            NotFiniteError: A weight is no number; the checkpoints before are as they were.
        """
        if not all_finite(module):
            raise NotFiniteError(self.explain(module))
        self.save(trainer, self.kept_as(module) if trainer.is_global_zero else ())

    def explain(self, module: nn.Module) -> str:
        """Return which weight is no number since when, and what is left."""
        name = next(name for name, weight in module.named_parameters() if not weight.detach().isfinite().all())
        moment = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
        left = f"the last good checkpoint is {self.last}" if self.last.exists() else "there is no checkpoint"
        return f"{moment}: {name} is not finite after {self.images_seen:,} images; {left}; try a smaller rate"

    def kept_as(self, module: pl.LightningModule) -> list[str]:  # noqa: ARG002 (others look at it)
        """Return the names under which this one is to be kept, too; what is best by now stands in it already."""
        latest = self.coverage.latest if self.coverage is not None and self.coverage.has_looked() else None
        return [BEST] if latest is not None and self.improves(latest.metrics) else []

    def improves(self, metrics: dict[str, Any]) -> bool:
        """Return whether these metrics are the best so far, and remember them if so."""
        score = (metrics["covered_modes"], -float("inf") if metrics["kl"] is None else -metrics["kl"])
        if self.best is not None and score <= self.best:
            return False
        self.best = score
        return True

    def save(self, trainer: pl.Trainer, names: Sequence[str] = ()) -> None:
        """Write the next one beside the last one, keep it under other names, put it in the last one's place.

        Raises:
            NotWrittenError: It could not be written; those before are as they were.
        """
        written = files.folder(self.folder) / NEXT
        trainer.save_checkpoint(written)
        if not trainer.is_global_zero:
            return
        for name in names:
            with files.in_place_of(self.folder / name) as beside:
                shutil.copyfile(written, beside)
        if self.last.exists():
            os.replace(self.last, self.folder / PREVIOUS)
        os.replace(written, self.last)
        files.sync(self.folder)

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:  # noqa: ARG002
        """Let checkpoints be written whole; somebody's own way to write them stays."""
        if type(trainer.strategy.checkpoint_io) is TorchCheckpointIO:
            trainer.strategy.checkpoint_io = WholeCheckpoints()

    def on_save_checkpoint(
        self,
        trainer: pl.Trainer,  # noqa: ARG002 (Lightning's signature)
        pl_module: pl.LightningModule,  # noqa: ARG002
        checkpoint: dict[str, Any],
    ) -> None:
        """Say which format the checkpoint has, and who wrote it."""
        checkpoint |= {"gannorm_format": FORMAT, "gannorm_version": __version__}

    def state_dict(self) -> dict[str, Any]:
        """Return what was best."""
        return super().state_dict() | {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from there."""
        super().load_state_dict(state_dict)
        self.best = None if state_dict["best"] is None else tuple(state_dict["best"])


class WholeCheckpoints(TorchCheckpointIO):
    """Writes checkpoints beside their place and syncs them; Lightning's own way goes through the system's /tmp."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:  # noqa: ARG002
        """Write a checkpoint.

        Raises:
            NotWrittenError: It could not be written.
        """
        content = io.BytesIO()
        torch.save(checkpoint, content)
        files.write(Path(path), content.getvalue())


def check_format(checkpoint: Mapping[str, Any], path: Path) -> None:
    """Make sure that a checkpoint can be read by this version; one that says nothing is of the first format.

    Raises:
        FormatError: It is of a later format.
    """
    if (found := checkpoint.get("gannorm_format", FORMAT)) != FORMAT:
        raise FormatError(
            f"{path} is a checkpoint of format {found}, and this version reads format {FORMAT}; "
            f"install gannorm {checkpoint.get('gannorm_version', 'as new as it')}, which wrote it"
        )


def all_finite(module: nn.Module) -> bool:
    """Return whether all parameters are numbers.

    Example:
        >>> all_finite(nn.Linear(1, 1))
        True
    """
    return bool(torch.stack([p.detach().isfinite().all() for p in module.parameters()]).all())

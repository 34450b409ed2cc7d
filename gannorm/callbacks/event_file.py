"""Dated events of a run as a file, one JSON object a line."""

import json
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from gannorm import files
from gannorm.callbacks.mode_coverage import ModeCoverage


class EventFile(pl.Callback):
    """Write all events at the step of a new one: the file is always what the run so far says, a resumed one too.

    Args:
        path: events.jsonl of the run folder.
        coverage: Whose events; it must come before this one.
    """

    def __init__(self, path: Path, coverage: ModeCoverage) -> None:
        self.path = path
        self.coverage = coverage
        self.written: int | None = None  # events in the file; None = it is not there, or another attempt's

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:  # noqa: ARG002
        """Write them where there are others than before; at the first look an empty file, if there is none."""
        if not trainer.is_global_zero or self.coverage.looked_at is None:
            return
        if self.written != len(self.coverage.events):
            self.written = len(self.coverage.events)
            files.write(self.path, "".join(json.dumps(event) + "\n" for event in self.coverage.events))

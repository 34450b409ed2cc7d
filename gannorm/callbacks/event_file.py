"""Dated events of a run as a file, one JSON object a line."""

import json
import os
from pathlib import Path

import pytorch_lightning as pl

from gannorm.callbacks.every import EveryImages
from gannorm.callbacks.mode_coverage import ModeCoverage


class EventFile(EveryImages):
    """Write all events after each look at the modes: the file is always what the run so far says, a resumed one too.

    Args:
        path: events.jsonl of the run folder.
        coverage: Whose events; it must come before this one.
    """

    def __init__(self, path: Path, coverage: ModeCoverage) -> None:
        super().__init__(*coverage.intervals)
        self.path = path
        self.coverage = coverage

    def act(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:  # noqa: ARG002
        """Write them."""
        if trainer.is_global_zero:
            temporary = self.path.with_suffix(".tmp")
            temporary.write_text("".join(json.dumps(event) + "\n" for event in self.coverage.events))
            os.replace(temporary, self.path)

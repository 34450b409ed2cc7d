"""A callback that notes in a file when a run took its first step, when it covered all modes, and who took how long."""

import json
import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from gannorm.callbacks import ModeCoverage


class Clock(pl.Callback):
    """Write what a run did when, as one JSON object, at its end.

    Args:
        path: Of the file.
    """

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self.noted: dict[str, Any] = {"all_modes": None}

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        """Note the end of the first step, and of the first look at all modes: one step late, this one comes first."""
        self.noted.setdefault("first_step", time.time())
        coverage = next((one for one in trainer.callbacks if isinstance(one, ModeCoverage)), None)
        latest = None if coverage is None else coverage.latest
        if self.noted["all_modes"] is None and latest is not None:
            metrics = latest.metrics
            self.noted["all_modes"] = time.time() if metrics["covered_modes"] == metrics["num_modes"] else None

    def on_train_end(self, trainer: pl.Trainer, *_: Any) -> None:
        """Write it down, with the seconds that each observer acted."""
        self.noted["end"] = time.time()
        observers = {type(one).__name__: getattr(one, "seconds", None) for one in trainer.callbacks}
        self.noted["observers"] = {name: value for name, value in observers.items() if value is not None}
        self.path.write_text(json.dumps(self.noted))

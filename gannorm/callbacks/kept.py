"""Checkpoints that outlive a collapse: that of the last healthy look, and that of the best coverage."""

import json
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from gannorm import files
from gannorm.callbacks.checkpoints import Checkpoints
from gannorm.callbacks.mode_coverage import ModeCoverage
from gannorm.collapse import STATES
from gannorm.gan import GAN

WARN = STATES["mode dropped"].level


class KeptCheckpoints(Checkpoints):
    """Keep `last-healthy.ckpt` and `best-coverage.ckpt` too, the latter with its score beside it.

    The best of many noisy looks flatters. So a look that has more effective modes than the best one so far is only a
    candidate: it is scored again on fresh noise, and this second score is what it has to be better with, and what
    `best-coverage.json` says. `best.ckpt` is what it always was: the best of the looks.

    Args:
        folder: Where they go.
        every_images: Real images between two of them.
        coverage: The callback whose looks decide; it must come before this one.
    """

    def __init__(self, folder: Path, every_images: int, coverage: ModeCoverage) -> None:
        super().__init__(folder, every_images, coverage)
        self.looks = coverage
        self.best_effective = 0.0  # modes, on fresh noise

    def kept_as(self, module: pl.LightningModule) -> list[str]:
        """Return the names under which this one is worth keeping."""
        names, detector = super().kept_as(module), self.looks.detector
        if not self.looks.has_looked():
            return names
        if detector.memory.mature and STATES[detector.state].level < WARN and not self.looks.suspected:
            names.append("last-healthy.ckpt")
        assert isinstance(module, GAN)
        return [*names, "best-coverage.ckpt"] if self.is_best(module) else names

    def is_best(self, gan: GAN) -> bool:
        """Score a candidate again; return whether it is still the best, and write down its score if so."""
        assert self.looks.latest is not None
        if self.looks.latest.metrics["effective_modes"] <= self.best_effective:
            return False
        again = self.looks.look(self.looks.sampler_of(gan), f"{self.images_seen} best").metrics
        if again["effective_modes"] <= self.best_effective:
            return False
        self.best_effective = again["effective_modes"]
        text = json.dumps({"images_seen": self.images_seen, **again}, indent=2)
        files.write(files.folder(self.folder) / "best-coverage.json", text + "\n")
        return True

    def state_dict(self) -> dict[str, Any]:
        """Return what was best."""
        return super().state_dict() | {"best_effective": self.best_effective}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from there."""
        super().load_state_dict(state_dict)
        self.best_effective = state_dict["best_effective"]

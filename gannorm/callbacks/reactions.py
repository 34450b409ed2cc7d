"""What is done about the detector's events: each a small class, wanted by name in `collapse.reactions`."""

from typing import TYPE_CHECKING, Protocol, runtime_checkable

import pytorch_lightning as pl

from gannorm import screen
from gannorm.collapse import STATES, Event
from gannorm.tracking import WandbLogger

if TYPE_CHECKING:
    from gannorm.callbacks.mode_coverage import ModeCoverage

WARN = STATES["mode dropped"].level


@runtime_checkable
class Reaction(Protocol):
    """Something to do after each look and each reading of signals, whether there is an event or not."""

    def react(self, trainer: pl.Trainer, coverage: "ModeCoverage", events: list[Event]) -> None:
        """Do it."""


class Log:
    """Say each event on the screen: a warning, or a line where it is harmless."""

    def react(self, trainer: pl.Trainer, coverage: "ModeCoverage", events: list[Event]) -> None:  # noqa: ARG002
        """Say it."""
        for event in events:
            (screen.warn if STATES[event.state].level >= WARN else screen.say)(event.text)


class Alert:
    """Send each event from "warn" on to Weights & Biases as an alert: one for each change of state."""

    def react(self, trainer: pl.Trainer, coverage: "ModeCoverage", events: list[Event]) -> None:  # noqa: ARG002
        """Send it."""
        for event in events:
            for logger in trainer.loggers:
                if isinstance(logger, WandbLogger) and STATES[event.state].level >= WARN:
                    logger.alert(event.state, event.text)


class LookMore:
    """Look more often while something is raised, from a precursor on.

    Args:
        every_images: Real images between two looks in quiet times.
        times: How many times as often.
    """

    def __init__(self, every_images: int, times: int) -> None:
        self.every_images = every_images
        self.more_often = max(1, every_images // times)

    def react(self, trainer: pl.Trainer, coverage: "ModeCoverage", events: list[Event]) -> None:  # noqa: ARG002
        """Set the time to the next look."""
        coverage.intervals = [self.more_often if coverage.detector.active else self.every_images]


class Stop:
    """Stop the run where its state is as bad as this one.

    Args:
        state: Of `gannorm.collapse.STATES`, with severity "warn" at least; a worse one stops as well.

    Attributes:
        reason: Why the run was stopped; empty where it was not.
    """

    def __init__(self, state: str) -> None:
        self.states = list(STATES)[list(STATES).index(state) :]
        self.reason = ""

    def react(self, trainer: pl.Trainer, coverage: "ModeCoverage", events: list[Event]) -> None:  # noqa: ARG002
        """Stop at the end of this step."""
        if coverage.detector.state in self.states:
            trainer.should_stop = True
            self.reason = f"collapse: {coverage.detector.state} at {coverage.images_seen:,} images"


class Keep:
    """Keep the checkpoints of the last healthy look and of the best coverage; `KeptCheckpoints` copies them."""

    def react(self, trainer: pl.Trainer, coverage: "ModeCoverage", events: list[Event]) -> None:
        """Do nothing yet: the checkpoint of this look is written after it."""

"""How a run ended, and what a command exits with then."""

from dataclasses import dataclass
from signal import Signals
from typing import Any

from gannorm.callbacks.interrupts import EXIT_CODES
from gannorm.training.run_folder import RunFolder

COLLAPSED = 3  # exit code of a run that the collapse policy stopped


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        folder: The run folder.
        results: What stands in its results.json.
        quiet: Whether standard output is to stay empty.
        was_finished: Whether it had been finished before, and nothing was done.
        is_first: Whether this is the run's first process, or its only one; the others have no results.
        signal: What stopped it, if something did.
        collapsed: Whether the collapse policy stopped it.
    """

    folder: RunFolder
    results: dict[str, Any]
    quiet: bool = False
    was_finished: bool = False
    is_first: bool = True
    signal: Signals | None = None
    collapsed: bool = False

    @property
    def exit_code(self) -> int:
        """Return what a command has to exit with."""
        if self.signal is not None:
            return EXIT_CODES[self.signal]
        return COLLAPSED if self.collapsed else 0

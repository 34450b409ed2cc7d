"""How often a run is begun, whoever runs it: again where its process died or a signal stopped it, but not for ever."""

from collections import Counter
from dataclasses import dataclass, field

from gannorm.study.journal import Line
from gannorm.study.worker import Task

ATTEMPTS = 3  # of a run that something else ends


@dataclass
class Attempts:
    """How often each task was begun.

    Attributes:
        begun: By the task's key.
    """

    begun: Counter[str] = field(default_factory=Counter)

    def begin(self, task: Task) -> None:
        """Note that a task is begun."""
        self.begun[task.key] += 1

    def more(self, task: Task) -> bool:
        """Return whether it may be begun once more."""
        return self.begun[task.key] < ATTEMPTS


def lost(task: Task, reason: str) -> Line:
    """Return the line of a task of which nobody came back to tell."""
    return task.told | {"id": task.id, "status": "failed", "reason": reason}

"""Ctrl-C, SIGTERM and SIGUSR1: finish the step, save, stop. A second one stops at once."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

import pytorch_lightning as pl

from gannorm import screen

EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGUSR1: 138}  # the last: of SLURM, some time before


class Interrupts(pl.Callback):
    """Note signals, for `StopTogether` to stop between two steps: inside one no checkpoint can be resumed exactly.

    It holds the signals while it is entered, `with interrupts:`, and gives them back afterwards, whatever happens.

    Attributes:
        received: The signal that came, or None.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "Interrupts":
        if threading.current_thread() is threading.main_thread():  # no other thread may
            self._previous = {number: signal.signal(number, self.receive) for number in EXIT_CODES}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Take the signals again: Lightning has taken SIGTERM in between, and gives it back to this one."""
        for number in self._previous:
            signal.signal(number, self.receive)

    def receive(self, number: int, _: FrameType | None) -> None:
        """Note the signal; give it back its usual effect for the second time."""
        self.received = signal.Signals(number)
        signal.signal(number, self._previous.get(self.received, signal.SIG_DFL))
        screen.warn(f"{self.received.name}: saving after this step; once more stops at once")

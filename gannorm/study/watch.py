"""Whether something happens: a run of which nothing new is written for long hangs, a study may wait for its first."""

import os
import threading
import time
from pathlib import Path

from gannorm import screen

PATIENCE = 30.0  # minutes
TRACES = ("metrics.csv", "checkpoints/last.ckpt", "results.json")
NOTICE = 60.0  # seconds without a start after which it is told
LOOKS = 4  # at the traces within the time that a run is given


class Watch:
    """What a run has left on the disk, and since when it is that.

    Args:
        folder: Of the run; it may not be there yet.
        minutes: After which a run of which nothing new is written hangs.
    """

    def __init__(self, folder: Path, minutes: float) -> None:
        self.folder, self.seconds = folder, 60 * minutes
        self.seen, self.since = traces(folder), time.monotonic()

    def hangs(self) -> bool:
        """Look once more, and return whether nothing has been new for too long."""
        now = traces(self.folder)
        if now != self.seen:
            self.seen, self.since = now, time.monotonic()
        return time.monotonic() - self.since > self.seconds

    @property
    def pause(self) -> float:
        """Return how many seconds may lie between two looks."""
        return self.seconds / LOOKS

    def end_this_process(self, over: threading.Event) -> None:
        """Look until it is over, and end this process if its run hangs: for where nobody else can."""
        while not over.wait(self.pause):
            if self.hangs():
                os._exit(1)


class Notice:
    """Tells once where nothing has started for long: a cluster whose nodes are taken says nothing by itself.

    Args:
        lock: A file that each task touches when it starts.

    Attributes:
        seconds: To wait before the next look; None = for ever.
    """

    def __init__(self, lock: Path) -> None:
        self.lock = lock
        self.before = touched(lock)
        self.seconds: float | None = NOTICE

    def look(self, ended: bool) -> None:
        """Tell, if there is something to tell."""
        started = ended or touched(self.lock) != self.before
        if not started and self.seconds is not None:
            screen.warn(f"nothing has started for {self.seconds:.0f} s; `ray status` says who has the cluster's nodes")
        self.seconds = None


def touched(path: Path) -> int | None:
    """Return when a file was last touched; None where it is not there."""
    return path.stat().st_mtime_ns if path.exists() else None


def traces(folder: Path) -> list[tuple[int, int] | None]:
    """Return size and time of each file that grows with a run."""
    return [trace(folder / name) for name in TRACES]


def trace(path: Path) -> tuple[int, int] | None:
    """Return size and time of a file; None where it is not there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns

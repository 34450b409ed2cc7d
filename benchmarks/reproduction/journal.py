"""The journal: one line of JSON for each run that came to its end, so that no run has to be made twice."""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from gannorm import records

FILE = Path(__file__).parents[1] / "reproduction.jsonl"
LARGEST = 2**20  # bytes; it is committed


class JournalError(ValueError):
    """A journal that cannot be read or may not grow."""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """What the run's own looks saw, one number for each of them; modes and KL of accepted samples.

    Attributes:
        images: Real images shown so far.
        modes: Modes with at least one sample.
        kl: To the frequencies of the data, in nats, uncorrected; None where no sample was accepted.
        high_quality_percent: Share of accepted samples.
    """

    images: tuple[int, ...] = ()
    modes: tuple[int, ...] = ()
    kl: tuple[float | None, ...] = ()
    high_quality_percent: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One run.

    Attributes:
        preset: Its name.
        seed: Of the run, and of the samples that were measured.
        status: Whether it came to its end, or its losses were no numbers any more.
        reason: Why it failed.
        asked: Steps of the discriminator that were asked for.
        steps: Those that were taken; fewer in a failed run.
        images: Real images shown to the discriminator.
        share: Of the paper's length that was asked for.
        protocol: What it was measured under, with its version.
        num_samples: N.
        generator: Raw, or averaged.
        statistics: Which ones batch norm sampled with.
        modes: As the paper counts; None for a failed run.
        kl: As the paper counts, in nats.
        high_quality_percent: As the paper counts.
        covered_modes: As we count.
        effective_modes: As we count.
        curve: Over the run.
        seconds: From the first step to the last, looks included.
        machine: Processor, or accelerator.
        torch: Version.
        gannorm: Version.
        config: SHA-256 of what a step computes; see `presets.config_hash`.
    """

    preset: str
    seed: int
    status: Literal["finished", "failed"]
    reason: str = ""
    asked: int
    steps: int
    images: int
    share: float
    protocol: str
    num_samples: int | None = None
    generator: str | None = None
    statistics: str | None = None
    modes: int | None = None
    kl: float | None = None
    high_quality_percent: float | None = None
    covered_modes: int | None = None
    effective_modes: float | None = None
    curve: Curve = Curve()
    seconds: float
    machine: str
    torch: str
    gannorm: str
    config: str

    @property
    def key(self) -> tuple[str, int, int, str]:
        """What makes two runs one."""
        return self.preset, self.seed, self.asked, self.config


def read(path: Path = FILE) -> list[Entry]:
    """Return the runs of a journal; a last line that was cut off is none.

    Raises:
        JournalError: Another line is damaged.
        RecordError: A line has other keys or types.
    """
    lines = whole_lines(path)
    found = []
    for number, line in enumerate(lines, 1):
        try:
            content = json.loads(line)
        except ValueError as error:
            raise JournalError(f"{path.name}, line {number} is no JSON: {error}") from None
        found.append(records.record(Entry, content, f"{path.name}, line {number}"))
    return found


def whole_lines(path: Path) -> list[bytes]:
    """Return the lines that end, without what a killed process left behind them."""
    return path.read_bytes().split(b"\n")[:-1] if path.exists() else []


def append(entry: Entry, path: Path = FILE) -> bool:
    """Add a run, and be sure that it is on the disk; return whether it was new.

    Raises:
        JournalError: A line is damaged, or the file would be too large to be committed.
        RecordError: A line has other keys or types.
    """
    with alone(path.parent):
        if entry.key in keys(read(path)):
            return False
        lines = [*whole_lines(path), json.dumps(asdict(entry), ensure_ascii=False).encode()]
        text = b"".join(line + b"\n" for line in lines)
        if len(text) > LARGEST:
            raise JournalError(
                f"{path.name} would be larger than {LARGEST:,} bytes; take out runs of old configurations"
            )
        temporary = path.with_suffix(".tmp")
        with temporary.open("wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    return True


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Wait until no other process writes a journal in a folder, and keep others waiting."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def keys(entries: Iterable[Entry]) -> set[tuple[str, int, int, str]]:
    """Return what has been run."""
    return {entry.key for entry in entries}


def spread(number: int, most: int) -> list[int]:
    """Return at most so many places out of a row, evenly apart, the last one among them.

    Example:
        >>> spread(7, 3), spread(2, 20)
        ([1, 4, 6], [0, 1])
    """
    kept = min(number, most)
    return [round((place + 1) * number / kept) - 1 for place in range(kept)]

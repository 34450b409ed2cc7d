"""How steps are timed: each loop takes its batches from a loader that notes when; start and end do not count."""

import contextlib
import importlib.metadata
import io
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import torch

from benchmarks.reproduction.measuring import machine

WARM_UP, STEPS = 10, 60  # steps of each loop in a round: not timed, timed
PACKAGES = ("torch", "torchvision", "pytorch-lightning", "torchgan", "torch-mimicry")


class Laps:
    """The moments at which steps began.

    Example:
        >>> laps = Laps(warm_up=1)
        >>> laps.moments = [0.0, 5.0, 6.0, 7.0]
        >>> laps.seconds
        1.0
    """

    def __init__(self, warm_up: int | None = None) -> None:
        self.warm_up = WARM_UP if warm_up is None else warm_up
        self.moments: list[float] = []

    def mark(self) -> None:
        """Note that a step begins."""
        self.moments.append(time.perf_counter())

    @property
    def seconds(self) -> float:
        """Mean seconds of a step, fetching its batch included, without the steps that warm up."""
        timed = self.moments[self.warm_up :]
        return (timed[-1] - timed[0]) / (len(timed) - 1)


def marked(batches: Iterable[Any], laps: Laps) -> Iterator[Any]:
    """Yield batches, with a mark before each is fetched, and one after the last step."""
    fetched = iter(batches)
    while True:
        laps.mark()
        try:
            batch = next(fetched)
        except StopIteration:
            return
        yield batch


class Timed:
    """Some batches of a loader, marked.

    Args:
        loader: Has enough batches, of its `batch_size`.
        laps: Are marked.
    """

    def __init__(self, loader: Any, laps: Laps) -> None:
        self.loader, self.laps, self.number = loader, laps, WARM_UP + STEPS
        self.batch_size = loader.batch_size

    def __len__(self) -> int:
        return self.number

    def __iter__(self) -> Iterator[Any]:
        return marked(islice(self.loader, self.number), self.laps)


def in_turn(loops: Mapping[str, Callable[[], float]], rounds: int, warm_up: int = 0) -> dict[str, list[float]]:
    """Return what each of several measurements gave, round after round, so that a slow minute slows all of them.

    Args:
        loops: By name: what measures once and returns a number.
        rounds: How often.
        warm_up: Rounds before them whose numbers are thrown away.
    """
    found: dict[str, list[float]] = {name: [] for name in loops}
    for number in range(rounds + warm_up):
        for name, measure in loops.items():
            value = measure()
            found[name] += [value] if number >= warm_up else []
    return found


def ratios(found: Mapping[str, list[float]], baseline: str) -> dict[str, float]:
    """Return how many times as long as the baseline of its own round each took, the median over rounds.

    Example:
        >>> ratios({"ours": [1.0, 2.0, 1.0], "theirs": [3.0, 4.0, 3.0]}, "ours")
        {'ours': 1.0, 'theirs': 3.0}
    """
    base = found[baseline]
    return {
        name: statistics.median(one / other for one, other in zip(values, base, strict=True))
        for name, values in found.items()
    }


def spread(values: Iterable[float], scale: float = 1e3, digits: int = 1) -> str:
    """Return a median and the range around it, seconds as milliseconds.

    Example:
        >>> spread([0.001, 0.0025, 0.002])
        '2.0 (1.0–2.5)'
    """
    numbers = sorted(scale * value for value in values)
    return f"{statistics.median(numbers):.{digits}f} ({numbers[0]:.{digits}f}–{numbers[-1]:.{digits}f})"


def where() -> dict[str, Any]:
    """Return on what machine, and with what, something was measured."""
    return {
        "processor": machine("cpu"),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "python": platform.python_version(),
        "versions": {name: version for name in PACKAGES if (version := version_of(name)) is not None},
    }


def version_of(package: str) -> str | None:
    """Return the version of what is installed; None where it is not."""
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version(package)
    return None


def said(place: Mapping[str, Any], packages: Sequence[str] = ("torch",)) -> str:
    """Return a machine in words.

    Args:
        place: As `where` returns it.
        packages: Whose versions are said, where they are installed.

    Example:
        >>> said({"processor": "ACME 1", "cores": 2, "threads": 1, "gpu": None, "versions": {"torch": "2.14"}})
        'ACME 1, 2 cores, 1 thread, no GPU, torch 2.14'
    """
    threads = f"{place['threads']} thread{'s' * (place['threads'] > 1)}"
    versions = ", ".join(f"{name} {place['versions'][name]}" for name in packages if name in place["versions"])
    return f"{place['processor']}, {place['cores']} cores, {threads}, {place['gpu'] or 'no GPU'}, {versions}"


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Let loops that print at every step print into nothing, which costs them less than a terminal."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield

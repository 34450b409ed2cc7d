"""Who can run a study: one row for each launcher."""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from gannorm.study.journal import Line
from gannorm.study.local import Local, workers_that_fit
from gannorm.study.matrix import Study
from gannorm.study.worker import Task


@runtime_checkable
class Launcher(Protocol):
    """Whoever has tasks done."""

    @property
    def workers(self) -> int:
        """Return how many at a time."""

    def run(self, tasks: Sequence[Task]) -> Iterator[Line]:
        """Yield the line of each task as it ends."""


def local(study: Study, place: Path, options: argparse.Namespace) -> Launcher:
    """Return processes of this machine."""
    return Local(options.workers or workers_that_fit(), place, study.name, options.patience)


def ray(study: Study, place: Path, options: argparse.Namespace) -> Launcher:
    """Return tasks of a Ray cluster."""
    from gannorm.study.ray import Cluster

    return Cluster(place, study.name, options.address, options.gpus, options.workers, options.patience)


@dataclass(frozen=True)
class Kind:
    """One kind of launcher.

    Attributes:
        make: Returns it, for a study and its folder.
        fitting: How many runs it does at a time where nobody says; None of a cluster, which is not asked before
            something starts.
    """

    make: Callable[[Study, Path, argparse.Namespace], Launcher]
    fitting: Callable[[], int | None]


LAUNCHERS: dict[str, Kind] = {"local": Kind(local, workers_that_fit), "ray": Kind(ray, lambda: None)}
"""All launchers by name."""

"""How long a study will take: from runs that have ended, or from a few short ones of cells that differ most."""

import math
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from gannorm.study.errors import StudyError
from gannorm.study.identify import arguments
from gannorm.study.matrix import Cell, Job, Study
from gannorm.study.worker import set_up

SHORT = 24  # a calibration is as long as a run divided by this
CALIBRATED = 4  # cells that are tried

Timed = tuple[Cell, float]  # a cell, and the seconds that a run of it took


def seconds_of(study: Study, waiting: Sequence[Job], ended: Sequence[Timed]) -> tuple[list[float], str]:
    """Return how long each run will take, and what that was taken from.

    Args:
        study: Whose runs they are.
        waiting: Runs that are to come.
        ended: Those that have been.
    """
    source = f"{len(ended)} runs that have ended"
    if not ended:
        tried = different(waiting)
        ended = [(job.cell, calibrated(study, job)) for job in tried]
        source = f"{len(tried)} short runs"
    expected = zip(waiting, fitted(ended, [job.cell for job in waiting]), strict=True)
    return [min(seconds, limit(study, job)) for job, seconds in expected], source


def different(jobs: Sequence[Job]) -> list[Job]:
    """Return jobs of a few cells, each the one with most levels that none before it has."""
    chosen: list[Job] = []
    left = list({tuple(job.cell.values()): job for job in jobs}.values())
    seen: set[tuple[str, str]] = set()
    while left and len(chosen) < CALIBRATED:
        best = max(left, key=lambda job: len(set(job.cell.items()) - seen))
        left.remove(best)
        chosen.append(best)
        seen |= set(best.cell.items())
    return chosen


def fitted(known: Sequence[Timed], wanted: Sequence[Cell]) -> list[float]:
    """Return the seconds of each cell: the mean of its own runs, or of others with a factor for each level.

    log t = mean + Σ effect(level), by least squares; a level that no run had has no effect.

    Example:
        >>> known = [({"a": "1", "b": "1"}, 1.0), ({"a": "2", "b": "1"}, 2.0), ({"a": "1", "b": "2"}, 10.0)]
        >>> [round(seconds) for seconds in fitted(known, [{"a": "2", "b": "1"}, {"a": "2", "b": "2"}])]
        [2, 20]
    """
    own = defaultdict(list)
    for cell, seconds in known:
        own[tuple(cell.items())].append(seconds)
    means = {cell: statistics.fmean(seconds) for cell, seconds in own.items()}
    levels = sorted({level for cell in means for level in cell})
    logs = np.log(list(means.values()))
    effects = np.linalg.lstsq(design(list(means), levels), logs - logs.mean(), rcond=None)[0]
    cells = [tuple(cell.items()) for cell in wanted]
    others = np.exp(logs.mean() + design(cells, levels) @ effects)
    return [means.get(cell, float(other)) for cell, other in zip(cells, others, strict=True)]


def design(cells: Sequence[Sequence[tuple[str, str]]], levels: Sequence[tuple[str, str]]) -> Float64[np.ndarray, "n k"]:
    """Return which levels each cell has."""
    return np.array([[float(level in cell) for level in levels] for cell in cells]).reshape(len(cells), len(levels))


def limit(study: Study, job: Job) -> float:
    """Return the seconds after which a run is stopped; infinite where it is not."""
    minutes = {**study.config, **job.options}.get("minutes")
    return math.inf if minutes is None else 60.0 * minutes


def calibrated(study: Study, job: Job) -> float:
    """Return how long a run will take, from a short one with the same networks: training and one look."""
    from gannorm import training
    from gannorm.training.parser import Configuration

    set_up()
    with tempfile.TemporaryDirectory() as folder:
        full = Configuration(list(arguments(study, job, Path(folder)))).config
        images, every = full.images, full.evaluation.every_images
        short = {"images": max(images // SHORT, 1), "evaluation.every_images": max(images // SHORT, 1) if every else 0}
        options = (f"--{key}={value}" for key, value in short.items())
        try:
            results = training.run([*arguments(study, job, Path(folder)), *options])
        except (ValueError, ArithmeticError, RuntimeError) as error:
            raise StudyError(f"study {study.name}, {job}: {error}") from error
    looks = images // every if every else 0
    return float(images / results.results["images_per_second"] + looks * results.results["evaluation_seconds"] / 2)

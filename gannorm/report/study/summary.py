"""Each cell of a study over its seeds."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gannorm.report.study.record import Run, StudyRecord
from gannorm.statistics import exact_limits, median_interval

SURE = 6  # seeds from which on their range holds the median in 95 of 100 cases: 1 − 2 / 2ⁿ


@dataclass(frozen=True)
class CellSummary:
    """One cell over its seeds.

    Attributes:
        cell: Level of each factor.
        values: The outcome of each seed.
        median: Of them.
        interval: Of the median: 95 % bootstrap, of fewer than SURE seeds the lowest and the highest; None of one seed.
        healthy: How many runs were ever healthy.
        collapsed: How many of these collapsed.
        collapsed_share: Their share's exact 95 % interval; of no healthy run it is all.
        accepted: Median share of accepted samples.
        seconds: Mean time of a run.
        shown: The run whose outcome is the median's, or next below.
    """

    cell: Mapping[str, str]
    values: Sequence[float]
    median: float
    interval: tuple[float, float] | None
    healthy: int
    collapsed: int
    collapsed_share: tuple[float, float]
    accepted: float
    seconds: float
    shown: Run


def cells(record: StudyRecord) -> list[CellSummary]:
    """Return a summary of each cell that has runs, best first."""
    found = [cell_summary(runs, record.value) for runs in record.by_cell.values()]
    return sorted(found, key=lambda cell: -cell.median)


def cell_summary(runs: Sequence[Run], value: Callable[[Run], float]) -> CellSummary:
    """Return the summary of one cell."""
    values = [value(run) for run in runs]
    healthy = [run for run in runs if run.healthy_at is not None]
    collapsed = sum(run.collapsed_at is not None for run in healthy)
    low, high = exact_limits(np.array([collapsed]), len(healthy), 0.025) if healthy else (np.zeros(1), np.ones(1))
    in_order = sorted(runs, key=value)
    return CellSummary(
        cell=runs[0].cell,
        values=values,
        median=float(np.median(values)),
        interval=interval_of(values),
        healthy=len(healthy),
        collapsed=collapsed,
        collapsed_share=(float(low[0]), float(high[0])),
        accepted=float(np.median([run.figure("high_quality") for run in runs])),
        seconds=float(np.mean([run.line["seconds"] for run in runs if run.line.get("seconds")] or [math.nan])),
        shown=in_order[(len(in_order) - 1) // 2],
    )


def interval_of(values: Sequence[float]) -> tuple[float, float] | None:
    """Return an interval of the median: of few seeds their range, which no bootstrap can leave."""
    if len(values) < SURE:
        return (min(values), max(values)) if len(values) > 1 else None
    return median_interval(values)

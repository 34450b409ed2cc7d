"""What the maps of a study show: two factors, a number in each field."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gannorm.report.study.record import ACCEPTED, COLLAPSED, HEALTHY, REJECTED, Run
from gannorm.report.study.told import Told


@dataclass(frozen=True)
class Map:
    """One map.

    Attributes:
        title: What is shown.
        values: By level of the first factor and of the second; a field may have none.
        most: The largest value that there can be.
        texts: How each value is written.
    """

    title: str
    values: Mapping[tuple[str, str], float]
    most: float
    texts: Mapping[tuple[str, str], str]


def maps_of(told: Told) -> list[Map]:
    """Return the maps of the first two factors: outcome over all, at the best of any others, health, and collapse."""
    rows, columns = (list(told.record.factors[factor]) for factor in told.pair)
    fields = {(row, column): runs for row in rows for column in columns if (runs := of_field(told, row, column))}
    outcome = {place: float(np.median([told.record.value(run) for run in runs])) for place, runs in fields.items()}
    best = {place: cell.median for place, cell in told.best.items()}
    accepted = {place: cell.accepted for place, cell in told.best.items()}
    ever = {place: [run.healthy_at is not None for run in runs] for place, runs in fields.items()}
    lost = {
        place: [run.collapsed_at is not None for run in runs if run.healthy_at is not None]
        for place, runs in fields.items()
    }
    others = set(told.record.factors) - set(told.pair)  # without them there is nothing to be the best of
    there = " there" if others else ""
    chosen = Map(f"{told.outcome}, median at the best of the other factors", best, told.most, written(best, decimal))
    found = [
        Map(f"{told.outcome}, median of all runs", outcome, told.most, written(outcome, decimal)),
        *([chosen] if others else []),
        Map(f"share of samples accepted{there}, median", accepted, 1.0, written(accepted, percent)),
        of_runs("share of runs that were ever healthy", ever),
        of_runs("share of these that collapsed afterwards", lost),
    ]
    return [one for one in found if one.values]


def definitions() -> str:
    """Return what the words mean."""
    return (
        f"Healthy: a look with {100 * HEALTHY:.0f} % of the modes (effective) and {100 * ACCEPTED:.0f} % of the "
        f"samples accepted. Collapsed: a later look with less than {100 * COLLAPSED:.0f} % of the modes or "
        f"{100 * REJECTED:.0f} % accepted. The best of many cells is better than it would be in new runs, because it "
        "was chosen."
    )


def of_field(told: Told, row: str, column: str) -> list[Run]:
    """Return the runs of one field of the maps."""
    if told.pair[0] == told.pair[1] and row != column:  # of one factor the map is its diagonal
        return []
    return told.record.with_levels(**{told.pair[0]: row, told.pair[1]: column})


def of_runs(title: str, these: Mapping[tuple[str, str], Sequence[bool]]) -> Map:
    """Return a map of the share of runs of which something is true; each says of how many: 0 of 1 is not 0 of 36."""
    values = {place: sum(true) / len(true) for place, true in these.items() if true}
    texts = {place: f"{percent(value)} of {len(these[place])}" for place, value in values.items()}
    return Map(title, values, 1.0, texts)


def written(values: Mapping[tuple[str, str], float], words: Callable[[float], str]) -> dict[tuple[str, str], str]:
    """Return how each value is written."""
    return {place: words(value) for place, value in values.items()}


def decimal(value: float) -> str:
    """Return a number of modes."""
    return f"{value:.2f}"


def percent(value: float) -> str:
    """Return a share."""
    return f"{100 * value:.0f} %"

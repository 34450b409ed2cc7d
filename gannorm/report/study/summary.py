"""What a study says: each cell over its seeds, each factor by paired tests, and which sentences that carries."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gannorm.report.study.record import Run, StudyRecord
from gannorm.statistics import exact_limits, holm, median_interval, paired_test, seeds_needed

LEVEL = 0.05


@dataclass(frozen=True)
class CellSummary:
    """One cell over its seeds.

    Attributes:
        cell: Level of each factor.
        values: The outcome of each seed.
        median: Of them.
        interval: Of the median, 95 % bootstrap.
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
    interval: tuple[float, float]
    healthy: int
    collapsed: int
    collapsed_share: tuple[float, float]
    accepted: float
    seconds: float
    shown: Run


@dataclass(frozen=True)
class Effect:
    """What one level does against another, all other factors alike.

    Attributes:
        factor: Which.
        levels: The first against the second.
        difference: Mean over seeds of the outcome's difference.
        seeds: How many seeds have both.
        pairs: How many pairs of runs that are.
        p: Two-sided, of a paired permutation test over seeds.
        adjusted: After Holm, over all effects of the study.
        needed: Seeds that would show such a difference.
        also: Options in which the levels differ, where they are several.
    """

    factor: str
    levels: tuple[str, str]
    difference: float
    seeds: int
    pairs: int
    p: float
    adjusted: float
    needed: int | None
    also: str = ""

    @property
    def shown(self) -> bool:
        """Return whether a difference may be claimed."""
        return self.adjusted <= LEVEL


def cells(record: StudyRecord) -> list[CellSummary]:
    """Return a summary of each cell that has runs, best first."""
    found = [cell_summary(runs, record.outcome) for runs in record.by_cell.values()]
    return sorted(found, key=lambda cell: -cell.median)


def cell_summary(runs: Sequence[Run], outcome: str) -> CellSummary:
    """Return the summary of one cell."""
    values = [run.figure(outcome) for run in runs]
    healthy = [run for run in runs if run.healthy_at is not None]
    collapsed = sum(run.collapsed_at is not None for run in healthy)
    low, high = exact_limits(np.array([collapsed]), len(healthy), 0.025) if healthy else (np.zeros(1), np.ones(1))
    in_order = sorted(runs, key=lambda run: run.figure(outcome))
    return CellSummary(
        cell=runs[0].cell,
        values=values,
        median=float(np.median(values)),
        interval=median_interval(values),
        healthy=len(healthy),
        collapsed=collapsed,
        collapsed_share=(float(low[0]), float(high[0])),
        accepted=float(np.median([run.figure("high_quality") for run in runs])),
        seconds=float(np.mean([run.line.get("seconds") or 0.0 for run in runs])),
        shown=in_order[(len(in_order) - 1) // 2],
    )


def effects(record: StudyRecord) -> list[Effect]:
    """Return the effect of each pair of levels of each factor, tested together."""
    pairs = [
        (factor, pair)
        for factor, levels in record.factors.items()
        for pair in itertools.combinations(levels, 2)
        if levels_differ(record, factor, pair)
    ]
    found = [differences(record, factor, pair) for factor, pair in pairs]
    p_values = [paired_test(by_seed) for by_seed, _ in found]
    adjusted = holm(p_values)
    return [
        Effect(
            factor, pair, float(by_seed.mean()), len(by_seed), number, p, corrected, needed(by_seed, len(pairs)),
            also(record, factor, pair),
        )
        for (factor, pair), (by_seed, number), p, corrected in zip(pairs, found, p_values, adjusted, strict=True)
    ]  # fmt: skip


def levels_differ(record: StudyRecord, factor: str, pair: tuple[str, str]) -> bool:
    """Return whether there are runs to compare."""
    return len(differences(record, factor, pair)[0]) > 0


def differences(record: StudyRecord, factor: str, pair: tuple[str, str]) -> tuple[np.ndarray, int]:
    """Return for each seed the mean difference of runs that differ in this factor only, and how many pairs there are.

    Seeds are the unit: runs of one seed share data and noise, so that they do not count as independent. A seed counts
    only if it has as many pairs as any: means over other cells would be of something else.
    """
    first, second = ({key(run, factor): run for run in record.with_levels(**{factor: level})} for level in pair)
    both: dict[int, list[float]] = {}
    for place in first.keys() & second.keys():
        difference = first[place].figure(record.outcome) - second[place].figure(record.outcome)
        both.setdefault(place[-1], []).append(difference)
    most = max(map(len, both.values()), default=0)
    whole = [values for _, values in sorted(both.items()) if len(values) == most]
    return np.array([np.mean(values) for values in whole]), most * len(whole)


def also(record: StudyRecord, factor: str, pair: tuple[str, str]) -> str:
    """Return the options in which two levels differ, where they are more than one."""
    first, second = (record.factors[factor][level] for level in pair)
    differ = sorted(name for name in {*first, *second} if first.get(name) != second.get(name))
    return ", ".join(differ) if len(differ) > 1 else ""


def key(run: Run, factor: str) -> tuple:
    """Return what a run has beside a factor, the seed last."""
    return (*(level for name, level in run.cell.items() if name != factor), run.seed)


def needed(by_seed: np.ndarray, tests: int) -> int | None:
    """Return how many seeds would show what is seen, with as many tests; None where nothing can be said."""
    return seeds_needed(by_seed, LEVEL / tests) if len(by_seed) > 1 else None


def sentences(found: Sequence[Effect], name: str) -> list[str]:
    """Return what may be concluded, and how many more seeds would be needed for what may not."""
    if not found:
        return ["No two runs differ in one factor only, so nothing can be compared yet."]
    told = [conclusion(effect, name) for effect in sorted(found, key=lambda effect: effect.adjusted) if effect.shown]
    rest = [effect for effect in found if not effect.shown]
    return [*told, open_question(rest, len(found))] if rest else told


def conclusion(effect: Effect, name: str) -> str:
    """Return one claim as a sentence."""
    better, worse = effect.levels if effect.difference > 0 else effect.levels[::-1]
    alike = f"though they differ in {effect.also}" if effect.also else "all else alike"
    return (
        f"{effect.factor}: {better} has {abs(effect.difference):.2f} more {name} than {worse}, {alike} "
        f"({effect.seeds} seeds, {effect.pairs} pairs of runs, p = {effect.adjusted:.3g} after Holm)."
    )


def open_question(rest: Sequence[Effect], tests: int) -> str:
    """Return what cannot be told yet, as a sentence."""
    hopeless = [effect for effect in rest if 2 / 2**effect.seeds * tests > LEVEL]
    reason = f" {len(hopeless)} of them have too few seeds to be shown at all, with {tests} tests." if hopeless else ""
    missing = min((effect.needed - effect.seeds for effect in rest if effect.needed), default=None)
    more = f" The clearest would need about {max(missing, 1)} seeds more." if missing is not None else ""
    return f"Not shown are {len(rest)} of {tests} differences between levels.{reason}{more}"

"""What a study may claim: each factor by a permutation test, pairs of its levels by paired tests, and as sentences."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gannorm.report.study.record import Run, StudyRecord
from gannorm.statistics import holm, levels_test, paired_test, seeds_needed

LEVEL = 0.05
GUESSED = 5  # seeds from which on more is said than a guess of how many are needed


@dataclass(frozen=True)
class FactorEffect:
    """Whether the levels of a factor differ at all, all other factors alike.

    Attributes:
        factor: Which.
        means: Of the outcome, by level, of those that have runs.
        seeds: How many have the same cells at all levels.
        cells: Of each level and seed.
        p: Of a permutation test over all levels.
        adjusted: After Holm, over all factors.
        least: The smallest p that there could be with so many seeds and levels.
        without: Levels of other factors that are in none of these cells.
        also: Options in which the levels differ, where they are several.
    """

    factor: str
    means: Mapping[str, float]
    seeds: int
    cells: int
    p: float
    adjusted: float
    least: float
    without: str = ""
    also: str = ""

    @property
    def shown(self) -> bool:
        """Return whether it may be claimed."""
        return self.adjusted <= LEVEL


@dataclass(frozen=True)
class Effect:
    """What one level does against another, all other factors alike.

    Attributes:
        factor: Which.
        levels: The first against the second.
        difference: Mean over seeds of the outcome's difference.
        seeds: How many seeds have both in the same cells.
        cells: Of each seed.
        p: Two-sided, of a paired permutation test over seeds.
        adjusted: After Holm, over all pairs of the factors that matter; 1 where the factor is not shown to.
        needed: Seeds that would show such a difference; None where too few have been seen to guess.
        tests: How many pairs were tested together.
        also: Options in which the levels differ, where they are several.
    """

    factor: str
    levels: tuple[str, str]
    difference: float
    seeds: int
    cells: int
    p: float
    adjusted: float
    needed: int | None
    tests: int
    also: str = ""

    @property
    def shown(self) -> bool:
        """Return whether a difference may be claimed."""
        return self.adjusted <= LEVEL


def factor_effects(record: StudyRecord) -> list[FactorEffect]:
    """Return whether each factor matters, tested together; one without two levels to compare is left out."""
    found = {}
    for factor in record.factors:
        levels = [level for level in record.factors[factor] if record.with_levels(**{factor: level})]
        values, cells = by_seed(record, factor, levels)
        if len(levels) > 1 and len(values):
            found[factor] = levels, values, cells
    p_values = [levels_test(values) for _, values, _ in found.values()]
    adjusted = holm(p_values)
    return [
        FactorEffect(
            factor, dict(zip(levels, values.mean(0).tolist(), strict=True)), len(values), len(cells), p, corrected,
            smallest(len(values), len(levels)), missing(record, factor, cells), also(record, factor, levels),
        )
        for (factor, (levels, values, cells)), p, corrected in zip(found.items(), p_values, adjusted, strict=True)
    ]  # fmt: skip


def by_seed(record: StudyRecord, factor: str, levels: Sequence[str]) -> tuple[np.ndarray, list[tuple]]:
    """Return the mean outcome of each seed and level, over cells that all these seeds have, and these cells.

    Seeds are the unit: runs of one seed share data and noise, so that they do not count as independent. All seeds are
    of the same cells, or their means would be of different things.
    """
    outcomes = [
        {key(run, factor): record.value(run) for run in record.with_levels(**{factor: level})} for level in levels
    ]
    places: dict[int, set[tuple]] = {}
    for *cell, seed in set.intersection(*map(set, outcomes)) if outcomes else ():
        places.setdefault(seed, set()).add(tuple(cell))
    seeds, cells = common(places)
    means = [[np.mean([level[*cell, seed] for cell in cells]) for level in outcomes] for seed in seeds]
    return np.array(means, dtype=float).reshape(len(seeds), len(levels)), cells


def common(places: Mapping[int, set[tuple]]) -> tuple[list[int], list[tuple]]:
    """Return the most seeds that share at least half of the cells that any of them has, and these cells.

    So a failed run costs its cell and not its seed, and seeds that only some cells have do not count for the others.

    Example:
        >>> common({0: {("a",), ("b",)}, 1: {("a",), ("b",)}, 2: {("a",)}})
        ([0, 1, 2], [('a',)])
        >>> common({0: {("a",), ("b",), ("c",)}, 1: {("a",), ("b",)}, 2: {("c",)}})
        ([0, 1], [('a',), ('b',)])
    """
    seeds = sorted(places, key=lambda seed: (-len(places[seed]), seed))
    enough = max(map(len, places.values()), default=0) / 2
    while seeds:
        cells = set.intersection(*(places[seed] for seed in seeds))
        if len(cells) >= enough:
            return sorted(seeds), sorted(cells)
        seeds.pop()
    return [], []


def missing(record: StudyRecord, factor: str, cells: Sequence[tuple]) -> str:
    """Return which levels of other factors are compared nowhere, because not all seeds have them."""
    others = [name for name in record.factors if name != factor]
    there = [{cell[place] for cell in cells} for place in range(len(others))]
    return ", ".join(
        f"{name} {level}"
        for name, levels in zip(others, there, strict=True)
        for level in record.factors[name]
        if level not in levels
    )


def smallest(seeds: int, levels: int) -> float:
    """Return the smallest p that the test of all levels can have."""
    return 1.0 if seeds < 1 else 1 / math.factorial(levels) ** (seeds - 1)


def effects(record: StudyRecord, factors: Sequence[FactorEffect]) -> list[Effect]:
    """Return the effect of each pair of levels; those of the factors that matter are tested together."""
    matter = {factor.factor for factor in factors if factor.shown}
    compared = {}
    for factor in record.factors:
        for pair in itertools.combinations(record.factors[factor], 2):
            values, cells = by_seed(record, factor, pair)
            if len(values):
                compared[factor, pair] = values[:, 0] - values[:, 1], cells
    p_values = {place: paired_test(differences) for place, (differences, _) in compared.items()}
    tested = [place for place in compared if place[0] in matter]
    adjusted = dict(zip(tested, holm([p_values[place] for place in tested]), strict=True))
    return [
        Effect(
            factor, pair, float(differences.mean()), len(differences), len(cells), p_values[factor, pair],
            adjusted.get((factor, pair), 1.0), needed(differences, len(tested) or len(compared)),
            len(tested) or len(compared), also(record, factor, pair),
        )
        for (factor, pair), (differences, cells) in compared.items()
    ]  # fmt: skip


def also(record: StudyRecord, factor: str, levels: Sequence[str]) -> str:
    """Return the options in which levels differ, where they are more than one."""
    options = [record.factors[factor][level] for level in levels]
    names = sorted({name for one in options for name in one})
    differ = [name for name in names if any(one.get(name) != options[0].get(name) for one in options)]
    return ", ".join(differ) if len(differ) > 1 else ""


def key(run: Run, factor: str) -> tuple:
    """Return what a run has beside a factor, the seed last."""
    return (*(level for name, level in run.cell.items() if name != factor), run.seed)


def needed(differences: np.ndarray, tests: int) -> int | None:
    """Return how many seeds would show what is seen, with as many tests; None where that would be a mere guess."""
    return seeds_needed(differences, LEVEL / tests) if len(differences) >= GUESSED else None


def fewest_seeds(tests: int) -> int:
    """Return the fewest seeds with which one of so many paired tests can show anything: 2 · tests / 2ⁿ ≤ 5 %.

    Example:
        >>> fewest_seeds(1), fewest_seeds(30)
        (6, 11)
    """
    return math.ceil(math.log2(2 * tests / LEVEL))


def sentences(factors: Sequence[FactorEffect], found: Sequence[Effect], name: str) -> list[str]:
    """Return what may be concluded, and how many more seeds would be needed for what may not."""
    if not found:
        return ["No two runs differ in one factor only, so nothing can be compared yet."]
    told = [matters(factor, name) for factor in sorted(factors, key=lambda factor: factor.adjusted) if factor.shown]
    told += [conclusion(effect, name) for effect in sorted(found, key=lambda effect: effect.adjusted) if effect.shown]
    told += [unclear(factor) for factor in factors if not factor.shown]
    rest = [effect for effect in found if not effect.shown]
    return [*told, open_question(rest, len(found))] if rest else told


def matters(factor: FactorEffect, name: str) -> str:
    """Return that a factor matters, as a sentence."""
    order = sorted(factor.means, key=lambda level: -factor.means[level])
    listed = ", ".join(f"{level} {factor.means[level]:.2f}" for level in order)
    differ = f"; its levels differ in {factor.also}" if factor.also else ""
    without = f", without {factor.without}" if factor.without else ""
    return (
        f"{factor.factor} matters: mean {name} {listed} ({factor.seeds} seeds of {factor.cells} cells each{without}, "
        f"p = {factor.adjusted:.2g} after Holm over the factors{differ})."
    )


def unclear(factor: FactorEffect) -> str:
    """Return that a factor is not shown to matter, and whether it could be."""
    hopeless = " with so few seeds nothing could be" if factor.least > LEVEL else f" p = {factor.adjusted:.2g}"
    return f"{factor.factor} is not shown to matter:{hopeless}."


def conclusion(effect: Effect, name: str) -> str:
    """Return one claim as a sentence."""
    better, worse = effect.levels if effect.difference > 0 else effect.levels[::-1]
    alike = f"though they differ in {effect.also}" if effect.also else "all else alike"
    return (
        f"{effect.factor}: {better} has {abs(effect.difference):.2f} more {name} than {worse}, {alike} "
        f"({effect.seeds} seeds of {effect.cells} cells each, p = {effect.adjusted:.3g} after Holm over "
        f"{effect.tests} pairs)."
    )


def open_question(rest: Sequence[Effect], tests: int) -> str:
    """Return what cannot be told yet, as a sentence."""
    hopeless = [effect for effect in rest if 2 / 2**effect.seeds * effect.tests > LEVEL]
    least = fewest_seeds(max((effect.tests for effect in hopeless), default=1))
    reason = (
        f" {len(hopeless)} of them have too few seeds to be shown at all, which takes {least} of the same cells."
        if hopeless
        else ""
    )
    missing = min((effect.needed - effect.seeds for effect in rest if effect.needed), default=None)
    more = (
        f" If it is as large as it looks, the clearest needs about {max(missing, 1)} more seeds or so."
        if missing is not None
        else ""
    )
    return f"Not shown are {len(rest)} of {tests} differences between levels.{reason}{more}"

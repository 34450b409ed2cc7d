"""What a study may claim: each factor by a permutation test, pairs of its levels by paired tests, and as sentences."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gannorm.report.study.record import Run, StudyRecord
from gannorm.statistics import holm, levels_test, paired_test, seeds_needed

LEVEL = 0.05


@dataclass(frozen=True)
class FactorEffect:
    """Whether the levels of a factor differ at all, all other factors alike.

    Attributes:
        factor: Which.
        means: Of the outcome, by level.
        seeds: How many have all levels.
        runs: Of each level.
        p: Of a permutation test over all levels.
        adjusted: After Holm, over all factors.
    """

    factor: str
    means: Mapping[str, float]
    seeds: int
    runs: int
    p: float
    adjusted: float

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
        seeds: How many seeds have both.
        pairs: How many pairs of runs that are.
        p: Two-sided, of a paired permutation test over seeds.
        adjusted: After Holm, over the pairs of the factor.
        shown: Whether it may be claimed: its factor matters, and the pair differs.
        needed: Seeds that would show such a difference.
        tests: How many pairs the factor has.
        also: Options in which the levels differ, where they are several.
    """

    factor: str
    levels: tuple[str, str]
    difference: float
    seeds: int
    pairs: int
    p: float
    adjusted: float
    shown: bool
    needed: int | None
    tests: int
    also: str = ""


def factor_effects(record: StudyRecord) -> list[FactorEffect]:
    """Return whether each factor matters, tested together; one that no seed has all levels of is left out."""
    tables = {factor: by_seed_and_level(record, factor) for factor in record.factors}
    tables = {factor: found for factor, found in tables.items() if found[0].size}
    p_values = [levels_test(values) for values, _ in tables.values()]
    return [
        FactorEffect(
            factor,
            dict(zip(record.factors[factor], values.mean(0).tolist(), strict=True)),
            len(values), number, p, corrected,
        )
        for (factor, (values, number)), p, corrected in zip(tables.items(), p_values, holm(p_values), strict=True)
    ]  # fmt: skip


def by_seed_and_level(record: StudyRecord, factor: str) -> tuple[np.ndarray, int]:
    """Return the mean outcome of each seed and level over what all levels have, and how many runs of each level."""
    levels = [
        {key(run, factor): run.figure(record.outcome) for run in record.with_levels(**{factor: level})}
        for level in record.factors[factor]
    ]
    by_seed: dict[int, list[tuple]] = {}
    for place in sorted(set.intersection(*map(set, levels)), key=str):
        by_seed.setdefault(place[-1], []).append(place)
    most = max(map(len, by_seed.values()), default=0)
    whole = [places for _, places in sorted(by_seed.items()) if len(places) == most]
    means = [[float(np.mean([level[place] for place in places])) for level in levels] for places in whole]
    return np.array(means).reshape(len(whole), len(levels)), most * len(whole)


def effects(record: StudyRecord, factors: Sequence[FactorEffect]) -> list[Effect]:
    """Return the effect of each pair of levels of each factor; the pairs of a factor are tested together."""
    matter = {factor.factor: factor.shown for factor in factors}
    return [one for factor in record.factors for one in pairs_of(record, factor, claim=matter.get(factor, True))]


def pairs_of(record: StudyRecord, factor: str, *, claim: bool) -> list[Effect]:
    """Return the effects of the pairs of a factor's levels that have runs to compare."""
    compared = {pair: differences(record, factor, pair) for pair in itertools.combinations(record.factors[factor], 2)}
    compared = {pair: found for pair, found in compared.items() if len(found[0])}
    p_values = [paired_test(by_seed) for by_seed, _ in compared.values()]
    return [
        Effect(
            factor, pair, float(by_seed.mean()), len(by_seed), number, p, corrected, claim and corrected <= LEVEL,
            needed(by_seed, len(compared)), len(compared), also(record, factor, pair),
        )
        for (pair, (by_seed, number)), p, corrected in zip(compared.items(), p_values, holm(p_values), strict=True)
    ]  # fmt: skip


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


def sentences(factors: Sequence[FactorEffect], found: Sequence[Effect], name: str) -> list[str]:
    """Return what may be concluded, and how many more seeds would be needed for what may not."""
    if not found:
        return ["No two runs differ in one factor only, so nothing can be compared yet."]
    told = [matters(factor, name) for factor in sorted(factors, key=lambda factor: factor.adjusted) if factor.shown]
    told += [conclusion(effect, name) for effect in sorted(found, key=lambda effect: effect.adjusted) if effect.shown]
    unclear = [factor.factor for factor in factors if not factor.shown]
    told += [f"Not shown to matter: {', '.join(unclear)}."] if unclear else []
    rest = [effect for effect in found if not effect.shown]
    return [*told, open_question(rest, len(found))] if rest else told


def matters(factor: FactorEffect, name: str) -> str:
    """Return that a factor matters, as a sentence."""
    order = sorted(factor.means, key=lambda level: -factor.means[level])
    listed = ", ".join(f"{level} {factor.means[level]:.2f}" for level in order)
    return (
        f"{factor.factor} matters: mean {name} {listed} ({factor.seeds} seeds, {factor.runs} runs of each, "
        f"p = {factor.adjusted:.2g} after Holm over the factors)."
    )


def conclusion(effect: Effect, name: str) -> str:
    """Return one claim as a sentence."""
    better, worse = effect.levels if effect.difference > 0 else effect.levels[::-1]
    alike = f"though they differ in {effect.also}" if effect.also else "all else alike"
    return (
        f"{effect.factor}: {better} has {abs(effect.difference):.2f} more {name} than {worse}, {alike} "
        f"({effect.seeds} seeds, {effect.pairs} pairs of runs, p = {effect.adjusted:.3g} after Holm over "
        f"{effect.tests} pairs)."
    )


def open_question(rest: Sequence[Effect], tests: int) -> str:
    """Return what cannot be told yet, as a sentence."""
    hopeless = [effect for effect in rest if 2 / 2**effect.seeds * effect.tests > LEVEL]
    reason = f" {len(hopeless)} of them have too few seeds to be shown at all." if hopeless else ""
    missing = min((effect.needed - effect.seeds for effect in rest if effect.needed), default=None)
    more = f" The clearest would need about {max(missing, 1)} seeds more." if missing is not None else ""
    return f"Not shown are {len(rest)} of {tests} differences between levels.{reason}{more}"

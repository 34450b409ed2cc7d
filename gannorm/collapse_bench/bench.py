"""The bench: every detector on every stream, delays and false alarms as plain data."""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from gannorm.collapse import STATES, Detector, Row, Thresholds
from gannorm.collapse_bench.generators import EVERY, Generator
from gannorm.collapse_bench.rules import SIMPLE_RULES
from gannorm.collapse_bench.streams import FAILING_LOOKS, HEALTHY_LOOKS, Failure, Healthy, failures, healthy
from gannorm.statistics import exact_limits

RUN = 200  # looks of a healthy run
WITHIN = 20  # looks after a failure, in which it has to be found
WARN = STATES["mode dropped"].level
OURS = "gannorm"


@dataclass(frozen=True)
class Size:
    """How much is run.

    Attributes:
        evaluations: Looks at healthy generators, in all.
        repeats: Of each failure.
        seed: Of all random numbers.
    """

    evaluations: int = 10_000
    repeats: int = 10
    seed: int = 0


def run(size: Size, thresholds: Thresholds | None = None) -> dict[str, Any]:
    """Return the whole bench as plain data."""
    quiet = false_alarms(size, thresholds)
    limits = {name: limit(values, quiet["alarms"]) for name, values in quiet.pop("seen").items()}
    return {
        "evaluations": quiet["evaluations"],
        "repeats": size.repeats,
        "seed": size.seed,
        "healthy": quiet,
        "limits": limits,
        "failures": [delays(failure, number, size, limits, thresholds) for number, failure in enumerate(failures())],
    }


def limit(values: Sequence[float], alarms: int) -> float:
    """Return the most sensitive threshold that fires at healthy generators no more often than the detector does.

    Example:
        >>> limit([0.1, 0.5, 0.3], 0), limit([0.1, 0.5, 0.3], 1)
        (0.5, 0.3)
    """
    return sorted(values, reverse=True)[min(alarms, len(values) - 1)]


def rows_of(looks: Sequence[Generator], random: np.random.Generator, *, copies: bool) -> Iterator[tuple[Row, "Again"]]:
    """Yield each look, and what draws it again with fresh noise."""
    for number, generator in enumerate(looks, start=1):
        yield (
            generator.look(random, number * EVERY, copies=copies),
            Again(generator, random.spawn(1)[0], number, copies),
        )


@dataclass(frozen=True)
class Again:
    """A look that can be repeated; the repetition is the same for everyone who asks."""

    generator: Generator
    random: np.random.Generator
    number: int
    copies: bool

    def __call__(self) -> Row:
        """Return a row of fresh samples."""
        return self.generator.look(deepcopy(self.random), self.number * EVERY, copies=self.copies)


def false_alarms(size: Size, thresholds: Thresholds | None) -> dict[str, Any]:
    """Return what was raised at healthy generators, by state and by generator, and what each rule sees."""
    kinds = healthy()
    num_runs = max(len(kinds), round(size.evaluations / RUN))
    length = min(RUN, max(1, round(size.evaluations / num_runs)))
    seen: dict[str, list[float]] = {rule.name: [] for rule in SIMPLE_RULES}
    rows: dict[str, dict[str, Any]] = {kind.name: {"evaluations": 0, "warnings": 0, "infos": 0} for kind in kinds}
    states: dict[str, int] = {}
    for number in range(num_runs):
        kind = kinds[number % len(kinds)]
        events = healthy_run(kind, length, np.random.default_rng([size.seed, 1, number]), thresholds, seen)
        rows[kind.name]["evaluations"] += length
        for state in events:
            bad = STATES[state].level >= WARN
            rows[kind.name]["warnings" if bad else "infos"] += 1
            states[state] = states.get(state, 0) + 1
    evaluations = num_runs * length
    alarms = sum(row["warnings"] for row in rows.values())
    high = float(exact_limits(np.array([alarms]), evaluations, 0.025)[1][0])
    return {
        "evaluations": evaluations,
        "length": length,
        "alarms": alarms,
        "alarms_per_200": 200 * alarms / evaluations,
        "alarms_per_200_high": 200 * high,
        "by_state": states,
        "by_generator": rows,
        "seen": seen,
    }


def healthy_run(
    kind: Healthy,
    length: int,
    random: np.random.Generator,
    thresholds: Thresholds | None,
    seen: dict[str, list[float]],
) -> list[str]:
    """Return the states that are raised at a healthy generator, and note what the simple rules see."""
    detector = Detector(kind.prior, thresholds)
    for row, again in rows_of([kind.generator] * length, random, copies=True):
        detector.update(row, again() if detector.needs_confirmation(row) else None)
        for rule in SIMPLE_RULES:
            if (value := rule.value(row)) is not None:
                seen[rule.name].append(value)
    return [event["state"] for event in detector.events]


def delays(
    failure: Failure, number: int, size: Size, limits: dict[str, float], thresholds: Thresholds | None
) -> dict[str, Any]:
    """Return how soon each rule finds a failure, in looks from its beginning, and which states ours raises."""
    ours: list[int | None] = []
    early = 0
    raised: dict[str, int] = {}
    named: list[int | None] = []
    simple: dict[str, list[int | None]] = {f"{rule.name}{at}": [] for rule in SIMPLE_RULES for at in ("", EQUAL)}
    for repeat in range(size.repeats):
        random = np.random.default_rng([size.seed, 2, number, repeat])
        looks = [failure.healthy] * HEALTHY_LOOKS + [failure.failing(look) for look in range(FAILING_LOOKS)]
        rows = list(rows_of(looks, random, copies=failure.copies))
        events = events_of(failure, rows, thresholds)
        ours.append(first([look for look, _ in events]))
        early += sum(look < HEALTHY_LOOKS for look, _ in events)
        named.append(first([look for look, state in events if state in failure.kind.split(", ")]))
        for state in {state for _, state in events}:
            raised[state] = raised.get(state, 0) + 1
        for rule in SIMPLE_RULES:
            values = [rule.value(row) for row, _ in rows]
            for at, limit in (("", rule.published), (EQUAL, limits[rule.name])):
                simple[f"{rule.name}{at}"].append(
                    first([look for look, value in enumerate(values) if fires(value, limit)])
                )
    return {
        "name": failure.name,
        "kind": failure.kind,
        "begins": failure.begins,
        "copies": failure.copies,
        "early": early,
        "raised": raised,
        "delays": {name: summary(found) for name, found in {OURS: ours, f"{OURS}, by name": named, **simple}.items()},
    }


EQUAL = ", at equal false alarms"


def is_measured(column: str, failure: Mapping[str, Any]) -> bool:
    """Return whether a rule could see anything of a failure: whether copies were sought, where it needs them."""
    return failure["copies"] or not any(rule.of_copies and column.startswith(rule.name) for rule in SIMPLE_RULES)


def fires(value: float | None, limit: float) -> bool:
    """Return whether a simple rule fires: above its limit."""
    return value is not None and value > limit


def events_of(failure: Failure, rows: list[tuple[Row, Again]], thresholds: Thresholds | None) -> list[tuple[int, str]]:
    """Return (number of the look, state) of each event from "warn" on."""
    detector, found = Detector(failure.prior, thresholds), []
    for look, (row, again) in enumerate(rows):
        for event in detector.update(row, again() if detector.needs_confirmation(row) else None):
            if STATES[event.state].level >= WARN:
                found.append((look, event.state))
    return found


def first(looks: list[int]) -> int | None:
    """Return the looks from the beginning of a failure to the first of these that is not before it.

    Example:
        >>> first([3, HEALTHY_LOOKS + 2, HEALTHY_LOOKS + 5]), first([])
        (2, None)
    """
    return min((look - HEALTHY_LOOKS for look in looks if look >= HEALTHY_LOOKS), default=None)


def summary(found: list[int | None]) -> dict[str, Any]:
    """Return median and worst delay of those that were found within `WITHIN` looks, and their share."""
    within = [delay for delay in found if delay is not None and delay <= WITHIN]
    return {
        "found": len(within) / len(found),
        "median": median(within) if within else None,
        "worst": max(within) if len(within) == len(found) else None,
    }

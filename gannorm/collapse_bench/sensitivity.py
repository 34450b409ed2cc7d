"""What thresholds do: the detector's, each lower and higher, and those of the simple rules from strict to careless."""

from statistics import fmean
from typing import Any

import numpy as np

from gannorm.collapse import STATES, Detector, Row, Thresholds
from gannorm.collapse_bench.bench import HEALTHY_LOOKS, OURS, WARN, WITHIN, Again, Size, fires, first, rows_of
from gannorm.collapse_bench.rules import SIMPLE_RULES, SimpleRule
from gannorm.collapse_bench.streams import FAILING_LOOKS, failures, healthy

OTHERS: dict[str, tuple[float, float]] = {
    "dropped": (0.05, 0.2),
    "partial": (0.7, 0.9),
    "severe": (0.4, 0.6),
    "hopping": (0.8, 0.95),
    "rke": (0.3, 0.7),
    "duplicates": (3.0, 10.0),
    "spread": (0.1, 0.3),
    "quality": (0.3, 0.7),
}
"""Values beside the default of each threshold."""

SHARES = (0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
"""Of the healthy looks, at which a simple rule is let fire."""

Stream = tuple[tuple[float, ...], list[tuple[Row, Again]]]


def thresholds(size: Size) -> dict[str, Any]:
    """Return what the detector's thresholds do and what those of the simple rules do, on the same streams."""
    quiet, failing = streams(size)
    return {"sensitivity": sensitivity(quiet, failing), "tradeoff": tradeoff(quiet, failing)}


def sensitivity(quiet: list[Stream], failing: list[Stream]) -> list[dict[str, Any]]:
    """Return, for each value of each threshold, false alarms and how many failures are found."""
    values = [
        (name, value) for name, pair in OTHERS.items() for value in (pair[0], getattr(Thresholds(), name), pair[1])
    ]
    return [row(name, value, quiet, failing) for name, value in values]


def tradeoff(quiet: list[Stream], failing: list[Stream]) -> dict[str, list[list[float]]]:
    """Return (share of the healthy looks at which it fires, mean delay) of each rule, from strict to careless."""
    ours = [first(warnings(stream, None)) for stream in failing]
    alarms = sum(len(warnings(stream, None)) for stream in quiet)
    looks = sum(len(rows) for _, rows in quiet)
    return {OURS: [[alarms / looks, mean_delay(ours)]]} | {
        rule.name: curve(rule, quiet, failing) for rule in SIMPLE_RULES
    }


def curve(rule: SimpleRule, quiet: list[Stream], failing: list[Stream]) -> list[list[float]]:
    """Return what a simple rule reaches with one threshold after the other."""
    seen = sorted(
        (value for _, rows in quiet for one, _ in rows if (value := rule.value(one)) is not None), reverse=True
    )
    points = []
    for share in SHARES:
        limit = seen[int(share * len(seen))]
        found = [
            first([look for look, (one, _) in enumerate(rows) if fires(rule.value(one), limit)]) for _, rows in failing
        ]
        points.append([sum(value > limit for value in seen) / len(seen), mean_delay(found)])
    return points


def mean_delay(found: list[int | None]) -> float:
    """Return the mean of delays; what is not found within `WITHIN` looks counts as these.

    Example:
        >>> mean_delay([0, 2, None])
        7.333333333333333
    """
    return fmean(WITHIN if delay is None else min(delay, WITHIN) for delay in found)


def streams(size: Size) -> tuple[list[Stream], list[Stream]]:
    """Return looks at healthy generators and at failing ones; copies are sought in all, so that every rule can fire.

    The pool has some 500 pictures of each digit: where fewer than four digits are left, they come again, which helps
    the rule that seeks copies.
    """
    kinds, found = healthy(), failures()
    length = max(1, size.evaluations // len(kinds))
    quiet = [
        (kind.prior, list(rows_of([kind.generator] * length, np.random.default_rng([size.seed, 3, i]), copies=True)))
        for i, kind in enumerate(kinds)
    ]
    failing = []
    for i, failure in enumerate(found):
        looks = [failure.healthy] * HEALTHY_LOOKS + [failure.failing(look) for look in range(FAILING_LOOKS)]
        random = np.random.default_rng([size.seed, 4, i])
        failing.append((failure.prior, list(rows_of(looks, random, copies=True))))
    return quiet, failing


def row(name: str, value: float, quiet: list[Stream], failing: list[Stream]) -> dict[str, Any]:
    """Return what one value does."""
    changed = Thresholds(**{name: value})  # type: ignore[arg-type]
    alarms = sum(len(warnings(stream, changed)) for stream in quiet)
    found = [first(warnings(stream, changed)) for stream in failing]
    delays = [delay for delay in found if delay is not None]
    return {
        "threshold": name,
        "value": value,
        "default": value == getattr(Thresholds(), name),
        "evaluations": sum(len(rows) for _, rows in quiet),
        "false_alarms": alarms,
        "found": len(delays),
        "failures": len(failing),
        "mean_delay": float(np.mean(delays)) if delays else None,
    }


def warnings(stream: Stream, changed: Thresholds | None) -> list[int]:
    """Return the looks at which something from "warn" on is raised."""
    prior, rows = stream
    detector = Detector(prior, changed)
    return [
        look
        for look, (one, again) in enumerate(rows)
        for event in detector.update(one, again() if detector.needs_confirmation(one) else None)
        if STATES[event.state].level >= WARN
    ]

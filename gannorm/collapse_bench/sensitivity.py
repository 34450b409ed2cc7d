"""What the detector's thresholds do: the bench once more with each of them lower and higher."""

from typing import Any

import numpy as np

from gannorm.collapse import STATES, Detector, Row, Thresholds
from gannorm.collapse_bench.bench import HEALTHY_LOOKS, WARN, Again, Size, first, rows_of
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

Stream = tuple[tuple[float, ...], list[tuple[Row, Again]]]


def sensitivity(size: Size) -> list[dict[str, Any]]:
    """Return, for each value of each threshold, false alarms and how many failures are found, on the same streams."""
    quiet, failing = streams(size)
    values = [
        (name, value) for name, pair in OTHERS.items() for value in (pair[0], getattr(Thresholds(), name), pair[1])
    ]
    return [row(name, value, quiet, failing) for name, value in values]


def streams(size: Size) -> tuple[list[Stream], list[Stream]]:
    """Return looks at healthy generators and at failing ones."""
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
        failing.append((failure.prior, list(rows_of(looks, random, copies=failure.copies))))
    return quiet, failing


def row(name: str, value: float, quiet: list[Stream], failing: list[Stream]) -> dict[str, Any]:
    """Return what one value does."""
    thresholds = Thresholds(**{name: value})  # type: ignore[arg-type]
    alarms = sum(len(warnings(stream, thresholds)) for stream in quiet)
    found = [first(warnings(stream, thresholds)) for stream in failing]
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


def warnings(stream: Stream, thresholds: Thresholds) -> list[int]:
    """Return the looks at which something from "warn" on is raised."""
    prior, rows = stream
    detector = Detector(prior, thresholds)
    return [
        look
        for look, (one, again) in enumerate(rows)
        for event in detector.update(one, again() if detector.needs_confirmation(one) else None)
        if STATES[event.state].level >= WARN
    ]

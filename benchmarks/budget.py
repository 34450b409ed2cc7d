"""Ratios that are not to get worse, `budget.json`: never seconds, which are those of a machine."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PATH = Path(__file__).with_name("budget.json")


def read() -> list[dict[str, Any]]:
    """Return the lines of the budget: what a ratio is, where a result has it, and its limit, `most` or `least`."""
    lines: list[dict[str, Any]] = json.loads(PATH.read_text())
    return lines


def beyond(budget: list[dict[str, Any]], results: Mapping[str, Any]) -> list[str]:
    """Return what is beyond its limit, in words; what was not measured, because it is not installed, is not.

    Args:
        budget: As `read` returns it.
        results: Of benchmarks, by name.

    Example:
        >>> line = {"what": "ours beside theirs", "benchmark": "step", "path": ["ratio"], "most": 1.05}
        >>> beyond([line], {"step": {"ratio": 1.1}})
        ['ours beside theirs: 1.100, at most 1.05']
    """
    found = []
    for line in budget:
        value = at(results.get(line["benchmark"]), line["path"])
        if value is None:
            continue
        if value > line.get("most", value):
            found.append(f"{line['what']}: {value:.3f}, at most {line['most']}")
        if value < line.get("least", value):
            found.append(f"{line['what']}: {value:.3f}, at least {line['least']}")
    return found


def at(result: Any, path: list[str]) -> float | None:
    """Return what stands in a result under one key after the other; None where one is missing."""
    for key in path:
        if not isinstance(result, Mapping) or key not in result:
            return None
        result = result[key]
    return result

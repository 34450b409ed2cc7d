"""The journal: one line of JSON for each run, with all looks and events, so that the page needs no run folder."""

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.collapse_runs.gradient_rule import fired_at, readings
from benchmarks.collapse_runs.training import seed_of
from gannorm.collapse import STATES

FILE = Path(__file__).parents[1] / "collapse_runs.jsonl"
WARN = STATES["mode dropped"].level
FIGURES = ("effective_modes", "accepted", "spread", "kinds", "near_duplicates", "hopping_index", "churn")
NAMES = list(STATES)


def entry(folder: Path) -> dict[str, Any]:
    """Return the line of one run folder."""
    results = json.loads((folder / "results.json").read_text())
    with (folder / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    return {
        "config": folder.parent.name.removeprefix("collapse-"),
        "seed": seed_of(folder),
        "status": results["status"],
        "reason": results["reason"],
        "images_seen": results["images_seen"],
        "looks": [look(row) for row in rows if row.get("collapse/state")],
        "events": [{key: event[key] for key in ("images_seen", "state", "onset", "modes")} for event in events],
        "gradient_rule": fired_at(readings(rows)),
    }


def look(row: dict[str, str]) -> dict[str, Any]:
    """Return one look of metrics.csv."""
    figures = {name: round(float(row[f"collapse/{name}"]), 4) for name in FIGURES if row.get(f"collapse/{name}")}
    state = NAMES[int(float(row["collapse/state"]))]
    return {"images_seen": int(float(row["images_seen"])), "state": state, **figures}


def write(folders: Iterable[Path], path: Path = FILE) -> None:
    """Write one line for each run."""
    entries = sorted((entry(folder) for folder in folders), key=lambda one: (one["config"], one["seed"]))
    path.write_text("".join(json.dumps(one) + "\n" for one in entries))


def read(path: Path = FILE) -> list[dict[str, Any]]:
    """Return all runs; none where there is no journal yet."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

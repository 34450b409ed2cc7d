"""The journal of a study: one line for each run that came to an end, so short that thousands can be kept in a file."""

import csv
import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gannorm import files
from gannorm.collapse import STATES
from gannorm.report.run.record import lines_of_json
from gannorm.report.study.record import judged, lines_of

Line = dict[str, Any]
FIGURES = ("effective_modes", "covered_modes", "num_modes", "kl", "high_quality")
SIGNALS = ("SIGINT", "SIGTERM", "SIGUSR1")
SHIFTS = {"covariate_shift_generator": "generator", "covariate_shift_discriminator": "discriminator"}
LOOK = ("coverage/effective_modes", "coverage/covered_modes", "coverage/high_quality")


class Journal:
    """Lines of runs that have ended, by their key; a line is whole on the disk when it is said.

    Args:
        path: The file; it may not be there yet. A last line that is torn is left out, and written anew.
        outcome: A run that finished without it has failed; None = any will do.

    Attributes:
        lines: Of runs that have ended.
        parts: What the runs are made of, in a line of its own; the last one counts. Empty if nobody has said it.
    """

    def __init__(self, path: Path, outcome: str | None = None) -> None:
        self.path, self.outcome = path, outcome
        self.lines: dict[str, Line] = {line["key"]: self.judged(line) for line in lines_of(path)}
        self.parts: Line = parts_of(path)

    def judged(self, line: Line) -> Line:
        """Return what a line says under the outcome that is wanted; in the file it stays as it is."""
        return line if self.outcome is None else judged(line, self.outcome)

    def add(self, line: Line) -> Line:
        """Append the line of a run, and return it as it counts; of a key that is there, the last line does."""
        self.append(line)
        self.lines[line["key"]] = self.judged(line)
        return self.lines[line["key"]]

    def describe(self, parts: Mapping[str, Any]) -> None:
        """Append what runs are made of from now on, if it is not what they were made of before."""
        plain = json.loads(json.dumps(parts))
        if plain != self.parts:
            self.append({"parts": plain})
            self.parts = plain

    def append(self, line: Line) -> None:
        """Append a line, synced."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        files.append(self.path, json.dumps(line, separators=(",", ":")))


def parts_of(path: Path) -> Line:
    """Return what a journal says that its runs are made of; empty where it does not."""
    try:
        told = lines_of_json(path.read_text(encoding="utf-8", errors="replace"), ("parts",))
    except OSError:
        return {}
    return next((line["parts"] for line in reversed(told) if isinstance(line["parts"], dict)), {})


def digest(folder: Path) -> Line:
    """Return what a journal keeps of a run folder that has results: figures, looks, events, time."""
    results = json.loads((folder / "results.json").read_text())
    final = results.get("evaluation") or {}
    raw = results.get("evaluation_raw") or {}
    shifts = shifts_of(folder / "metrics.csv")
    return {
        "id": folder.name,
        "status": results["status"],
        "reason": results.get("reason", "")[:200],
        "images": results["images_seen"],
        "seconds": rounded(results["seconds"]),
        "speed": rounded(results["images_per_second"]),
        "final": {name: rounded(final[name]) for name in FIGURES if name in final} | means_of(shifts),
        "raw": {name: rounded(raw[name]) for name in FIGURES if name in raw},
        "looks": looks(folder / "metrics.csv"),
        **({"shifts": shifts} if shifts else {}),
        "events": [[event["images_seen"], event["state"]] for event in results.get("events", [])],
        "num_modes": (results.get("evaluation") or judge_of(folder)).get("num_modes"),
        "torch": results.get("versions", {}).get("torch", ""),
        "gannorm": results.get("versions", {}).get("gannorm", ""),
        "judge": str(results.get("classifier_sha256", ""))[:8],
    }


def judge_of(folder: Path) -> dict[str, Any]:
    """Return what a run folder says of its judge; nothing where there is none."""
    try:
        return dict(json.loads((folder / "judge.json").read_text()))
    except (OSError, ValueError):
        return {}


def signalled(line: Line) -> bool:
    """Return whether a run was stopped from outside, which is no end of it."""
    return bool(line["status"] == "stopped" and line.get("reason") in SIGNALS)


def looks(path: Path) -> list[list[int | float | str | None]]:
    """Return images seen, effective modes, covered modes, accepted share and state of each look of a metrics.csv."""
    seen: dict[int, list[int | float | str | None]] = {}
    names = list(STATES)
    if not path.exists():
        return []
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            entry = seen.setdefault(int(float(row["images_seen"])), [None] * 4)
            for place, key in enumerate(LOOK):
                if row.get(key):
                    entry[place] = rounded(float(row[key]))
            if row.get("collapse/state"):
                entry[3] = names[int(float(row["collapse/state"]))]
    return [[images, *entry] for images, entry in sorted(seen.items()) if entry[0] is not None]


def shifts_of(path: Path) -> list[list[int | float | None]]:
    """Return images seen and the mean covariate shift of G's layers and of D's, at each look that has read it."""
    if not path.exists():
        return []
    found = []
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            means = [shift_of(row, network) for network in SHIFTS.values()]
            if any(mean is not None for mean in means):
                found.append([rounded(float(row["images_seen"])), *means])
    return found


def shift_of(row: Mapping[str, str | None], network: str) -> int | float | None:
    """Return the mean relative shift over the layers of a network, in one row of a metrics.csv."""
    start = f"covariate_shift/{network}/"
    values = [
        float(value) for key, value in row.items() if value and key.startswith(start) and key.endswith("/relative")
    ]
    return rounded(statistics.fmean(values)) if values else None


def means_of(shifts: Sequence[Sequence[int | float | None]]) -> dict[str, int | float]:
    """Return the mean over looks of each network's covariate shift, where it was read."""
    found: dict[str, int | float] = {}
    for place, name in enumerate(SHIFTS, 1):
        values = [value for row in shifts if (value := row[place]) is not None]
        found |= {name: rounded(statistics.fmean(values))} if values else {}
    return found


def rounded(value: Any) -> Any:
    """Return a number with five digits, whole ones as whole numbers.

    Example:
        >>> rounded(9.784512), rounded(10), rounded(0.0), rounded(None)
        (9.7845, 10, 0, None)
    """
    if not isinstance(value, float):
        return value
    short = float(f"{value:.5g}")
    return int(short) if short.is_integer() else short

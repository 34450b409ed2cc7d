"""What stands in a run folder, as far as it can be read; what is missing or broken is named and the rest is kept."""

import csv
import datetime
import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml

from gannorm._version import __version__
from gannorm.collapse import STATES

UNKNOWN = "no end yet"  # the status of a run that has written no results
JUDGE = "judge.json"
MAPPINGS = ("evaluation", "evaluation_raw", "real", "versions", "generator", "discriminator")
NESTED = ("*/", "*/*/", "*/*/*/")  # where a run folder may be inside what is none
FILES = ("config.yaml", "results.json", "metrics.csv", "events.jsonl")
Content = TypeVar("Content")


@dataclass(frozen=True)
class RunRecord:
    """A run, as its folder tells it.

    Attributes:
        path: The folder.
        config: As it was resolved; empty where it cannot be read.
        results: Of the end; empty for a run that has not come to one.
        rows: Lines of metrics.csv: numbers by key, those that a line has.
        events: Of the detector of collapse, in order.
        sheets: Images seen and file of each sample sheet, in order.
        notes: Sentences on what is missing, broken, or of another version.
        judge: Who says what a sample is, and how often each mode is real; empty for who has none, and of old folders.
    """

    path: Path
    config: Mapping[str, Any]
    results: Mapping[str, Any]
    rows: Sequence[Mapping[str, float]]
    events: Sequence[Mapping[str, Any]]
    sheets: Sequence[tuple[int, Path]]
    notes: Sequence[str]
    judge: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> "RunRecord":
        """Read a run folder.

        Raises:
            ValueError: There is no such folder, or none of a run's files is in it.
        """
        if not path.is_dir():
            raise ValueError(f"{path} is no folder; give a run folder, such as runs/mnist/<id>")
        if not any((path / name).exists() for name in FILES):
            inside = sorted(found.parent for depth in NESTED for found in path.glob(f"{depth}config.yaml"))
            hint = f"; there is one in {inside[0]}" if inside else ""
            raise ValueError(f"{path} is no run folder: it has none of {', '.join(FILES)}{hint}")
        notes: list[str] = []
        config: dict[str, Any] = part(path / "config.yaml", yaml.safe_load, dict, notes)
        results: dict[str, Any] = without_foreign(part(path / "results.json", json.loads, dict, notes), notes)
        rows: list[dict[str, float]] = part(path / "metrics.csv", metrics, list, notes)
        events: list[dict[str, Any]] = part(path / "events.jsonl", lines_of_json, list, notes)
        sheets = sorted((int(file.stem), file) for file in (path / "samples").glob("*.png") if file.stem.isdecimal())
        if not sheets:
            notes.append("There are no sample sheets in samples/.")
        judge: dict[str, Any] = part(path / JUDGE, json.loads, dict, notes) if (path / JUDGE).exists() else {}
        made_by = results.get("versions", {}).get("gannorm", __version__)
        if made_by != __version__:
            notes.append(f"The run was made by version {made_by}; this page by {__version__}.")
        return cls(path, config, results, rows, events, sheets, notes, judge)

    @property
    def title(self) -> str:
        """Return the run's name and id."""
        name = self.results.get("name") or self.config.get("name") or self.path.absolute().parent.name
        return printable(f"{name} {self.path.absolute().name}")

    @property
    def status(self) -> str:
        """Return whether it finished, stopped, or has not said."""
        return printable(str(self.results.get("status", UNKNOWN)))

    @property
    def images_seen(self) -> int:
        """Return how far it came."""
        last = max((int(row["images_seen"]) for row in self.rows), default=0)
        told = self.results.get("images_seen")
        return int(told) if isinstance(told, int | float) and math.isfinite(told) else last

    @property
    def num_modes(self) -> int:
        """Return K; 0 where nobody judged."""
        final = self.results.get("evaluation", {}).get("num_modes", 0)
        looks = [row["coverage/num_modes"] for row in self.rows if "coverage/num_modes" in row]
        return int(next((num for num in (*looks, final) if isinstance(num, int | float) and math.isfinite(num)), 0))

    @property
    def last_written(self) -> datetime.datetime:
        """Return when the folder's files were last written to."""
        newest = max((self.path / name).stat().st_mtime for name in FILES if (self.path / name).exists())
        return datetime.datetime.fromtimestamp(newest).astimezone()

    def series(self, key: str) -> list[tuple[float, float]]:
        """Return images seen and value of each line that has a key; NaN and infinity are left out."""
        return [
            (row["images_seen"], row[key])
            for row in self.rows
            if key in row and "images_seen" in row and math.isfinite(row[key])
        ]

    def worst_event(self) -> Mapping[str, Any] | None:
        """Return the event of the worst state, the first of these; None without any of severity warn or higher."""
        order = list(STATES)
        bad = [event for event in self.events if STATES.get(event["state"]) and STATES[event["state"]].level >= WARN]
        return max(bad, key=lambda event: order.index(event["state"]), default=None)


WARN = STATES["mode dropped"].level


def part(path: Path, parse: Callable[[str], Any], kind: type[Content], notes: list[str]) -> Content:
    """Return what a file holds, or nothing of that kind and a note on why."""
    if not path.exists():
        notes.append(f"{path.name} is missing{WITHOUT[path.name]}.")
        return kind()
    try:
        content = parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError, RecursionError, csv.Error, yaml.YAMLError) as error:
        notes.append(f"{path.name} cannot be read: {' '.join(str(error).split())[:200]}")
        return kind()
    if content is not None and not isinstance(content, kind):
        notes.append(f"{path.name} holds no {kind.__name__}.")
    return content if isinstance(content, kind) else kind()


WITHOUT = {
    "config.yaml": ": what was run is not known",
    "results.json": ": the run is still going, or ended without a word",
    "metrics.csv": ": there are no curves",
    "events.jsonl": ": nothing is known of events",
}
"""What it means that a file is missing."""


def metrics(text: str) -> list[dict[str, float]]:
    r"""Return the lines of a metrics.csv as numbers; the last line of a run that is still going may be half written.

    Example:
        >>> metrics("images_seen,a\n64,1.5\n128,")
        [{'images_seen': 64.0, 'a': 1.5}, {'images_seen': 128.0}]
    """
    found = []
    for row in csv.DictReader(text.splitlines()):
        numbers = {key: number(value) for key, value in row.items() if key is not None and isinstance(value, str)}
        known = {key: value for key, value in numbers.items() if value is not None}
        if math.isfinite(known.get("images_seen", math.nan)):
            found.append(known)
    return found


def number(text: str) -> float | None:
    """Return a number; None where there is none.

    Example:
        >>> number("True"), number("2.5"), number("")
        (1.0, 2.5, None)
    """
    if text in ("True", "False"):
        return float(text == "True")
    try:
        return float(text)
    except ValueError:
        return None


def lines_of_json(text: str, keys: Collection[str] = ("state", "images_seen")) -> list[dict[str, Any]]:
    """Return one object per line that has these keys; a line that is half written is left out."""
    found = []
    for line in text.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and event.keys() >= set(keys) and isinstance(event.get("images_seen", 0), int):
            found.append(event)
    return found


def without_foreign(results: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    """Return results without what should be a mapping and is none, with a note on it."""
    foreign = [key for key in MAPPINGS if key in results and not isinstance(results[key], dict)]
    notes += [f"results.json: {key!r} is no mapping." for key in foreign]
    return {key: value for key, value in results.items() if key not in foreign}


def printable(text: str) -> str:
    r"""Return a text without control characters, such as those that colour a terminal.

    Example:
        >>> printable("[31mred")
        '[31mred'
    """
    return "".join(letter for letter in text if letter.isprintable())

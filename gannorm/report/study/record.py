"""What stands in a study's folder: its factors, and one line per run that came to an end."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from gannorm.statistics import Survival, survival

HEALTHY, ACCEPTED = 0.8, 0.1  # share of the modes, and of the samples, from which a look is healthy
COLLAPSED, REJECTED = 0.5, 0.02  # and below which a run that was healthy has collapsed
ENDED = ("finished", "stopped", "diverged")


@dataclass(frozen=True)
class Run:
    """One run that ended, from its line in the journal.

    Attributes:
        cell: Level of each factor.
        seed: Of the run.
        status: "finished", "stopped" by the collapse policy, or "diverged" where a loss was no number any more.
        line: All of the line.
    """

    cell: Mapping[str, str]
    seed: int
    status: str
    line: Mapping[str, Any]

    def figure(self, name: str) -> float:
        """Return a figure of the end; 0 for a run that diverged, or whose samples all were rejected."""
        return float((self.line.get("final") or {}).get(name) or 0.0)

    @cached_property
    def modes(self) -> float:
        """Return K, or NaN where nobody judged."""
        return float((self.line.get("final") or {}).get("num_modes") or math.nan)

    @property
    def looks(self) -> list[tuple[float, float, float]]:
        """Return images seen, effective modes and accepted share of each look."""
        return [(look[0], look[1] or 0.0, look[3] or 0.0) for look in self.line.get("looks", [])]

    @cached_property
    def healthy_at(self) -> float | None:
        """Return when a look first had most of the modes and accepted samples enough; None if it never did."""
        modes = self.modes if self.modes == self.modes else max((look[1] for look in self.looks), default=1.0)
        enough = (images for images, some, accepted in self.looks if some >= HEALTHY * modes and accepted >= ACCEPTED)
        return next(enough, None)

    @cached_property
    def collapsed_at(self) -> float | None:
        """Return when a run that was healthy had lost half of its modes, or nearly all samples; None if it did not."""
        if self.healthy_at is None:
            return None
        later = [look for look in self.looks if look[0] > self.healthy_at]
        lost = (images for images, some, accepted in later if some < COLLAPSED * self.modes or accepted < REJECTED)
        end = self.watched_until if self.status == "diverged" else None
        return next(lost, end)

    @property
    def watched_until(self) -> float:
        """Return the images seen at the last look."""
        return max((look[0] for look in self.looks), default=float(self.line.get("images", 0)))


@dataclass(frozen=True)
class StudyRecord:
    """A study, as its folder tells it.

    Attributes:
        path: The folder.
        name: Of the study.
        factors: Names of the levels of each.
        runs: Those that ended, of the cells that it has now.
        failed: Lines of those that failed.
        planned: How many runs it is to have.
        outcome: What is compared.
        others: Runs in the journal that are not of it any more.
    """

    path: Path
    name: str
    factors: Mapping[str, Sequence[str]]
    runs: Sequence[Run]
    failed: Sequence[Mapping[str, Any]]
    planned: int
    outcome: str
    others: int = 0
    by_cell: dict[tuple[str, ...], list[Run]] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, path: Path) -> "StudyRecord":
        """Read a study's folder.

        Raises:
            ValueError: It is none.
        """
        try:
            told = json.loads((path / "study.json").read_text())
            factors = {name: list(levels) for name, levels in told["factors"].items()}
            cells = {tuple(cell.values()) for cell in told["cells"]}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path} is no folder of a study: {type(error).__name__} in study.json") from error
        lines = latest(lines_of(Path(told.get("journal") or path / "journal.jsonl")))
        own = [line for line in lines if tuple(line["cell"].values()) in cells and set(line["cell"]) == set(factors)]
        runs = [Run(line["cell"], line["seed"], line["status"], line) for line in own if line["status"] in ENDED]
        by_cell: dict[tuple[str, ...], list[Run]] = {}
        for run in sorted(runs, key=lambda run: run.seed):
            by_cell.setdefault(tuple(run.cell.values()), []).append(run)
        failed = [line for line in own if line["status"] == "failed"]
        rest = len(lines) - len(own)
        return cls(path, told["name"], factors, runs, failed, told["runs"], told["outcome"], rest, by_cell)

    @cached_property
    def modes(self) -> float:
        """Return K; 1 where no run says it."""
        return max((run.modes for run in self.runs if run.modes == run.modes), default=1.0)

    def with_levels(self, **levels: str) -> list[Run]:
        """Return the runs that have these levels."""
        return [run for run in self.runs if all(run.cell[factor] == level for factor, level in levels.items())]


def is_study(path: Path) -> bool:
    """Return whether a folder is that of a study."""
    return (path / "study.json").is_file()


def lines_of(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a journal; what is torn or foreign is left out."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    found = []
    for written in text.splitlines():
        try:
            line = json.loads(written)
        except ValueError:
            continue
        if isinstance(line, dict) and {"key", "cell", "seed", "status"} <= line.keys():
            found.append(line)
    return found


def latest(lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the last line of each key."""
    return list({line["key"]: line for line in lines}.values())


def staying(runs: Sequence[Run]) -> Survival | None:
    """Return the share of runs that have not collapsed, by images since they were first healthy; None of none."""
    times, collapsed = lifetimes(runs)
    return survival(times, collapsed) if times else None


def lifetimes(runs: Sequence[Run]) -> tuple[list[float], list[bool]]:
    """Return of each healthy run the images from its health to its collapse or its end, and whether it collapsed."""
    healthy = [run for run in runs if run.healthy_at is not None]
    times = [(run.collapsed_at or run.watched_until) - (run.healthy_at or 0.0) for run in healthy]
    return times, [run.collapsed_at is not None for run in healthy]

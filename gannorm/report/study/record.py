"""What stands in a study's folder: its factors, and one line per run that came to an end."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from gannorm.report.run.record import lines_of_json
from gannorm.statistics import Watched

HEALTHY, ACCEPTED = 0.8, 0.1  # share of the modes, and of the samples, from which a look is healthy
COLLAPSED, REJECTED = 0.5, 0.02  # and below which a run that was healthy has collapsed
ENDED = ("finished", "stopped", "diverged")
KINDS = {"key": str, "cell": dict, "seed": int, "status": str}  # that a line of a journal has to have
LOOKED = {"effective_modes": 1, "covered_modes": 2, "high_quality": 3}  # where a look in the journal has them


@dataclass(frozen=True)
class Run:
    """One run that ended, from its line in the journal.

    Attributes:
        cell: Level of each factor.
        seed: Of the run.
        status: "finished", "stopped" by the collapse policy, or "diverged" where a loss was no number any more.
        line: All of the line.
        modes: K, of its data.
    """

    cell: Mapping[str, str]
    seed: int
    status: str
    line: Mapping[str, Any]
    modes: float

    def figure(self, name: str) -> float:
        """Return a figure of the end, or of the last look of a run that was stopped; 0 for a run that diverged."""
        looks = self.line.get("looks") or []
        if self.status == "stopped" and name in LOOKED and looks:
            return float(looks[-1][LOOKED[name]] or 0.0)
        return float((self.line.get("final") or {}).get(name) or 0.0)

    @property
    def looks(self) -> list[tuple[float, float, float]]:
        """Return images seen, effective modes and accepted share of each look."""
        return [(float(look[0]), float(look[1] or 0), float(look[3] or 0)) for look in self.line.get("looks") or []]

    @cached_property
    def healthy_at(self) -> float | None:
        """Return when a look first had most of the modes and accepted samples enough; None if it never did."""
        least = HEALTHY * self.modes
        return next((images for images, some, share in self.looks if some >= least and share >= ACCEPTED), None)

    @cached_property
    def collapsed_at(self) -> float | None:
        """Return when a run that was healthy had lost half of its modes, or nearly all samples; None if it did not.

        One that diverged, or that the collapse policy stopped, had by its end.
        """
        if self.healthy_at is None:
            return None
        later = [look for look in self.looks if look[0] > self.healthy_at]
        lost = (images for images, some, accepted in later if some < COLLAPSED * self.modes or accepted < REJECTED)
        end = None if self.status == "finished" else float(self.line.get("images", self.watched_until))
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
        factors: Options that each level of each sets.
        runs: Those that ended, of the cells that it has now.
        failed: Lines of those that failed.
        planned: How many runs it is to have.
        outcome: What is compared.
        modes: K, the largest where data differ in it.
        others: Runs in the journal that are not of it any more.
    """

    path: Path
    name: str
    factors: Mapping[str, Mapping[str, Mapping[str, Any]]]
    runs: Sequence[Run]
    failed: Sequence[Mapping[str, Any]]
    planned: int
    outcome: str
    modes: float
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
            name, outcome = str(told["name"]), str(told["outcome"])
            options = {name: dict(levels) for name, levels in told["factors"].items()}
            jobs = {key: (dict(zip(options, levels, strict=True)), seed) for key, levels, seed in told["jobs"]}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path} is no folder of a study: {type(error).__name__} in study.json") from error
        journal = path / (told.get("journal") or "journal.jsonl")
        if told.get("journal") and not journal.exists():
            raise ValueError(f"{path}: its journal {journal} is missing; put it back there, or run the study again")
        lines = {line["key"]: line for line in lines_of(journal)}
        own = [lines[key] | {"cell": cell, "seed": seed} for key, (cell, seed) in jobs.items() if key in lines]
        own = [judged(line, outcome) for line in own]
        ended = [line for line in own if line["status"] in ENDED]
        runs = [Run(line["cell"], line["seed"], line["status"], line, known_modes(line, ended)) for line in ended]
        modes = max((run.modes for run in runs), default=1.0)
        by_cell: dict[tuple[str, ...], list[Run]] = {}
        for run in sorted(runs, key=lambda run: run.seed):
            by_cell.setdefault(tuple(run.cell.values()), []).append(run)
        failed = [line for line in own if line["status"] == "failed"]
        others = len(lines) - len(own)
        return cls(path, name, options, runs, failed, len(jobs), outcome, modes, others, by_cell)

    @cached_property
    def in_shares(self) -> bool:
        """Whether the outcome is compared as a share of K: it counts modes, and data differ in how many they have."""
        return self.outcome in ("effective_modes", "covered_modes") and len({run.modes for run in self.runs}) > 1

    def value(self, run: Run) -> float:
        """Return the outcome of a run, as it is compared."""
        return run.figure(self.outcome) / (run.modes if self.in_shares else 1.0)

    def common_end(self, levels: Iterable[Sequence[Run]]) -> float:
        """Return up to where levels can be compared: where the shortest runs end, if the levels differ in that."""
        lengths = [{run.watched_until for run in runs if run.status == "finished"} for runs in levels if runs]
        alike = all(one == lengths[0] for one in lengths)
        return math.inf if alike else min(min(one, default=math.inf) for one in lengths)

    def with_levels(self, **levels: str) -> list[Run]:
        """Return the runs that have these levels."""
        return [run for run in self.runs if all(run.cell[factor] == level for factor, level in levels.items())]


def judged(line: dict[str, Any], outcome: str) -> dict[str, Any]:
    """Return a line; one of a run that finished without the outcome is one of a run that failed."""
    if line["status"] != "finished" or outcome in (line.get("final") or {}):
        return line
    return line | {"status": "failed", "reason": f"it has no {outcome}: nobody judged its samples"}


def known_modes(line: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> float:
    """Return K as a run says it; one that diverged early does not, and has that of its cell, or of the study."""
    of_cell = (num_modes(other) for other in others if other["cell"] == line["cell"])
    return num_modes(line) or max(of_cell, default=0.0) or max(map(num_modes, others)) or 1.0


def num_modes(line: Mapping[str, Any]) -> float:
    """Return K as a run says it; 0 where it does not."""
    return float(line.get("num_modes") or (line.get("final") or {}).get("num_modes") or 0)


def is_study(path: Path) -> bool:
    """Return whether a folder is that of a study."""
    return (path / "study.json").is_file()


def lines_of(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a journal; what is torn or foreign is left out."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return [line for line in lines_of_json(text, tuple(KINDS)) if all(fits(line, key) for key in KINDS)]


def fits(line: Mapping[str, Any], key: str) -> bool:
    """Return whether a line holds under a key what a journal has there, or, if it need not be there, nothing."""
    return isinstance(line[key], KINDS[key])


def waiting(runs: Sequence[Run], until: float = math.inf) -> Watched:
    """Return of each run the images until it was first healthy, or until it was last watched.

    A run that diverged or was stopped will never be healthy: it stays among those that are not to the end, of the
    longest run or `until`. Censored where it ended, a norm that diverges would look quick.
    """
    end = min(until, max((run.watched_until for run in runs), default=0.0))
    lasting = [run.watched_until if run.status == "finished" else end for run in runs]
    times = [last if run.healthy_at is None else run.healthy_at for run, last in zip(runs, lasting, strict=True)]
    healthy = [run.healthy_at is not None and time <= until for run, time in zip(runs, times, strict=True)]
    return Watched([min(time, until) for time in times], healthy, [run.seed for run in runs])


def lifetimes(runs: Sequence[Run], until: float = math.inf) -> Watched:
    """Return of each healthy run the images from its health to its collapse or its end, and whether it collapsed.

    Args:
        runs: Some may be longer than others.
        until: What comes later is left out: where runs that are watched for longer differ from the others in more than
            that, what they do later says nothing of the others.
    """
    healthy = [run for run in runs if run.healthy_at is not None]
    times = [(run.collapsed_at or run.watched_until) - (run.healthy_at or 0.0) for run in healthy]
    collapsed = [run.collapsed_at is not None and time <= until for run, time in zip(healthy, times, strict=True)]
    return Watched([min(time, until) for time in times], collapsed, [run.seed for run in healthy])

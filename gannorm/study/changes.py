"""Whether runs that have ended are still of the study: its file may have been changed under them, or a default."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gannorm.report.study.record import ENDED
from gannorm.study.errors import StudyError
from gannorm.study.folder import belongs, parts, written
from gannorm.study.journal import Journal, Line
from gannorm.study.matrix import Study
from gannorm.study.worker import Task

SHOWN = 5  # things that differ
MADE_OF = ("config", "factors", "settings")


def as_noted(tasks: Sequence[Task], journal: Journal) -> list[Task]:
    """Return tasks under the keys that their runs have in the journal.

    A file that says what is the default anyway has other keys, and the same runs.
    """
    own = {task.key for task in tasks}
    others = {str(line.get("id")): key for key, line in journal.lines.items() if key not in own}
    return [
        task if task.key in journal.lines or task.id not in others else under(others[task.id], task) for task in tasks
    ]


def under(key: str, task: Task) -> Task:
    """Return a task under another key."""
    return dataclasses.replace(task, key=key, told={**task.told, "key": key})


def check_unchanged(study: Study, tasks: Sequence[Task], folder: Path, journal: Journal) -> None:
    """Refuse a study whose runs that have ended are no longer of it: its file was changed, or a default of gannorm.

    Cells and seeds that are left out by name are no mistake; nor is what was accepted before.

    Raises:
        StudyError: They are not; what differs is named.
    """
    check_journal(study, folder, journal)
    by_key = {task.key: task for task in as_noted(tasks, journal)}
    accepted = written(folder).get("accepted", ())
    ended = [line for key, line in journal.lines.items() if line["status"] in ENDED and key not in accepted]
    others = [line for line in ended if line["key"] not in by_key and not left_out(study, line)]
    remade = [line for line in ended if line["key"] in by_key and not belongs(line, by_key[line["key"]])]
    if others:
        raise StudyError(
            f"study {study.name}: {len(others)} runs that have ended are no longer of it, such as {others[0]['cell']} "
            f"seed {others[0]['seed']}; changed are {differing(study, folder, journal, others)}; "
            "give it another name, or --accept-changes to leave them out"
        )
    if remade:
        first = remade[0]
        raise StudyError(
            f"study {study.name}: {len(remade)} runs that have ended would be others now, such as {first['cell']} seed "
            f"{first['seed']}: {first['id']} was made, {by_key[first['key']].id} would be; a default of gannorm "
            "differs; give it another name, or --accept-changes to run them once more"
        )


def check_journal(study: Study, folder: Path, journal: Journal) -> None:
    """Refuse a folder whose runs are noted in another journal, unless that one's lines are in this one too.

    Raises:
        StudyError: They are not.
    """
    before = written(folder)
    other = folder / (before.get("journal") or "journal.jsonl")
    if before and other.resolve() != journal.path.resolve() and Journal(other).lines.keys() - journal.lines.keys():
        raise StudyError(
            f"study {study.name}: the runs of {folder} are noted in {other}, and not in {journal.path}; copy its lines "
            "there, give the study another name, or --accept-changes to leave them out"
        )


def left_out(study: Study, line: Line) -> bool:
    """Return whether a run is made of what the study says, only that its cell or its seed is not wanted any more."""
    known = list(line["cell"]) == list(study.factors)
    known = known and all(level in study.factors[factor] for factor, level in line["cell"].items())
    return known and study.job(line["cell"], line["seed"]).key == line["key"]


def differing(study: Study, folder: Path, journal: Journal, others: Sequence[Line]) -> str:
    """Return what differs: by what was written down of the study, or else by what the lines say of themselves."""
    before, now = journal.parts or written(folder), parts(study)
    places = {name: changed(before.get(name) or {}, now[name] or {}) for name in MADE_OF} if before else {}
    told = [f"{name}: {', '.join(found[:SHOWN])}" for name, found in places.items() if found]
    return "; ".join(told) or "; ".join(list(dict.fromkeys(gone(study, line) for line in others))[:SHOWN])


def gone(study: Study, line: Line) -> str:
    """Return what a line has that its study has not."""
    for factor, level in line["cell"].items():
        if factor not in study.factors:
            return f"factor {factor!r}, which is not there any more"
        if level not in study.factors[factor]:
            return f"factor {factor!r}, which has no level {level!r} any more"
    new = [factor for factor in study.factors if factor not in line["cell"]]
    return f"factor {new[0]!r}, which is new" if new else "the base configuration, or what the levels set"


def changed(before: Any, now: Any, at: str = "") -> list[str]:
    """Return the places where two plain data differ.

    Example:
        >>> changed({"a": {"b": 1}, "c": 2}, {"a": {"b": 3}, "c": 2})
        ['a.b']
    """
    if not isinstance(before, Mapping) or not isinstance(now, Mapping):
        return [] if before == now else [at or "it"]
    keys = sorted({*before, *now}, key=str)
    places = [changed(before.get(key), now.get(key), f"{at}.{key}" if at else str(key)) for key in keys]
    return [place for found in places for place in found]

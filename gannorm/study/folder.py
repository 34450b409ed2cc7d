"""The folder of a study: who writes to it, what it was last used for, and in which state each run is."""

import contextlib
import fcntl
import json
import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from gannorm import files
from gannorm.report.study.record import ENDED
from gannorm.study.errors import StudyError
from gannorm.study.journal import Journal, Line
from gannorm.study.local import lock_of
from gannorm.study.matrix import Cell, Study
from gannorm.study.worker import Task

PATIENCE = 5.0  # seconds for workers of a study that was killed to notice it


@contextlib.contextmanager
def locked(folder: Path, journal: Path) -> Iterator[None]:
    """Be the only one that writes to a study's folder and journal, and the only one whose workers do.

    Raises:
        StudyError: Another study is writing there, or it cannot be written to.
    """
    with made(folder), made(journal.parent), opened(journal) as kept, opened(folder / "study.lock") as file:
        if not (seized(file, 0.0) and seized(kept, 0.0)):
            raise StudyError(f"another study is writing to {folder}; wait for it, or give this one another name")
        with lock_of(folder).open("a") as workers:
            if not seized(workers, PATIENCE):
                raise StudyError(f"{folder}: processes of a study that has ended are still there; end them")
        yield


@contextlib.contextmanager
def made(folder: Path) -> Iterator[None]:
    """Have a folder within the block; what was made for it is removed afterwards, unless something is in it.

    Raises:
        StudyError: It cannot be made.
    """
    new = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StudyError(f"{folder} cannot be made: {error.strerror}; choose another --folder") from error
        yield
    finally:
        for path in new:
            with contextlib.suppress(OSError):  # something is in it
                path.rmdir()


def opened(path: Path) -> IO[str]:
    """Return a file to which lines can be added.

    Raises:
        StudyError: None can.
    """
    try:
        return path.open("a")
    except OSError as error:
        raise StudyError(f"{path} cannot be written to: {error.strerror}; choose another --folder") from error


def seized(file: Any, seconds: float) -> bool:
    """Return whether a lock could be had within so many seconds."""
    end = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= end:
                return False
            time.sleep(0.1)
        except OSError as error:
            raise StudyError(f"{file.name} cannot be locked: {error.strerror}; choose another --folder") from error


def journal_path(study: Study, folder: Path) -> Path:
    """Return where the journal of a study is: where its file says, or in its folder."""
    return study.journal or folder / study.name / "journal.jsonl"


def parts(study: Study) -> dict[str, Any]:
    """Return what runs are made of, to be kept beside them."""
    more = [[part, list(seeds)] for part, seeds in study.more_seeds]
    settings = [[part, options] for part, options in study.settings]
    cells = {"leave_out": list(study.leave_out), "more_seeds": more, "settings": settings}
    return {"config": study.config, "factors": study.factors, "seeds": study.seeds, **cells, "outcome": study.outcome}


def written(folder: Path) -> dict[str, Any]:
    """Return what the folder was last used for; empty for a new one."""
    try:
        return dict(json.loads((folder / "study.json").read_text()))
    except (OSError, ValueError):
        return {}


def write(study: Study, tasks: Sequence[Task], folder: Path, journal: Journal) -> None:
    """Keep beside the runs what they are made of, for the page and for the next attempt.

    Args:
        study: As its file says it.
        tasks: Its runs.
        folder: Of the study.
        journal: Whose other runs were accepted as no longer of it.
    """
    told = content(study, folder, [(task.key, task.told["cell"], task.told["seed"]) for task in tasks])
    by_key = {task.key: task for task in tasks}
    other = (key for key, line in journal.lines.items() if key not in by_key or not belongs(line, by_key[key]))
    told["accepted"] = sorted(other)
    files.write(folder / "study.json", json.dumps(told) + "\n")
    journal.describe(parts(study))


def content(study: Study, folder: Path, runs: Iterable[tuple[str, Cell, int]]) -> dict[str, Any]:
    """Return what `study.json` holds of a study and its runs, each with key, cell and seed."""
    journal = os.path.relpath(study.journal, folder) if study.journal else None
    jobs = [[key, list(cell.values()), seed] for key, cell, seed in runs]
    return {"name": study.name, **parts(study), "journal": journal, "jobs": jobs}


def belongs(line: Line, task: Task) -> bool:
    """Return whether a line is of the run that a task makes, and not of one with other defaults."""
    return bool(line.get("id", task.id) == task.id)


def state(task: Task, journal: Journal) -> str:
    """Return `done`, `failed`, `incomplete` or `absent`."""
    line = journal.lines.get(task.key)
    if line is not None and belongs(line, task):
        if line["status"] in ENDED:
            return "done"
        if line["status"] == "failed":
            return "failed"
    return "incomplete" if Path(task.folder).exists() else "absent"


def counted(tasks: Sequence[Task], journal: Journal) -> Counter[str]:
    """Return how many runs are in each state."""
    return Counter(state(task, journal) for task in tasks)

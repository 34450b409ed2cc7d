"""The folder of a study: who writes to it, what it was made of, and in which state each run is."""

import contextlib
import fcntl
import json
import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gannorm import files
from gannorm.report.study.record import ENDED
from gannorm.study.errors import StudyError
from gannorm.study.journal import Journal
from gannorm.study.local import lock_of
from gannorm.study.matrix import Study
from gannorm.study.worker import Task

PATIENCE = 5.0  # seconds for workers of a study that was killed to notice it


@contextlib.contextmanager
def locked(folder: Path, journal: Path) -> Iterator[None]:
    """Be the only one that writes to a study's folder and journal, and the only one whose workers do.

    Raises:
        StudyError: Another study is writing there, or it cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        journal.parent.mkdir(parents=True, exist_ok=True)
        file, kept = (folder / "study.lock").open("a"), journal.open("a")
    except OSError as error:
        raise StudyError(
            f"{folder} cannot be written to: {error.strerror}; choose another place with --folder"
        ) from error
    with file, kept:
        if not (seized(file, 0.0) and seized(kept, 0.0)):
            raise StudyError(f"another study is writing to {folder}; wait for it, or give this one another name")
        with lock_of(folder).open("a") as workers:
            if not seized(workers, PATIENCE):
                raise StudyError(f"{folder}: processes of a study that has ended are still there; end them")
        yield


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


def check_unchanged(study: Study, folder: Path, journal: Journal) -> None:
    """Refuse a study file that was changed so that runs which have ended are no longer of it.

    Cells and seeds that are left out by name are no mistake; nor is what was accepted before.

    Raises:
        StudyError: It was; the parts that differ are named.
    """
    jobs = {job.key for job in study.jobs()}
    before, now = written(folder), parts(study)
    others = [
        line
        for key, line in journal.lines.items()
        if key not in jobs and line["status"] in ENDED and key not in before.get("accepted", ())
    ]
    differ = [name for name in ("config", "factors", "settings") if before and before.get(name, []) != now[name]]
    if not others or (before and not differ):
        return
    told = [f"{name}: {', '.join(changed(before.get(name), now[name]))}" for name in differ]
    raise StudyError(
        f"study {study.name}: {len(others)} runs that have ended are no longer of it, such as {others[0]['cell']} "
        f"seed {others[0]['seed']}; changed are {'; '.join(told) or 'its parts'}; "
        "give it another name, or --accept-changes to leave them out"
    )


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


def written(folder: Path) -> dict[str, Any]:
    """Return what the folder was last used for; empty for a new one."""
    try:
        return dict(json.loads((folder / "study.json").read_text()))
    except (OSError, ValueError):
        return {}


def write(study: Study, folder: Path, journal: Journal | None = None) -> None:
    """Keep beside the runs what they are made of, for the page and for the next attempt.

    Args:
        study: As its file says it.
        folder: Of the study.
        journal: Whose other runs were accepted as no longer of it.
    """
    told = {"name": study.name, **parts(study)}
    told["journal"] = os.path.relpath(study.journal, folder) if study.journal else None
    told["jobs"] = [[job.key, list(job.cell.values()), job.seed] for job in study.jobs()]
    jobs = {key for key, *_ in told["jobs"]}
    told["accepted"] = sorted(key for key in journal.lines if key not in jobs) if journal else []
    files.write(folder / "study.json", json.dumps(told) + "\n")


def state(task: Task, journal: Journal) -> str:
    """Return `done`, `failed`, `incomplete` or `absent`."""
    status = journal.lines.get(task.key, {}).get("status")
    if status in ENDED:
        return "done"
    if status == "failed":
        return "failed"
    return "incomplete" if Path(task.folder).exists() else "absent"


def counted(tasks: Sequence[Task], journal: Journal) -> Counter[str]:
    """Return how many runs are in each state."""
    return Counter(state(task, journal) for task in tasks)

"""The main path of a study: read it, look at what is there, run what is not, write the page."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gannorm import screen
from gannorm.report.study.page import NAME as PAGE
from gannorm.report.study.page import write as write_page
from gannorm.study import folder as study_folder
from gannorm.study.changes import as_noted, check_unchanged
from gannorm.study.identify import keep, tasks
from gannorm.study.journal import Journal, Line, signalled
from gannorm.study.launchers import Launcher
from gannorm.study.matrix import Study
from gannorm.study.study_file import read

PAGE_EVERY = 60.0  # seconds between two pages while runs go on
PAGE_TIMES = 20  # and so many times what a page takes: a study of thousands of runs is not there to write pages


@dataclass(frozen=True)
class Outcome:
    """What a study has come to.

    Attributes:
        folder: Of the study.
        page: The page.
        ended: Runs that have ended, in all attempts.
        failed: Runs that failed.
        left: Runs that have neither.
    """

    folder: Path
    page: Path
    ended: int
    failed: int
    left: int


def run(
    path: Path,
    launcher: Callable[[Study, Path], Launcher],
    *,
    folder: Path = Path("runs"),
    retry_failed: bool = False,
    accept_changes: bool = False,
) -> Outcome:
    """Run what a study file describes and is not there yet; the same command goes on where it was.

    Args:
        path: The study file.
        launcher: Makes who does it, from the study and its folder.
        folder: That the study's own folder, `<folder>/<name>`, is in.
        retry_failed: Also runs that failed.
        accept_changes: Leave out ended runs that are no longer of it.

    Raises:
        StudyError: Something is wrong with file or folder; nothing was started.
    """
    study = read(path)
    place = folder / study.name
    kept = study_folder.journal_path(study, folder)
    found = tasks(study, study.jobs(), folder.resolve())  # a worker may stand elsewhere
    if not accept_changes:
        check_unchanged(study, found, place, Journal(kept, study.outcome))
    who = launcher(study, place)  # whatever is wrong is known before anything is written
    with study_folder.locked(place, kept):
        journal = Journal(kept, study.outcome)  # to which another study may have written meanwhile
        all_tasks = as_noted(found, journal)
        study_folder.write(study, all_tasks, place, journal)
        keep(found, place)
        open_states = ("absent", "incomplete", "failed") if retry_failed else ("absent", "incomplete")
        waiting = [task for task in all_tasks if study_folder.state(task, journal) in open_states]
        screen.say(f"study {place}: {len(all_tasks)} runs, {len(all_tasks) - len(waiting)} of them there")
        if waiting:
            try:
                follow(who.run(waiting), journal, place, len(waiting))
            except KeyboardInterrupt:
                screen.say(f"see {page_of(place)}; the same command goes on")
                raise
        counts = study_folder.counted(all_tasks, journal)
        page = page_of(place)
    return Outcome(place, page, counts["done"], counts["failed"], counts["absent"] + counts["incomplete"])


def follow(lines: Iterator[Line], journal: Journal, place: Path, number: int) -> None:
    """Keep each line, say it, and write the page now and then."""
    due = time.monotonic() + PAGE_EVERY
    for count, line in enumerate(lines, 1):
        kept = line if signalled(line) else journal.add(line)
        screen.say(f"{count:>6}/{number} {told(kept)}")
        if (began := time.monotonic()) > due:
            page_of(place)
            now = time.monotonic()
            due = now + max(PAGE_EVERY, PAGE_TIMES * (now - began))


def page_of(place: Path) -> Path:
    """Write the page, if it can be: no page is worth a study; return where it is."""
    try:
        return write_page(place)
    except Exception as error:  # whatever a damaged journal brings about
        screen.warn(f"no page: {type(error).__name__}: {error}")
        return place / PAGE


def told(line: Line) -> str:
    """Return one line of the journal as a person reads it.

    Example:
        >>> told({"cell": {"norm": "batch"}, "seed": 1, "status": "failed", "reason": "no memory"})
        'batch, seed 1: failed: no memory'
    """
    head = f"{', '.join(line['cell'].values())}, seed {line['seed']}: {line['status']}"
    if line["status"] == "failed":
        return f"{head}: {line['reason']}"
    modes = (line.get("final") or {}).get("effective_modes")
    found = "" if modes is None else f", {modes:.2f} effective modes"
    return f"{head}{found}, {line.get('seconds') or 0:.1f} s"

"""Which run folder a job leads to: the configuration is resolved as `train.py` would, once for each cell."""

import copy
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gannorm import files
from gannorm._version import __version__
from gannorm.study.errors import StudyError
from gannorm.study.matrix import Job, Study
from gannorm.study.worker import Task

KEPT = "ids.json"


def arguments(study: Study, job: Job, folder: Path) -> tuple[str, ...]:
    """Return the arguments of `train.py` that make one run of a study in `<folder>/<name>/<id>`."""
    from gannorm.training.parser import arguments_of

    own = {"seed_everything": job.seed, "name": study.name, "folder": str(folder), "quiet": True}
    return tuple(arguments_of(study.config, {**job.options, **own}))


def tasks(study: Study, jobs: Sequence[Job], folder: Path) -> list[Task]:
    """Return what workers are told to do, in order; ids that were kept in the study's folder are not sought again.

    Raises:
        StudyError: A factor names an option that `train.py` has not, or gives it a wrong value.
    """
    known = known_ids(folder / study.name / KEPT)
    probed = resolved(study, probes(jobs), folder)
    if any(known.get(key, own) != own for key, own in probed.items()):
        known = {}  # a default has changed since
    known_or_probed = known | probed
    found = known_or_probed | resolved(study, [job for job in jobs if job.key not in known_or_probed], folder)
    check_different(jobs, found)
    return [
        Task(
            key=job.key,
            arguments=arguments(study, job, folder),
            folder=str(folder / study.name / found[job.key]),
            told={"key": job.key, "cell": job.cell, "seed": job.seed},
        )
        for job in jobs
    ]


def keep(tasks: Sequence[Task], folder: Path) -> None:
    """Keep ids in a study's folder, so that it is quick again."""
    ids = {task.key: task.id for task in tasks}
    if ids != known_ids(folder / KEPT):
        files.write(folder / KEPT, json.dumps({"gannorm": __version__, "ids": ids}))


def probes(jobs: Iterable[Job]) -> list[Job]:
    """Return for each level of each factor the first job that has it: every class that the study names is in one."""
    first: dict[tuple[str, str], Job] = {}
    for job in jobs:
        for level in job.cell.items():
            first.setdefault(level, job)
    return list({job.key: job for job in first.values()}.values())


def check_different(jobs: Sequence[Job], ids: Mapping[str, str]) -> None:
    """Refuse two jobs that are one run: their levels set the same options, or what is the default anyway.

    Raises:
        StudyError: There are two; both are named.
    """
    seen: dict[str, Job] = {}
    for job in jobs:
        other = seen.setdefault(ids[job.key], job)
        if other is not job:
            raise StudyError(f"({other}) and ({job}) are the same run; leave out one, or let their levels differ")


def known_ids(path: Path) -> dict[str, str]:
    """Return ids by key as this version has written them."""
    try:
        data = json.loads(path.read_text())
        return dict(data["ids"]) if data["gannorm"] == __version__ else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def resolved(study: Study, jobs: Iterable[Job], folder: Path) -> dict[str, str]:
    """Return ids by key; seeds of a cell differ in their seed only.

    Raises:
        StudyError: An option that there is not, or a wrong value.
    """
    from gannorm.training.quiet import quiet_lightning
    from gannorm.training.run_folder import identity

    quiet_lightning()
    cells: dict[str, Mapping[str, Any]] = {}
    found = {}
    for job in jobs:
        cell = json.dumps(job.cell)
        if cell not in cells:
            cells[cell] = plain(study, job, folder)
            check_device(study, job, cells[cell]["trainer"])
        own = copy.deepcopy(dict(cells[cell]))
        own["seed_everything"] = job.seed
        found[job.key] = identity(own)
    return found


def check_device(study: Study, job: Job, trainer: Mapping[str, Any]) -> None:
    """Refuse a run on several devices: runs beside each other always finish sooner.

    Raises:
        StudyError: It is one.
    """
    for name in ("devices", "num_nodes"):
        if trainer.get(name, 1) != 1:
            raise StudyError(
                f"study {study.name}, {job}: trainer.{name} {trainer[name]!r}: runs of a study have one device each; "
                "leave it out, and say with --workers or --gpus how many there are at a time"
            )


def plain(study: Study, job: Job, folder: Path) -> Mapping[str, Any]:
    """Return the resolved configuration of a job.

    Raises:
        StudyError: It cannot be resolved.
    """
    from gannorm import screen
    from gannorm.training.parser import Configuration

    try:
        with screen.quiet(True):
            return Configuration(list(arguments(study, job, folder))).plain()
    except ValueError as error:
        raise StudyError(f"study {study.name}, {job}: {error}") from error

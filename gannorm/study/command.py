"""`gannorm study FILE`: run a study, or say what it would be."""

import argparse
import json
from pathlib import Path
from typing import Any

import yaml

from gannorm import shipped
from gannorm.records import nearest
from gannorm.study import folder as study_folder
from gannorm.study.changes import as_noted, check_unchanged
from gannorm.study.errors import StudyError
from gannorm.study.estimate import Timed, seconds_of
from gannorm.study.identify import plain, tasks
from gannorm.study.journal import Journal
from gannorm.study.launchers import LAUNCHERS
from gannorm.study.matrix import Job, Study
from gannorm.study.run import Outcome, run
from gannorm.study.study_file import read
from gannorm.study.watch import PATIENCE
from gannorm.study.worker import Task

SHOWN = 40  # cells in the table of a dry run
STATES = ("done", "incomplete", "failed", "absent")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.epilog = "Runs log to Weights & Biases only if WANDB_MODE says so: one group for each study."
    parser.add_argument("file", type=Path, help="the study, or the name of one that ships: base, factors, seeds")
    parser.add_argument("--launcher", default="local", help=f"who runs it: {', '.join(LAUNCHERS)} (local)")
    parser.add_argument("--workers", type=int, help="runs at a time (as many as fit this machine, or the cluster)")
    parser.add_argument("--address", help="of a cluster, for ray (the one this machine is in, or a new one here)")
    parser.add_argument("--gpus", type=float, default=0.0, help="per run, for ray; fractions share one (0)")
    parser.add_argument(
        "--patience",
        type=float,
        default=PATIENCE,
        help=f"minutes without a sign of life after which a run hangs ({PATIENCE:g})",
    )
    parser.add_argument("--folder", type=Path, default=Path("runs"), help="the study writes to <folder>/<name> (runs)")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be run, what is there, how long")
    parser.add_argument("--price", type=float, help="of an hour of one worker, for the cost of a dry run")
    parser.add_argument("--retry-failed", action="store_true", help="run what failed once more")
    parser.add_argument("--accept-changes", action="store_true", help="leave out ended runs of an older study file")
    parser.add_argument("--sweep", action="store_true", help="print it as a sweep of Weights & Biases, and do nothing")


def command(options: argparse.Namespace) -> tuple[str, int]:
    """Return what to say, and the exit code: 1 where a run failed or is left.

    Raises:
        StudyError: Something is wrong; nothing was started.
        UnknownNameError: There is no such study.
    """
    options.file = Path(shipped.resolve(str(options.file), shipped.STUDIES))
    if options.launcher not in LAUNCHERS:
        raise StudyError(f"--launcher {options.launcher}; {nearest(options.launcher, LAUNCHERS)}")
    if options.workers is not None and options.workers < 1:
        raise StudyError(f"--workers {options.workers}: 1 or more are needed")
    if not options.patience > 0:
        raise StudyError(f"--patience {options.patience:g}: a number of minutes above 0 is needed")
    if options.gpus < 0:
        raise StudyError(f"--gpus {options.gpus:g}: a share of a GPU, or several, is needed")
    if options.gpus > 1 and not options.gpus.is_integer():
        raise StudyError(f"--gpus {options.gpus:g}: a share of one GPU, or whole ones, can be had")
    if options.launcher == "local" and (options.gpus or options.address):
        raise StudyError("--gpus and --address are for --launcher ray")
    if options.sweep:
        return sweep(read(options.file)), 0
    if options.dry_run:
        return plan(options), 0
    outcome = run(
        options.file,
        lambda study, place: LAUNCHERS[options.launcher].make(study, place, options),
        folder=options.folder,
        retry_failed=options.retry_failed,
        accept_changes=options.accept_changes,
    )
    return ending(outcome), int(bool(outcome.failed or outcome.left))


def ending(outcome: Outcome) -> str:
    """Return what a study has come to."""
    text = f"{outcome.ended} runs have ended, {outcome.failed} failed, {outcome.left} are left; see {outcome.page}"
    return text + ("\n--retry-failed runs those that failed once more" if outcome.failed else "")


def plan(options: argparse.Namespace) -> str:
    """Return the table of cells with the states of their runs, and an estimate of time and cost."""
    study = read(options.file)
    journal = Journal(study_folder.journal_path(study, options.folder), study.outcome)
    jobs = study.jobs()
    all_tasks = as_noted(tasks(study, jobs, options.folder), journal)
    if not options.accept_changes:
        check_unchanged(study, all_tasks, options.folder / study.name, journal)
    states = {job.key: study_folder.state(task, journal) for job, task in zip(jobs, all_tasks, strict=True)}
    by_cell: dict[tuple[str, ...], list[str]] = {}
    for job in jobs:
        by_cell.setdefault(tuple(job.cell.values()), []).append(states[job.key])
    widths = [max(len(text) for text in column) for column in zip(study.factors, *by_cell, strict=True)]
    lines = [row(list(study.factors), widths) + "  ".join(STATES)]
    for cell, found in list(by_cell.items())[:SHOWN]:
        lines.append(row(cell, widths) + "  ".join(f"{found.count(name):>{len(name)}}" for name in STATES))
    if len(by_cell) > SHOWN:
        lines.append(f"... and {len(by_cell) - SHOWN} more cells")
    waiting = [job for job in jobs if states[job.key] != "done"]
    lines.append(f"{len(jobs)} runs in {len(by_cell)} cells; {len(waiting)} are to be run")
    return "\n".join([*lines, *([estimated(study, waiting, timed(all_tasks, journal), options)] if waiting else [])])


def row(cells: Any, widths: list[int]) -> str:
    """Return texts in columns."""
    return "".join(f"{text:<{width + 2}}" for text, width in zip(cells, widths, strict=True))


def estimated(study: Study, waiting: list[Job], ended: list[Timed], options: argparse.Namespace) -> str:
    """Return how long the rest takes, and what it costs where an hour has a price."""
    seconds, source = seconds_of(study, waiting, ended)
    hours = sum(seconds) / 3600
    workers = options.workers or LAUNCHERS[options.launcher].fitting()
    beside = "" if workers is None else f"{hours / workers:.1f} hours with {workers} at a time, "
    price = "" if options.price is None else f", {hours * options.price:,.2f} at {options.price:g} an hour of a worker"
    return (
        f"about {sum(seconds) / len(waiting):.1f} s a run (from {source}): {beside}{hours:.1f} hours of a worker{price}"
    )


def timed(tasks: list[Task], journal: Journal) -> list[Timed]:
    """Return cell and seconds of each run that has ended."""
    done = [task for task in tasks if study_folder.state(task, journal) == "done"]
    seconds = [journal.lines[task.key].get("seconds") for task in done]
    return [(task.told["cell"], float(some)) for task, some in zip(done, seconds, strict=True) if some]


def sweep(study: Study) -> str:
    """Return the study as a sweep of Weights & Biases: a grid of whole configurations, one for each cell, and seeds.

    Raises:
        StudyError: Some cells have seeds of their own, which a grid has not, or a cell cannot be resolved.
    """
    if study.more_seeds:
        raise StudyError("more_seeds: a sweep has the same seeds for every cell; use `gannorm study`")
    first = [study.job(cell, study.seeds[0]) for cell in study.cells()]
    resolved = [plain(study, job, Path("runs")) for job in first]
    whole = [
        {key: value for key, value in config.items() if key not in ("seed_everything", "config")} for config in resolved
    ]
    parameters = {
        "config": {"values": [json.dumps(config) for config in whole]},
        "seed_everything": {"values": list(study.seeds)},
    }
    command_line = ["${env}", "${interpreter}", "${program}", "--quiet", "${args}"]
    metric = {"name": f"final/{study.outcome}", "goal": "maximize"}
    told = {"name": study.name, "program": "train.py", "method": "grid", "metric": metric, "command": command_line}
    return yaml.safe_dump({**told, "parameters": parameters}, sort_keys=False).rstrip()

"""The command `python -m benchmarks reproduction`."""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.reproduction import journal, page
from benchmarks.reproduction.measuring import entry_of, runs_in
from benchmarks.reproduction.presets import PRESETS, PresetError
from benchmarks.reproduction.training import jobs, shown, trained
from gannorm.training.quiet import quiet_lightning

TEXT = "Train the experiments of papers, and compare what came out with what the papers print."
EPILOG = "A run that stands in the journal is not made again; one that was begun goes on from its last checkpoint."


def main(arguments: Sequence[str]) -> int:
    """Train, collect or write the page, as asked; return what to exit with."""
    options = parsed(arguments)
    torch.set_num_threads(1)
    quiet_lightning()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    failed = 0
    try:
        if options.collect is not None:
            failed = collect(options.collect, options.journal, options.machine)
        elif options.presets or not options.document:
            failed = reproduce(options)
        if options.document:
            page.FILE.write_text(page.page(journal.read(options.journal)), encoding="utf-8")
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return int(failed > 0)


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser("python -m benchmarks reproduction", description=TEXT, epilog=EPILOG)
    parser.add_argument("presets", nargs="*", metavar="PRESET", help=f"{', '.join(PRESETS)} (ring-gan, ring-pacgan2)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4], help="(0 1 2 3 4)")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--share", type=float, default=1.0, help="of the paper's length (1.0)")
    length.add_argument("--steps", type=int, help="of the discriminator, instead of a share")
    parser.add_argument("--workers", type=int, default=2, help="runs at the same time, one thread each (2)")
    parser.add_argument("--folder", type=Path, default=Path("runs"), help="where the run folders are (runs)")
    parser.add_argument("--collect", type=Path, metavar="FOLDER", help="take finished runs below it into the journal")
    parser.add_argument("--machine", help="that made the runs which are collected, where it was not this one")
    parser.add_argument("--journal", type=Path, default=journal.FILE, help="another journal than the committed one")
    parser.add_argument("--document", action="store_true", help="write docs/reproduction.md from the journal")
    options = parser.parse_args(arguments)
    if options.workers < 1:
        parser.error(f"--workers {options.workers}: at least 1")
    return options


def reproduce(options: argparse.Namespace) -> int:
    """Train what is not in the journal and write it there; return how many runs gave no result."""
    names = options.presets or ["ring-gan", "ring-pacgan2"]
    done = journal.keys(journal.read(options.journal))
    wanted = [job for job in jobs(names, options.seeds, options.share, options.steps) if job.key not in done]
    print(f"{len(wanted)} runs, {options.workers} at a time; the journal has {len(done)}")
    broken = 0
    for job, folder in trained(wanted, options.folder, options.workers):
        if folder is None:
            broken += 1
            print(f"{shown(job)}: no result; see {options.folder / 'logs'}", file=sys.stderr)
        else:
            take(folder, options.journal)
    return broken


def collect(folder: Path, path: Path, machine: str | None) -> int:
    """Write the finished runs below a folder into the journal; return how many could not be taken.

    Raises:
        PresetError: There is no run of a preset.
    """
    found = runs_in(folder)
    if not found:
        raise PresetError(f"--collect {folder}: no run of {', '.join(PRESETS)} there")
    refused = 0
    for run in found:
        try:
            take(run, path, machine)
        except PresetError as error:
            refused += 1
            print(f"left out: {error}", file=sys.stderr)
    return refused


def take(folder: Path, path: Path, machine: str | None = None) -> None:
    """Measure a run folder and write it into the journal, unless it is there."""
    entry = entry_of(folder, machine)
    said = page.outcome(entry) if journal.append(entry, path) else "in the journal already"
    print(f"{entry.preset}, seed {entry.seed}, {entry.steps:,} steps: {said}")

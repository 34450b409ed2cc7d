"""The command `python -m benchmarks collapse_runs`."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from benchmarks.collapse_runs import blind, journal, page, training
from gannorm.callbacks.sample_grid import sheet_name

JUDGED = Path(__file__).parents[1] / "collapse_judged.json"
BEFORE = Path(__file__).parents[1] / "collapse_judged_before.json"
SHOWN = 6  # rows of a sheet in the documentation, of its ten


def main(arguments: Sequence[str]) -> int:
    """Run, prepare the blind judgment, or write the page, as asked; return what to exit with."""
    options = parsed(arguments)
    try:
        act(options)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def act(options: argparse.Namespace) -> None:
    """Do what was asked for."""
    if options.blind:
        blind.prepare(training.folders(options.folder), options.blind)
    elif options.judged:
        key = json.loads((options.judged / "key.json").read_text())
        result = blind.agreement(key, blind.read_verdicts(options.judged / "verdicts.csv"))
        JUDGED.write_text(json.dumps(result, indent=1) + "\n")
    elif not options.document:
        folders = training.train(options.configs or training.names(), options.seeds, options.workers, options.folder)
        journal.write(folders)
        write_pictures(folders)
    if options.document:
        judged = json.loads(JUDGED.read_text()) if JUDGED.exists() else None
        page.FILE.write_text(page.page(journal.read(), judged, json.loads(BEFORE.read_text())), encoding="utf-8")


def write_pictures(folders: Sequence[Path]) -> None:
    """Write the last plain sheet of the first seed of each configuration for the page, its first rows."""
    page.IMAGES.mkdir(parents=True, exist_ok=True)
    for folder in folders:
        if training.seed_of(folder) == 0:
            run = journal.entry(folder)
            sheet = Image.open(folder / "plain" / sheet_name(run["looks"][-1]["images_seen"]))
            shown = sheet.crop((0, 0, sheet.width, sheet.height * SHOWN // 10))
            shown.quantize(16).save(page.IMAGES / f"{run['config']}.png", optimize=True)


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser("python -m benchmarks collapse_runs", description="Runs that really collapse.")
    parser.add_argument("configs", nargs="*", metavar="CONFIG", help=f"{', '.join(training.names())} (all)")
    parser.add_argument("--seeds", type=int, default=5, help="of each (5)")
    parser.add_argument("--workers", type=int, default=2, help="runs at the same time, one thread each (2)")
    parser.add_argument("--folder", type=Path, default=Path("runs"), help="where the run folders are (runs)")
    parser.add_argument("--blind", type=Path, metavar="OUTPUT", help="write mixed sheets for a blind judgment there")
    parser.add_argument("--judged", type=Path, metavar="OUTPUT", help="take in verdicts.csv beside these sheets")
    parser.add_argument("--document", action="store_true", help="write docs/collapse-runs.md")
    options = parser.parse_args(arguments)
    if options.seeds < 1 or options.workers < 1:
        parser.error(f"--seeds {options.seeds} --workers {options.workers}: at least 1 each")
    return options

"""What `gannorm bench-detector` does with its options."""

import argparse
import json
from pathlib import Path
from typing import Any

from gannorm import files
from gannorm.collapse_bench import bench, page
from gannorm.collapse_bench.figures import FIGURES
from gannorm.collapse_bench.sensitivity import thresholds


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--evaluations", type=int, default=10_000, help="looks at healthy generators (10,000)")
    parser.add_argument("--repeats", type=int, default=10, help="streams of each failure (10)")
    parser.add_argument("--seed", type=int, default=0, help="of all random numbers (0)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there")
    parser.add_argument("--from", type=Path, metavar="FILE", dest="recorded", help="read that instead of running")
    parser.add_argument("--figures", type=Path, metavar="FOLDER", help="write the figures there")
    parser.add_argument("--markdown", action="store_true", help="print the page of docs/ instead of the tables")


def run(options: argparse.Namespace) -> str:
    """Return what is to be printed.

    Raises:
        NotWrittenError: A file cannot be written.
        ValueError: Numbers that no bench can have, or a file that holds no result.
    """
    result = read(options.recorded) if options.recorded else measured(options)
    if options.json:
        files.write(options.json, json.dumps(result, indent=1) + "\n")
    if options.figures:
        files.folder(options.figures)
        for name, draw in FIGURES.items():
            files.write(options.figures / name, draw(result))
    if options.markdown:
        return page.page(result).rstrip()
    quiet, failures = result["healthy"], result["failures"]
    return "\n\n".join([page.healthy_table(quiet), page.delays_table(failures), page.verdict(result)])


def measured(options: argparse.Namespace) -> dict[str, Any]:
    """Run the bench."""
    for name in ("evaluations", "repeats"):
        if getattr(options, name) < 1:
            raise ValueError(f"--{name} {getattr(options, name)}: at least 1")
    size = bench.Size(options.evaluations, options.repeats, options.seed)
    few = bench.Size(max(1, options.evaluations // 20), 1, options.seed)
    return bench.run(size) | thresholds(few)


def read(path: Path) -> dict[str, Any]:
    """Return a recorded result.

    Raises:
        ValueError: The file is none.
    """
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"--from {path} holds no result of the bench: {error}") from None

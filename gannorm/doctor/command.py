"""`gannorm doctor`: say what is found as it is found, or all of it as JSON."""

import argparse
import json
import shutil
import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gannorm.doctor.finding import Finding
from gannorm.doctor.table import CHECKS, examine

STATES = max(len(state) for state in ("ok", "warning", "wrong"))
SUBJECTS = max(map(len, CHECKS))
WIDEST = 120  # columns


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.epilog = "Exit code 0 if nothing is wrong, else 1. It asks no server and leaves nothing behind."
    parser.add_argument("--folder", type=Path, default=Path("runs"), help="where runs will go (runs)")
    parser.add_argument("--json", action="store_true", help="everything, for programs")


def lines(options: argparse.Namespace) -> Iterator[tuple[str, bool]]:
    """Yield what to print, and whether it says that something is wrong."""
    found = []
    for finding, seconds in examine(options.folder):
        found.append(asdict(finding) | {"seconds": round(seconds, 3)})
        if not options.json:
            yield line(finding, shutil.get_terminal_size().columns), finding.state == "wrong"
    counts = {state: sum(one["state"] == state for one in found) for state in ("wrong", "warning")}
    if options.json:
        yield json.dumps({**counts, "findings": found}, indent=2), bool(counts["wrong"])
    else:
        yield summary(counts), bool(counts["wrong"])


def summary(counts: dict[str, Any]) -> str:
    """Return the last line.

    Example:
        >>> summary({"wrong": 0, "warning": 1}), summary({"wrong": 2, "warning": 0})
        ('nothing is wrong; 1 warning', '2 wrong; 0 warnings')
    """
    warnings = f"{counts['warning']} warning{'' if counts['warning'] == 1 else 's'}"
    return f"{counts['wrong'] or 'nothing is'} wrong; {warnings}"


def line(finding: Finding, columns: int) -> str:
    """Return a finding in columns, wrapped.

    Example:
        >>> print(line(Finding("gpu", "none: runs train on the CPU"), 80))
        ok       gpu          none: runs train on the CPU
    """
    head = f"{finding.state:<{STATES}}  {finding.subject:<{SUBJECTS}}  "
    text = finding.told + (f"; {finding.way_out}" if finding.way_out else "")
    return textwrap.fill(
        text,
        max(min(columns, WIDEST), 2 * len(head)),
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_long_words=False,
        break_on_hyphens=False,
    )

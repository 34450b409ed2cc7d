"""metrics.csv of a run folder: one row for each moment, one column for each quantity."""

import csv
import os
from argparse import Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import Logger

AXIS = "images_seen"


class MetricsFile(Logger):
    """A Lightning logger that appends to a CSV file. Rows of one moment are one row.

    Args:
        path: The file.
        images_seen: Where the run goes on from; later rows of an interrupted attempt are dropped.
        now: Says how many images have been seen, for what is logged without it.

    Example:
        >>> from tempfile import mkdtemp
        >>> file = MetricsFile(Path(mkdtemp()) / "metrics.csv", images_seen=0)
        >>> file.log_metrics({"images_seen": 64, "loss": 0.5})
        >>> file.path.read_text().split()
        ['images_seen,loss', '64,0.5']
    """

    def __init__(self, path: Path, images_seen: int, now: Callable[[], int] = int) -> None:
        super().__init__()
        self.path = path
        self.now = now
        found = read(path)
        self.rows = [row for row in found if float(row[AXIS]) <= images_seen]
        self.stale = len(self.rows) < len(found)  # the file holds rows that are no longer true
        self.columns = list(dict.fromkeys([AXIS, *(name for row in self.rows for name in row)]))

    @property
    def name(self) -> str:
        """Lightning asks for one."""
        return ""

    @property
    def version(self) -> str:
        """Lightning asks for one."""
        return ""

    @property
    def save_dir(self) -> str:
        """The run folder."""
        return str(self.path.parent)

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """The configuration has a file of its own."""

    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:  # noqa: ARG002
        """Write a row, or complete the last one.

        Args:
            metrics: With `images_seen`, or without.
            step: Lightning's own count, which is another for each kind of logging; not used.
        """
        row = {AXIS: self.now(), **metrics}
        new_columns = [name for name in row if name not in self.columns]
        self.columns += new_columns
        if self.rows and float(self.rows[-1][AXIS]) == row[AXIS]:
            self.rows[-1].update(row)
            return self.write_all()
        self.rows.append(row)
        return self.write_all() if new_columns or self.stale or not self.path.exists() else self.append(row)

    def append(self, row: Mapping[str, Any]) -> None:
        """Add one row to the file."""
        with self.path.open("a", newline="") as file:
            csv.DictWriter(file, self.columns, lineterminator="\n").writerow(row)

    def write_all(self) -> None:
        """Write the file beside its place and put it there."""
        temporary = self.path.with_suffix(".tmp")
        with temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, self.columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)
        os.replace(temporary, self.path)
        self.stale = False


def read(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file, without empty cells and without a last line that was cut off."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if None not in row.values()]
    return [{name: value for name, value in row.items() if value} for row in rows]

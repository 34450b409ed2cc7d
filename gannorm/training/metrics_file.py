"""metrics.csv of a run folder: one row for each moment, one column for each quantity."""

import csv
import io
from argparse import Namespace
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import Logger

from gannorm import files

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
        self.rows = [row for row in read(path) if float(row[AXIS]) <= images_seen]
        self.stale = True  # it may hold rows of an attempt before that are no longer true, or a torn one
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
        return self.write_all() if new_columns or self.stale else self.append(row)

    def append(self, row: Mapping[str, Any]) -> None:
        """Add one row to the file."""
        files.append(self.path, as_text([row], self.columns))

    def write_all(self) -> None:
        """Write the file anew."""
        header = as_text([dict(zip(self.columns, self.columns, strict=True))], self.columns)
        files.write(self.path, f"{header}\n{as_text(self.rows, self.columns)}\n")
        self.stale = False


def as_text(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Return rows as lines of CSV, without a newline at the end."""
    text = io.StringIO()
    csv.DictWriter(text, columns, lineterminator="\n").writerows(rows)
    return text.getvalue().removesuffix("\n")


def read(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file, without empty cells and without a line that was cut off."""
    if not path.exists():
        return []
    whole = path.read_text(encoding="utf-8", errors="replace").rpartition("\n")[0]
    rows = [
        row for row in csv.DictReader(io.StringIO(whole, newline="")) if None not in row and None not in row.values()
    ]
    return [{name: value for name, value in row.items() if value} for row in rows]

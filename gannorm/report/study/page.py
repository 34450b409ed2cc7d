"""The page of a study, and its tables as CSV and Markdown."""

import csv
import datetime
import io
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path

from gannorm._version import __version__
from gannorm.report.run.page import write_text
from gannorm.report.study.markdown import markdown, plain
from gannorm.report.study.record import StudyRecord
from gannorm.report.study.sections import SECTIONS, rows, verdict
from gannorm.report.study.told import Told

RUN_PAGE = Path(__file__).parents[1] / "run"
OWN = Path(__file__).parent
NAME = "report.html"


def page(record: StudyRecord) -> str:
    """Return the HTML of a study; no text of it can act as HTML.

    Args:
        record: The study, as far as it has come.
    """
    told = Told(record)
    if not record.runs:
        body = "<p>No run has ended yet.</p>"
    else:
        parts = {heading: shown(section, told) for heading, section in SECTIONS.items()}
        sections = [f"<section><h2>{escape(name)}</h2>{part}</section>" for name, part in parts.items() if part]
        body = shown(verdict, told) + "".join(sections)
    style = "".join((folder / "style.css").read_text(encoding="utf-8") for folder in (RUN_PAGE, OWN))
    script = "".join((folder / "script.js").read_text(encoding="utf-8") for folder in (RUN_PAGE, OWN))
    written = datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<title>{escape(record.name)}</title><style>{style}</style></head><body><main>"
        f"<h1>{escape(record.name)}</h1>{body}</main><footer>gannorm {__version__}, written {written}</footer>"
        f"<script>{script}</script></body></html>\n"
    )


def shown(section: Callable[[Told], str], told: Told) -> str:
    """Return a section, or why it cannot be shown."""
    try:
        return section(told)
    except Exception as error:  # whatever an edited journal brings about
        return f'<p class="note">This cannot be shown: {escape(f"{type(error).__name__}: {error}")}</p>'


def write(folder: Path, output: Path | None = None) -> Path:
    """Write the page into a study's folder, with `summary.csv` and `summary.md` beside it; return where it is.

    Args:
        folder: Of the study.
        output: Of the page, somewhere else.

    Raises:
        ValueError: The folder is none of a study, the page cannot be written there, or tables of something else would
            be lost.
    """
    record = StudyRecord.read(folder)
    target = output or folder / NAME
    told = Told(record)
    tables = {"summary.csv": csv_of(told), "summary.md": f"# {plain(record.name)}\n\n{markdown(told)}"}
    beside = {target.with_name(name): text for name, text in tables.items()} if record.runs else {}
    if output is not None:
        check_own(beside)
    for path, text in {**beside, target: page(record)}.items():
        write_text(path, text)
    return target


def check_own(tables: Mapping[Path, str]) -> None:
    """Refuse to write over tables that begin otherwise.

    Raises:
        ValueError: One does.
    """
    for path, text in tables.items():
        if path.is_file() and first_line(path.read_text(encoding="utf-8", errors="replace")) != first_line(text):
            raise ValueError(f"{path} is there, and is not of this study; choose another folder for --output")


def first_line(text: str) -> str:
    """Return the first line of a text, which says what it is of."""
    return text.partition("\n")[0]


def csv_of(told: Told) -> str:
    """Return the table of all cells."""
    head, body = rows(told, told.cells)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([head, *body])
    return text.getvalue()


def write_csv(told: Told, path: Path) -> None:
    """Write the table of all cells."""
    write_text(path, csv_of(told))

"""The page: one file with everything in it, for one run or several side by side."""

import datetime
import shlex
from collections.abc import Callable, Sequence
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

from gannorm import files
from gannorm._version import __version__
from gannorm.report.run.curves import CURVES, draw
from gannorm.report.run.record import RunRecord
from gannorm.report.run.sections import SECTIONS, as_data, final_figures, notes, table, verdict
from gannorm.report.run.sheets import last_sheets, samples

FOLDER = Path(__file__).parent
NAME = "report.html"
ROOM = 4_600_000  # letters of all that is drawn, so that a page stays under 5 MB
LEAST = 400_000  # for one run of many: what its charts may take
COMPARED = ("modes", "accepted samples", "distance from the real frequencies", "variety without a judge", "losses")


def page(records: Sequence[RunRecord]) -> str:
    """Return the HTML of one run, or of several side by side; no text of a run can act as HTML.

    Args:
        records: One or more.
    """
    title = records[0].title if len(records) == 1 else f"{len(records)} runs"
    body = one(records[0]) if len(records) == 1 else several(records)
    style = (FOLDER / "style.css").read_text(encoding="utf-8")
    script = (FOLDER / "script.js").read_text(encoding="utf-8")
    data = "".join(
        f'<script type="application/json" class="run">{shown(as_data, record)}</script>' for record in records
    )
    written = datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{style}</style></head><body><main>"
        f"<h1>{escape(title)}</h1>{body}</main>"
        f"<footer>gannorm {__version__}, written {written}</footer>{data}<script>{script}</script></body></html>\n"
    )


def one(record: RunRecord, room: int = ROOM) -> str:
    """Return all sections of a run; the samples take what room the others leave."""
    top = shown(verdict, record) + notes(record)
    drawn = {heading: shown(section, record) for heading, section in SECTIONS.items()}
    left = room - len(top) - sum(map(len, drawn.values()))
    drawn["Samples"] = shown(partial(samples, room=left), record)
    return top + "".join(titled(heading, content) for heading, content in drawn.items() if content)


def titled(heading: str, content: str) -> str:
    """Return a section under its heading."""
    return f"<section><h2>{escape(heading)}</h2>{content}</section>"


def shown(section: Callable[[Any], str], record: Any) -> str:
    """Return a section, or why it cannot be shown: a run of another version, or a file that was edited."""
    try:
        return section(record)
    except Exception as error:  # whatever a file of another version or an edited one brings about
        return f'<p class="note">This cannot be shown: {escape(f"{type(error).__name__}: {error}")}</p>'


def several(records: Sequence[RunRecord]) -> str:
    """Return a table of the runs, their last samples, their curves in common charts, each run's own page folded."""
    drawn = [shown(partial(draw, curves), records) for curves in CURVES if curves.title in COMPARED]
    charts = "".join(chart for chart in drawn if chart)
    parts = {
        "Runs": comparison(records),
        "Samples": shown(partial(last_sheets, room=ROOM // 2), records),
        "Curves": f'<div class="charts">{charts}</div>' if charts else "",
    }
    top = "".join(titled(heading, content) for heading, content in parts.items() if content)
    return top + titled("Each run", folded(records, ROOM - len(top)))


def folded(records: Sequence[RunRecord], room: int) -> str:
    """Return each run's own page, folded; where there is no room for one, how to get it."""
    pages = []
    for number, record in enumerate(records):
        share = max(room // (len(records) - number), min(LEAST, room))
        content = one(record, share) if share > 0 else ""
        if not content or len(content) > share:
            command = f"gannorm report {shlex.quote(str(record.path))}"
            content = f"<p>There is no room for it here: <code>{escape(command)}</code> writes it by itself.</p>"
        pages.append(f"<details><summary>{escape(record.title)}</summary>{content}</details>")
        room -= len(pages[-1])
    return "".join(pages)


def comparison(records: Sequence[RunRecord]) -> str:
    """Return one row for each run."""
    head = [
        "run",
        "norm of G",
        "norm of D",
        "seed",
        "status",
        "images",
        "covered",
        "effective",
        "accepted",
        "worst event",
    ]
    return table(head, [row_of(record, len(head)) for record in records])


def row_of(record: RunRecord, columns: int) -> list[str]:
    """Return the row of one run, or its name alone where its files do not say the rest."""
    try:
        return compared(record)
    except Exception:  # as in `shown`
        return [record.title, *["?"] * (columns - 1)]


def compared(record: RunRecord) -> list[str]:
    """Return the row of one run."""
    final, worst = final_figures(record), record.worst_event()
    return [
        record.title,
        norm_of(record, "generator"),
        norm_of(record, "discriminator"),
        str(record.config.get("seed_everything", "")),
        record.status,
        f"{record.images_seen:,}",
        f"{final['covered_modes']:.0f}/{final['num_modes']:.0f}" if final else "",
        f"{final['effective_modes']:.2f}" if final else "",
        f"{100 * final['high_quality']:.1f} %" if final else "",
        "none" if worst is None else f"{worst['state']} at {worst['images_seen']:,}",
    ]


def norm_of(record: RunRecord, network: str) -> str:
    """Return the name of a network's norm, as far as the folder says it."""
    norm = record.results.get(network, {}).get("norm")
    if norm is None:
        arguments = (record.config.get("model", {}).get(network) or {}).get("init_args") or {}
        norm = arguments.get("norm", "")
    return str(norm.get("name", "")) if isinstance(norm, dict) else str(norm)


def write(folders: Sequence[Path], output: Path | None = None) -> Path:
    """Write the page of one run into its folder, or of several to `report.html` here; return where it is.

    Raises:
        ValueError: A folder is no run folder, or the page cannot be written there.
    """
    records = [RunRecord.read(folder) for folder in folders]
    target = output or (folders[0] / NAME if len(folders) == 1 else Path(NAME))
    return write_text(target, page(records))


def write_text(target: Path, text: str) -> Path:
    """Write a page, whole or not at all, and return where it is.

    Raises:
        ValueError: It cannot be written there.
    """
    try:
        files.write(target, text)
    except (OSError, ValueError) as error:
        raise ValueError(f"{error}; choose another --output") from None
    return target

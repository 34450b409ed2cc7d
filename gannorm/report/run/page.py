"""The page: one file with everything in it, for one run or several side by side."""

import datetime
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

from gannorm._version import __version__
from gannorm.report.run.curves import CURVES, draw
from gannorm.report.run.record import RunRecord
from gannorm.report.run.sections import SECTIONS, as_data, final_figures, notes, table, verdict

FOLDER = Path(__file__).parent
NAME = "report.html"
ROOM = 4_000_000  # letters of the pages of several runs, so that all stays under 5 MB
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


def one(record: RunRecord) -> str:
    """Return all sections of a run."""
    parts = [shown(verdict, record), notes(record)]
    for heading, section in SECTIONS.items():
        if content := shown(section, record):
            parts.append(f"<section><h2>{escape(heading)}</h2>{content}</section>")
    return "".join(parts)


def shown(section: Callable[[Any], str], record: Any) -> str:
    """Return a section, or why it cannot be shown: a run of another version, or a file that was edited."""
    try:
        return section(record)
    except Exception as error:  # whatever a file of another version or an edited one brings about
        return f'<p class="note">This cannot be shown: {escape(f"{type(error).__name__}: {error}")}</p>'


def several(records: Sequence[RunRecord]) -> str:
    """Return a table of the runs, their curves in common charts, and each run's own page below, folded."""
    drawn = [shown(partial(draw, curves), records) for curves in CURVES if curves.title in COMPARED]
    charts = "".join(chart for chart in drawn if chart)
    return (
        f"<section><h2>Runs</h2>{comparison(records)}</section>"
        f'<section><h2>Curves</h2><div class="charts">{charts}</div></section>'
        f"<section><h2>Each run</h2>{folded(records)}</section>"
    )


def folded(records: Sequence[RunRecord]) -> str:
    """Return each run's own page, folded, as far as there is room; of the others their names."""
    pages: list[str] = []
    for record in records:
        content = one(replace(record, picture_bytes=record.picture_bytes // len(records)))
        pages.append(f"<details><summary>{escape(record.title)}</summary>{content}</details>")
        if sum(map(len, pages)) > ROOM:
            pages.pop()
            break
    left = ", ".join(escape(str(record.path / NAME)) for record in records[len(pages) :])
    return "".join(pages) + (f"<p>No room for more here; see {left}.</p>" if left else "")


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
        ValueError: A folder is no run folder.
    """
    records = [RunRecord.read(folder) for folder in folders]
    target = output or (folders[0] / NAME if len(folders) == 1 else Path(NAME))
    target.write_text(page(records), encoding="utf-8")
    return target

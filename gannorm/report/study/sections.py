"""The parts of a study's page, as a table of functions."""

import base64
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path

import numpy as np

from gannorm.report.run.chart import Line, chart
from gannorm.report.run.sections import table
from gannorm.report.study.claims import sentences
from gannorm.report.study.effects import survivals, tests
from gannorm.report.study.heat import heat
from gannorm.report.study.maps import definitions, maps_of, percent
from gannorm.report.study.record import StudyRecord
from gannorm.report.study.summary import CellSummary
from gannorm.report.study.told import Told

SHOWN_CELLS = 24  # that have curves and samples on the page


def verdict(told: Told) -> str:
    """Return how far the study is, and what may be concluded."""
    listed = "".join(f"<li>{escape(one)}</li>" for one in sentences(told.factors, told.effects, told.outcome))
    return f'<div class="verdict"><p>{escape(state(told.record))}</p><ul>{listed}</ul></div>'


def state(record: StudyRecord) -> str:
    """Return how far a study is, as a sentence."""
    diverged = sum(run.status == "diverged" for run in record.runs)
    text = f"{len(record.runs):,} of {record.planned:,} runs have ended"
    text += f", {diverged} of them because a loss was no number any more" if diverged else ""
    text += f"; {len(record.failed)} failed and are not counted" if record.failed else ""
    text += f"; {record.others} runs in the journal are not of it any more" if record.others else ""
    return f"{text}."


def maps(told: Told) -> str:
    """Return the heat maps of the first two factors."""
    rows, columns = (list(told.record.factors[factor]) for factor in told.pair)
    figures = [
        heat(one.title, rows, columns, one.values, most=one.most, words=one.words, names=told.pair)
        for one in maps_of(told)
    ]
    return f"<p>{escape(definitions())}</p>" + "".join(figures)


def curves(told: Told) -> str:
    """Return for each field of the maps its best cell's effective modes over time, a line per seed."""
    drawn = []
    for cell in list(told.best.values())[:SHOWN_CELLS]:
        runs = told.record.by_cell[tuple(cell.cell.values())]
        lines = [
            Line(f"seed {run.seed}", [(images, some) for images, some, _ in run.looks], (), place)
            for place, run in enumerate(runs)
            if run.looks
        ]
        if lines:
            drawn.append(chart(named(cell.cell), "effective modes", lines, bounds=(0.0, told.record.modes)))
    return f'<div class="charts">{"".join(drawn)}</div>' if drawn else ""


def named(cell: Mapping[str, str]) -> str:
    """Return a cell's levels."""
    return ", ".join(cell.values())


def samples(told: Told) -> str:
    """Return the last sheet of the median seed of each of these cells, where the run's folder is here."""
    drawn = []
    for cell in list(told.best.values())[:SHOWN_CELLS]:
        sheet = last_sheet(told.record.path / Path(str(cell.shown.line.get("id", ""))).name)
        if sheet is None:
            continue
        said = (
            f"{named(cell.cell)}: {cell.shown.figure('effective_modes'):.2f} modes, {percent(cell.accepted)} accepted"
        )
        picture = base64.b64encode(sheet.read_bytes()).decode()
        drawn.append(
            f'<figure class="chart"><figcaption>{escape(said)}</figcaption><img alt="samples of {escape(said)}" '
            f'src="data:image/png;base64,{picture}"></figure>'
        )
    return f'<div class="charts">{"".join(drawn)}</div>' if drawn else ""


def last_sheet(folder: Path) -> Path | None:
    """Return the last sample sheet of a run folder."""
    sheets = [file for file in (folder / "samples").glob("*.png") if file.stem.isdecimal()]
    return max(sheets, key=lambda file: int(file.stem), default=None)


def costs(told: Told) -> str:
    """Return the time of a run by level of each factor."""
    body = []
    for factor, levels in told.record.factors.items():
        for level in levels:
            runs = told.record.with_levels(**{factor: level})
            speeds = [run.line["speed"] for run in runs if run.line.get("speed")]
            times = [run.line["seconds"] for run in runs if run.line.get("seconds")]
            if speeds and times:
                body.append([factor, level, f"{np.median(speeds):,.0f}", f"{np.median(times):.1f}"])
    return table(["factor", "level", "images/s, median", "seconds per run, median"], body) if body else ""


def all_cells(told: Told) -> str:
    """Return the table of all cells, to sort and to filter."""
    search = '<label>show <input class="filter" type="search" placeholder="such as: layer 64"></label>'
    return f"{search}{table(*rows(told, told.cells))}"


def rows(told: Told, cells: Sequence[CellSummary]) -> tuple[list[str], list[list[str]]]:
    """Return head and rows of the table of some cells, which the exports have too."""
    head = [*told.record.factors, "seeds", f"{told.outcome}, median", "low, bootstrap 95 %", "high, bootstrap 95 %"]
    head += ["healthy", "collapsed", "share collapsed, low", "share collapsed, high", "accepted", "seconds", "failed"]
    failed = Counter(tuple(line["cell"].values()) for line in told.record.failed)
    body = [
        [
            *cell.cell.values(),
            str(len(cell.values)),
            *(f"{value:.2f}" for value in (cell.median, *(cell.interval or ()))),
            *([] if cell.interval else ["", ""]),
            str(cell.healthy),
            str(cell.collapsed),
            *(f"{value:.2f}" for value in cell.collapsed_share),
            f"{cell.accepted:.2f}",
            f"{cell.seconds:.1f}",
            str(failed[tuple(cell.cell.values())]),
        ]
        for cell in cells
    ]
    return head, body


def failures(told: Told) -> str:
    """Return the runs that failed, and why."""
    body = [[named(line["cell"]), str(line["seed"]), str(line.get("reason", ""))] for line in told.record.failed]
    return table(["cell", "seed", "reason"], body) if body else ""


SECTIONS: dict[str, Callable[[Told], str]] = {
    "Maps": maps,
    "What each factor does": tests,
    "Time to collapse": survivals,
    "Over time": curves,
    "Samples of the median seed": samples,
    "Cost": costs,
    "All cells": all_cells,
    "Failed": failures,
}
"""Sections by heading, in order; one that comes out empty is left out."""

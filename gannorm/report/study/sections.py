"""The parts of a study's page, as a table of functions."""

import base64
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path

import numpy as np

from gannorm.report.run.chart import Line, chart
from gannorm.report.run.sections import table
from gannorm.report.study.claims import key, sentences
from gannorm.report.study.effects import survivals, tests
from gannorm.report.study.heat import heat
from gannorm.report.study.maps import definitions, maps_of, percent
from gannorm.report.study.record import StudyRecord
from gannorm.report.study.summary import SURE, CellSummary
from gannorm.report.study.told import Told

MADE_WITH = ("torch", "gannorm", "judge")


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
    text += f"; they were made with {mixed}, in which seeds and cells may differ" if (mixed := versions(record)) else ""
    return f"{text}."


def versions(record: StudyRecord) -> str:
    """Return what runs were made with, as far as they say it and differ in it; empty where they do not."""
    found = {name: Counter(str(run.line[name]) for run in record.runs if run.line.get(name)) for name in MADE_WITH}
    parts = [
        f"{name} {' and '.join(f'{version} ({number} runs)' for version, number in sorted(counts.items()))}"
        for name, counts in found.items()
        if len(counts) > 1
    ]
    return ", ".join(parts)


def maps(told: Told) -> str:
    """Return the heat maps of the first two factors."""
    rows, columns = (list(told.record.factors[factor]) for factor in told.pair)
    figures = [
        heat(one.title, rows, columns, one.values, one.texts, most=one.most, names=told.pair) for one in maps_of(told)
    ]
    return f"<p>{escape(definitions())}</p>" + "".join(figures)


def curves(told: Told) -> str:
    """Return the effective modes of the cells that are shown over time, a line per seed."""
    drawn = []
    for cell in told.shown:
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
    """Return the last sheet of the median seed of each cell that is shown, where the run's folder is here."""
    drawn = []
    for cell in told.shown:
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
    """Return the time of a run by level of each factor, beside runs that differ in this factor only."""
    note = (
        "Times the first level: the median over runs of one seed, torch version and cell but for this factor; runs "
        "that were made beside other work or on another machine say less."
    )
    body = [
        [factor, level, f"{np.median(list(times.values())):.1f}", f"{np.median(ratios):.2f}"]
        for factor, levels in told.record.factors.items()
        for level in levels
        if (times := seconds_of(told, factor, level)) and (ratios := ratios_of(told, factor, level))
    ]
    head = ["factor", "level", "seconds per run, median", "times the first level"]
    return f"<p>{note}</p>{table(head, body)}" if body else ""


def seconds_of(told: Told, factor: str, level: str) -> dict[tuple[str | int, ...], float]:
    """Return the seconds of each run of a level, by what it shares with its like of another level."""
    runs = [run for run in told.record.with_levels(**{factor: level}) if run.line.get("seconds")]
    return {(*key(run, factor), str(run.line.get("torch"))): float(run.line["seconds"]) for run in runs}


def ratios_of(told: Told, factor: str, level: str) -> list[float]:
    """Return how many times as long runs of a level took as their like of the first level."""
    first = seconds_of(told, factor, next(iter(told.record.factors[factor])))
    return [seconds / first[shared] for shared, seconds in seconds_of(told, factor, level).items() if shared in first]


def all_cells(told: Told) -> str:
    """Return the table of all cells, to sort and to filter."""
    search = '<label>show <input class="filter" type="search" placeholder="such as: layer 64"></label>'
    files = ' <a href="summary.csv" download>summary.csv</a> <a href="summary.md" download>summary.md</a>'
    return f"<p>{intervals()}</p>{search}{files}{table(*rows(told, told.cells))}"


def intervals() -> str:
    """Return what low and high are."""
    of_few = ", ".join(f"{100 * (1 - 2 / 2**number):.0f} % of {number}" for number in range(2, SURE))
    return (
        f"Low and high are those of the median: a bootstrap interval of 95 % from {SURE} seeds on. Of fewer they are "
        f"the lowest and the highest seed, between which the median lies in {of_few} cases out of a hundred."
    )


def rows(told: Told, cells: Sequence[CellSummary]) -> tuple[list[str], list[list[str]]]:
    """Return head and rows of the table of some cells, which the exports have too."""
    head = [*told.record.factors, "seeds", f"{told.outcome}, median", "low", "high"]
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

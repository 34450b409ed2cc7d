"""What each factor does, on a study's page: tables of tests, and survival curves."""

import itertools
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from gannorm.report.run.chart import Line, chart
from gannorm.report.run.sections import table
from gannorm.report.study.claims import LEVEL
from gannorm.report.study.record import Run, lifetimes, waiting
from gannorm.report.study.told import Told
from gannorm.statistics import Watched, holm, log_rank_differences, paired_test, survival


def tests(told: Told) -> str:
    """Return the tables of factors, and of their pairs of levels."""
    return matters(told) + pairs(told)


def matters(told: Told) -> str:
    """Return the table of factors: whether their levels differ at all."""
    note = (
        "Whether the levels of a factor differ at all: of each seed the mean over the cells that all levels and seeds "
        "have, given to the levels in every order."
    )
    return noted(note, *factor_rows(told))


def factor_rows(told: Told) -> tuple[list[str], list[list[str]]]:
    """Return head and rows of the table of factors."""
    head = ["factor", "seeds", "cells", f"mean {told.outcome}", "p", "p, Holm"]
    body = [
        [
            factor.factor,
            str(factor.seeds),
            str(factor.cells),
            ", ".join(f"{level} {mean:.2f}" for level, mean in factor.means.items()),
            f"{factor.p:.2g}",
            f"{factor.adjusted:.2g}",
        ]
        for factor in told.factors
    ]
    return head, body


def pairs(told: Told) -> str:
    """Return the table of pairs of levels."""
    note = (
        "Which levels differ: of each seed the mean difference of runs that differ in this factor only; p after Holm "
        "over all pairs of the factors that matter, so that any false claim here is as rare as one in twenty."
    )
    return noted(note, *pair_rows(told))


def noted(note: str, head: list[str], body: list[list[str]]) -> str:
    """Return a table under a note on how to read it; nothing where it has no rows."""
    return f"<p>{note}</p>{table(head, body)}" if body else ""


def pair_rows(told: Told) -> tuple[list[str], list[list[str]]]:
    """Return head and rows of the table of pairs of levels, the clearest first."""
    head = ["factor", "levels", f"difference in {told.outcome}", "seeds", "cells", "p", "p, Holm", "seeds needed"]
    head.append("levels differ in")
    body = [
        [
            effect.factor,
            f"{effect.levels[0]} against {effect.levels[1]}",
            f"{effect.difference:+.2f}",
            str(effect.seeds),
            str(effect.cells),
            f"{effect.p:.3g}",
            f"{effect.adjusted:.3g}",
            "" if effect.needed is None else f"{effect.needed:,}",
            effect.also,
        ]
        for effect in sorted(told.effects, key=lambda effect: (effect.adjusted, -abs(effect.difference)))
    ]
    return head, body


def outcome_rows(told: Told) -> tuple[list[str], list[list[str]]]:
    """Return head and rows of the table of outcomes apart: of each level how soon, how long, how many and how good."""
    head = [
        "factor",
        "level",
        "ever healthy",
        "images to health, median",
        "collapsed after",
        "images to collapse, median",
    ]
    head.append("samples accepted, median")
    body = []
    for factor, levels in told.record.factors.items():
        for level in levels:
            runs = told.record.with_levels(**{factor: level})
            soon, lasting = waiting(runs), lifetimes(runs)
            row = [factor, level]
            for kind in (soon, lasting):
                row += [f"{sum(kind.happened)} of {len(kind.times)}", half(kind)]
            accepted = statistics.median(run.figure("high_quality") for run in runs) if runs else 0.0
            body.append([*row, f"{100 * accepted:.0f} %"])
    return head, body


def half(watched: Watched) -> str:
    """Return when it had happened to half of the runs, by Kaplan and Meier; empty where that never was."""
    if not watched.times:
        return ""
    curve = survival(watched.times, watched.happened)
    reached = [time for time, left in zip(curve.times, curve.share, strict=True) if left <= 0.5]
    return f"{reached[0]:,.0f}" if reached else ""


def survivals(told: Told) -> str:
    """Return how soon runs of each level are healthy and how long the healthy ones stay so, as a table and curves."""
    drawn = [
        curves
        for factor in told.record.factors
        for kind in (WAITING, STAYING)
        if (curves := survival_of(told, factor, kind))
    ]
    note = "Medians are where the share of Kaplan and Meier falls to a half; empty where it never does."
    return noted(note, *outcome_rows(told)) + f'<div class="charts">{"".join(drawn)}</div>' if drawn else ""


@dataclass(frozen=True)
class Kind:
    """What a survival curve is of.

    Attributes:
        title: What has not happened yet.
        unit: Of the vertical axis.
        times: Of some runs, until so many images.
        since: What the images are counted from.
    """

    title: str
    unit: str
    times: Callable[[Sequence[Run], float], Watched]
    since: str


WAITING = Kind("not yet healthy", "share of the runs", waiting, "the start")
STAYING = Kind("not collapsed", "share of the healthy runs", lifetimes, "each run was first healthy")


def survival_of(told: Told, factor: str, kind: Kind) -> str:
    """Return the survival curves of one factor's levels, with the log-rank tests of its pairs."""
    by_level = {level: told.record.with_levels(**{factor: level}) for level in told.record.factors[factor]}
    until = told.record.common_end(by_level.values())
    levels = {level: found for level, runs in by_level.items() if (found := kind.times(runs, until)).times}
    lines = []
    for place, (level, (times, happened, _)) in enumerate(levels.items()):
        curve = survival(times, happened)
        steps = stairs(curve.times.tolist(), curve.share.tolist(), max(times))
        lines.append(Line(f"{level} ({sum(happened)} of {len(times)} runs)", steps, (), place))
    if not lines:
        return ""
    drawn = chart(f"{kind.title}: {factor}", kind.unit, lines, bounds=(0.0, 1.0))
    cut = f", cut at {until:,.0f}, where the shortest runs end" if math.isfinite(until) else ""
    note = f"<p>Images since {kind.since}{cut}. {escape(apart(levels))}</p>"
    return drawn.replace("</figure>", f"{note}</figure>")


def stairs(times: Sequence[float], shares: Sequence[float], last: float) -> list[tuple[float, float]]:
    """Return the corners of a curve that falls in steps.

    Example:
        >>> stairs([0.0, 2.0], [1.0, 0.5], 3.0)
        [(0.0, 1.0), (2.0, 1.0), (2.0, 0.5), (3.0, 0.5)]
    """
    corners = [(times[0], shares[0])]
    for before, (time, value) in zip(shares, zip(times[1:], shares[1:], strict=True), strict=False):
        corners += [(time, before), (time, value)]
    return [*corners, (max(last, times[-1]), shares[-1])]


def apart(levels: Mapping[str, Watched]) -> str:
    """Return one sentence on the pairs of levels whose curves differ: log-rank tests over seeds, after Holm."""
    pairs = list(itertools.combinations(levels, 2))
    if not pairs:
        return ""
    adjusted = holm([paired_test(log_rank_differences(levels[first], levels[second])) for first, second in pairs])
    found = [
        f"{first} and {second} (p = {p:.2g})"
        for (first, second), p in sorted(zip(pairs, adjusted, strict=True), key=lambda pair: pair[1])
        if p <= LEVEL
    ]
    told = f"They differ between {', '.join(found)}" if found else "No two are shown to differ"
    return f"{told}: log-rank tests that exchange whole seeds, after Holm over {len(pairs)} pairs."

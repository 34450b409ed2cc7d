"""What the committed journal of the second stage of the study of norms says: its part of docs/study-norms.md."""

import dataclasses
import math
import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.study_norms import LONG, PAGE, ROOT, told
from gannorm.report.study.claims import sentences
from gannorm.report.study.maps import maps_of
from gannorm.report.study.markdown import markdown as study_markdown
from gannorm.report.study.markdown import matrix
from gannorm.report.study.page import write_csv
from gannorm.report.study.record import Run
from gannorm.report.study.told import Told
from gannorm.statistics import paired_test

TABLE = ROOT / "docs" / "study-norms-long.csv"  # every cell
SHIFTS = {"covariate_shift_generator": "G", "covariate_shift_discriminator": "D"}
LEAST = 6  # seeds with a collapse from which on anything can be told: 2 / 2ⁿ ≤ 5 %

__all__ = ["PAGE", "markdown", "run"]


def run(rounds: int) -> dict[str, Any]:  # noqa: ARG001 (nothing is repeated)
    """Print what may be concluded, and write the table of all cells."""
    study = told(LONG)
    write_csv(study, TABLE)
    parts = [study_markdown(study).rstrip(), *(shift(study, outcome) for outcome in SHIFTS), before_collapse(study)]
    print(text := "\n\n".join(parts))
    return {"text": text}


def markdown(result: dict[str, Any]) -> str:
    """Return the generated part of the page."""
    return str(result["text"]).rstrip()


def shift(study: Told, outcome: str) -> str:
    """Return what each factor does to the covariate shift of one network, and its map."""
    other = Told(dataclasses.replace(study.record, outcome=outcome))
    claims = "\n".join(f"- {claim}" for claim in sentences(other.factors, other.effects, other.outcome))
    first = maps_of(other)[0]
    return f"**{first.title}**\n\n{matrix(first, other)}\n\n{claims}"


def before_collapse(study: Told) -> str:
    """Return whether covariate shift rises before a collapse, as sentences."""
    runs = study.record.runs
    collapsed = [run for run in runs if run.healthy_at is not None and run.collapsed_at is not None]
    head = f"**Covariate shift before a collapse**\n\n{len(collapsed)} of {len(runs)} runs collapsed after health."
    return "\n".join([head, *(rise_of(collapsed, runs, place, name) for place, name in enumerate(SHIFTS.values(), 1))])


def rise_of(collapsed: Sequence[Run], runs: Sequence[Run], place: int, name: str) -> str:
    """Return how far one network's covariate shift rises before collapses, beside runs that did not collapse."""
    pairs: dict[int, list[tuple[float, float]]] = {}
    for run in collapsed:
        last = max((row[0] for row in run.line.get("shifts", ()) if row[0] < (run.collapsed_at or 0)), default=0)
        own = rise(run, place, last)
        others = [
            value
            for one in runs
            if one.cell == run.cell and one.healthy_at is not None and one.collapsed_at is None
            if (value := rise(one, place, last)) is not None
        ]
        if own is not None and others:
            pairs.setdefault(run.seed, []).append((own, statistics.fmean(others)))
    if len(pairs) < LEAST:
        return f"In {name} nothing can be told: {LEAST} seeds with one to compare are needed, {len(pairs)} have one."
    means = np.array([np.mean(found, axis=0) for found in pairs.values()])  # of each seed
    before, alike = np.exp(means.mean(0))
    p = paired_test(means[:, 0] - means[:, 1])
    return (
        f"In {name} it was {before:.2f} times its mean since health at the last look before; in runs of the same cell "
        f"that did not collapse {alike:.2f} times, at the same images ({len(pairs)} seeds, p = {p:.2g})."
    )


def rise(run: Run, place: int, last: float) -> float | None:
    """Return log(shift at a look / its mean at the looks since health before it); None where one is not there."""
    since = [row for row in run.line.get("shifts", ()) if row[0] >= (run.healthy_at or 0) and row[place]]
    earlier = [row[place] for row in since if row[0] < last]
    now = [row[place] for row in since if row[0] == last]
    return math.log(now[0] / statistics.fmean(earlier)) if now and earlier else None

"""Whether bf16-mixed costs modes, as the committed journal of configs/studies/precision.yaml says it."""

from collections.abc import Sequence
from statistics import fmean
from typing import Any

import numpy as np

from benchmarks import document
from benchmarks.study_norms import ROOT, told
from gannorm.report.study.record import Run, StudyRecord
from gannorm.statistics import mean_interval

STUDY = ROOT / "configs" / "studies" / "precision.yaml"
PAGE = document.SPEED
FULL, MIXED = "32-true", "bf16-mixed"
HEAD = ["precision", "seeds", "effective modes, mean", "all ten covered", "accepted, mean"]
FIGURES = {"effective modes": "effective_modes", "share accepted": "high_quality"}


def run(rounds: int) -> dict[str, Any]:  # noqa: ARG001 (nothing is repeated)
    """Print what the journal says."""
    print(text := text_of(told(STUDY).record))
    return {"text": text}


def markdown(result: dict[str, Any]) -> str:
    """Return the generated part of the page."""
    return str(result["text"])


def text_of(record: StudyRecord) -> str:
    """Return the table of both precisions, and what the one costs beside the other."""
    by_precision = {name: record.with_levels(precision=name) for name in (FULL, MIXED)}
    rows = [row(name, runs) for name, runs in by_precision.items() if runs]
    pairs = paired(*by_precision.values())
    differences = "; ".join(
        difference(label, [final(mixed, key) - final(full, key) for full, mixed in pairs])
        for label, key in FIGURES.items()
    )
    said = (
        f"Of the same seeds, {MIXED} less {FULL}: {differences} (95 % intervals of the mean over {len(pairs)} seeds)."
    )
    return f"{document.table(HEAD, rows)}\n\n{document.paragraph(said)}"


def row(name: str, runs: Sequence[Run]) -> list[str]:
    """Return the line of one precision."""

    def mean(key: str) -> float:
        return fmean(final(one, key) for one in runs)

    covered = sum(final(one, "covered_modes") == 10 for one in runs)
    return [
        name,
        str(len(runs)),
        f"{mean('effective_modes'):.2f}",
        f"{covered} of {len(runs)}",
        f"{mean('high_quality'):.1%}".replace("%", " %"),
    ]


def paired(full: Sequence[Run], mixed: Sequence[Run]) -> list[tuple[Run, Run]]:
    """Return the runs of each seed that has both."""
    others = {one.seed: one for one in mixed}
    return [(one, others[one.seed]) for one in full if one.seed in others]


def final(run: Run, key: str) -> float:
    """Return a figure of a run's last evaluation."""
    return float(run.line["final"][key])


def difference(label: str, values: Sequence[float]) -> str:
    """Return a mean difference and its interval."""
    low, high = mean_interval(np.array(values))
    return f"{fmean(values):+.3f} {label} ({low:+.3f} to {high:+.3f})"

"""What the screen shows at the end of a run: one table, and the lines that a person types next."""

import os
from collections.abc import Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from gannorm import tracking
from gannorm.report.run.page import NAME as PAGE
from gannorm.report.run.sections import rows_of
from gannorm.training.outcome import Outcome


def table(results: Mapping[str, Any]) -> Table:
    """Return the final figures; of a run that was stopped, how far it came."""
    title = f"{results['name']} {results['id']}: {results['status']} after {results['images_seen']:,} images"
    sheet = Table(
        title=title,
        caption=caption(results),
        box=SIMPLE_HEAD,
        padding=(0, 0, 0, 1),
        title_justify="left",
        caption_justify="left",
    )
    rows = rows_of(results)
    labelled = any("asked_for" in results[key] for key in rows)
    columns = ("", "samples", "covered", "effective", "KL", "TV", "accepted", *(["asked"] if labelled else []))
    for column in columns if rows else ():
        sheet.add_column(column, justify="right" if column else "left", no_wrap=True)
    for key, name in rows.items():
        sheet.add_row(name, *cells(results[key]), *([as_asked(results[key])] if labelled else []))
    return sheet


def cells(metrics: Mapping[str, Any]) -> list[str]:
    """Return one row of the table."""
    kl, tv = metrics["kl"], metrics["tv"]
    return [
        f"{metrics['num_samples']:,}",
        f"{metrics['covered_modes']}/{metrics['num_modes']}",
        f"{metrics['effective_modes']:.2f}",
        "none" if kl is None else f"{kl:.4f}",
        "none" if tv is None else f"{tv:.3f}",
        f"{100 * metrics['high_quality']:.1f} %",
    ]


def as_asked(metrics: Mapping[str, Any]) -> str:
    """Return how many of the accepted samples are of the class that was asked for; real data were not asked."""
    if "asked_for" not in metrics:
        return ""
    return "none" if metrics["asked_for"] is None else f"{100 * metrics['asked_for']:.1f} %"


def caption(results: Mapping[str, Any]) -> str:
    """Return how long it took and who judged."""
    minutes, speed = results["seconds"] / 60, results["images_per_second"]
    share = results["evaluation_seconds"] / max(results["seconds"], 1e-9)
    spent = f"{minutes:.1f} min, {speed:,.0f} images/s, {100 * share:.1f} % of the time evaluating"
    final = results.get("evaluation", {})
    if "protocol" not in final:
        return spent
    judged = f"{final['protocol']}, judge {results['classifier_sha256'][:8]}, natural logarithms"
    return f"{spent}\n{judged}; {final['generator']} generator with {final['statistics']} statistics"


def next_lines(outcome: Outcome) -> list[str]:
    """Return what to type next."""
    path = outcome.folder.path
    if outcome.collapsed:
        return [f"{outcome.results['reason']}; what happened: {path / 'post-mortem.md'}"]
    if outcome.signal is not None:
        return [f"go on with: --resume {path}"]
    opener = "open" if os.uname().sysname == "Darwin" else "xdg-open"
    offline = " ".join(map(str, tracking.offline_runs(path)))
    page = path / PAGE
    return [f"{opener} {page if page.exists() else path}", *([f"wandb sync {offline}"] if offline else [])]

"""A result among the published ones, for people."""

from collections.abc import Callable, Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from gannorm.report.comparison import comparison


def compare(
    benchmark: str,
    ours: Mapping[str, Any],
    *,
    num_modes: int,
    num_samples: int,
    prior: Any,
    ceiling: float | None = None,
    rule: str | None = None,
) -> Table:
    """Return a table of our row among the published ones, with floor, ceiling and footnotes; see `comparison`.

    Example:
        >>> import numpy as np
        >>> ours = {"raw_modes": 8, "kl_plug_in": 0.02, "high_quality": 0.97}
        >>> table = compare("ring", ours, num_modes=8, num_samples=2500, prior=np.full(8, 1 / 8))
        >>> table.row_count, table.title
        (12, 'Ring of 8 Gaussians in the plane')
    """
    size: dict[str, Any] = {"num_modes": num_modes, "num_samples": num_samples, "prior": prior}
    found = comparison(benchmark, ours, **size, ceiling=ceiling, rule=rule)
    table = Table(box=None, title=found["title"], padding=(0, 1), pad_edge=False, caption_justify="left")
    shown = {name: cell for name, cell in COLUMNS.items() if any(cell(row) for row in found["rows"])}
    for name in shown:
        table.add_column(name, overflow="fold")
    for row in found["rows"]:
        table.add_row(*(Text(cell(row)) for cell in shown.values()), style=STYLES[row["kind"]])
    notes = [f"{number} {note}" for number, note in enumerate(found["footnotes"], start=1)]
    table.caption = Text("\n".join([*notes, *found["notes"]]))
    return table


def _number(value: int | float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _short(value: int | float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _with_spread(value: int | float | None, spread: float | None) -> str:
    return _number(value) + ("" if value is None or spread is None else f" ± {_short(spread)}")


def _covered(covered: int | None) -> str:
    return "" if covered is None else f"\n{covered} covered"


def _effective(row: Mapping[str, Any]) -> str:
    if row["corrected_modes"] is None:
        return _short(row["effective_modes"])
    low, high = row["corrected_low"], row["corrected_high"]
    interval = "" if low is None or high is None else f", {_short(low)}–{_short(high)}"
    return f"{_short(row['effective_modes'])}\n({_short(row['corrected_modes'])}{interval})"


COLUMNS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "method": lambda row: row["method"],
    "modes": lambda row: _with_spread(row["modes"], row["modes_spread"]) + _covered(row["covered_modes"]),
    "SD": lambda row: _short(row["modes_sd"]),
    "KL": lambda row: _with_spread(row["kl"], row["kl_spread"]),
    "effective": _effective,
    "high\nquality": lambda row: "" if row["high_quality"] is None else f"{round(100 * row['high_quality'], 1):g}%",
    "runs": lambda row: _number(row["runs"]),
    "source": lambda row: f"{row['paper']} {row['year']}" if row["paper"] else "",
    "notes": lambda row: " ".join(map(str, row["footnotes"])),
}
"""The columns of the table; those that no row fills are left out."""

STYLES = {"yours": "bold", "perfect": "italic", "published": ""}

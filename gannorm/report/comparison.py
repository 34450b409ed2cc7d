"""A result among the published ones: `compare` for people, `comparison` for programs.

Our row stands where its KL puts it, with the row of a perfect generator as the ceiling. Papers count differently, and
the footnotes say how.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from rich.table import Table
from rich.text import Text

from gannorm.published import Benchmark, Published, benchmarks, check_kl, published
from gannorm.records import choose
from gannorm.report.perfect import Perfect, perfect

OURS = (
    "covered_modes", "raw_modes", "kl_plug_in", "effective_modes", "effective_low", "effective_high", "high_quality",
)  # fmt: skip
"""What `compare` takes of our result; what is missing or None is left blank."""

AS_PRINTED = (
    "method", "modes", "modes_spread", "num_samples", "runs", "spread", "protocol", "paper", "authors", "table",
    "year", "read",
)  # fmt: skip
KEYS = (
    "kind", "rank", *AS_PRINTED, "covered_modes", "modes_sd", "kl", "kl_spread", "effective_modes", "corrected_modes",
    "corrected_low", "corrected_high", "high_quality", "footnotes",
)  # fmt: skip
"""The keys of a row as data."""

GENERAL = (
    "sorted by effective modes, K e^(-KL), from the uncorrected KL to the uniform distribution, in nats, for all rows",
    "published rows are means over runs, yours is one evaluation of one generator; SD: how single runs vary, where the "
    "paper says enough (standard error times √runs)",
)
CORRECTED = "in brackets: corrected for few samples, with its interval"
PERFECT = "the exact expectation for N samples with the data's own frequencies; ± from one evaluation to the next"
SPREADS = {"SE": "a standard error", "SD": "a standard deviation", None: "of a kind that is not stated"}


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


def comparison(
    benchmark: str,
    ours: Mapping[str, Any],
    *,
    num_modes: int,
    num_samples: int,
    prior: Any,
    ceiling: float | None = None,
    rule: str | None = None,
) -> dict[str, Any]:
    """Return our row among the published ones as plain data, ready for JSON.

    `rows` from the most effective modes to the fewest, `kind` "yours", "perfect" or "published", KL in nats, `rank`
    among yours and published ones that have a KL; `footnotes`, which rows name by number; `notes`, which hold for all.
    Rows that repeat another are left out.

    Args:
        benchmark: A name of `gannorm.published.benchmarks` that counts modes.
        ours: Any of `OURS`: `raw_modes` with at least one sample, `kl_plug_in` uncorrected to uniform in nats, and
            corrected figures with their intervals.
        num_modes: K of our result.
        num_samples: N of our result, those that enter the KL.
        prior: π, (K,) frequencies of the modes in the data, as an array, a list or a tensor.
        ceiling: Share of real data that our judge accepts.
        rule: By which our judge accepts points, such as "circle".

    Raises:
        ValueError: Another number of modes, a benchmark without modes, a key that is none of `OURS`, or a KL that
            cannot be.
    """
    known = check_benchmark(benchmark, num_modes)
    _check(ours, num_modes)
    frequencies = np.asarray(prior, dtype=np.float64)
    if len(frequencies) != num_modes:
        raise ValueError(f"prior has {len(frequencies)} frequencies; {num_modes} modes need {num_modes}")
    best = perfect(frequencies, num_samples)
    rows = [
        _yours(ours, num_modes, num_samples),
        _perfect(best, ceiling),
        *(_published(row, num_samples, rule) for row in published(benchmark) if not row.repeats),
    ]
    rows.sort(key=_order)
    ranked = [row for row in rows if row["kind"] != "perfect" and row["effective_modes"] is not None]
    for rank, row in enumerate(ranked, start=1):
        row["rank"] = rank
    footnotes = list(dict.fromkeys(note for row in rows for note in row["footnotes"]))
    for row in rows:
        row["footnotes"] = [footnotes.index(note) + 1 for note in row["footnotes"]]
    facts = {"benchmark": benchmark, "title": known.title, "num_modes": num_modes}
    return {**facts, "rows": rows, "footnotes": footnotes, "notes": list(GENERAL)}


def check_benchmark(name: str, num_modes: int) -> Benchmark:
    """Return a benchmark that results with so many modes can be compared with.

    Raises:
        ValueError: There is none of this name, or it has another number of modes.
    """
    known = choose(benchmarks(), name, "benchmark")
    if known.num_modes is None:
        raise ValueError(f"benchmark {name!r} counts no modes; its numbers stand in docs/published.md")
    if known.num_modes != num_modes:
        raise ValueError(
            f"benchmark {name!r} has {known.num_modes} modes and your result {num_modes}; compare with another"
        )
    return known


def _check(ours: Mapping[str, Any], num_modes: int) -> None:
    unknown = [key for key in ours if key not in OURS]
    if unknown:
        raise ValueError(f"ours has {unknown[0]!r}; it may have {', '.join(OURS)}")
    if ours.get("kl_plug_in") is not None:
        check_kl(max(ours["kl_plug_in"], 0.0), num_modes, "ours, kl_plug_in")  # rounding may leave it at -1e-17


def _yours(ours: Mapping[str, Any], num_modes: int, num_samples: int) -> dict[str, Any]:
    kl, corrected = ours.get("kl_plug_in"), ours.get("effective_modes")
    return _row(
        kind="yours",
        method="yours",
        covered_modes=ours.get("covered_modes"),
        modes=ours.get("raw_modes"),
        kl=kl,
        effective_modes=None if kl is None else num_modes * math.exp(-kl),
        corrected_modes=corrected,
        corrected_low=ours.get("effective_low"),
        corrected_high=ours.get("effective_high"),
        high_quality=ours.get("high_quality"),
        num_samples=num_samples,
        runs=1,
        footnotes=[] if corrected is None else [CORRECTED],
    )


def _perfect(best: Perfect, ceiling: float | None) -> dict[str, Any]:
    return _row(
        kind="perfect",
        method=f"a perfect generator, N = {best.num_samples:,}",
        modes=best.modes,
        kl=best.kl,
        kl_spread=best.kl_sd,
        effective_modes=best.effective_modes,
        high_quality=ceiling,
        num_samples=best.num_samples,
        footnotes=[PERFECT],
    )


def _published(row: Published, num_samples: int, rule: str | None) -> dict[str, Any]:
    return _row(
        kind="published",
        kl=row.kl_nats,
        kl_spread=row.kl_spread_nats,
        modes_sd=row.modes_sd,
        effective_modes=row.effective_modes,
        high_quality=None if row.high_quality_percent is None else row.high_quality_percent / 100,
        footnotes=_differences(row, num_samples, rule),
        **{key: getattr(row, key) for key in AS_PRINTED},
    )


def _row(**values: Any) -> dict[str, Any]:
    """Return a row with every key that any row has."""
    return {**dict.fromkeys(KEYS), **values}


def _differences(row: Published, num_samples: int, rule: str | None) -> list[str]:
    """Return how a row was measured otherwise than ours, and what else has to be known of it."""
    said = {
        "remembered, not read in the source: check it before you quote it": row.read == "remembered",
        "N is not stated": row.num_samples is None,
        f"N = {row.num_samples or 0:,}, yours is {num_samples:,}": row.num_samples not in (None, num_samples),
        f"log{row.log_base} in the paper, converted": row.log_base != "e",
        f"points of high quality by another rule: {row.rule}": None not in (row.rule, rule) and row.rule != rule,
        f"± is {SPREADS[row.spread]}": row.modes_spread is not None,
        "training failed": row.failed,
        row.note or "": row.note is not None,
    }
    return [sentence for sentence, holds in said.items() if holds]


def _order(row: Mapping[str, Any]) -> tuple[bool, float, float]:
    """From many effective modes to few; then rows without a KL by their modes, failed ones last."""
    effective, modes = row["effective_modes"], row["modes"]
    return effective is None, -float(effective or 0), -float(-1 if modes is None else modes)


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
    "high\nquality": lambda row: "" if row["high_quality"] is None else f"{100 * row['high_quality']:.3g}%",
    "runs": lambda row: _number(row["runs"]),
    "source": lambda row: f"{row['paper']} {row['year']}" if row["paper"] else "",
    "notes": lambda row: " ".join(map(str, row["footnotes"])),
}
"""The columns of the table; those that no row fills are left out."""

STYLES = {"yours": "bold", "perfect": "italic", "published": ""}

"""A result among the published ones as plain data; `gannorm.report.comparison_table` shows it.

Our row stands where its KL puts it, with the row of a perfect generator as the ceiling. Papers count differently, and
the footnotes say how.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from gannorm.published import Benchmark, Published, benchmarks, check_kl, published
from gannorm.records import choose
from gannorm.report.perfect import Perfect, perfect

OURS = (
    "covered_modes", "raw_modes", "kl_plug_in", "effective_modes", "effective_low", "effective_high", "high_quality",
)  # fmt: skip
"""What `comparison` takes of our result; what is missing or None is left blank."""

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

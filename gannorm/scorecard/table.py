"""The headline table: a row for each source and one for real data, and under it what the numbers are."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from gannorm.scorecard.measure import Card

MANY = 100  # modes, above which effective ones are printed without decimals
DOUBTFUL = 1.5  # times as often misread as real data


def headline(cards: Sequence[Card]) -> Table:
    """Return the headline numbers with their intervals."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), title=title(cards[0]), title_justify="left")
    rows = [(card.source.path.name, card.evaluation()) for card in cards] + [("real, held out", cards[0].real)]
    for column in ("", *(name for name, cell in COLUMNS.items() if any(cell(row) for _, row in rows))):
        table.add_column(column, justify="right" if column else "left", overflow="fold")
    for name, row in rows:
        table.add_row(name, *(cell(row) for cell in COLUMNS.values() if any(cell(other) for _, other in rows)))
    return table


def title(card: Card) -> str:
    """Return what everything was measured under."""
    return f"{card.setting.label}, natural logarithms, judge {card.setting.judge.sha256[:8]}, 95 % intervals"


def with_interval(name: str, digits: int, scale: float = 1.0) -> Any:
    """Return what prints a number above its interval."""

    def cell(row: Mapping[str, Any]) -> str:
        if row.get(name) is None:
            return ""
        places = 0 if name == "effective_modes" and row["num_modes"] > MANY else digits
        text = f"{scale * row[name]:.{places}f}"
        low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
        return text if low is None or high is None else f"{text}\n{scale * low:.{places}f}–{scale * high:.{places}f}"

    return cell


def covered(row: Mapping[str, Any]) -> str:
    """Return covered modes of all, with their limits; a question mark where the judge's errors leave them open."""
    doubt = "" if row.get("reliable") in (None, True) else " ?"
    return f"{row['covered_modes']}/{row['num_modes']}{doubt}\n{row['covered_modes_low']}–{row['covered_modes_high']}"


def class_coverage(row: Mapping[str, Any]) -> str:
    """Return the least and the mean coverage of a class."""
    least, mean = row.get("class_coverage_min"), row.get("class_coverage_mean")
    return "" if least is None or mean is None else f"{least:.2f}\nmean {mean:.2f}"


COLUMNS = {
    "N": lambda row: f"{row['num_samples']:,}",
    "covered": covered,
    "effective": with_interval("effective_modes", 2),
    "KL": with_interval("kl", 4),
    "TV": with_interval("tv", 3),
    "accepted %": with_interval("high_quality", 1, 100.0),
    "Fréchet": with_interval("frechet_corrected", 2),
    "class coverage": class_coverage,
    "class RKE": with_interval("class_rke_ratio_min", 2),
}


def notes(card: Card) -> list[str]:
    """Return what a reader of the numbers has to know: source, generator, statistics, ceilings, floors, doubts."""
    row = card.evaluation()
    lines = [card.source.describe()]
    if (ceiling := row["high_quality_ceiling"]) is not None:
        lines.append(f"real data: {100 * ceiling:.2f} % accepted, {row['effective_modes_ceiling']:.5g} effective modes")
    if row["kl_floor"] is not None:
        floors = f"KL {row['kl_floor']:.4f} and TV {row['tv_floor']:.3f}"
        lines.append(f"uncorrected, a perfect generator would show {floors} at this N; both are corrected here")
    if row["reliable"] is False:
        lines.append("covered is unreliable: it would be another number if samples were misread twice as often")
    if row["misreading"] is not None and row["misreading"] > DOUBTFUL:
        lines.append(f"samples are misread {row['misreading']:.1f} times as often as real data")
    return [*lines, *legacy_lines(row), *seed_lines(row)]


def legacy_lines(row: Mapping[str, Any]) -> list[str]:
    """Return what the protocol's paper would print, without corrections."""
    legacy = row.get("legacy")
    if legacy is None:
        return []
    figures = {"raw modes": legacy["raw_modes"], f"KL (log {legacy['log_base']})": legacy["kl"]}
    shown = [f"{name} {value:.5g}" for name, value in figures.items() if value is not None]
    return [f"as papers count, {legacy['protocol']}: {', '.join(shown)}"] if shown else []


def seed_lines(row: Mapping[str, Any]) -> list[str]:
    """Return mean and standard deviation over seeds of the samples."""
    return [
        f"{name.replace('_', ' ')} over {len(found['values'])} draws: {found['mean']:.4g} ± {found['sd']:.2g} (SD)"
        for name, found in row.get("seeds", {}).items()
    ]

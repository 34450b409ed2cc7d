"""The headline table: a row for each source and one for real data, and under it what the numbers are."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from gannorm.scorecard.measure import Card

Cell = Callable[[Mapping[str, Any]], str]

MANY = 100  # modes, above which effective ones are printed without decimals
DOUBTFUL = 1.5  # times as often misread as real data


def headline(cards: Sequence[Card]) -> Table:
    """Return the headline numbers with their intervals: a column for each source, and one for real data."""
    card = cards[0]
    table = Table(box=SIMPLE_HEAD, padding=(0, 2, 0, 0), title=title(card), title_justify="left")
    columns = [(card.source.path.name, card.evaluation()) for card in cards] + [("real, held out", card.real)]
    table.add_column("")
    for name, _ in columns:
        table.add_column(name, overflow="fold")
    for name, cell in ROWS.items():
        if any(cells := [cell(figures) for _, figures in columns]):
            table.add_row(name, *cells)
    return table


def title(card: Card) -> str:
    """Return what everything was measured under."""
    return f"{card.setting.label}, natural logarithms, judge {card.setting.judge.sha256[:8]}, 95 % intervals"


def with_interval(name: str, digits: int, *, scale: float = 1.0) -> Cell:
    """Return what prints a number with its interval.

    Args:
        name: Of the number.
        digits: Behind the point; none of effective modes of many.
        scale: 100 for per cent.
    """

    def cell(figures: Mapping[str, Any]) -> str:
        if figures.get(name) is None:
            return ""
        places = 0 if name == "effective_modes" and figures["num_modes"] > MANY else digits
        low, high = (figures.get(f"{name}_{end}") for end in ("low", "high"))
        text = f"{scale * figures[name]:.{places}f}"
        return text if low is None or high is None else f"{text}  {scale * low:.{places}f}–{scale * high:.{places}f}"

    return cell


def significant(name: str, *, of: str | None = None) -> Cell:
    """Return what prints a distance, whose size depends on the features, with its interval: three digits."""

    def cell(figures: Mapping[str, Any]) -> str:
        if figures.get(name) is None:
            return ""
        low, high = (figures.get(f"{of or name}_{end}") for end in ("low", "high"))
        text = f"{figures[name]:.3g}"
        return text if low is None or high is None else f"{text}  {low:.3g}–{high:.3g}"

    return cell


def covered(figures: Mapping[str, Any]) -> str:
    """Return covered modes of all, with their limits; a question mark where the judge's errors leave them open."""
    doubt = " ?" if figures["reliable"] is False else ""
    limits = f"{figures['covered_modes_low']}–{figures['covered_modes_high']}"
    return f"{figures['covered_modes']}/{figures['num_modes']}{doubt}  {limits}"


def spread_over_classes(least: str, mean: str) -> Cell:
    """Return what prints the least and the mean of a figure of classes."""

    def cell(figures: Mapping[str, Any]) -> str:
        named = {"least": figures.get(least), "mean": figures.get(mean)}
        return ", ".join(f"{name} {value:.2f}" for name, value in named.items() if value is not None)

    return cell


def ratios(figures: Mapping[str, Any]) -> str:
    """Return the least and the greatest deviation of a mode of points over the true one."""
    known = [ratio for ratio in figures.get("deviation_ratios", []) if ratio is not None]
    return f"{min(known):.2f}–{max(known):.2f}" if known else ""


ROWS: dict[str, Cell] = {
    "samples": lambda figures: f"{figures['num_samples']:,}",
    "covered modes": covered,
    "effective modes": with_interval("effective_modes", 2),
    "KL": with_interval("kl", 4),
    "TV": with_interval("tv", 3),
    "accepted %": with_interval("high_quality", 1, scale=100.0),
    "as asked %": with_interval("asked_for", 1, scale=100.0),
    "Fréchet distance": significant("frechet_corrected", of="frechet"),
    "kernel distance": significant("kernel"),
    "precision": with_interval("precision", 3),
    "recall": with_interval("recall", 3),
    "density": with_interval("density", 3),
    "coverage / expected": with_interval("coverage_ratio", 3),
    "of a class": spread_over_classes("class_coverage_min", "class_coverage_mean"),
    "RKE ratio of a class": spread_over_classes("class_rke_ratio_min", "class_rke_ratio_mean"),
    "σ ratio of a mode": ratios,
    "sliced Wasserstein": significant("sliced_wasserstein"),
    "FID (Inception)": with_interval("fid", 2),
    "KID (Inception)": with_interval("kid", 4),
}


def notes(card: Card) -> list[str]:
    """Return what a reader of the numbers has to know: source, generator, statistics, ceilings, floors, doubts."""
    row = card.evaluation()
    lines = [card.source.describe()]
    if (ceiling := row["high_quality_ceiling"]) is not None:
        lines.append(f"real data: {100 * ceiling:.2f} % accepted, {row['effective_modes_ceiling']:.5g} effective modes")
    if (accuracy := getattr(card.setting.judge, "accuracy", None)) is not None:
        lines.append(f"the classifier calls {100 * accuracy:.1f} % of its test images rightly")
    if row.get("asked_for_ceiling") is not None:
        lines.append(f"real data: {100 * row['asked_for_ceiling']:.2f} % of accepted ones are called by their class")
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

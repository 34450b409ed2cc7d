"""A run's curves as plain text, for who has a terminal only."""

from collections.abc import Sequence

from gannorm.report.run.curves import CURVES
from gannorm.report.run.record import RunRecord, printable
from gannorm.report.run.sections import final_figures

COLUMNS, ROWS = 64, 8
SHOWN = ("modes", "accepted samples", "variety without a judge", "losses")


def terminal(record: RunRecord) -> str:
    """Return the run's state, its events and small plots."""
    parts = [f"{record.title}: {record.status} at {record.images_seen:,} images", *figures(record)]
    parts += [printable(str(event.get("text", event["state"]))) for event in record.events]
    parts += record.notes
    for curves in CURVES:
        key, name = next(iter(curves.lines.items()))
        points = record.series(key)
        if curves.title in SHOWN and len(points) > 1:
            parts.append(f"\n{curves.title}: {name}\n{plot(points)}")
    return "\n".join(parts)


def figures(record: RunRecord) -> list[str]:
    """Return the last figures as one line, if there are any that this version knows."""
    final = final_figures(record)
    known = [final.get(key) for key in ("covered_modes", "num_modes", "effective_modes", "high_quality")]
    if not all(isinstance(figure, int | float) for figure in known):
        return []
    covered, num, effective, accepted = (float(str(figure)) for figure in known)
    return [f"{covered:.0f}/{num:.0f} modes, {effective:.2f} effective, {100 * accepted:.1f} % accepted"]


def plot(points: Sequence[tuple[float, float]], columns: int = COLUMNS, rows: int = ROWS) -> str:
    """Return one curve in characters, each column the mean of what falls into it.

    Example:
        >>> print(plot([(0.0, 0.0), (1.0, 1.0)], columns=2, rows=2))
                 1 |  •
                 0 | •
                   +---
                     0 to 1 images
    """
    first, last = points[0][0], points[-1][0]
    low, high = min(y for _, y in points), max(y for _, y in points)
    binned: list[list[float]] = [[] for _ in range(columns)]
    for x, y in points:
        binned[min(int((x - first) / ((last - first) or 1) * columns), columns - 1)].append(y)
    grid = [[" "] * columns for _ in range(rows)]
    for column, values in enumerate(binned):
        if values:
            level = (sum(values) / len(values) - low) / ((high - low) or 1)
            grid[rows - 1 - min(int(level * rows), rows - 1)][column] = "•"
    labels = {0: f"{high:10.4g}", rows - 1: f"{low:10.4g}"}
    lines = [f"{labels.get(number, ''):>10} | {''.join(row).rstrip()}" for number, row in enumerate(grid)]
    return "\n".join([*lines, f"{'':>10} +{'-' * (columns + 1)}", f"{'':>10}   {first:,.0f} to {last:,.0f} images"])

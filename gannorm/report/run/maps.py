"""What was so at each look, as SVG: a heat map of modes, and a strip of states."""

from collections.abc import Sequence
from html import escape
from itertools import groupby

from gannorm.report.run.scales import LEFT, RIGHT, WIDTH, short, spaced, ticks

COLUMNS = 120  # of a heat map


def heat_map(title: str, columns: Sequence[float], rows: Sequence[str], shares: Sequence[Sequence[float]]) -> str:
    """Return a heat map over looks: each row's share of what it should have; 1 is just right.

    Args:
        title: What is shown.
        columns: Images seen at each look.
        rows: Names.
        shares: By row and look, as a multiple of the real frequency.
    """
    kept = spaced(len(columns), COLUMNS)
    columns, shares = [columns[look] for look in kept], [[values[look] for look in kept] for values in shares]
    height = 16 * len(rows) + 40
    wide = (WIDTH - LEFT - RIGHT) / max(len(columns), 1)
    parts = []
    for number, (name, values) in enumerate(zip(rows, shares, strict=True)):
        top = 16 * number + 4
        parts.append(f'<text x="{LEFT - 6}" y="{top + 12}" text-anchor="end">{escape(name)}</text>')
        for place, value in enumerate(values):
            said = f"{name} at {columns[place]:,.0f} images: {value:.2f} times its real frequency"
            parts.append(
                f'<rect x="{LEFT + wide * place:.1f}" y="{top}" width="{wide + 0.3:.1f}" height="15.5" '
                f'class="heat" style="--share:{min(value, 2) / 2:.3f}"><title>{escape(said)}</title></rect>'
            )
    for place in spaced(len(columns)):
        x = LEFT + wide * (place + 0.5)
        parts.append(f'<text x="{x:.1f}" y="{height - 18}" text-anchor="middle">{short(columns[place])}</text>')
    parts.append(f'<text x="{WIDTH - RIGHT}" y="{height - 4}" text-anchor="end">images seen</text>')
    last = ", ".join(f"{name} {values[-1]:.2f}" for name, values in zip(rows, shares, strict=True) if len(values))
    heading = f"{escape(title)} <small>times as often as in the data, darkest from 2 on</small>"
    return (
        f'<figure class="chart"><figcaption>{heading}</figcaption>'
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(f"{title}; at the last look {last}")}">'
        f"{''.join(parts)}</svg></figure>"
    )


def strip(title: str, moments: Sequence[tuple[float, str]], classes: Sequence[str]) -> str:
    """Return a time line: what was so from the look before to each look, a word where it is new.

    Args:
        title: What is shown.
        moments: Images seen, and what was so then.
        classes: Of the colours.

    Example:
        >>> drawn = strip("state", [(64.0, "fine"), (96.0, "fine"), (128.0, "total")], ["none", "none", "critical"])
        >>> drawn.count("<rect"), "fine at 64 images to 96" in drawn
        (2, True)
    """
    most, edge, written = moments[-1][0] or 1.0, float(LEFT), -1e9
    parts, changes = [], []
    for (word, kind), stretch in groupby(zip(moments, classes, strict=True), key=lambda look: (look[0][1], look[1])):
        first, *_, last = [moment for (moment, _), _ in stretch] * 2
        right = LEFT + (2 * WIDTH - LEFT - RIGHT) * last / most
        said = f"{word} at {first:,.0f} images" + (f" to {last:,.0f}" if last > first else "")
        changes.append(f"{word} at {first:,.0f} images")
        parts.append(
            f'<rect class="{kind}" x="{edge:.1f}" y="20" width="{right - edge:.1f}" height="18">'
            f"<title>{escape(said)}</title></rect>"
        )
        if edge - written > 84:
            parts.append(f'<text x="{edge:.1f}" y="14">{escape(word)}</text>')
            written = edge
        edge = right
    for value in ticks(0.0, most, 8):
        x = LEFT + (2 * WIDTH - LEFT - RIGHT) * value / most
        parts.append(f'<text x="{x:.1f}" y="54" text-anchor="middle">{short(value)}</text>')
    told = ", ".join(changes)
    label = escape(f"{title}: {told}")
    drawing = f'<svg class="line" viewBox="0 0 {2 * WIDTH} 60" role="img" aria-label="{label}">{"".join(parts)}</svg>'
    return f'<figure class="chart wide"><figcaption>{escape(title)}</figcaption>{drawing}</figure>'

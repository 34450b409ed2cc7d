"""The heat map of a study: two factors, a number in each field."""

from collections.abc import Mapping, Sequence
from html import escape

FIELD = 92, 34  # pixels of one, wide and high
MARGIN = 130, 46  # for the names of rows, and of columns


def heat(
    title: str,
    rows: Sequence[str],
    columns: Sequence[str],
    values: Mapping[tuple[str, str], float],
    texts: Mapping[tuple[str, str], str],
    *,
    most: float,
    names: tuple[str, str],
) -> str:
    """Return a heat map as SVG, dark where much, with a sentence for whoever cannot see it.

    Args:
        title: What is shown.
        rows: Levels of the first factor.
        columns: Levels of the second.
        values: By row and column; a field without one stays empty.
        texts: How each value is written.
        most: The value that is darkest.
        names: Of both factors.

    Example:
        >>> drawn = heat("modes", ["a"], ["b"], {("a", "b"): 5.0}, {("a", "b"): "five"}, most=10.0, names=("G", "D"))
        >>> "a, b: five" in drawn
        True
    """
    (wide, high), (left, top) = FIELD, MARGIN
    parts = [f'<text class="name" x="{left}" y="14">{escape(names[1])}</text>']
    parts.append(f'<text class="name" x="0" y="{top - 6}">{escape(names[0])}</text>')
    for place, column in enumerate(columns):
        x = left + wide * (place + 0.5)
        parts.append(f'<text x="{x}" y="{top - 6}" text-anchor="middle">{escape(column)}</text>')
    for place, row in enumerate(rows):
        y = top + high * place
        parts.append(f'<text x="{left - 8}" y="{y + high / 2 + 4}" text-anchor="end">{escape(row)}</text>')
        for number, column in enumerate(columns):
            if (value := values.get((row, column))) is not None:
                share = min(max(value / most, 0.0), 1.0) if most else 0.0
                parts.append(field(share, texts[row, column], left + wide * number, y, f"{row}, {column}"))
    said = "; ".join(f"{row}, {column}: {text}" for (row, column), text in texts.items())
    box = f"0 0 {left + wide * len(columns)} {top + high * len(rows) + 4}"
    return (
        f'<figure class="chart wide"><figcaption>{escape(title)}</figcaption><svg class="matrix" viewBox="{box}" '
        f'role="img" aria-label="{escape(f"{title}: {said}")}">{"".join(parts)}</svg></figure>'
    )


def field(share: float, text: str, x: int | float, y: int | float, where: str) -> str:
    """Return one field, as dark as its value is a share of the largest."""
    (wide, high), side = FIELD, "light" if share > 0.55 else "dark"
    return (
        f'<g><title>{escape(f"{where}: {text}")}</title><rect class="heat" style="--share:{share:.3f}" x="{x}" '
        f'y="{y}" width="{wide - 2}" height="{high - 2}"/><text class="{side}" x="{x + wide / 2 - 1}" '
        f'y="{y + high / 2 + 3}" text-anchor="middle">{escape(text)}</text></g>'
    )

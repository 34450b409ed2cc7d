"""Charts as SVG that a page's script gives hover values to: lines with bands and marks, and a heat map."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 460, 230
LEFT, RIGHT, TOP, BOTTOM = 50, 12, 12, 34
COLOURS = 8  # classes c0 to c7 of the style sheet
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Line:
    """One curve.

    Attributes:
        name: For the legend.
        points: x and y, x rising.
        band: x, low and high of an interval; empty = none.
        colour: Number of its class.
    """

    name: str
    points: Points
    band: Sequence[tuple[float, float, float]] = ()
    colour: int = 0


@dataclass(frozen=True)
class Mark:
    """A vertical line at a moment: an event.

    Attributes:
        x: When.
        text: Said on hovering.
        severity: Class of its colour.
    """

    x: float
    text: str
    severity: str = "warn"


def chart(
    title: str, unit: str, lines: Sequence[Line], marks: Sequence[Mark] = (), bounds: tuple[float, float] | None = None
) -> str:
    """Return a chart of lines over images seen, with a sentence for whoever cannot see it.

    Args:
        title: What is shown.
        unit: Of the vertical axis; may be empty.
        lines: At least one, with a point or more.
        marks: Events.
        bounds: Of the vertical axis, widened where a line leaves them; None = those of the lines.

    Example:
        >>> svg = chart("effective modes", "", [Line("run", [(0.0, 1.0), (64.0, 9.5)])])
        >>> "effective modes: run from 1 to 9.5" in svg
        True
    """
    values = [y for line in lines for _, y in line.points] + [y for line in lines for _, *ys in line.band for y in ys]
    low, high = limits(values, bounds)
    most = max((x for line in lines for x, _ in line.points), default=1.0) or 1.0
    frame = Frame(most, low, high)
    parts = [frame.axes(), *(mark_line(mark, frame) for mark in marks if mark.x <= most)]
    parts += [band(line, frame) for line in lines if line.band] + [curve(line, frame) for line in lines]
    data = json.dumps([{"name": line.name, "points": [[x, y] for x, y in line.points]} for line in lines])
    said = f"{title}: " + "; ".join(
        f"{line.name} from {tick(line.points[0][1])} to {tick(line.points[-1][1])}" for line in lines if line.points
    )
    legend = "".join(f'<span class="key"><i class="c{line.colour}"></i>{escape(line.name)}</span>' for line in lines)
    heading = escape(title) + (f" <small>{escape(unit)}</small>" if unit else "")
    return (
        f'<figure class="chart"><figcaption>{heading}{legend if len(lines) > 1 else ""}</figcaption>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(said)}" '
        f'data-lines="{escape(data)}" data-frame="{LEFT},{WIDTH - RIGHT},{most:g}">{"".join(parts)}'
        '<line class="cursor" y1="12" y2="196" hidden/></svg></figure>'
    )


@dataclass(frozen=True)
class Frame:
    """Where numbers stand.

    Attributes:
        most: Images seen at the right edge.
        low: At the bottom.
        high: At the top.
    """

    most: float
    low: float
    high: float

    def across(self, x: float) -> float:
        """Return where so many images stand."""
        return LEFT + (WIDTH - LEFT - RIGHT) * x / self.most

    def down(self, y: float) -> float:
        """Return where a value stands."""
        return TOP + (HEIGHT - TOP - BOTTOM) * (self.high - y) / (self.high - self.low)

    def axes(self) -> str:
        """Return both axes with their numbers."""
        bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
        parts = []
        for value in ticks(self.low, self.high):
            y = self.down(value)
            parts.append(f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick(value)}</text>')
        for value in ticks(0.0, self.most):
            parts.append(
                f'<text x="{self.across(value):.1f}" y="{bottom + 15}" text-anchor="middle">{short(value)}</text>'
            )
        parts.append(f'<text x="{right}" y="{bottom + 29}" text-anchor="end">images seen</text>')
        return "".join(parts)


def curve(line: Line, frame: Frame) -> str:
    """Return a curve, or a dot where there is one point only."""
    places = [(frame.across(x), frame.down(y)) for x, y in line.points]
    if len(places) == 1:
        return f'<circle class="c{line.colour}" cx="{places[0][0]:.1f}" cy="{places[0][1]:.1f}" r="3"/>'
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return f'<polyline class="c{line.colour}" points="{path}"/>'


def band(line: Line, frame: Frame) -> str:
    """Return the area of an interval."""
    upper = [f"{frame.across(x):.1f},{frame.down(high):.1f}" for x, _, high in line.band]
    lower = [f"{frame.across(x):.1f},{frame.down(low):.1f}" for x, low, _ in reversed(line.band)]
    return f'<polygon class="band c{line.colour}" points="{" ".join(upper + lower)}"/>'


def mark_line(mark: Mark, frame: Frame) -> str:
    """Return an event's line; it is wide to the mouse and thin to the eye."""
    x = frame.across(mark.x)
    ends = f'x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"'
    return f'<g class="mark {mark.severity}"><title>{escape(mark.text)}</title><line {ends}/></g>'


def heat_map(title: str, columns: Sequence[float], rows: Sequence[str], shares: Sequence[Sequence[float]]) -> str:
    """Return a heat map over looks: each row's share of what it should have; 1 is just right.

    Args:
        title: What is shown.
        columns: Images seen at each look.
        rows: Names.
        shares: By row and look, as a multiple of the real frequency.
    """
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
    return (
        f'<figure class="chart"><figcaption>{escape(title)} <small>1 = as often as in the data</small></figcaption>'
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
        >>> strip("state", [(64.0, "healthy"), (128.0, "total")], ["none", "critical"]).count("<rect")
        2
    """
    most, edge, written = moments[-1][0] or 1.0, float(LEFT), -1e9
    parts = []
    before = ""
    for (moment, word), kind in zip(moments, classes, strict=True):
        right = LEFT + (2 * WIDTH - LEFT - RIGHT) * moment / most
        said = f"{word} at {moment:,.0f} images"
        parts.append(
            f'<rect class="{kind}" x="{edge:.1f}" y="20" width="{right - edge:.1f}" height="18">'
            f"<title>{escape(said)}</title></rect>"
        )
        if word != before and edge - written > 84:
            parts.append(f'<text x="{edge:.1f}" y="14">{escape(word)}</text>')
            written = edge
        edge, before = right, word
    for value in ticks(0.0, most, 8):
        x = LEFT + (2 * WIDTH - LEFT - RIGHT) * value / most
        parts.append(f'<text x="{x:.1f}" y="54" text-anchor="middle">{short(value)}</text>')
    changes = [pair for place, pair in enumerate(moments) if not place or pair[1] != moments[place - 1][1]]
    told = ", ".join(f"{word} at {moment:,.0f} images" for moment, word in changes)
    label = escape(f"{title}: {told}")
    drawing = f'<svg class="line" viewBox="0 0 {2 * WIDTH} 60" role="img" aria-label="{label}">{"".join(parts)}</svg>'
    return f'<figure class="chart wide"><figcaption>{escape(title)}</figcaption>{drawing}</figure>'


def limits(values: Sequence[float], bounds: tuple[float, float] | None) -> tuple[float, float]:
    """Return the vertical axis's ends: the bounds, and whatever leaves them.

    Example:
        >>> limits([3.0, 12.0], (0.0, 10.0)), limits([5.0], None)
        ((0.0, 12.0), (4.5, 5.5))
    """
    low, high = min(values, default=0.0), max(values, default=1.0)
    if bounds is not None:
        return min(low, bounds[0]), max(high, bounds[1])
    room = 0.06 * (high - low) or 0.1 * abs(high) or 1.0
    return low - room, high + room


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Return round numbers between two.

    Example:
        >>> ticks(0.0, 10.0)
        [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]
    """
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(step * number, 12) for number in range(first, math.floor(high / step + 1e-9) + 1)]


def spaced(number: int, most: int = 5) -> list[int]:
    """Return at most so many places, evenly spread, the first and last among them."""
    if number <= most:
        return list(range(number))
    return sorted({round(place * (number - 1) / (most - 1)) for place in range(most)})


def tick(value: float) -> str:
    """Return a number as short as it can be told.

    Example:
        >>> tick(0.25), tick(0.0), tick(123456.0)
        ('0.25', '0', '1.23e+05')
    """
    return f"{value:.3g}"


def short(images: float) -> str:
    """Return a number of images.

    Example:
        >>> short(128_000.0), short(2_500_000.0), short(64.0)
        ('128k', '2.5M', '64')
    """
    if images >= 1e6:
        return f"{images / 1e6:.3g}M"
    return f"{images / 1e3:.3g}k" if images >= 1000 else f"{images:.3g}"

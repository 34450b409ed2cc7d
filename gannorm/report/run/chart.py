"""Charts as SVG that a page's script gives hover values to: lines with bands and marks."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape

from gannorm.collapse import SEVERITIES
from gannorm.report.run.scales import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, limits, short, thinned, tick, ticks

COLOURS = 8  # classes c0 to c7 of the style sheet; curves beyond them are dashed
DASHES = 3
POINTS, FEWEST = 1200, 24  # of all curves of a chart; of each of very many
MARKS = 24  # of a chart, the first of the most severe
REFERENCE = "reference"
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Line:
    """One curve.

    Attributes:
        name: For the legend.
        points: x and y, x rising.
        band: x, low and high of an interval; empty = none.
        number: Of the curve, which says its colour and dashes.
        reference: Whether it is what could be, not what was: a floor, or a ceiling.
    """

    name: str
    points: Points
    band: Sequence[tuple[float, float, float]] = ()
    number: int = 0
    reference: bool = False

    @property
    def style(self) -> str:
        """Return the classes of its colour and dashes."""
        return REFERENCE if self.reference else f"c{self.number % COLOURS} d{self.number // COLOURS % DASHES}"


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
    lines = [slim(line, max(FEWEST, POINTS // len(lines))) for line in lines]
    values = [y for line in lines for _, y in line.points] + [y for line in lines for _, *ys in line.band for y in ys]
    low, high = limits(values, bounds)
    most = max((x for line in lines for x, _ in line.points), default=1.0) or 1.0
    frame = Frame(most, low, high)
    parts = [frame.axes(), *(mark_line(mark, frame) for mark in few(marks) if mark.x <= most)]
    parts += [band(line, frame) for line in lines if line.band] + [curve(line, frame) for line in lines]
    data = json.dumps([{"name": line.name, "points": rounded(line.points)} for line in lines])
    said = f"{title}: " + "; ".join(
        f"{line.name} from {tick(line.points[0][1])} to {tick(line.points[-1][1])}" for line in lines if line.points
    )
    keys = "".join(f'<span class="key"><i class="{line.style}"></i>{escape(line.name)}</span>' for line in lines)
    legend = f'<span class="legend">{keys}</span>'
    heading = escape(title) + (f" <small>{escape(unit)}</small>" if unit else "")
    return (
        f'<figure class="chart"><figcaption>{heading}{legend if len(lines) > 1 else ""}</figcaption>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" tabindex="0" aria-label="{escape(said)}" '
        f'data-lines="{escape(data)}" data-frame="{LEFT},{WIDTH - RIGHT},{most:g}">{"".join(parts)}'
        '<line class="cursor" y1="12" y2="196" hidden/></svg></figure>'
    )


def rounded(points: Points) -> list[list[float]]:
    """Return points as a page keeps them for hovering."""
    return [[x, float(f"{y:.5g}")] for x, y in points]


def slim(line: Line, most: int) -> Line:
    """Return a curve with at most so many points."""
    return replace(line, points=thinned(line.points, most), band=thinned(line.band, most))


def few(marks: Sequence[Mark]) -> list[Mark]:
    """Return the marks that are drawn, in order: all, or the most severe ones, the first of these.

    Example:
        >>> many = [Mark(float(x), "", "info") for x in range(99)]
        >>> [mark.x for mark in few([*many, Mark(99.0, "", "critical")])][-2:]
        [22.0, 99.0]
    """
    ranked = sorted(marks, key=lambda mark: (-SEVERITIES.index(mark.severity), mark.x))
    return sorted(ranked[:MARKS], key=lambda mark: mark.x)


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
        return f'<circle class="{line.style}" cx="{places[0][0]:.1f}" cy="{places[0][1]:.1f}" r="3"/>'
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return f'<polyline class="{line.style}" points="{path}"/>'


def band(line: Line, frame: Frame) -> str:
    """Return the area of an interval."""
    upper = [f"{frame.across(x):.1f},{frame.down(high):.1f}" for x, _, high in line.band]
    lower = [f"{frame.across(x):.1f},{frame.down(low):.1f}" for x, low, _ in reversed(line.band)]
    return f'<polygon class="band {line.style}" points="{" ".join(upper + lower)}"/>'


def mark_line(mark: Mark, frame: Frame) -> str:
    """Return an event's line; it is wide to the mouse and thin to the eye."""
    x = frame.across(mark.x)
    ends = f'x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"'
    wide = f'<line class="near" {ends}/>'
    return f'<g class="mark {mark.severity}"><title>{escape(mark.text)}</title><line {ends}/>{wide}</g>'

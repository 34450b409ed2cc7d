"""Figures of the bench as SVG, light and dark alike: who finds what, how soon, and at what price in false alarms."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from gannorm.collapse_bench.bench import EQUAL, OURS, WITHIN, is_measured
from gannorm.collapse_bench.rules import SIMPLE_RULES

ROW, LABEL, BAR, FONT = 18, 250, 330, 12
LEFT, TOP, WIDTH, HEIGHT = 44, 30, 420, 200  # of the chart of delay over false alarms
TICKS = (0.0, 0.01, 0.05, 0.1, 0.2)
DELAYS = (0.0, 5.0, 10.0, 15.0, 20.0)
COLOURS = {"a": "#2a78d6", "b": "#e07b39", "c": "#7a9e3f", "d": "#9a6fb0"}
STYLE = "text{font:12px sans-serif;fill:#777}" + "".join(f".{name}{{fill:{c}}}" for name, c in COLOURS.items())
HOPPING = "half of the digits, others every "


def found_shares(result: Mapping[str, Any]) -> str:
    """Return how many of the failures that it can see each rule finds within `WITHIN` looks, at equal false alarms."""
    labels, shares = [], []
    for rule in [OURS, *(f"{rule.name}{EQUAL}" for rule in SIMPLE_RULES)]:
        seen = [failure["delays"][rule]["found"] for failure in result["failures"] if is_measured(rule, failure)]
        labels.append(f"{rule.removesuffix(EQUAL)} ({len(seen)})")
        shares.append(sum(seen) / len(seen))
    return bars(f"failures (how many) found within {WITHIN} looks, at equal false alarms", labels, shares, "abcd")


def weak_digit(result: Mapping[str, Any]) -> str:
    """Return how often a digit is called dropped, over how often it is still made."""
    weak = [failure for failure in result["failures"] if failure["name"].startswith("one digit at")]
    labels = [failure["name"].removeprefix("one digit at ") + " of its frequency" for failure in weak]
    shares = [failure["delays"][OURS]["found"] for failure in weak]
    return bars(f"one weak digit: raised within {WITHIN} looks", labels, shares, "a" * len(weak))


def hopping_delays(result: Mapping[str, Any]) -> str:
    """Return when a generator that goes round in circles is called so, over how often it moves on."""
    circles = [failure for failure in result["failures"] if failure["name"].startswith(HOPPING)]
    labels = ["moves on every " + failure["name"].removeprefix(HOPPING) for failure in circles]
    medians = [failure["delays"][f"{OURS}, by name"]["median"] for failure in circles]
    delays = [float(WITHIN if looks is None else looks) for looks in medians]
    return bars(
        "hopping between halves: median looks until it is called so",
        labels,
        delays,
        "a" * len(circles),
        float(WITHIN),
        "",
    )


def bars(
    title: str, labels: Sequence[str], values: Sequence[float], classes: str, most: float = 1.0, unit: str = " %"
) -> str:
    """Return horizontal bars from 0 to the most; shares in per cent.

    Example:
        >>> bars("t", ["one"], [0.5], "a").count("<rect")
        1
    """
    height = ROW * (len(labels) + 2)
    times = 100 if unit == " %" else 1
    parts = [f'<text x="4" y="14">{escape(title)}</text>']
    for number, (label, value, kind) in enumerate(zip(labels, values, classes, strict=True), start=1):
        top, width = ROW * number + 6, BAR * value / most
        parts.append(f'<text x="{LABEL}" y="{top + FONT}" text-anchor="end">{escape(label)}</text>')
        parts.append(f'<rect class="{kind}" x="{LABEL + 8}" y="{top + 2}" width="{width:.1f}" height="{ROW - 5}"/>')
        parts.append(f'<text x="{LABEL + 14 + width:.1f}" y="{top + FONT}">{times * value:.0f}{unit}</text>')
    return svg(LABEL + BAR + 60, height, parts)


def tradeoff(result: Mapping[str, Any]) -> str:
    """Return the mean delay of each rule over how often it fires at healthy generators, one dot per threshold."""
    parts = [f'<text x="4" y="14">mean delay in looks (not found: {WITHIN}), over false alarms per look</text>']
    bottom = TOP + HEIGHT
    parts.append(f'<path d="M{LEFT} {TOP}V{bottom}H{LEFT + WIDTH}" fill="none" stroke="#999"/>')
    parts += [f'<text x="{across(tick):.0f}" y="{bottom + 16}">{100 * tick:g} %</text>' for tick in TICKS]
    parts += [f'<text x="{LEFT - 6}" y="{down(d) + 4:.0f}" text-anchor="end">{d:g}</text>' for d in DELAYS]
    for number, (name, kind) in enumerate(zip(result["tradeoff"], COLOURS, strict=True)):
        points = [(across(share), down(delay)) for share, delay in result["tradeoff"][name]]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{COLOURS[kind]}"/>')
        parts += [f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>' for x, y in points]
        at = TOP + ROW * (number + 1)
        parts.append(f'<circle class="{kind}" cx="{LEFT + WIDTH + 20}" cy="{at - 4}" r="3.5"/>')
        parts.append(f'<text x="{LEFT + WIDTH + 30}" y="{at}">{escape(name)}</text>')
    return svg(LEFT + WIDTH + 230, bottom + 28, parts)


def across(share: float) -> float:
    """Return where a share of false alarms stands; its root, so that few of them are told apart."""
    return LEFT + WIDTH * math.sqrt(share / TICKS[-1])


def down(delay: float) -> float:
    """Return where a delay stands."""
    return TOP + HEIGHT * (1 - delay / WITHIN)


def svg(width: int, height: int, parts: Sequence[str]) -> str:
    """Return the file."""
    size = f'width="{width}" height="{height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}><style>{STYLE}</style>{"".join(parts)}</svg>\n'


FIGURES = {
    "detector-found.svg": found_shares,
    "detector-tradeoff.svg": tradeoff,
    "detector-weak-digit.svg": weak_digit,
    "detector-hopping.svg": hopping_delays,
}
"""Figures by file name."""

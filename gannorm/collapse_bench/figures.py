"""Figures of the bench as SVG, light and dark alike: delays as bars, and how often a weak digit is found."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from gannorm.collapse_bench.bench import EQUAL, OURS, WITHIN
from gannorm.collapse_bench.rules import SIMPLE_RULES

ROW, LABEL, BAR, FONT = 18, 250, 330, 12
STYLE = "text{font:12px sans-serif;fill:#777}.a{fill:#2a78d6}.b{fill:#e07b39}.c{fill:#7a9e3f}.d{fill:#9a6fb0}"


def found_shares(result: Mapping[str, Any]) -> str:
    """Return how many of all failures each rule finds within `WITHIN` looks, at equal false alarms."""
    rules = [OURS, *(f"{rule.name}{EQUAL}" for rule in SIMPLE_RULES)]
    shares = [
        sum(failure["delays"][rule]["found"] for failure in result["failures"]) / len(result["failures"])
        for rule in rules
    ]
    labels = [rule.removesuffix(EQUAL) for rule in rules]
    return bars(f"failures found within {WITHIN} looks, at equal false alarms", labels, shares, "abcd")


def weak_digit(result: Mapping[str, Any]) -> str:
    """Return how often a digit is called dropped, over how often it is still made."""
    weak = [failure for failure in result["failures"] if failure["name"].startswith("one digit at")]
    labels = [failure["name"].removeprefix("one digit at ") + " of its frequency" for failure in weak]
    shares = [failure["delays"][OURS]["found"] for failure in weak]
    return bars(f"one weak digit: raised within {WITHIN} looks", labels, shares, "a" * len(weak))


def bars(title: str, labels: Sequence[str], shares: Sequence[float], classes: str) -> str:
    """Return horizontal bars from 0 to 100 %.

    Example:
        >>> bars("t", ["one"], [0.5], "a").count("<rect")
        1
    """
    height = ROW * (len(labels) + 2)
    parts = [f'<text x="4" y="14">{escape(title)}</text>']
    for number, (label, share, kind) in enumerate(zip(labels, shares, classes, strict=True), start=1):
        top = ROW * number + 6
        parts.append(f'<text x="{LABEL}" y="{top + FONT}" text-anchor="end">{escape(label)}</text>')
        parts.append(
            f'<rect class="{kind}" x="{LABEL + 8}" y="{top + 2}" width="{BAR * share:.1f}" height="{ROW - 5}"/>'
        )
        parts.append(f'<text x="{LABEL + 14 + BAR * share:.1f}" y="{top + FONT}">{100 * share:.0f} %</text>')
    size = f'width="{LABEL + BAR + 60}" height="{height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}><style>{STYLE}</style>{"".join(parts)}</svg>\n'


FIGURES = {"detector-found.svg": found_shares, "detector-weak-digit.svg": weak_digit}
"""Figures by file name."""

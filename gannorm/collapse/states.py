"""What a run can be in, as regards its modes: names, how bad each is, and what it means."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["none", "info", "warn", "error", "critical"]
SEVERITIES: tuple[Severity, ...] = ("none", "info", "warn", "error", "critical")


@dataclass(frozen=True)
class State:
    """One state.

    Attributes:
        name: As events, charts and configurations have it.
        severity: From "warn" on somebody should look.
        meaning: One sentence for a person.
    """

    name: str
    severity: Severity
    meaning: str

    @property
    def level(self) -> int:
        """Return the severity as a number, 0 for "none" to 4 for "critical"."""
        return SEVERITIES.index(self.severity)


STATES: dict[str, State] = {
    state.name: state
    for state in (
        State("immature", "none", "the samples are not good enough yet, or the modes have not been there yet"),
        State("healthy", "none", "all modes are there"),
        State("recovered", "info", "what was wrong is over"),
        State("precursor", "info", "all modes are there, but a sign that often comes before their loss is"),
        State("imbalance", "info", "the modes' frequencies are far from those of the real data"),
        State("never healthy", "warn", "after so many images most samples still belong to no mode"),
        State("intra-mode", "warn", "within a mode the samples are few pictures, again and again"),
        State("mode dropped", "warn", "some modes are made no more, or have never been"),
        State("hopping", "warn", "modes come and go: one look has some, the next has others"),
        State("partial", "warn", "collapse: about a fifth of the modes is gone"),
        State(
            "diverging", "error", "the training falls apart: gradients explode, or samples belong to no mode any more"
        ),
        State("severe", "error", "collapse: about half of the modes is gone"),
        State("total", "critical", "collapse: the generator makes hardly more than one thing"),
    )
}
"""All states, from harmless to worst; the place in this table is the code that charts show."""

DEPTHS = ("mode dropped", "partial", "severe", "total")
"""Collapse by depth: the deeper state implies the others, and only it is told."""


def code(name: str) -> int:
    """Return the number that stands for a state in charts.

    Example:
        >>> code("immature"), code("total")
        (0, 12)
    """
    return list(STATES).index(name)

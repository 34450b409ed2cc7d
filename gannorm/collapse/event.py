"""A dated event: what the detector says when something changes."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from gannorm.collapse.states import STATES, Severity


@dataclass(frozen=True, kw_only=True)
class Event:
    """A change of state.

    Attributes:
        images_seen: When it was detected.
        state: Which one, see `STATES`.
        previous: The state before.
        onset: Images seen at the first moment that shows it, which persistence makes earlier than the detection.
        modes: Which modes are concerned; empty where none in particular.
        text: One sentence for a person.
        statistics: What the decision rests on, by name.

    Example:
        >>> Event(images_seen=64, state="total", previous="healthy", onset=64, text="").severity
        'critical'
    """

    images_seen: int
    state: str
    previous: str
    onset: int
    text: str
    modes: Sequence[int] = ()
    statistics: Mapping[str, float] = field(default_factory=dict)

    @property
    def severity(self) -> Severity:
        """Return how bad it is."""
        return STATES[self.state].severity

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data, as it stands in events.jsonl."""
        return asdict(self) | {
            "severity": self.severity,
            "modes": list(self.modes),
            "statistics": dict(self.statistics),
        }

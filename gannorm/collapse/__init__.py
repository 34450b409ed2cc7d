"""The detector of mode collapse: statistics of a run in, dated events out. Plain numbers, without torch."""

from gannorm.collapse.detector import Detector
from gannorm.collapse.event import Event
from gannorm.collapse.row import SIGNALS, Row
from gannorm.collapse.states import DEPTHS, SEVERITIES, STATES, Severity, State, code
from gannorm.collapse.thresholds import Thresholds

__all__ = [
    "DEPTHS",
    "SEVERITIES",
    "SIGNALS",
    "STATES",
    "Detector",
    "Event",
    "Row",
    "Severity",
    "State",
    "Thresholds",
    "code",
]

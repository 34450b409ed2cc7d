"""What a check has found. Nothing here or in the table needs more than Python: torch itself may be what is missing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

State = Literal["ok", "warning", "wrong"]


@dataclass(frozen=True)
class Finding:
    """One line of the doctor.

    Attributes:
        subject: What was looked at.
        told: What was found.
        state: "wrong" is what keeps runs from working, "warning" what makes them worse than they could be.
        way_out: What to do; empty where nothing has to be done.
        details: The same as plain data, for programs.
    """

    subject: str
    told: str
    state: State = "ok"
    way_out: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

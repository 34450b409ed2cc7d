"""Whether a rule's sign is up: persistence before it is raised, hysteresis before it is taken down."""

from dataclasses import asdict, dataclass, field
from typing import Any

from gannorm.collapse.rules import Finding, Rule


@dataclass
class Status:
    """One sign.

    Attributes:
        recent: Whether it held at the last findings, with the images seen.
        up: Whether it is raised.
        clean: Findings in a row that said it is over.
        onset: Images seen at the first finding of those that raised it.
        modes: That it concerns.
    """

    recent: list[tuple[int, bool]] = field(default_factory=list)
    up: bool = False
    clean: int = 0
    onset: int = 0
    modes: list[int] = field(default_factory=list)

    def take(self, rule: Rule, finding: Finding, images_seen: int) -> list[int]:
        """Take in a finding and return the modes that it concerns for the first time."""
        self.recent = [*self.recent, (images_seen, finding.holds)][-rule.of :]
        held = [moment for moment, holds in self.recent if holds]
        if not self.up and held and (finding.sure or len(held) >= rule.needed):
            onset = held[0] if finding.onset is None else finding.onset
            self.up, self.onset, self.clean, self.modes = True, onset, 0, []
        self.clean = self.clean + 1 if finding.over else 0
        if self.up and self.clean >= rule.clean:
            self.up, self.modes = False, []
        fresh = sorted(set(finding.modes) - set(self.modes)) if self.up else []
        self.modes = sorted({*self.modes, *fresh})
        return fresh

    def state_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> "Status":
        """Return what `state_dict` gave."""
        return cls(**{**state, "recent": [(int(moment), bool(holds)) for moment, holds in state["recent"]]})

"""What `check` says: one line for each finding, with its code, its place, its value and the way out."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
NAMED = 3  # layers that a line names; it counts the rest


class Found(NamedTuple):
    """What a rule has seen; the pitfall's row adds code and severity.

    Attributes:
        where: Path of the layer; empty for the whole model.
        message: The thing and its value.
        fix: The way out.
        severity: Where this case is not as grave as its row says; None = as the row says.
    """

    where: str
    message: str
    fix: str
    severity: Severity | None = None


@dataclass(frozen=True)
class Finding:
    """One pitfall that a model with its setting runs into; prints as one line.

    Args:
        code: Of the pitfall; `norms.pitfalls()` lists them.
        severity: "error": training fails or is wrong; "warning": it runs, but hardly as meant; "note": good to know.
        where: Paths of the layers; empty for the whole model.
        message: The thing and its value.
        fix: The way out.

    Example:
        >>> print(Finding("N07", "error", "0.norm", "batch norm gets one value per mean", "use a larger batch"))
        N07 error 0.norm: batch norm gets one value per mean; use a larger batch
    """

    code: str
    severity: Severity
    where: str
    message: str
    fix: str

    def __str__(self) -> str:
        return f"{self.code} {self.severity} {self.where or 'model'}: {self.message}; {self.fix}"


class Findings(list[Finding]):
    """The findings of a check, the gravest first; prints as one line each.

    Example:
        >>> print(Findings())
        no findings
    """

    @property
    def errors(self) -> list[Finding]:
        """Those that training cannot be right with."""
        return self._of("error")

    @property
    def warnings(self) -> list[Finding]:
        """Those that somebody should act on."""
        return self._of("warning")

    @property
    def notes(self) -> list[Finding]:
        """Those that are good to know."""
        return self._of("note")

    def _of(self, severity: Severity) -> list[Finding]:
        return [finding for finding in self if finding.severity == severity]

    def __str__(self) -> str:
        return "\n".join(map(str, self)) or "no findings"


def merged(findings: Iterable[Finding]) -> Findings:
    """Return the findings with those in one line that differ in their place only, the gravest first.

    Example:
        >>> print(merged(Finding("N16", "note", f"blocks.{i}.norm", "two functions", "say which") for i in range(5)))
        N16 note blocks.0.norm, blocks.1.norm, blocks.2.norm and 2 more: two functions; say which
    """
    places: dict[Finding, dict[str, None]] = {}  # finding without a place -> its places, each once, in order
    for finding in findings:
        places.setdefault(replace(finding, where=""), {})[finding.where] = None
    lines = [replace(finding, where=_listed(list(paths))) for finding, paths in places.items()]
    return Findings(sorted(lines, key=lambda finding: (SEVERITIES.index(finding.severity), finding.code)))


def _listed(paths: list[str]) -> str:
    more = f" and {len(paths) - NAMED} more" if len(paths) > NAMED else ""
    return ", ".join(paths[:NAMED]) + more

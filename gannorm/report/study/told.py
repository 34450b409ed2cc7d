"""A study with its summaries, each computed once for all parts of the page."""

from functools import cached_property

from gannorm.report.study.claims import Effect, FactorEffect, effects, factor_effects
from gannorm.report.study.record import StudyRecord
from gannorm.report.study.summary import CellSummary, cells

NAMES = {
    "effective_modes": "effective modes",
    "covered_modes": "covered modes",
    "high_quality": "share accepted",
    "covariate_shift_generator": "covariate shift in G",
    "covariate_shift_discriminator": "covariate shift in D",
}


SHOWN_CELLS = 24  # that have curves and samples on the page


class Told:
    """A study with its summaries, each computed once.

    Args:
        record: The study.
    """

    def __init__(self, record: StudyRecord) -> None:
        self.record = record

    @cached_property
    def cells(self) -> list[CellSummary]:
        """Return all cells, best first."""
        return cells(self.record)

    @cached_property
    def factors(self) -> list[FactorEffect]:
        """Return whether each factor matters."""
        return factor_effects(self.record)

    @cached_property
    def effects(self) -> list[Effect]:
        """Return all effects."""
        return effects(self.record, self.factors)

    @property
    def outcome(self) -> str:
        """Return what the outcome is called."""
        name = NAMES.get(self.record.outcome, self.record.outcome)
        return f"{name} as a share of all" if self.record.in_shares else name

    @property
    def most(self) -> float:
        """Return the largest value that the outcome can have."""
        if self.record.outcome in ("effective_modes", "covered_modes") and not self.record.in_shares:
            return self.record.modes
        return max((self.record.value(run) for run in self.record.runs), default=1.0)

    @cached_property
    def pair(self) -> tuple[str, str]:
        """Return the two factors that the maps show: the first two; of one factor, that one twice."""
        names = list(self.record.factors)
        return names[0], names[min(1, len(names) - 1)]

    @cached_property
    def best(self) -> dict[tuple[str, str], CellSummary]:
        """Return for each field of the maps its best cell."""
        found: dict[tuple[str, str], CellSummary] = {}
        for cell in self.cells:
            found.setdefault((cell.cell[self.pair[0]], cell.cell[self.pair[1]]), cell)
        return found

    @property
    def shown(self) -> list[CellSummary]:
        """Return the cells that have curves and samples on the page: all, or of many the best of each field."""
        return self.cells if len(self.cells) <= SHOWN_CELLS else list(self.best.values())[:SHOWN_CELLS]

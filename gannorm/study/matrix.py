"""A study: factors and seeds over a base configuration, and the runs that they make."""

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gannorm.study.errors import StudyError

Cell = dict[str, str]  # level of each factor
Options = dict[str, Any]  # of `train.py`, by key

OUTCOMES = {
    "effective_modes": "effective modes at the end",
    "covered_modes": "covered modes at the end",
    "high_quality": "share of accepted samples at the end",
    "covariate_shift_generator": "mean over looks of the relative covariate shift of G's layers",
    "covariate_shift_discriminator": "mean over looks of the relative covariate shift of D's layers",
}


@dataclass(frozen=True)
class Job:
    """One run of a study.

    Attributes:
        cell: Level of each factor.
        seed: Of the run.
        options: What the cell's levels set.
        key: Of everything that this run is made of: a hash of base configuration, options and seed.
    """

    cell: Cell
    seed: int
    options: Options
    key: str

    def __str__(self) -> str:
        """Return how it is told."""
        return ", ".join([*(f"{factor} {level}" for factor, level in self.cell.items()), f"seed {self.seed}"])


@dataclass(frozen=True)
class Study:
    """A study.

    Attributes:
        name: Of the folder that its runs are in.
        config: Base configuration: a mapping, nested as in a file.
        factors: Options of each level of each factor.
        seeds: Of every cell.
        leave_out: Parts of cells that are not run.
        more_seeds: Parts of cells, and their seeds.
        settings: Parts of cells, and options that these have beside those of their levels, such as a rate of their own.
        outcome: What is compared, one of OUTCOMES.
        journal: Where finished runs are kept, beside the folder if None.
    """

    name: str
    config: Mapping[str, Any]
    factors: Mapping[str, Mapping[str, Options]]
    seeds: Sequence[int]
    leave_out: Sequence[Cell] = ()
    more_seeds: Sequence[tuple[Cell, Sequence[int]]] = ()
    settings: Sequence[tuple[Cell, Options]] = ()
    outcome: str = "effective_modes"
    journal: Path | None = None

    def cells(self) -> list[Cell]:
        """Return all cells that are run, the last factor varying fastest."""
        levels = itertools.product(*self.factors.values())
        cells = [dict(zip(self.factors, chosen, strict=True)) for chosen in levels]
        return [cell for cell in cells if not any(fits(cell, part) for part in self.leave_out)]

    def jobs(self) -> list[Job]:
        """Return all runs, seed by seed, so that a study that is cut short has whole rounds."""
        made = [self.job(cell, seed) for cell in self.cells() for seed in self.seeds_of(cell)]
        return sorted(made, key=lambda job: job.seed)

    def seeds_of(self, cell: Cell) -> Sequence[int]:
        """Return the seeds of a cell: those of the last part of `more_seeds` that it fits, or everybody's."""
        return next((seeds for part, seeds in reversed(self.more_seeds) if fits(cell, part)), self.seeds)

    def job(self, cell: Cell, seed: int) -> Job:
        """Return one run."""
        options = {key: value for factor, level in cell.items() for key, value in self.factors[factor][level].items()}
        for part, more in self.settings:
            options |= more if fits(cell, part) else {}
        try:
            made_of = json.dumps([self.config, options, seed], sort_keys=True)
        except TypeError as error:
            told = "texts and numbers are keys of one mapping" if "'<'" in str(error) else str(error)
            raise StudyError(f"study {self.name}: {told}: values are numbers, texts, lists and mappings") from error
        return Job(cell, seed, options, hashlib.sha256(made_of.encode()).hexdigest()[:12])


def fits(cell: Cell, part: Cell) -> bool:
    """Return whether a cell has the levels of a part.

    Example:
        >>> fits({"a": "1", "b": "2"}, {"b": "2"}), fits({"a": "1", "b": "2"}, {"b": "3"})
        (True, False)
    """
    return all(cell[factor] == level for factor, level in part.items())

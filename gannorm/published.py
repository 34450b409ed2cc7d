"""What papers report: `published.yaml` as checked rows, and what follows from them and is never typed.

Rows are the papers' own numbers. Effective modes and the spread of single runs are derived here, so that figures of
different papers stand on one scale.
"""

import functools
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from gannorm import records

FILE = Path(__file__).with_name("published.yaml")
NATS = {"e": 1.0, "10": math.log(10)}
"""Nats in one unit of a logarithm's base."""


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """What rows of one kind are about.

    Attributes:
        title: For people.
        num_modes: K; None where modes are not counted.
    """

    title: str
    num_modes: int | None


@dataclass(frozen=True)
class Registry:
    """The file: its benchmarks by name, what is missing and why, and its tables of rows."""

    benchmarks: dict[str, Benchmark]
    left_out: tuple[str, ...]
    tables: tuple[dict[str, Any], ...]


@dataclass(frozen=True, kw_only=True)
class Published:
    """One method's row in one paper's table, as printed.

    Attributes:
        method: As the table calls it.
        benchmark: A name of `benchmarks()`.
        num_modes: K of the benchmark.
        paper: Who printed the row, by the short name of the paper's method.
        authors: Of the paper.
        table: Where; None where that is not remembered.
        year: Of the paper.
        read: "read" in the source or in a full copy of it, or "remembered" and to be checked.
        protocol: How it was measured, a name of `gannorm.protocols`; None where no preset describes it.
        num_samples: N; None where it is not stated.
        rule: When a point is of high quality.
        runs: How many runs were averaged.
        spread: What stands behind ±: standard error, standard deviation, or None where the source does not say.
        log_base: Of `kl`.
        modes: Modes with at least one sample.
        modes_spread: ± of it.
        kl: KL(fake ‖ uniform) from counts, uncorrected, in `log_base`.
        kl_spread: ± of it.
        high_quality_percent: Share of samples near a mode, in percent.
        high_quality_spread: ± of it.
        inception: Inception Score.
        inception_spread: ± of it.
        fid: Fréchet Inception Distance.
        fid_spread: ± of it.
        ivom: Mean squared error of inference via optimization.
        ivom_spread: ± of it.
        repeats: The same row stands in the file once more, with better evidence; a comparison shows it once.
        failed: The paper says that training broke off; then no figure stands.
        note: What else one has to know.

    Raises:
        RecordError: A KL that cannot be one to the uniform distribution over K modes.
    """

    method: str
    benchmark: str
    num_modes: int | None
    paper: str
    authors: str
    table: str | None
    year: int
    read: Literal["read", "remembered"]
    protocol: str | None
    num_samples: int | None
    runs: int | None
    spread: Literal["SE", "SD"] | None
    rule: str | None = None
    log_base: Literal["e", "10"] = "e"
    modes: float | None = None
    modes_spread: float | None = None
    kl: float | None = None
    kl_spread: float | None = None
    high_quality_percent: float | None = None
    high_quality_spread: float | None = None
    inception: float | None = None
    inception_spread: float | None = None
    fid: float | None = None
    fid_spread: float | None = None
    ivom: float | None = None
    ivom_spread: float | None = None
    repeats: bool = False
    failed: bool = False
    note: str | None = None

    def __post_init__(self) -> None:
        if self.kl_nats is not None:
            check_kl(self.kl_nats, self.num_modes, f"{self.paper}, {self.method}")

    @property
    def kl_nats(self) -> float | None:
        """KL in nats, whatever the base in which it was printed."""
        return None if self.kl is None else self.kl * NATS[self.log_base]

    @property
    def effective_modes(self) -> float | None:
        """K e^(−KL): the number of equally likely modes with the same entropy; ln K − H is the KL to uniform.

        Of a mean KL over runs it is below the mean of the runs' effective modes, by Jensen's inequality.
        """
        if self.kl_nats is None or self.num_modes is None:
            return None
        return self.num_modes * math.exp(-self.kl_nats)

    @property
    def kl_spread_nats(self) -> float | None:
        """± of the KL in nats."""
        return None if self.kl_spread is None else self.kl_spread * NATS[self.log_base]

    @property
    def modes_sd(self) -> float | None:
        """Standard deviation of `modes` between single runs; a standard error times √runs."""
        return self._of_runs(self.modes_spread)

    @property
    def kl_sd(self) -> float | None:
        """Standard deviation of the KL between single runs, in nats."""
        return self._of_runs(self.kl_spread_nats)

    @property
    def high_quality_sd(self) -> float | None:
        """Standard deviation of the share of high quality between single runs, in percent."""
        return self._of_runs(self.high_quality_spread)

    def _of_runs(self, spread: float | None) -> float | None:
        if spread is None or self.spread is None or (self.spread == "SE" and self.runs is None):
            return None
        return spread * TO_SD[self.spread](self.runs or 1)


TO_SD: dict[str, Callable[[int], float]] = {"SD": lambda runs: 1.0, "SE": math.sqrt}  # noqa: ARG005 (one signature)
"""From what stands behind ± to the standard deviation of single runs, by the number of runs."""


def published(benchmark: str) -> list[Published]:
    """Return all rows of a benchmark, in the order of the file: by paper, then as the table has them.

    Raises:
        RecordError: No such benchmark.

    Example:
        >>> row = next(row for row in published("smnist") if row.method == "VEEGAN")
        >>> row.paper, row.modes, row.kl, round(row.effective_modes)
        ('VEEGAN', 150.0, 2.95, 52)
    """
    records.choose(benchmarks(), benchmark, "benchmark")
    return [row for row in everything() if row.benchmark == benchmark]


def benchmarks() -> dict[str, Benchmark]:
    """Return what is known of each benchmark, by name.

    Example:
        >>> benchmarks()["ring"].num_modes
        8
    """
    return registry().benchmarks


def left_out() -> tuple[str, ...]:
    """Return what is missing here and why."""
    return registry().left_out


@functools.cache
def everything() -> tuple[Published, ...]:
    """Return all rows of all benchmarks."""
    return rows(registry().tables, benchmarks())


@functools.cache
def registry() -> Registry:
    """Return the file, read once."""
    return records.record(Registry, records.read(FILE), FILE.name)


def rows(tables: Iterable[Mapping[str, Any]], known: Mapping[str, Benchmark]) -> tuple[Published, ...]:
    """Return the rows of tables; what a table says holds for its rows unless one says otherwise.

    Args:
        tables: As in `published.yaml`: mappings of fields, with the rows under `rows`.
        known: The benchmarks, which give K.

    Raises:
        RecordError: A key or type that a row has not, a benchmark that is none, or an impossible KL.
    """
    found = []
    for table in tables:
        shared = {key: value for key, value in table.items() if key != "rows"}
        if not table.get("rows"):
            raise records.RecordError(f"the table of {table.get('paper')}, {table.get('table')} has no rows")
        for index, own in enumerate(table["rows"]):
            content = {**shared, **own}
            where = f"{content.get('paper')}, {content.get('table')}, row {index + 1}"
            benchmark = records.choose(known, str(content.get("benchmark")), "benchmark")
            found.append(records.record(Published, {"num_modes": benchmark.num_modes, **content}, where))
    return tuple(found)


def check_kl(kl: float, num_modes: int | None, where: str) -> None:
    """Refuse a KL that is not one of K modes to their uniform distribution, which lies between 0 and ln K.

    Args:
        kl: In nats.
        num_modes: K.
        where: Names the row in an error.

    Raises:
        RecordError: The KL is negative or above ln K.

    Example:
        >>> check_kl(7.2, 1000, "a row")
        Traceback (most recent call last):
        gannorm.records.RecordError: a row: kl=7.2 nats is not this KL: to uniform over 1000 modes it is 0 to 6.908...
    """
    if num_modes is None:
        raise records.RecordError(f"{where}: kl={kl:g}, but its benchmark counts no modes; give it num_modes")
    if not 0 <= kl <= math.log(num_modes):
        raise records.RecordError(
            f"{where}: kl={kl:g} nats is not this KL: to uniform over {num_modes} modes it is 0 to "
            f"{math.log(num_modes):.3f}; look for another log base or another reference"
        )

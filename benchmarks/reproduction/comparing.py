"""Our runs of a preset beside what its paper prints."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from benchmarks.reproduction.journal import Entry
from benchmarks.reproduction.presets import PRESETS, config_hash, config_of
from gannorm.published import Published
from gannorm.statistics import Summary, mean_interval, summary, welch_test

LEVEL = 0.05  # of the test


@dataclass(frozen=True)
class Figure:
    """A figure that papers print.

    Attributes:
        label: For people.
        ours: Of one of our runs.
        mean: The published one.
        spread: What is printed behind ±.
        sd: Of single runs, derived.
        digits: Of ours.
        most: What it cannot be above; it is never below 0.
    """

    label: str
    ours: Callable[[Entry], float | None]
    mean: Callable[[Published], float | None]
    spread: Callable[[Published], float | None]
    sd: Callable[[Published], float | None]
    digits: str
    most: Callable[[Published], float]


FIGURES = (
    Figure(
        "modes",
        lambda e: e.modes,
        lambda r: r.modes,
        lambda r: r.modes_spread,
        lambda r: r.modes_sd,
        ".2f",
        lambda r: r.num_modes or math.inf,
    ),
    Figure(
        "KL, nats",
        lambda e: e.kl,
        lambda r: r.kl_nats,
        lambda r: r.kl_spread_nats,
        lambda r: r.kl_sd,
        ".3f",
        lambda r: math.log(r.num_modes) if r.num_modes else math.inf,
    ),
    Figure(
        "high quality, %",
        lambda e: e.high_quality_percent,
        lambda r: r.high_quality_percent,
        lambda r: r.high_quality_spread,
        lambda r: r.high_quality_sd,
        ".1f",
        lambda r: 100.0,  # noqa: ARG005 (one signature)
    ),
)


@dataclass(frozen=True)
class Compared:
    """One figure of one group of runs.

    Attributes:
        figure: Which one.
        row: The published row.
        values: Of our finished runs; one that has none, as the KL of a run without an accepted sample, is not there.
        runs: How many finished.
    """

    figure: Figure
    row: Published
    values: tuple[float, ...]
    runs: int

    @property
    def mean(self) -> float:
        """Published."""
        found = self.figure.mean(self.row)
        assert found is not None
        return found

    @property
    def interval(self) -> tuple[float, float] | None:
        """Ours, 95 %, cut off where no figure can be; None of fewer than two runs."""
        if len(self.values) < 2:
            return None
        low, high = mean_interval(self.values)
        return max(low, 0.0), min(high, self.figure.most(self.row))

    @property
    def inside(self) -> bool | None:
        """Whether the published mean lies in our interval."""
        return None if self.interval is None else self.interval[0] <= self.mean <= self.interval[1]

    @property
    def p(self) -> float | None:
        """Of equal means, by Welch's test; None where either side has no known spread."""
        sd, runs = self.figure.sd(self.row), self.row.runs
        if sd is None or runs is None or len(self.values) < 2:
            return None
        return welch_test(summary(self.values), Summary(self.mean, sd, runs))


@dataclass(frozen=True)
class Group:
    """Runs of one preset and one length, in order of their seeds.

    Attributes:
        preset: Its name.
        asked: Steps of the discriminator.
        runs: Failed ones among them.
    """

    preset: str
    asked: int
    runs: tuple[Entry, ...]

    @property
    def finished(self) -> tuple[Entry, ...]:
        """Those that have figures."""
        return tuple(run for run in self.runs if run.status == "finished")

    @property
    def share(self) -> float:
        """Of the paper's length."""
        return self.runs[0].share

    def compared(self) -> list[Compared]:
        """Return the figures that the paper prints and we have."""
        row = PRESETS[self.preset].row
        found = []
        for figure in FIGURES:
            values = tuple(value for run in self.finished if (value := figure.ours(run)) is not None)
            if figure.mean(row) is not None and values:
                found.append(Compared(figure, row, values, len(self.finished)))
        return found


def groups(entries: Iterable[Entry]) -> list[Group]:
    """Return the runs of presets as they are now, in the order of the presets, the longest first.

    Runs of a preset that has changed since then are left out; they stay in the journal.
    """
    hashes = {name: config_hash(config_of(name)) for name in PRESETS}
    kept = sorted(
        (entry for entry in entries if hashes.get(entry.preset) == entry.config), key=lambda entry: entry.seed
    )
    lengths = {(entry.preset, entry.asked) for entry in kept}
    order = list(PRESETS)
    return [
        Group(name, asked, tuple(entry for entry in kept if (entry.preset, entry.asked) == (name, asked)))
        for name, asked in sorted(lengths, key=lambda one: (order.index(one[0]), -one[1]))
    ]

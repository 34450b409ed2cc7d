"""What the detector remembers of a run: the last looks, the best values, the own history of each signal."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from statistics import median
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from gannorm.collapse.expected import dropped_modes, fewest, readable
from gannorm.collapse.look import Look, all_alike
from gannorm.collapse.row import Row
from gannorm.collapse.thresholds import Thresholds

PERSISTENCE = (2, 3)  # looks of the last, in which a mode has to be missing
GRADIENTS = 100  # readings that make the median
BASELINE = 8  # looks that say how much the number of modes varies of itself
SMALLEST_DEVIATION = 0.01  # of ln(effective modes): changes of one in a hundred matter to nobody
SLACK, ALARM = 0.5, 5.0  # of the cumulative sum, in standard deviations


@dataclass
class Memory:
    """The past, as plain data.

    Attributes:
        counts: Accepted samples of each mode at the last looks, the latest one last.
        leaked: Expected misread samples at these.
        missing: Modes that were surely dropped, at these.
        uncovered: Modes that were not covered and should be if they were made, at these.
        thin: Modes whose samples are few pictures, at these.
        looked_at: Images seen at these.
        ever_covered: Modes that have been covered.
        mature: Whether the samples were ever good enough.
        complete: Whether the modes were ever there; before, few modes are not yet learned and not lost.
        alike_since: Images seen at the first of the last looks that all had samples all alike; None = not now.
        best_quality: Largest share of accepted samples.
        best_rank: Largest effective rank of the discriminator's weights.
        gradients: Norms of the discriminator's gradient.
        baseline: ln(effective modes as a share of all) at the first mature looks.
        falling: The cumulative sum of how far it is below the baseline.
    """

    counts: list[list[int]] = field(default_factory=list)
    leaked: list[list[float]] = field(default_factory=list)
    missing: list[list[int]] = field(default_factory=list)
    uncovered: list[list[int]] = field(default_factory=list)
    thin: list[list[int]] = field(default_factory=list)
    looked_at: list[int] = field(default_factory=list)
    ever_covered: list[int] = field(default_factory=list)
    mature: bool = False
    complete: bool = False
    alike_since: int | None = None
    best_quality: float = 0.0
    best_rank: float = 0.0
    gradients: list[float] = field(default_factory=list)
    baseline: list[float] = field(default_factory=list)
    falling: float = 0.0

    def take_samples(self, row: Row, thresholds: Thresholds) -> None:
        """Remember what needs no judge."""
        if not all_alike(row, thresholds):
            self.alike_since = None
        elif self.alike_since is None:
            self.alike_since = row.images_seen

    def early(self, row: Row, thresholds: Thresholds) -> bool:
        """Return whether the modes have not been there yet, and may still be learned."""
        return not self.complete and row.images_seen < thresholds.immature_images

    def stays_alike(self, row: Row, thresholds: Thresholds) -> bool:
        """Return whether samples have been alike, while modes are learned, for as many images as the warm-up."""
        return self.alike_since is not None and row.images_seen - self.alike_since >= thresholds.warm_up_images

    def take_look(self, row: Row, look: Look, thresholds: Thresholds) -> None:
        """Remember judged samples."""
        self.best_quality = max(self.best_quality, look.num_accepted / look.num_samples)
        self.take_share(look)
        late = row.images_seen >= thresholds.immature_images
        self.complete = self.complete or late or not look.below(thresholds.partial)
        covered = covered_modes(row, look, thresholds)
        counted = covered | late | as_mask(self.ever_covered, covered)
        self.ever_covered = numbers(as_mask(self.ever_covered, covered) | covered)
        leaked = [0.0] * len(look.counts) if row.leaked is None else [float(number) for number in row.leaked]
        window = thresholds.window
        self.counts = [*self.counts, look.counts.tolist()][-window:]
        self.leaked = [*self.leaked, leaked][-window:]
        self.looked_at = [*self.looked_at, row.images_seen][-window:]
        counts, leaked_at = np.array(self.counts), np.array(self.leaked)
        dropped = dropped_modes(counts, leaked_at, look.prior, thresholds.dropped)
        said = readable(look.prior, look.num_samples, look.num_accepted, thresholds.dropped)
        self.missing = [*self.missing, numbers(dropped & counted)][-PERSISTENCE[1] :]
        self.uncovered = [*self.uncovered, numbers(~covered & said & counted)][-2:]
        self.thin = [*self.thin, thin_modes(row, look.counts, thresholds)][-PERSISTENCE[1] :]

    def take_share(self, look: Look) -> None:
        """Add up how far the number of modes is below what it used to be (CUSUM, Page 1954)."""
        if not look.num_accepted:
            return
        value = math.log(look.share)
        if len(self.baseline) < BASELINE:
            self.baseline.append(value)
            return
        centre, deviation = float(np.mean(self.baseline)), max(float(np.std(self.baseline)), SMALLEST_DEVIATION)
        self.falling = max(0.0, self.falling + (centre - value) / deviation - SLACK)

    def take_signals(self, row: Row) -> None:
        """Remember what has a history of its own."""
        if row.fake_gradient is not None and math.isfinite(row.fake_gradient):
            self.gradients = [*self.gradients, row.fake_gradient][-GRADIENTS:]
        if row.discriminator_rank is not None and self.mature:
            self.best_rank = max(self.best_rank, row.discriminator_rank)

    def median_gradient(self) -> float | None:
        """Return the median of the norms before; None where there are fewer than ten."""
        return median(self.gradients) if len(self.gradients) >= 10 else None

    def lost(self) -> list[int]:
        """Return the modes that are dropped in two of the last three looks, or not covered twice running."""
        twice = set(self.uncovered[0]) & set(self.uncovered[1]) if len(self.uncovered) == 2 else set()
        return sorted(persistent(self.missing) | twice)

    def first_of(self, modes: Iterable[int], *records: list[list[int]]) -> int | None:
        """Return the images seen at the first of the last looks that has one of these modes in a record."""
        sought = set(modes)
        found = [
            moment
            for record in records
            for moment, look in zip(self.looked_at[-len(record) :], record, strict=True)
            if sought & set(look)
        ]
        return min(found, default=None)

    def state_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self)}

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> "Memory":
        """Return what `state_dict` gave."""
        return cls(**state)


def persistent(looks: list[list[int]]) -> set[int]:
    """Return the modes that are in two of the last three.

    Example:
        >>> persistent([[1, 2], [2], [3]])
        {2}
    """
    needed, of = PERSISTENCE
    return {mode for look in looks for mode in look if sum(mode in other for other in looks[-of:]) >= needed}


def covered_modes(row: Row, look: Look, thresholds: Thresholds) -> Bool[np.ndarray, " k"]:
    """Return which modes the evaluation calls covered, or which have enough samples where it does not say."""
    if row.covered is not None:
        return as_mask(row.covered, look.counts)
    return look.counts >= fewest(look.prior, look.num_samples, thresholds.dropped)


def thin_modes(row: Row, counts: Int[np.ndarray, " k"], thresholds: Thresholds) -> list[int]:
    """Return the modes whose samples are few pictures: little entropy, or many near-duplicates."""
    if row.class_rke is None and row.class_duplicates is None:
        return []
    num_modes = len(counts)
    entropy = known(row.class_rke, num_modes)
    twins, real = known(row.class_duplicates, num_modes), known(row.class_duplicates_real, num_modes)
    noise = 3 * np.sqrt(np.maximum(real * (1 - real), 0) / np.maximum(counts, 1))
    with np.errstate(invalid="ignore"):  # NaN is what is not known, and no comparison with it holds
        return numbers((entropy < thresholds.rke) | (twins > thresholds.duplicates * real + noise))


def known(values: Iterable[float | None] | None, num_modes: int) -> Float[np.ndarray, " k"]:
    """Return numbers with NaN where one is not known."""
    listed = [None] * num_modes if values is None else list(values)
    return np.array([math.nan if value is None else value for value in listed])


def as_mask(modes: Iterable[int], like: Int[np.ndarray, " k"] | Bool[np.ndarray, " k"]) -> Bool[np.ndarray, " k"]:
    """Return which modes are in a list, of as many as another array has."""
    return np.isin(np.arange(len(like)), list(modes))


def numbers(mask: Bool[np.ndarray, " k"]) -> list[int]:
    """Return a mask's modes."""
    return [int(mode) for mode in mask.nonzero()[0]]

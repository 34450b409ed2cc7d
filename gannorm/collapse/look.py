"""What one look at judged samples says by itself: how many modes are left, and how deep the collapse is."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from gannorm.collapse.expected import Prior, effective_modes_of, shown_by_all, shown_by_share, tells
from gannorm.collapse.row import Row
from gannorm.collapse.thresholds import Thresholds
from gannorm.statistics import miller_madow

PARTIAL, SEVERE, TOTAL = 1, 2, 3
SHARES = {PARTIAL: "partial", SEVERE: "severe", TOTAL: "total"}
CHANCE = 3.0  # standard deviations
EASIER = 1.5  # times a label-free threshold, above which a total collapse is over


@dataclass(frozen=True)
class Look:
    """Judged samples of one moment.

    Attributes:
        counts: Accepted samples of each mode, K, without those that the judge is expected to have misread where a mode
            is not covered.
        num_samples: N, rejected ones too.
        prior: π.
        effective: e^H of the accepted samples (Miller-Madow), at most K; 0 of none.
    """

    counts: Int[np.ndarray, " k"]
    num_samples: int
    prior: Prior
    effective: float

    @classmethod
    def of(cls, row: Row, prior: Prior) -> "Look":
        """Return the look of a row.

        Raises:
            ValueError: The row has another number of modes.
        """
        counts = without_leaked(row)
        if len(counts) != len(prior):
            raise ValueError(f"counts of {len(counts)} modes; the prior has {len(prior)}")
        if not counts.sum():
            return cls(counts, row.num_samples, prior, 0.0)
        return cls(counts, row.num_samples, prior, min(math.exp(float(miller_madow(counts))), float(len(counts))))

    @property
    def num_accepted(self) -> int:
        """Return n."""
        return int(self.counts.sum())

    @property
    def share(self) -> float:
        """Return the effective modes as a share of what a perfect generator shows in as many samples."""
        return self.effective / shown_by_all(self.prior, self.num_accepted) if self.num_accepted else 0.0

    def below(self, share: float) -> bool:
        """Return whether the modes that are left are no more than this share of all; False if n is too small to tell.

        A generator that has just this share is to be among them: its entropy varies by √((M − 1) / 2) / n.
        """
        if not tells(share, self.prior, self.num_accepted):
            return False
        left = max(share * effective_modes_of(self.prior), 1.0)
        chance = CHANCE * math.sqrt((left - 1) / 2) / self.num_accepted
        return self.effective <= self.shown_by(share) * (1 + chance)

    def above(self, share: float) -> bool:
        """Return whether the modes that are left are more than this share of all."""
        return self.effective > self.shown_by(min(share, 1 - 1e-9))

    def shown_by(self, share: float) -> float:
        """Return the effective modes that this share of all shows in as many samples."""
        return shown_by_share(share, effective_modes_of(self.prior), max(self.num_accepted, 1))

    def dominated(self, dropped: float) -> bool:
        """Return whether all modes but one have together less than this share of their frequency."""
        if not self.num_accepted:
            return False
        top = int(self.counts.argmax())
        return bool(1 - self.counts[top] / self.num_accepted < dropped * (1 - self.prior[top]))


def without_leaked(row: Row) -> Int[np.ndarray, " k"]:
    """Return the counts of a row, less as many misread samples as there may be (λ + 2√λ) in modes not covered.

    Example:
        >>> without_leaked(Row(images_seen=1, num_samples=90, counts=[80, 9], covered=[0], leaked=[0.0, 4.0])).tolist()
        [80, 1]
    """
    counts = np.asarray(row.counts, dtype=int)
    if row.leaked is None or row.covered is None:
        return counts
    missing = ~np.isin(np.arange(len(counts)), list(row.covered))
    most = np.array(row.leaked) + 2 * np.sqrt(row.leaked)
    return np.where(missing, np.maximum(counts - np.ceil(most).astype(int), 0), counts)


def depth(row: Row, look: Look | None, thresholds: Thresholds) -> int:
    """Return how deep the collapse of one row is, 0 for none; its place in `DEPTHS`.

    Args:
        row: Says what the samples are like without a judge.
        look: What the judge says; None = there is none, or the run is immature.
        thresholds: What counts as collapse.

    Example:
        >>> from gannorm.collapse.states import DEPTHS
        >>> row = Row(images_seen=64, num_samples=2048, counts=[512, 512, 512, 512, 0, 0, 0, 0, 0, 0])
        >>> DEPTHS[depth(row, Look.of(row, (0.1,) * 10), Thresholds())]
        'severe'
    """
    if all_alike(row, thresholds):
        return TOTAL
    if look is None or not look.num_accepted:
        return 0
    if tells(thresholds.partial, look.prior, look.num_accepted) and look.dominated(thresholds.dropped):
        return TOTAL
    return max((level for level, name in SHARES.items() if look.below(getattr(thresholds, name))), default=0)


def is_over(row: Row, look: Look | None, thresholds: Thresholds, level: int) -> bool:
    """Return whether a collapse of a depth is surely over: more modes are left than it takes to call it that."""
    if all_alike(row, thresholds, EASIER):
        return False
    if look is None:
        return row.spread is not None
    return look.above(getattr(thresholds, SHARES[level]) + thresholds.hysteresis) and not look.dominated(
        EASIER * thresholds.dropped
    )


def all_alike(row: Row, thresholds: Thresholds, times: float = 1.0) -> bool:
    """Return whether the samples are one and the same, whatever a judge says of them.

    They vary hardly at all; or two of them are the same picture with probability 1 / `kinds`; or they vary by less than
    half, and are fewer kinds than a share of `total` of the real ones.

    Example:
        >>> all_alike(Row(images_seen=64, num_samples=512, spread=0.02, kinds=1.1), Thresholds())
        True
    """
    if row.spread is not None and row.spread < times * thresholds.spread:
        return True
    if row.kinds is None:
        return False
    few = row.kinds_real is not None and row.kinds < times * thresholds.total * row.kinds_real
    return row.kinds < times * thresholds.kinds or (few and row.spread is not None and row.spread < thresholds.severe)


def many_copies(row: Row, thresholds: Thresholds, easier: float = 1.0) -> bool:
    """Return whether so many samples have a twin that real ones never would, and that it matters.

    Example:
        >>> row = Row(images_seen=64, num_samples=512, near_duplicates=0.6, near_duplicates_real=0.016)
        >>> many_copies(row, Thresholds())
        True
    """
    now, real = row.near_duplicates, row.near_duplicates_real
    return now is not None and real is not None and now > max(thresholds.duplicates * real, thresholds.spread) / easier


def few_pictures(row: Row, thresholds: Thresholds) -> bool:
    """Return whether nearly all samples have a twin or all are alike, more so than in a generator that learns.

    Example:
        >>> row = Row(images_seen=64, num_samples=512, near_duplicates=0.6, near_duplicates_real=0.016)
        >>> few_pictures(row, Thresholds())
        False
    """
    copies = row.near_duplicates is not None and row.near_duplicates > thresholds.copies
    return (copies and many_copies(row, thresholds)) or all_alike(row, thresholds)

"""What the detector is given at one moment: plain numbers of one look at the samples, or of one reading of signals."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Row:
    """Statistics of one moment of a run; None = not measured at this moment.

    A row with samples (`num_samples` > 0) is a look; one without is a reading of what costs little.

    Attributes:
        images_seen: When.
        num_samples: N, samples that were drawn, rejected ones too.
        counts: Accepted samples of each mode, K; None = nobody can judge them.
        covered: Which modes are covered (`gannorm.metrics.mode_coverage`); None = those with max(2, τNπ) samples.
        leaked: How many samples of other modes the judge is expected to misread as each, K.
        spread: Standard deviation of all samples, as a share of that of as many real ones.
        kinds: Two random samples are the same picture with probability 1 / kinds.
        kinds_real: The same of as many real samples.
        near_duplicates: Share of samples that another one is nearer to than 99 % of real ones are to each other.
        near_duplicates_real: The same of as many real samples.
        class_rke: Upper limit of each mode's Rényi kernel entropy, as a share of that of real samples.
        class_duplicates: Share of near-duplicates in each mode.
        class_duplicates_real: The same of as many real samples.
        churn: Share of a fixed noise bank's samples whose mode is another than at the look before.
        fake_gradient: Mean norm of the discriminator's gradient with respect to fakes.
        gradient_cosine: Mean cosine between these gradients.
        steepness: How far samples move with their latent vectors, ‖∂G/∂z · u‖ for random directions u.
        logit_gap: Mean logit of real samples minus that of fakes.
        feature_deviation: Standard deviation of the discriminator's features of fakes, as a share of that of real ones.
        discriminator_rank: Effective rank of the discriminator's weights, as a share of the largest possible.
        generator_rank: Of the generator's weights.
        feature_rank: Effective rank of the discriminator's features of fakes, as a share of that of real ones.
        statistics_gap: How far batch statistics of norms are from their running ones, in standard deviations.
        finite: Whether all losses and weights are numbers.

    Example:
        >>> row = Row(images_seen=64_000, num_samples=100, counts=[60, 30, 0])
        >>> row.num_accepted, row.quality
        (90, 0.9)
    """

    images_seen: int
    num_samples: int = 0
    counts: Sequence[int] | None = None
    covered: Sequence[int] | None = None
    leaked: Sequence[float] | None = None
    spread: float | None = None
    kinds: float | None = None
    kinds_real: float | None = None
    near_duplicates: float | None = None
    near_duplicates_real: float | None = None
    class_rke: Sequence[float | None] | None = None
    class_duplicates: Sequence[float | None] | None = None
    class_duplicates_real: Sequence[float | None] | None = None
    churn: float | None = None
    fake_gradient: float | None = None
    gradient_cosine: float | None = None
    steepness: float | None = None
    logit_gap: float | None = None
    feature_deviation: float | None = None
    discriminator_rank: float | None = None
    generator_rank: float | None = None
    feature_rank: float | None = None
    statistics_gap: float | None = None
    finite: bool = True

    @property
    def is_look(self) -> bool:
        """Return whether samples were looked at."""
        return self.num_samples > 0

    @property
    def num_accepted(self) -> int:
        """Return how many samples belong to a mode."""
        return sum(self.counts or ())

    @property
    def quality(self) -> float | None:
        """Return the share of samples that belong to a mode; None where nobody judges."""
        return None if self.counts is None or not self.is_look else self.num_accepted / self.num_samples

    def signals(self) -> dict[str, float]:
        """Return the single numbers that were measured, by name.

        Example:
            >>> Row(images_seen=64, fake_gradient=0.5, spread=None).signals()
            {'fake_gradient': 0.5}
        """
        values: Mapping[str, Any] = asdict(self)
        return {name: float(values[name]) for name in SIGNALS if values[name] is not None}

    def is_finite(self) -> bool:
        """Return whether nothing that was measured is NaN or infinite."""
        return self.finite and all(math.isfinite(value) for value in self.signals().values())


NO_SIGNALS = ("images_seen", "num_samples", "counts", "covered", "leaked", "finite")
SIGNALS = tuple(
    entry.name for entry in fields(Row) if entry.name not in NO_SIGNALS and not entry.name.startswith("class_")
)
"""Names of the single numbers of a row."""

"""The full score of a stream of samples: every metric at once, in memory that does not grow with the stream."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torchmetrics import Metric

from gannorm import rng
from gannorm.evaluation.reference import Reference
from gannorm.judges import Judge, accepted
from gannorm.metrics import (
    AskedFor,
    ClassDiversity,
    FrechetDistance,
    KernelDistance,
    ModeCoverage,
    NeighbourScores,
    PointScores,
)

LARGEST = 1e9  # feature
SHOWN = 12  # samples of each mode that are kept to be looked at
MOST_FEATURES = 512  # of a covariance that a Fréchet distance can be taken of in seconds
FEWEST = 40  # samples on either side of a comparison of features


@dataclass(frozen=True, kw_only=True)
class Score:
    """What came out.

    Attributes:
        figures: Plain numbers by name, ready for JSON.
        counts: Accepted samples of each mode, (K,).
        counts_all: Samples of each mode, accepted or not, (K,).
        images: A few samples of each mode and of those rejected, (n, C, H, W); no samples for points.
        kinds: Their modes, K for a rejected one, (n,).
    """

    figures: dict[str, Any]
    counts: Int64[Tensor, " k"]
    counts_all: Int64[Tensor, " k"]
    images: Tensor
    kinds: Int64[Tensor, " n"]


def score(
    chunks: Iterable[Tensor],
    judge: Judge,
    reference: Reference | None = None,
    *,
    seed: int = 0,
    labels: Int64[Tensor, " n"] | None = None,
) -> Score:
    """Judge a stream of samples once and return every figure that can be had of it.

    Coverage counts all samples, Fréchet distance takes all of them in; kernel distance, neighbours, the diversity of
    classes and the figures of points hold at most 10,000 of them, chosen by chance. The diversity is that of accepted
    samples. Without a reference there is coverage only, and the width of modes of points. Global random state stays as
    it is.

    Args:
        chunks: Images (n, C, H, W) in [-1, 1], or points (n, D).
        judge: Says what each sample is.
        reference: Real samples as the same judge sees them.
        seed: Of the choice of what is held.
        labels: The class that was asked for in each sample of the stream; None = none was, or the judge's modes are
            not the classes.

    Raises:
        ValueError: No samples, samples that the judge cannot take, or fewer labels than samples.

    Example:
        >>> from gannorm.data import MNIST
        >>> from gannorm.judges import DigitJudge
        >>> result = score(MNIST().held_out()[0][:600].split(200), DigitJudge())
        >>> result.figures["covered_modes"], len(result.counts)
        (10, 10)
    """
    meters = Meters(judge, reference, seed, labels)
    with rng.untouched(), torch.no_grad():
        for chunk in chunks:
            meters.update(chunk)
        if not meters.num_samples:
            raise ValueError("no samples: a score needs at least one")
        return meters.compute()


def score_again(samples: Reference, judge: Judge, reference: Reference | None = None, *, seed: int = 0) -> Score:
    """Return the score of samples that the judge has seen already, such as one half of a reference beside the other.

    Args:
        samples: What the judge said of them.
        judge: Which judge.
        reference: Other real samples.
        seed: Of the choice of what is held.
    """
    meters = Meters(judge, reference, seed)
    with rng.untouched(), torch.no_grad():
        meters.count(samples.features, samples.modes, samples.accepted)
        if samples.points is not None:
            meters.place(samples.points, samples.modes, samples.accepted)
        return meters.compute()


class Meters:
    """All that is measured while a stream passes by."""

    def __init__(
        self, judge: Judge, reference: Reference | None, seed: int, labels: Int64[Tensor, " n"] | None = None
    ) -> None:
        self.judge = judge
        self.reference = reference
        self.seed = seed
        self.coverage = coverage_of(judge)
        self.counts_all = torch.zeros(judge.num_modes, dtype=torch.int64)
        self.shown = torch.zeros(judge.num_modes + 1, dtype=torch.int64)
        self.images: list[Tensor] = []
        self.kinds: list[Tensor] = []
        self.points: PointScores | None = None
        self.features: list[Metric] = [] if reference is None else feature_metrics(reference, seed)
        self.diversity = None if reference is None else class_diversity(reference, judge, seed)
        self.labels = labels
        self.asked = None if labels is None else AskedFor(judge.num_modes)

    @property
    def num_samples(self) -> int:
        """Return how many samples have passed."""
        return int(self.counts_all.sum())

    def update(self, samples: Tensor) -> None:
        """Judge a chunk once, for every metric."""
        judged = self.judge(samples)
        check_size(judged.features)
        are_modes = accepted(self.judge, judged)
        if self.asked is not None and self.labels is not None:
            start = self.num_samples
            self.asked.update(judged.mode, are_modes, self.labels[start : start + len(samples)])
        self.count(judged.features, judged.mode, are_modes)
        if samples.ndim == 4:
            self.show(samples, torch.where(are_modes, judged.mode, self.judge.num_modes))
        else:
            self.place(samples, judged.mode, are_modes)

    def count(self, features: Float[Tensor, "n d"], modes: Int64[Tensor, " n"], are_modes: Bool[Tensor, " n"]) -> None:
        """Take in what the judge said."""
        self.coverage.update(modes, are_modes)
        self.counts_all += torch.bincount(modes, minlength=self.judge.num_modes)
        for metric in self.features:
            metric.update(features)
        if self.diversity is not None:
            self.diversity.update(features[are_modes], modes[are_modes])

    def place(self, points: Float[Tensor, "n p"], modes: Int64[Tensor, " n"], are_modes: Bool[Tensor, " n"]) -> None:
        """Take in points, which are measured themselves, whatever their features."""
        if self.points is None:
            self.points = point_scores(points.shape[1], self.reference, self.judge, self.seed)
        self.points.update(points, modes, are_modes)

    def show(self, images: Float[Tensor, "n c h w"], kinds: Int64[Tensor, " n"]) -> None:
        """Keep the first few of each kind."""
        for kind in kinds.unique().tolist():
            chosen = (kinds == kind).nonzero().flatten()[: SHOWN - int(self.shown[kind])]
            self.shown[kind] += len(chosen)
            self.images.append(images[chosen].cpu())
            self.kinds.append(kinds[chosen])

    def compute(self) -> Score:
        """Return all figures."""
        figures = self.coverage.compute() | {"high_quality_ceiling": getattr(self.judge, "ceiling", None)}
        for metric in self.features:
            figures |= metric.compute()
        if self.diversity is not None:
            figures |= self.diversity.compute()
        if self.points is not None:
            figures |= self.points.compute()
        if self.asked is not None:
            figures |= self.asked.compute() | {"asked_for_ceiling": asked_for_ceiling(self.judge)}
        return Score(
            figures=figures,
            counts=self.coverage.mode_counts.cpu(),
            counts_all=self.counts_all,
            images=torch.cat(self.images) if self.images else torch.zeros(0, 1, 1, 1),
            kinds=torch.cat(self.kinds) if self.kinds else torch.zeros(0, dtype=torch.int64),
        )


def check_size(features: Float[Tensor, "n d"]) -> None:
    """Refuse features whose squares no metric can take in: the generator diverged.

    Raises:
        ValueError: One is beyond 1e9.
    """
    if len(features) and not float(largest := features.abs().max()) <= LARGEST:
        raise ValueError(f"features of up to {float(largest):.3g}: the generator diverged; nothing can be measured")


def coverage_of(judge: Judge, **options: Any) -> ModeCoverage:
    """Return the counting Metric of a judge, with its confusion where it has one; options as of every Metric."""
    return ModeCoverage(judge.num_modes, judge.prior, getattr(judge, "confusion", None), **options)


def asked_for_ceiling(judge: Judge) -> float | None:
    """Return how often a judge calls accepted real samples by their class; None where nobody knows.

    Of several channels all have to be right.

    Example:
        >>> from gannorm.judges import DigitJudge
        >>> round(asked_for_ceiling(DigitJudge()), 4)
        0.9977
    """
    if (counts := getattr(judge, "confusion_counts", None)) is None:
        return None
    return float(counts.trace() / counts.sum()) ** getattr(judge, "channels", 1)


def feature_metrics(reference: Reference, seed: int) -> list[Metric]:
    """Return the metrics that compare features; none where there are too few to compare with, or too many of each."""
    real = reference.features
    if len(real) < FEWEST:
        return []
    within = [FrechetDistance(real)] if real.shape[1] <= MOST_FEATURES else []
    return [*within, KernelDistance(real, seed=seed), NeighbourScores(real, seed=seed)]


def class_diversity(reference: Reference, judge: Judge, seed: int) -> ClassDiversity:
    """Return the metric of diversity within classes, of accepted samples."""
    real, modes = reference.features[reference.accepted], reference.modes[reference.accepted]
    return ClassDiversity(real, modes, num_modes=judge.num_modes, prior=judge.prior.double(), seed=seed)


def point_scores(num_dims: int, reference: Reference | None, judge: Judge, seed: int) -> PointScores:
    """Return the metric of points alone: how wide each mode is where the judge knows it, how far from real ones."""
    return PointScores(
        num_dims,
        num_modes=judge.num_modes,
        deviation=getattr(judge, "deviation", None),
        real=None if reference is None else reference.points,
        seed=seed,
    )

"""Precision, recall, density and coverage from nearest neighbours, and their clipped, calibrated successors.

M real samples have balls: around each, as wide as the distance to its k-th nearest real neighbour. N fakes fall into
them or do not. Fidelity asks whether fakes lie in real balls, coverage whether real balls hold fakes.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float64
from scipy import stats
from torch import Tensor

from gannorm.metrics.distances import distance_blocks, nearest_distances
from gannorm.metrics.held import CAP, Held

NEIGHBOURS = 5
FIGURES = (
    "precision", "recall", "density", "coverage", "coverage_ratio", "clipped_density", "clipped_coverage"
)  # fmt: skip


class Balls(NamedTuple):
    """Real samples and their balls, made once for many generators by `balls`.

    Attributes:
        features: (M, D).
        radii: (M,) distances to the k-th nearest real neighbour.
        clipped: (M,) the same, but at most their median.
        attained: Clipped density of the real samples themselves, before calibration.
    """

    features: Float[Tensor, "m d"]
    radii: Float64[Tensor, " m"]
    clipped: Float64[Tensor, " m"]
    attained: float


def balls(real: Float[Tensor, "m d"], k: int = NEIGHBOURS) -> Balls:
    """Return the balls around real samples.

    Raises:
        ValueError: Fewer than k + 1 samples, or k below 1.
    """
    check_number(real, k, "real")
    real = real.detach().cpu()
    radii = nearest_distances(real, k)
    clipped = radii.clamp(max=float(radii.quantile(0.5)))
    hits = torch.zeros(len(real), dtype=torch.int64)
    for part, distances in distance_blocks(real, real):
        inside = distances <= clipped[part, None]
        inside[torch.arange(len(inside)), torch.arange(part.start, part.stop)] = False  # none in its own ball
        hits += inside.sum(dim=0)
    return Balls(real, radii, clipped, clipped_share(hits, k))


def neighbour_scores(
    fake: Float[Tensor, "n d"], real: Float[Tensor, "m e"] | Balls, k: int = NEIGHBOURS
) -> dict[str, float]:
    """Return all figures of nearest neighbours of N fakes among M real samples.

    - `precision`: share of fakes that lie in some real ball; `recall`: share of real samples in some fake ball.
    - `density`: in how many real balls a fake lies, on average, over k; about 1 for a perfect generator.
    - `coverage`: share of real balls that hold a fake; about 1 - 2⁻ᵏ for a perfect generator and N = M.
    - `coverage_ratio`: coverage over `expected_coverage`: on average 1 for a perfect generator, at times a little more.
    - `clipped_density`, 0 to 1: a fake counts min(1, balls / k), no ball is wider than the median one, and the sum is
      divided by what real samples attain among themselves. Read as the share of fakes that are as good as real.
    - `clipped_coverage`, 0 to 1: a real ball counts min(1, fakes / k), and the mean is turned into the share of good
      fakes, the others lying in no ball, that would show it on average; see `good_share`. It is a share of these N
      fakes, so take N = M: half the classes at N = M / 2 read more than a half, because few fakes cannot cover more.

    Args:
        fake: Features of fakes, at least k + 1.
        real: Features of real samples, or their `balls` for the same k.
        k: Neighbours.

    Raises:
        ValueError: Fewer than k + 1 samples on a side, features that differ in number, or k below 1.

    Source: the first four as in the package `prdc` 0.2 (read) of M. F. Naeem et al., 2020 (arXiv:2002.09797); precision
    and recall are those of T. Kynkäänniemi et al., 2019 (arXiv:1904.06991). The clipped ones are of N. Salvy et al.,
    ICLR 2026 (arXiv:2507.01761): the abstract and the authors' program were read, the paper's formulas were not. Ours
    differs from that program where f of `good_share` is below k good fakes (there 0) and between steps (there a step).

    Example:
        >>> from gannorm import rng
        >>> real, fake = torch.randn(2, 500, 3, generator=rng.generator(0))
        >>> scores = neighbour_scores(fake.abs(), real)  # one of eight octants
        >>> scores["precision"] > 0.9, round(scores["coverage_ratio"], 1)
        (True, 0.2)
    """
    known = real if isinstance(real, Balls) else balls(real, k)
    check_fakes(fake, known, k)
    hits, clipped_hits, per_ball, recalled = counted(fake.detach().cpu(), known, k)
    coverage = mean(per_ball > 0)
    values = (
        mean(hits > 0),
        mean(recalled),
        mean(hits) / k,
        coverage,
        coverage / expected_coverage(len(fake), len(per_ball), k),
        min(clipped_share(clipped_hits, k) / known.attained, 1.0) if known.attained else 0.0,
        good_share(clipped_share(per_ball, k), len(fake), len(per_ball), k),
    )
    return dict(zip(FIGURES, values, strict=True))


def counted(fake: Float[Tensor, "n d"], real: Balls, k: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return what lies in which balls.

    For each fake (N,) in how many real balls it lies, and in how many clipped ones; for each real sample (M,) how many
    fakes its ball holds, and whether it lies in the ball of a fake.
    """
    fake_radii = nearest_distances(fake, k)
    hits, clipped_hits = torch.zeros(2, len(fake), dtype=torch.int64)
    held, recalled = [], []
    for part, distances in distance_blocks(real.features, fake):
        inside = distances < real.radii[part, None]
        hits += inside.sum(dim=0)
        clipped_hits += (distances <= real.clipped[part, None]).sum(dim=0)
        held.append(inside.sum(dim=1))
        recalled.append((distances < fake_radii).any(dim=1))
    return hits, clipped_hits, torch.cat(held), torch.cat(recalled)


def expected_coverage(num_fake: int, num_real: int, k: int = NEIGHBOURS) -> float:
    """Return the coverage of a perfect generator on average, 1 - Π_{i<k} (M - 1 - i) / (N + M - 1 - i).

    Seen from a real sample the N fakes and M - 1 others are in random order; it is not covered if its k nearest are all
    real. Nothing about the features enters.

    Args:
        num_fake: N.
        num_real: M, more than k.
        k: Neighbours.

    Source: Naeem et al., 2020, lemma 2 (remembered), there for real data.

    Example:
        >>> round(expected_coverage(10_000, 10_000, k=5), 3)
        0.969
    """
    missed = 1.0
    for i in range(k):
        missed *= (num_real - 1 - i) / (num_fake + num_real - 1 - i)
    return 1 - missed


def good_share(clipped: float, num_fake: int, num_real: int, k: int = NEIGHBOURS) -> float:
    """Return which share of N fakes has to be as good as real, the rest in no ball, for a clipped coverage.

    f(m) is the mean of min(k, J) / k with J ~ beta-binomial(m, k, M - k): a ball around a real sample that reaches its
    k-th neighbour among M - 1 others holds a share Beta(k, M - k) of all data. The answer is m / N with f(m) = clipped,
    between whole m by a straight line, at most 1.

    Args:
        clipped: Mean of min(1, fakes in the ball / k) over real samples.
        num_fake: N.
        num_real: M, more than k.
        k: Neighbours.

    Example:
        >>> good_share(0.0, 1000, 1000), good_share(1.0, 1000, 1000)
        (0.0, 1.0)
    """
    good = np.arange(num_fake + 1)
    lacking = sum((k - j) / k * stats.betabinom.pmf(j, good, k, num_real - k) for j in range(k))
    attained = 1 - np.asarray(lacking)  # f(m) of m = 0 to N
    above = int(np.searchsorted(attained, clipped))
    if above == 0 or above > num_fake:
        return min(above, num_fake) / num_fake
    low, high = attained[above - 1 : above + 1]
    return float(above - 1 + (clipped - low) / (high - low)) / num_fake


def clipped_share(counts: Tensor, k: int) -> float:
    """Return the mean of min(1, count / k)."""
    return mean(counts.clamp(max=k)) / k


def mean(values: Tensor) -> float:
    """Return the mean of counts or of truths."""
    return float(values.double().mean())


def check_number(features: Float[Tensor, "n d"], k: int, name: str) -> None:
    """Refuse what has no k-th neighbour.

    Raises:
        ValueError: k below 1, or fewer than k + 1 samples.
    """
    if k < 1:
        raise ValueError(f"k={k}: there has to be at least one neighbour")
    if len(features) <= k:
        raise ValueError(f"{name} has {len(features)} samples; with k={k} they have to be {k + 1} or more")


def check_fakes(fake: Float[Tensor, "n d"], real: Balls, k: int) -> None:
    """Refuse fakes that cannot be compared with these real samples.

    Raises:
        ValueError: Fewer than k + 1 fakes, or another number of features.
    """
    check_number(fake, k, "fake")
    if fake.shape[1] != real.features.shape[1]:
        raise ValueError(f"fake has {fake.shape[1]} features, real {real.features.shape[1]}: use the same judge")


class NeighbourScores(Held):
    """Keep fakes of a stream; `compute()` returns the figures of `neighbour_scores`, None where there are too few.

    Args:
        real: Features of real samples, (M, D).
        k: Neighbours.
        cap: Most fakes kept, a random choice beyond it; time goes as cap² + cap · M.
        options: `seed` of the choice, and those of every torchmetrics Metric.

    Raises:
        ValueError: Fewer than k + 1 real samples, or k below 1.

    Example:
        >>> from gannorm import rng
        >>> real, fake = torch.randn(2, 300, 3, generator=rng.generator(0))
        >>> metric = NeighbourScores(real)
        >>> metric.update(fake[:100])
        >>> metric.update(fake[100:])
        >>> metric.compute() == neighbour_scores(fake, real)
        True
    """

    higher_is_better = True
    prefix = "neighbours"

    def __init__(self, real: Float[Tensor, "m d"], *, k: int = NEIGHBOURS, cap: int = CAP, **options: Any) -> None:
        super().__init__(real.shape[1], cap=cap, **options)
        self.k = k
        self.balls = balls(real, k)

    def update(self, features: Float[Tensor, "n d"]) -> None:
        """Add samples.

        Raises:
            ValueError: Another number of features than the reference's, or one that is not finite.
        """
        self.hold(features)

    def compute(self) -> dict[str, float] | dict[str, None]:
        """Return the figures of the samples since the last reset."""
        features, _ = self.held()
        return neighbour_scores(features, self.balls, self.k) if len(features) > self.k else dict.fromkeys(FIGURES)

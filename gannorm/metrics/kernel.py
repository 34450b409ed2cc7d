"""Kernel distance of the features of fakes to those of real data: no Gaussian is assumed, and it has no bias."""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Float64
from scipy import stats
from torch import Tensor

from gannorm.metrics.frechet import CONFIDENCE, check_features
from gannorm.metrics.held import CAP, Held
from gannorm.metrics.squared import squared_interval

ROWS = 64  # of a block of the kernel's matrix: 64 x 10,000 in float64 are 5 MB


class Sums(NamedTuple):
    """Of the kernel between two sets of samples, (N, M): all that distance and interval need.

    Attributes:
        rows: (N,) sums over the second set.
        columns: (M,) sums over the first.
        squares: Sum of all squared values.
        own: Mean kernel of a sample with itself, within one set.
    """

    rows: Float64[Tensor, " n"]
    columns: Float64[Tensor, " m"]
    squares: float
    own: float = 0.0


def kernel_distance(fake: Float[Tensor, "n d"], real: Float[Tensor, "m e"]) -> float:
    """Return the squared maximum mean discrepancy with the kernel k(x, y) = (x·y / D + 1)³, without bias.

    mean k(x, x') + mean k(y, y') - 2 mean k(x, y), the first two over pairs of different samples. A perfect generator
    gets 0 on average, so in half of all cases a little less.

    Args:
        fake: At least 2 samples.
        real: At least 2 samples.

    Raises:
        ValueError: Fewer than 2 samples on a side, features that differ in number, or one that is not finite.

    Source: M. Bińkowski et al., Demystifying MMD GANs, 2018 (arXiv:1801.01401; remembered), who average it over
    subsets; here each pair counts once.

    Example:
        >>> kernel_distance(torch.tensor([[1.0], [1.0]]), torch.tensor([[0.0], [0.0]]))  # 2³ + 1 - 2
        7.0
    """
    check_two(fake, "fake")
    return distance_of(off_diagonal(fake), off_diagonal(real), kernel_sums(fake, checked(real, fake.shape[1])))


def kernel_scores(fake: Float[Tensor, "n d"], real: Float[Tensor, "m e"]) -> dict[str, float]:
    """Return `kernel` (see `kernel_distance`), `kernel_low` and `kernel_high`, the ends of its 95 % interval.

    The interval is for the distance of the two distributions: both samples' errors are in it. It is `squared_interval`
    with q = 1.96 and, by Hoeffding's decomposition of the estimate, the variance

    s² = 4 S(a) / N + 4 S(b) / M - null, but at least null = 2 S(x, x') / N² + 2 S(y, y') / M² + 4 S(x, y) / (N M),

    where a_i = mean k(x_i, x') - mean k(x_i, y), b likewise, S is a sample variance, and that of two arguments is what
    is left of the kernel's variance after the means of rows and columns. `null` is the variance of a perfect generator.

    Args:
        fake: At least 3 samples.
        real: At least 3 samples.

    Raises:
        ValueError: Fewer than 3 samples on a side, features that differ in number, or one that is not finite.

    Source: W. Hoeffding, A class of statistics with asymptotically normal distribution, 1948, worked out here for the
    difference of three means; simulated in `tests/test_metrics_kernel.py`.

    Example:
        >>> from gannorm import rng
        >>> real, fake = torch.randn(2, 400, 8, generator=rng.generator(0))
        >>> kernel_scores(fake, real)["kernel_low"], kernel_scores(fake + 1, real)["kernel_low"] > 0.5
        (0.0, True)
    """
    check_two(fake, "fake", 3)
    return scores_of(off_diagonal(fake), off_diagonal(real), kernel_sums(fake, checked(real, fake.shape[1], 3)))


def kernel_sums(one: Float[Tensor, "n d"], other: Float[Tensor, "m d"]) -> Sums:
    """Return the sums of the kernel between two sets, a block of rows at a time, in float64."""
    one, other = one.detach().cpu().double(), other.detach().cpu().double()
    rows, columns, squares = [], torch.zeros(len(other), dtype=torch.float64), 0.0
    for block in one.split(ROWS):
        values = (block @ other.T / one.shape[1] + 1) ** 3
        rows.append(values.sum(dim=1))
        columns += values.sum(dim=0)
        squares += float(values.square().sum())
    return Sums(torch.cat(rows), columns, squares)


def off_diagonal(features: Float[Tensor, "n d"]) -> Sums:
    """Return the sums of the kernel within a set, each sample with itself left out."""
    sums = kernel_sums(features, features)
    own = (features.detach().cpu().double().square().sum(dim=1) / features.shape[1] + 1) ** 3
    return Sums(sums.rows - own, sums.columns - own, sums.squares - float(own.square().sum()), float(own.mean()))


def distance_of(fake: Sums, real: Sums, between: Sums) -> float:
    """Return the squared distance from the sums within each set and between them."""
    return float(within_mean(fake) + within_mean(real) - 2 * between.rows.sum() / pairs(between))


def scores_of(fake: Sums, real: Sums, between: Sums) -> dict[str, float]:
    """Return distance and interval from the sums within each set and between them."""
    num_fake, num_real = len(between.rows), len(between.columns)
    distance = distance_of(fake, real, between)
    influence_fake = fake.rows / (num_fake - 1) - between.rows / num_real
    influence_real = real.rows / (num_real - 1) - between.columns / num_fake
    null = (
        2 * within_rest(fake) / num_fake**2
        + 2 * within_rest(real) / num_real**2
        + 4 * between_rest(between) / (num_fake * num_real)
    )
    variance = 4 * float(influence_fake.var()) / num_fake + 4 * float(influence_real.var()) / num_real - null
    quantile = float(stats.norm.ppf((1 + CONFIDENCE) / 2))
    # As much as pairs of each sample with itself would add to the distance: twice `null` over it is 4 w.
    bias = (fake.own - within_mean(fake)) / num_fake + (real.own - within_mean(real)) / num_real
    rate = 2 * null / bias if bias > 0 else 0.0
    low, high = squared_interval(distance, null=null, growing=max(variance - null, 0.0), rate=rate, quantile=quantile)
    return {"kernel": distance, "kernel_low": low, "kernel_high": high}


def pairs(sums: Sums) -> int:
    """Return N M."""
    return len(sums.rows) * len(sums.columns)


def within_mean(sums: Sums) -> float:
    """Return the mean over pairs of different samples."""
    return float(sums.rows.sum()) / (len(sums.rows) * (len(sums.rows) - 1))


def within_rest(sums: Sums) -> float:
    """Return the kernel's variance within a set that no mean of a sample explains, at least 0."""
    num = len(sums.rows)
    mean, square = within_mean(sums), sums.squares / (num * (num - 1))
    return max(square - mean**2 - 2 * float((sums.rows / (num - 1)).var()), 0.0)


def between_rest(sums: Sums) -> float:
    """Return the kernel's variance between two sets that no mean of a sample explains, at least 0."""
    num_rows, num_columns = len(sums.rows), len(sums.columns)
    mean, square = float(sums.rows.sum()) / pairs(sums), sums.squares / pairs(sums)
    explained = float((sums.rows / num_columns).var()) + float((sums.columns / num_rows).var())
    return max(square - mean**2 - explained, 0.0)


def check_two(features: Float[Tensor, "n d"], name: str, least: int = 2) -> None:
    """Refuse too few samples, and features that are not finite.

    Raises:
        ValueError: As said.
    """
    if len(features) < least:
        raise ValueError(f"{name} has {len(features)} samples; they have to be {least} or more")
    check_features(features)


def checked(real: Float[Tensor, "m d"], num_features: int, least: int = 2) -> Float[Tensor, "m d"]:
    """Return real features that fit fakes of D features.

    Raises:
        ValueError: Another number of features, too few samples, or a feature that is not finite.
    """
    if real.shape[1] != num_features:
        raise ValueError(f"fake has {num_features} features, real {real.shape[1]}: use the same judge")
    check_two(real, "real", least)
    return real


class KernelDistance(Held):
    """Keep fakes of a stream; `compute()` returns the figures of `kernel_scores`, None below 3 samples.

    Args:
        real: Features of real samples, (M, D).
        cap: Most fakes kept, a random choice beyond it; time goes as cap² + cap · M.
        options: `seed` of the choice, and those of every torchmetrics Metric.

    Raises:
        ValueError: Fewer than 3 real samples, or a feature that is not finite.

    Example:
        >>> from gannorm import rng
        >>> real, fake = torch.randn(2, 300, 8, generator=rng.generator(0))
        >>> metric = KernelDistance(real)
        >>> metric.update(fake)
        >>> metric.compute() == kernel_scores(fake, real)
        True
    """

    higher_is_better = False
    prefix = "kernel"

    def __init__(self, real: Float[Tensor, "m d"], *, cap: int = CAP, **options: Any) -> None:
        super().__init__(real.shape[1], cap=cap, **options)
        self.real = checked(real, real.shape[1], 3).detach().cpu()
        self.real_sums = off_diagonal(self.real)

    def update(self, features: Float[Tensor, "n d"]) -> None:
        """Add samples.

        Raises:
            ValueError: Another number of features than the reference's, or one that is not finite.
        """
        self.hold(features)

    def compute(self) -> dict[str, float] | dict[str, None]:
        """Return the figures of the samples since the last reset."""
        features, _ = self.held()
        if len(features) < 3:
            return dict.fromkeys(("kernel", "kernel_low", "kernel_high"))
        return scores_of(off_diagonal(features), self.real_sums, kernel_sums(features, self.real))

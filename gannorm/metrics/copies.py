"""How much samples repeat each other, at equal numbers of generated and real ones: for every look while training.

Distances between nearest samples shrink with their number, so both sides always have the same. What real samples show
is computed once, in a yardstick; a look then costs the distances between a few hundred samples.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64
from scipy.stats import beta
from torch import Tensor

from gannorm import rng

CLOSE = 0.01  # of real samples are as near to another one as a near-duplicate
NEIGHBOUR = 5  # whose median distance is the bandwidth of the kernel, over √2
SIZES = (25, 50, 100, 200, 512)  # numbers of samples that are compared; the largest there are enough for
DRAWS = 8  # sub-samples of the real samples that make a yardstick
SMALLEST_SCALE = 0.5  # of the real samples' deviation: less is no lack of contrast any more
CONFIDENCE = 0.99
QUANTILE = 2.326  # of a normal distribution, 99 %, one side


@dataclass(frozen=True)
class Copies:
    """How much samples repeat each other.

    Attributes:
        near_duplicates: Share of samples that another one is nearer to than 99 % of real ones are to each other.
        near_duplicates_real: The most that this may be among real ones (99 %).
        kinds: Rényi kernel entropy as a number: two random samples are the same picture with probability 1 / kinds.
        kinds_real: The same of as many real samples.
        kinds_ratio_high: Upper limit (99 %) of the entropy as a share of that of as many real samples.
    """

    near_duplicates: float
    near_duplicates_real: float
    kinds: float
    kinds_real: float
    kinds_ratio_high: float


@dataclass(frozen=True)
class Yardstick:
    """What real samples show at one number of samples.

    Attributes:
        size: Of samples.
        threshold: Distance of a near-duplicate.
        bandwidth: Of the kernel exp(−d² / (2σ²)).
        likeness: Mean of the squared kernel over pairs of real samples.
        deviation: Root mean square distance of real samples from their mean.
        near_duplicates: Upper limit (99 %) of the share of near-duplicates among real samples: `CLOSE`, as far as the
            number of real samples tells.
    """

    size: int
    threshold: float
    bandwidth: float
    likeness: float
    deviation: float
    near_duplicates: float

    @classmethod
    def of(cls, real: Float[Tensor, "m d"], size: int, *, seed: int = 0) -> "Yardstick | None":
        """Return what `DRAWS` sub-samples of real samples show; None where they do not differ enough to tell."""
        draws = []
        for draw in range(DRAWS if size < len(real) else 1):
            order = torch.randperm(len(real), generator=rng.generator(seed, "yardstick", size, draw))
            draws.append(_distances(real[order[:size]]))
        fifth = torch.cat([distances.kthvalue(min(NEIGHBOUR, size - 1), dim=1).values for distances in draws])
        bandwidth = float(fifth.median()) / 2**0.5
        if not bandwidth:
            return None
        nearest = torch.cat([distances.amin(1) for distances in draws])
        likeness = torch.cat([_likeness(distances, bandwidth) for distances in draws])
        most = float(beta.ppf(CONFIDENCE, CLOSE * len(real) + 1, (1 - CLOSE) * len(real)))
        return cls(size, float(nearest.quantile(CLOSE)), bandwidth, float(likeness.mean()), deviation(real), most)

    def measure(self, fake: Float[Tensor, "n d"]) -> Copies:
        """Return how much the first `size` samples repeat each other.

        Blur and other losses of contrast shrink all distances and make no copies: distances are taken in units of the
        samples' own deviation, down to half of that of real ones. A collapse shrinks it more than that.

        The Rényi kernel entropy of n samples is n / (1 + (n − 1) κ), κ the mean of the squared kernel over their pairs
        (`gannorm.metrics.diversity.rke` with the samples themselves left out). Its limit takes κ lower by 2.33 of its
        standard deviations, 2 sd(κ_i) / √n, κ_i the mean of one sample's pairs (Hoeffding 1948).
        """
        samples = fake[: self.size]
        scale = min(max(deviation(samples) / self.deviation, SMALLEST_SCALE), 1.0)
        distances = _distances(samples) / scale
        own = _likeness(distances, self.bandwidth)
        low = max(float(own.mean()) - QUANTILE * 2 * float(own.std()) / self.size**0.5, 0.0)
        return Copies(
            near_duplicates_real=self.near_duplicates,
            near_duplicates=float((distances.amin(1) < self.threshold).double().mean()),
            kinds=1 / max(float(own.mean()), 1 / self.size),
            kinds_real=1 / max(self.likeness, 1 / self.size),
            kinds_ratio_high=(1 + (self.size - 1) * self.likeness) / (1 + (self.size - 1) * low),
        )


class Yardsticks:
    """Real samples as a yardstick for any number of generated ones.

    Args:
        real: Samples, or features of them; the last two sizes that they are enough for twice are kept.
        seed: Of the sub-samples.

    Example:
        >>> real = torch.randn(1000, 8, generator=rng.generator(0))
        >>> copies = Yardsticks(real).measure(real[:4].repeat(100, 1))
        >>> copies.near_duplicates, copies.kinds_ratio_high < 0.1
        (1.0, True)
        >>> Yardsticks(real).measure(real[:10]) is None
        True
    """

    def __init__(self, real: Float[Tensor, "m d"], *, seed: int = 0) -> None:
        self.real = real.detach().cpu()
        self.seed = seed
        self.known: dict[int, Yardstick | None] = {}

    def measure(self, fake: Float[Tensor, "n d"]) -> Copies | None:
        """Return how much samples repeat each other; None where there are too few, of these or of real ones."""
        sizes = [size for size in SIZES if size <= min(len(fake), len(self.real))]
        if not sizes:
            return None
        size = sizes[-1]
        if size not in self.known:
            self.known[size] = Yardstick.of(self.real, size, seed=self.seed)
        yardstick = self.known[size]
        return None if yardstick is None else yardstick.measure(fake.detach().cpu())


def spread_ratio(fake: Float[Tensor, "n ..."], real: Float[Tensor, "m ..."]) -> float | None:
    """Return the standard deviation of all numbers of samples about their means, as a share of that of real samples.

    √(Σ_d Var x_d / Σ_d Var y_d): 0 where all samples are the same; None where all real ones are.

    Example:
        >>> spread_ratio(torch.tensor([[1.0], [3.0]]), torch.tensor([[0.0], [4.0]]))
        0.5
    """
    wanted = float(real.double().flatten(1).var(0).sum())
    return (float(fake.double().flatten(1).var(0).sum()) / wanted) ** 0.5 if wanted else None


def deviation(samples: Float[Tensor, "n d"]) -> float:
    """Return the root mean square distance of samples from their mean.

    Example:
        >>> deviation(torch.tensor([[1.0], [3.0]]))
        1.0
    """
    exact = samples.double().flatten(1)
    return float((exact - exact.mean(0)).square().sum(1).mean()) ** 0.5


def _distances(samples: Float[Tensor, "n d"]) -> Float64[Tensor, "n n"]:
    """Return all distances, infinite from a sample to itself."""
    points = samples.double().flatten(1)
    points = points - points.mean(0)  # so that little is lost in the differences of squares
    return torch.cdist(points, points).fill_diagonal_(torch.inf)


def _likeness(distances: Float64[Tensor, "n n"], bandwidth: float) -> Float64[Tensor, " n"]:
    """Return the mean of the squared kernel over each sample's pairs."""
    return (-(distances / bandwidth).square()).exp().sum(1) / (len(distances) - 1)

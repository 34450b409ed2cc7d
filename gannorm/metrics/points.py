"""Figures of points: how wide each mode is, and how far the points are from real ones.

Points are (N, D), mostly in two dimensions; modes are round Gaussians of deviation σ. A Metric keeps those of a stream.
"""

import math
from typing import Any

import torch
from jaxtyping import Bool, Float, Int64
from scipy import stats
from torch import Tensor

from gannorm import rng
from gannorm.metrics.held import CAP, Held

PROJECTIONS = 256


def deviation_ratios(
    points: Float[Tensor, "n d"],
    modes: Int64[Tensor, " n"],
    *,
    num_modes: int,
    sigma: float,
    within: float | None = None,
) -> list[float | None]:
    """Return for each mode the standard deviation of its points over the true one; None where it has fewer than two.

    s² = Σ |x - mean|² / (D (n - 1)). Below 1 a mode is contracted: a share of high quality above its ceiling then is
    no merit. Far above 1 points lie between the modes.

    Args:
        points: Those that are judged.
        modes: The mode of each, 0 to K - 1.
        num_modes: K.
        sigma: True standard deviation of each coordinate.
        within: Points further than this many σ from their centre were left out; then the true deviation is that of a
            Gaussian cut there. None = all points were kept.

    Raises:
        ValueError: σ or `within` not positive, or a mode that is none.

    Example:
        >>> from gannorm import rng
        >>> points = torch.randn(1000, 2, generator=rng.generator(0)) * 0.01
        >>> wide, missing = deviation_ratios(points, torch.zeros(1000).long(), num_modes=2, sigma=0.02)
        >>> round(wide, 1), missing
        (0.5, None)
    """
    if not sigma > 0:
        raise ValueError(f"sigma={sigma:g}: a standard deviation is above 0")
    if len(modes) and not 0 <= int(modes.min()) <= int(modes.max()) < num_modes:
        raise ValueError(f"modes from {int(modes.min())} to {int(modes.max())}; with num_modes={num_modes} from 0")
    true = sigma * (1.0 if within is None else cut_deviation(within, points.shape[1]))
    return [deviation_of(points[modes == mode], true) for mode in range(num_modes)]


def deviation_of(points: Float[Tensor, "n d"], true: float) -> float | None:
    """Return the standard deviation of a coordinate over the true one; None of fewer than two points."""
    return float(points.double().var(dim=0).mean().sqrt()) / true if len(points) > 1 else None


def cut_deviation(within: float, num_dims: int) -> float:
    """Return the standard deviation of a coordinate of a unit Gaussian cut off at a radius.

    √(P(χ²(D + 2) ≤ r²) / P(χ²(D) ≤ r²)).

    Raises:
        ValueError: A radius that is not positive.

    Example:
        >>> round(cut_deviation(3.0, 2), 3)
        0.974
    """
    if not within > 0:
        raise ValueError(f"within={within:g}: a radius is above 0")
    return math.sqrt(stats.chi2.cdf(within**2, num_dims + 2) / stats.chi2.cdf(within**2, num_dims))


def sliced_wasserstein(
    one: Float[Tensor, "n d"], other: Float[Tensor, "m e"], *, projections: int = PROJECTIONS, seed: int = 0
) -> float:
    """Return the Wasserstein-1 distance of two sets, averaged over directions; in the units of the points.

    On a line it is ∫ |F - G|, F and G the shares of points to the left. The same seed draws the same directions.

    Args:
        one: At least one point.
        other: At least one point; the numbers may differ.
        projections: Number of directions, drawn from the unit sphere.
        seed: Of the directions.

    Raises:
        ValueError: A set without points, points of different dimensions, or a coordinate that is not finite.

    Source: N. Bonneel et al., Sliced and Radon Wasserstein barycenters of measures, 2015 (remembered), there order 2.

    Example:
        >>> line = torch.tensor([[0.0], [1.0]])
        >>> sliced_wasserstein(line, line + 3)
        3.0
    """
    check_points(one, other)
    directions = torch.randn(one.shape[1], projections, generator=rng.generator(seed, "slices"), dtype=torch.float64)
    directions /= directions.norm(dim=0)
    values = torch.cat([one.cpu().double(), other.cpu().double()]) @ directions
    sides = ((len(one), 1 / len(one)), (len(other), -1 / len(other)))
    weights = torch.cat([torch.full((num,), weight, dtype=torch.float64) for num, weight in sides])
    ordered, order = values.sort(dim=0)
    gap = weights[order].cumsum(dim=0)[:-1].abs()
    return float((gap * ordered.diff(dim=0)).sum(dim=0).mean())


def wasserstein_scores(
    fake: Float[Tensor, "n d"], real: Float[Tensor, "m d"], fresh: Float[Tensor, "n d"], *, seed: int = 0
) -> dict[str, float]:
    """Return `sliced_wasserstein` of fakes to real points, and `sliced_wasserstein_real` of fresh real points to them.

    The second is the yardstick: finite samples of one distribution differ, the more the fewer they are.

    Args:
        fake: N fakes.
        real: Real points.
        fresh: N other real points.
        seed: Of the directions, the same for both.

    Raises:
        ValueError: As `sliced_wasserstein`.

    Example:
        >>> from gannorm import rng
        >>> real, fresh = torch.randn(2, 500, 2, generator=rng.generator(0))
        >>> scores = wasserstein_scores(fresh * 0.5, real, fresh)
        >>> scores["sliced_wasserstein"] > 5 * scores["sliced_wasserstein_real"]
        True
    """
    return {
        "sliced_wasserstein": sliced_wasserstein(fake, real, seed=seed),
        "sliced_wasserstein_real": sliced_wasserstein(fresh, real, seed=seed),
    }


def check_points(one: Float[Tensor, "n d"], other: Float[Tensor, "m e"]) -> None:
    """Refuse sets that cannot be compared.

    Raises:
        ValueError: A set without points, points of different dimensions, or a coordinate that is not finite.
    """
    if one.shape[1] != other.shape[1]:
        raise ValueError(f"points of {one.shape[1]} and of {other.shape[1]} dimensions cannot be compared")
    if not len(one) or not len(other):
        raise ValueError(f"sets of {len(one)} and {len(other)} points; each needs one or more")
    if not bool(torch.isfinite(one).all() and torch.isfinite(other).all()):
        raise ValueError("a point has a coordinate that is not finite; leave it out, or look at what made it")


class PointScores(Held):
    """Keep points of a stream and their modes; `compute()` returns `deviation_ratios` and `wasserstein_scores`.

    One half of the real points is what the others are compared with, the other half the yardstick.

    Args:
        num_dims: D.
        num_modes: K.
        deviation: Standard deviation of a coordinate of accepted real points; None = no `deviation_ratios`.
        real: Real points, (M, D); None = no `wasserstein_scores`.
        cap: Most points kept, a random choice beyond it.
        options: `seed` of choice and directions, and those of every torchmetrics Metric.

    Example:
        >>> points = torch.randn(1000, 2, generator=rng.generator(0))
        >>> metric = PointScores(2, num_modes=1, deviation=2.0)
        >>> metric.update(points, torch.zeros(1000).long(), torch.ones(1000).bool())
        >>> [round(ratio, 1) for ratio in metric.compute()["deviation_ratios"]]
        [0.5]
    """

    higher_is_better = None
    prefix = "points"

    def __init__(
        self,
        num_dims: int,
        *,
        num_modes: int,
        deviation: float | None = None,
        real: Float[Tensor, "m d"] | None = None,
        cap: int = CAP,
        **options: Any,
    ) -> None:
        super().__init__(num_dims, cap=cap, **options)
        self.num_modes = num_modes
        self.deviation = deviation
        self.real = real

    def update(self, points: Float[Tensor, "n d"], modes: Int64[Tensor, " n"], accepted: Bool[Tensor, " n"]) -> None:
        """Add points.

        Raises:
            ValueError: Another number of dimensions, or a coordinate that is not finite.
        """
        self.hold(points, torch.where(accepted, modes, self.num_modes))

    def compute(self) -> dict[str, Any]:
        """Return the figures of the points since the last reset."""
        figures: dict[str, Any] = {}
        points, modes = self.held()
        good = modes < self.num_modes
        if self.deviation is not None:
            figures["deviation_ratios"] = deviation_ratios(
                points[good], modes[good], num_modes=self.num_modes, sigma=self.deviation
            )
        if self.real is not None and len(points):
            one, fresh = self.real[::2], self.real[1::2]
            fakes, _ = self.held(len(fresh))
            figures |= wasserstein_scores(fakes, one.float(), fresh[: len(fakes)].float(), seed=self.seed)
        return figures

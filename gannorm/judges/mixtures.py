"""Judges of points: which Gaussian of a mixture a point belongs to, under each of the published rules.

With μ the nearest center, z = (x - μ) / σ, and d of the D coordinates noisy (the rest of real data lies on μ exactly),
each rule is a distance and how far it may go. Here a point at exactly that distance is accepted, where the papers'
codes write `<`: for real-valued points the same but for rounding.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from scipy import stats
from torch import Tensor

from gannorm.classifier import Judged
from gannorm.metrics.points import cut_deviation

RuleName = Literal["circle", "box", "shell", "legacy"]
SHELL = 0.1  # how far the root mean square of the noisy coordinates may be from 1, and that of the others from 0


@dataclass(frozen=True)
class Rule:
    """One way to say which points are good.

    Attributes:
        distance: (z, d) to the distance of each point.
        reach: The largest distance that is accepted.
        ceiling: d to the probability that a point of the mixture is accepted.
        deviation: d to the standard deviation of a noisy coordinate of accepted points, in σ.
        source: Who uses it.
    """

    distance: Callable[[Float[Tensor, "n d"], int], Float[Tensor, " n"]]
    reach: float
    ceiling: Callable[[int], float]
    deviation: Callable[[int], float]
    source: str


def _euclidean(z: Float[Tensor, "n d"], noisy_dims: int) -> Float[Tensor, " n"]:  # noqa: ARG001 (a rule's signature)
    return z.norm(dim=1)


def _chebyshev(z: Float[Tensor, "n d"], noisy_dims: int) -> Float[Tensor, " n"]:  # noqa: ARG001
    return z.abs().amax(dim=1)


def _from_shell(z: Float[Tensor, "n d"], noisy_dims: int) -> Float[Tensor, " n"]:
    noisy, exact = z[:, :noisy_dims], z[:, noisy_dims:]
    off_shell = (noisy.square().mean(dim=1).sqrt() - 1).abs()
    off_plane = exact.square().mean(dim=1).sqrt() if exact.shape[1] else torch.zeros_like(off_shell)
    return torch.maximum(off_shell, off_plane)


def _within(radius: float) -> Callable[[int], float]:
    return lambda d: float(stats.chi2.cdf(radius**2, d))


def _in_shell(d: int, freedom: int) -> float:
    return float(stats.chi2.cdf(d * (1 + SHELL) ** 2, freedom) - stats.chi2.cdf(d * (1 - SHELL) ** 2, freedom))


def _cut_at(radius: float) -> Callable[[int], float]:
    return lambda d: cut_deviation(radius, d)


IN_BOX = float(2 * stats.norm.cdf(3) - 1)  # of one coordinate


RULES: dict[RuleName, Rule] = {
    "circle": Rule(_euclidean, 3.0, _within(3.0), _cut_at(3.0), "PacGAN, VEEGAN: ‖z‖ < 3; in the plane 1 - e^(-4.5)"),
    "box": Rule(
        _chebyshev,
        3.0,
        lambda d: IN_BOX**d,
        lambda d: cut_deviation(3.0, 1),  # noqa: ARG005 (a rule's signature)
        "self-conditioned GAN: |z_i| < 3",
    ),
    "shell": Rule(
        _from_shell,
        SHELL,
        lambda d: _in_shell(d, d),
        lambda d: (_in_shell(d, d + 2) / _in_shell(d, d)) ** 0.5,
        "this package: RMS of z in [0.9, 1.1], of the exact rest < 0.1",
    ),
    "legacy": Rule(
        _euclidean,
        10.0,
        _within(10.0),
        _cut_at(10.0),
        "VEEGAN's 1200-D rule read literally: ‖z‖ < 10; none of d = 700",
    ),
}
"""The rules by name. `shell` is for many dimensions, where a Gaussian is a shell and no point is near its center."""


class MixtureJudge:
    """The Gaussians of a mixture as modes: a point belongs to the nearest center, if it is near enough.

    Its confidence is minus the distance in σ and its threshold minus the rule's reach: -3 for `circle` and `box`. Its
    features are the points. `ceiling` is the formula's for one Gaussian: exact where no two centers are within reach of
    one point, a lower bound elsewhere. `deviation` is the standard deviation of a coordinate of accepted real points;
    None where some coordinates have no noise, or none is accepted.

    Args:
        centers: (K, D).
        sigma: Standard deviation of the noise, one number.
        rule: A row of `RULES`.
        prior: (K,) frequencies; None = equal ones.
        noisy_dims: d, how many coordinates have noise, the first ones; None = all D.

    Raises:
        ValueError: No such rule, centers that are no (K, D) numbers, σ that is not positive, or d outside 1 to D.

    Example:
        >>> judge = MixtureJudge(torch.tensor([[0.0, 0.0], [4.0, 0.0]]), sigma=0.05)
        >>> judged = judge(torch.tensor([[0.1, 0.0], [3.0, 0.0]]))
        >>> judged.mode.tolist(), [round(c, 3) for c in judged.confidence.tolist()], judge.threshold
        ([0, 1], [-2.0, -20.0], -3.0)
        >>> round(judge.ceiling, 4)
        0.9889
    """

    channels = 1
    confusion = None
    confusion_counts = None

    def __init__(
        self,
        centers: Float[Tensor, "k d"],
        sigma: float,
        *,
        rule: RuleName = "circle",
        prior: Float[Tensor, " k"] | None = None,
        noisy_dims: int | None = None,
    ) -> None:
        self.num_modes, dims = centers.shape
        noisy_dims = dims if noisy_dims is None else noisy_dims
        if rule not in RULES:
            raise ValueError(f"rule={rule!r} is none of {', '.join(RULES)}")
        if not sigma > 0:
            raise ValueError(f"sigma={sigma}: a standard deviation is positive")
        if not 1 <= noisy_dims <= dims:
            raise ValueError(f"noisy_dims={noisy_dims}: centers have {dims} coordinates, so 1 to {dims}")
        self.centers = centers.cpu().double()
        self.sigma = sigma
        self.sample_shape = (centers.shape[1],)
        self.rule = rule
        self.noisy_dims = noisy_dims
        self.prior = torch.full((self.num_modes,), 1 / self.num_modes) if prior is None else prior
        self.threshold = -RULES[rule].reach
        self.ceiling = RULES[rule].ceiling(noisy_dims)
        self.deviation = sigma * RULES[rule].deviation(dims) if noisy_dims == dims and self.ceiling > 0 else None
        self.sha256 = _hash(self.centers, sigma, rule, noisy_dims)

    def __call__(self, points: Tensor) -> Judged:
        """Return points, nearest center and minus the distance from it, of points (N, D).

        Raises:
            ValueError: The points have another number of coordinates, or some are not finite.
        """
        self._check(points)
        points = points.cpu()
        exact = points.double()
        # Differences, not the expanded square: near a center that loses all digits.
        mode = torch.cdist(exact, self.centers, compute_mode="donot_use_mm_for_euclid_dist").argmin(dim=1)
        z = (exact - self.centers[mode]) / self.sigma
        distance = RULES[self.rule].distance(z, self.noisy_dims)
        return Judged(points.float(), mode, -distance.float())

    def _check(self, points: Tensor) -> None:
        dims = self.centers.shape[1]
        if points.ndim != 2 or points.shape[1] != dims:
            raise ValueError(f"points {tuple(points.shape)}: this mixture's are (N, {dims})")
        wrong = int((~points.isfinite().all(dim=1)).sum())
        if wrong:
            raise ValueError(f"{wrong} of {len(points)} points hold NaN or infinity")


def _hash(centers: Tensor, sigma: float, rule: str, noisy_dims: int) -> str:
    """Return the SHA-256 of all that decides what a point is; the prior does not."""
    numbers = np.ascontiguousarray(centers.numpy(), dtype="<f8").tobytes()
    return hashlib.sha256(repr((tuple(centers.shape), sigma, rule, noisy_dims)).encode() + numbers).hexdigest()

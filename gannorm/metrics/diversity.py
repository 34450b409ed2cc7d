"""Whether a generator varies within a class: coverage, Rényi entropy and duplicates, class by class.

Counting modes cannot see a generator that makes one single 3. Features of fakes and of real samples are compared among
those of one class.
"""

from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from gannorm.metrics.distances import distance_blocks, nearest_distances
from gannorm.metrics.duplicates import duplicates
from gannorm.metrics.held import CAP, Held
from gannorm.metrics.neighbours import NEIGHBOURS, expected_coverage, mean

FEWEST = 20  # samples of a class, on each side, to say anything about its coverage or entropy
MOST = 1000  # samples of a class that enter its entropy


def per_class(
    fake_features: Float[Tensor, "n d"],
    fake_modes: Int64[Tensor, " n"],
    real_features: Float[Tensor, "m e"],
    real_modes: Int64[Tensor, " m"],
    *,
    num_modes: int,
    prior: Float[Tensor, " k"] | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Return how diverse each class is, as plain Python numbers: lists of K, and their extremes.

    - `class_coverage`: see `class_coverage`; `class_coverage_min` and `class_coverage_mean` of those that are known.
    - `class_rke_ratio`: see `rke_ratio`; `class_rke_ratio_min`.
    - `class_duplicates`, `class_duplicates_low`, `class_duplicates_high`: see `duplicates`; `class_duplicates_real`
      the same of real samples, the yardstick.

    None stands where a class has too few samples, `FEWEST`, or for duplicates twice `DRAWN`. A class that the generator
    lacks has coverage 0, and None elsewhere.

    Args:
        fake_features: Of fakes; leave out those that the judge rejects, or they lower what they are judged as.
        fake_modes: Their modes, 0 to K - 1.
        real_features: Of held-out real samples.
        real_modes: Their modes, as the same judge sees them.
        num_modes: K.
        prior: Frequencies of the modes that a perfect generator would have; None = those among the real samples.
        seed: Of the draws.

    Raises:
        ValueError: Features that differ in number, or a mode that is none.

    Example:
        >>> from gannorm import rng
        >>> real = torch.randn(400, 3, generator=rng.generator(0))
        >>> modes = torch.arange(400) % 2
        >>> result = per_class(real[:1].repeat(400, 1), torch.zeros(400).long(), real, modes, num_modes=2)
        >>> result["class_coverage_min"], result["class_rke_ratio"][1], result["class_duplicates"][0]
        (0.0, None, 1.0)
    """
    check_classes(fake_features, fake_modes, real_features, real_modes, num_modes)
    prior = torch.bincount(real_modes, minlength=num_modes) / max(len(real_modes), 1) if prior is None else prior
    rows = []
    for mode in range(num_modes):
        fake, real = fake_features[fake_modes == mode].cpu(), real_features[real_modes == mode].cpu()
        coverage = class_coverage(fake, real, deserved=round(float(prior[mode]) * len(fake_features)))
        row = {"class_coverage": coverage, "class_rke_ratio": rke_ratio(fake, real)}
        rows.append(row | duplicates(fake, real, seed=seed, stream=mode))
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return columns | extremes(columns)


def extremes(columns: dict[str, list[float | None]]) -> dict[str, float | None]:
    """Return what a headline says of classes: the least and the mean of what is known of them."""
    return {
        "class_coverage_min": least(columns["class_coverage"]),
        "class_coverage_mean": average(columns["class_coverage"]),
        "class_rke_ratio_min": least(columns["class_rke_ratio"]),
    }


def class_coverage(
    fake: Float[Tensor, "n d"], real: Float[Tensor, "m d"], deserved: int, k: int = NEIGHBOURS
) -> float | None:
    """Return the coverage of one class over that of a perfect generator; None where it cannot be known.

    The share of real samples whose ball (to their k-th real neighbour) holds a fake of the class, over
    `expected_coverage` at the number of fakes that the class deserves: 0.969 at k = 5 where that is the number of real
    ones. So a class with three stray fakes does not count as covered. It can be a little above 1.

    Args:
        fake: Fakes of the class.
        real: Real samples of the class.
        deserved: How many fakes of the class a perfect generator makes; below `FEWEST` nothing can be said.
        k: Neighbours.

    Example:
        >>> class_coverage(torch.zeros(0, 2), torch.rand(100, 2), deserved=100)
        0.0
    """
    if min(deserved, len(real)) < FEWEST:
        return None
    if not len(fake):
        return 0.0
    radii = nearest_distances(real, k)
    nearest = torch.cat([block.amin(dim=1) for _, block in distance_blocks(real, fake)])
    return mean(nearest < radii) / expected_coverage(deserved, len(real), k)


def rke(features: Float[Tensor, "n d"], bandwidth: float) -> float:
    """Return the order-2 Rényi kernel entropy as a number of kinds, 1 / ‖K / n‖_F² = n² / Σ K_ij².

    K_ij = exp(-|x_i - x_j|² / (2 σ²)). It is 1 where all samples are the same and n where all are far apart.

    Args:
        features: At least one sample.
        bandwidth: σ.

    Source: M. Jalali et al., An information-theoretic evaluation of generative models in learning multi-modal
    distributions, 2023 (its abstract read).

    Example:
        >>> rke(torch.tensor([[0.0], [0.0], [9.0], [9.0]]), bandwidth=1.0)
        2.0
    """
    squares = sum(
        float((-(block / bandwidth).square()).exp().sum()) for _, block in distance_blocks(features, features)
    )
    return len(features) ** 2 / squares


def rke_ratio(fake: Float[Tensor, "n d"], real: Float[Tensor, "m d"]) -> float | None:
    """Return `rke` of fakes over that of real samples of one class; None below `FEWEST` samples on a side.

    Both of the same number of samples, at most `MOST`, because `rke` grows with it. The bandwidth is ours: σ = r / √2,
    r the median distance of these real samples to their fifth neighbour. Wider kernels see less: with the median of all
    distances one digit repeated 500 times still has a third of the real entropy; narrower ones see copies only.

    Example:
        >>> from gannorm import rng
        >>> real = torch.randn(300, 4, generator=rng.generator(0))
        >>> rke_ratio(real[:3].repeat(100, 1), real) < 0.1 < rke_ratio(real.flip(0), real)
        True
    """
    num = min(len(fake), len(real), MOST)
    if num < FEWEST:
        return None
    bandwidth = float(nearest_distances(real[:num], NEIGHBOURS).median()) / 2**0.5
    if not bandwidth:
        return None  # half of the real samples are copies of each other: nothing to compare with
    return rke(fake[:num], bandwidth) / rke(real[:num], bandwidth)


def least(values: list[float | None]) -> float | None:
    """Return the smallest known value; None where none is known."""
    return min((value for value in values if value is not None), default=None)


def average(values: list[float | None]) -> float | None:
    """Return the mean of the known values; None where none is known."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def check_classes(
    fake_features: Float[Tensor, "n d"],
    fake_modes: Int64[Tensor, " n"],
    real_features: Float[Tensor, "m e"],
    real_modes: Int64[Tensor, " m"],
    num_modes: int,
) -> None:
    """Refuse what cannot be compared class by class.

    Raises:
        ValueError: No modes, features that differ in number, or a mode that is none.
    """
    if num_modes < 1:
        raise ValueError(f"num_modes={num_modes}: there has to be at least one mode")
    if fake_features.shape[1] != real_features.shape[1]:
        raise ValueError(f"fakes have {fake_features.shape[1]} features, real {real_features.shape[1]}: use one judge")
    for name, modes in (("fake_modes", fake_modes), ("real_modes", real_modes)):
        if len(modes) and not 0 <= int(modes.min()) <= int(modes.max()) < num_modes:
            wrong = int(modes.min()) if int(modes.min()) < 0 else int(modes.max())
            raise ValueError(f"{name} has {wrong}; with num_modes={num_modes} they are 0 to {num_modes - 1}")


class ClassDiversity(Held):
    """Keep fakes of a stream and their modes; `compute()` returns the figures of `per_class`.

    Args:
        real_features: Of held-out real samples, (M, D).
        real_modes: Their modes, (M,).
        num_modes: K.
        prior: Frequencies of the modes, (K,); None = those among the real samples.
        cap: Most fakes kept, a random choice beyond it.
        options: `seed` of choice and draws, and those of every torchmetrics Metric.

    Raises:
        ValueError: A mode that is none.

    Example:
        >>> from gannorm import rng
        >>> real = torch.randn(400, 3, generator=rng.generator(0))
        >>> metric = ClassDiversity(real, torch.zeros(400).long(), num_modes=1)
        >>> metric.update(real[:1].repeat(400, 1), torch.zeros(400).long())
        >>> metric.compute()["class_coverage_min"] < 0.1
        True
    """

    higher_is_better = True
    prefix = "diversity"

    def __init__(
        self,
        real_features: Float[Tensor, "m d"],
        real_modes: Int64[Tensor, " m"],
        *,
        num_modes: int,
        prior: Float[Tensor, " k"] | None = None,
        cap: int = CAP,
        **options: Any,
    ) -> None:
        super().__init__(real_features.shape[1], cap=cap, **options)
        check_classes(real_features[:0], real_modes[:0], real_features, real_modes, num_modes)
        self.real_features, self.real_modes = real_features.detach().cpu(), real_modes.cpu()
        self.num_modes = num_modes
        self.prior = prior

    def update(self, features: Float[Tensor, "n d"], modes: Int64[Tensor, " n"]) -> None:
        """Add samples.

        Raises:
            ValueError: Another number of features than the reference's, one that is not finite, or a mode that is none.
        """
        check_classes(features, modes, self.real_features[:0], self.real_modes[:0], self.num_modes)
        self.hold(features, modes)

    def compute(self) -> dict[str, Any]:
        """Return the figures of the samples since the last reset."""
        features, modes = self.held()
        return per_class(
            features, modes, self.real_features, self.real_modes,
            num_modes=self.num_modes, prior=self.prior, seed=self.seed,
        )  # fmt: skip

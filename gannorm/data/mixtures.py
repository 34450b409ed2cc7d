"""The published mixtures of Gaussians, one row each: geometry, where it is from, and whether it was read there."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

PACGAN = "github.com/fjxmlzn/PacGAN, synthetic_data_experiments (arXiv:1712.04086)"
SELFCOND = "github.com/stevliu/self-conditioned-gan, 2d_mix/inputs.py (arXiv:2006.10728)"
VEEGAN = "github.com/akashgit/VEEGAN, index.md (arXiv:1705.07761)"
UNROLLED = "github.com/poolio/unrolled_gan, Unrolled GAN demo.ipynb"
UNROLLED_PAPER = "Metz 2017, arXiv:1611.02163, appendix"
PRESGAN = "github.com/adjidieng/PresGANs, data.py (arXiv:1910.04302)"

VEEGAN_MEANS = (-1.0, -0.5, 0.0, 0.5, -2.0, -2.5, 10.0, 0.25, -13.0, -5.5)
VEEGAN_DIMS, VEEGAN_NOISY = 1200, 700


@dataclass(frozen=True, kw_only=True, eq=False)
class MixtureSpec:
    """One parameter set of a mixture: x = centre of mode k + σ·N(0, I) in the noisy dimensions.

    Attributes:
        name: As it stands in configurations.
        centers: (K, D); None = the source does not state them.
        sigma: Standard deviation in each noisy dimension; None = the source does not state it.
        noisy_dims: The first so many dimensions have noise, the others equal the centre; None = all.
        weights: (K,) share of each mode; None = all alike.
        source: Where the numbers are from.
        read: Whether they were read there; else they are remembered.
        note: What to know before comparing with them.
    """

    name: str
    centers: Float[Tensor, "k d"] | None
    sigma: float | None
    noisy_dims: int | None = None
    weights: Float[Tensor, " k"] | None = None
    source: str
    read: bool
    note: str = ""


def ring(num_modes: int, radius: float) -> Float[Tensor, "k 2"]:
    """Return centres at equal angles on a circle, from (radius, 0) on.

    Example:
        >>> ring(4, 2.0).round(decimals=3).abs().tolist()
        [[2.0, 0.0], [0.0, 2.0], [2.0, 0.0], [0.0, 2.0]]
    """
    angles = torch.arange(num_modes, dtype=torch.float64) * (2 * math.pi / num_modes)
    return (radius * torch.stack([angles.cos(), angles.sin()], dim=1)).float()


def grid(places: Sequence[float]) -> Float[Tensor, "k 2"]:
    """Return centres at all pairs of places, row by row.

    Example:
        >>> grid([-1.0, 1.0]).tolist()
        [[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]]
    """
    return torch.tensor(list(itertools.product(places, places)))


FIVE = (-4.0, -2.0, 0.0, 2.0, 4.0)

ROWS = (
    MixtureSpec(
        name="ring/pacgan",
        centers=ring(8, 1.0),
        sigma=0.01,
        source=PACGAN,
        read=True,
        note="trained on 100,000 fixed points: fixed=100000",
    ),
    MixtureSpec(
        name="ring/veegan",
        centers=None,
        sigma=None,
        source=VEEGAN,
        read=True,
        note="eight modes on a ring; neither radius nor σ is stated there, so there is nothing to draw from",
    ),
    MixtureSpec(
        name="ring/selfcond",
        centers=ring(8, 2.0).flip(1),  # (sin, cos) there
        sigma=0.01,
        source=SELFCOND,
        read=True,
        note="trained on 100,000 fixed points; judged by a box of 3σ, not by a circle",
    ),
    MixtureSpec(
        name="ring/unrolled-paper",
        centers=ring(8, 2.0),
        sigma=0.02,
        source=UNROLLED_PAPER,
        read=False,
        note="remembered; public adaptations of the authors' notebook have the same radius and σ",
    ),
    MixtureSpec(
        name="ring/unrolled-demo",
        centers=ring(7, 1.0).flip(1),
        sigma=0.01,
        weights=torch.tensor([2.0, 1, 1, 1, 1, 1, 1]) / 8,
        source=UNROLLED,
        read=True,
        note="7 distinct modes, one with double weight: linspace(0, 2π, 8) includes both ends; much copied as 8 modes",
    ),
    MixtureSpec(name="ring/presgan", centers=ring(10, 3.0), sigma=0.05, source=PRESGAN, read=True),
    MixtureSpec(
        name="grid/pacgan",
        centers=grid(FIVE),
        sigma=0.05,
        source=PACGAN,
        read=True,
        note="trained on 100,000 fixed points: fixed=100000",
    ),
    MixtureSpec(
        name="grid/selfcond",
        centers=grid(FIVE),
        sigma=0.05,
        source=SELFCOND,
        read=True,
        note="the geometry of grid/pacgan; judged by a box of 3σ, not by a circle",
    ),
    MixtureSpec(
        name="veegan-1200d",
        centers=torch.tensor(VEEGAN_MEANS)[:, None].repeat(1, VEEGAN_DIMS),
        sigma=1.0,
        noisy_dims=VEEGAN_NOISY,
        source=PACGAN + ", PacGAN/pacgan/datasets.py",
        read=True,
        note=f"real samples are {math.sqrt(VEEGAN_NOISY):.1f}σ from their centres: none is within VEEGAN's 10σ",
    ),
)

MIXTURES: dict[str, MixtureSpec] = {row.name: row for row in ROWS}
"""The published parameter sets by name."""

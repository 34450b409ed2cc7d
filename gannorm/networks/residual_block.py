"""What a residual pair without normalization is built of, after R3GAN (Huang et al. 2024, arXiv:2501.05441).

`gannorm.networks.residual` says what follows the paper, and what does not.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate

from gannorm import norms
from gannorm.networks.block import NormSpec, WeightNormSpec, block
from gannorm.networks.condition import in_a_row, through
from gannorm.networks.initial import drawing

SLOPE = 0.2  # of the leaky ReLU below 0
GAIN = math.sqrt(2 / (1 + SLOPE**2))  # keeps the mean square through a layer and a leaky ReLU after it
Resampling = Literal["bilinear", "nearest"]


class BilinearHalf(nn.Module):
    """Half the side, by bilinear interpolation that sees every pixel: weights 1, 3, 3, 1 along each side.

    Example:
        >>> BilinearHalf()(torch.ones(1, 2, 8, 8)).shape
        torch.Size([1, 2, 4, 4])
    """

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c hh ww"]:
        """Return the smaller maps."""
        return interpolate(x, scale_factor=0.5, mode="bilinear", antialias=True)


RESAMPLINGS: dict[str, tuple[Callable[[], nn.Module], Callable[[], nn.Module]]] = {
    "bilinear": (partial(nn.Upsample, scale_factor=2, mode="bilinear"), BilinearHalf),
    "nearest": (partial(nn.Upsample, scale_factor=2, mode="nearest"), partial(nn.AvgPool2d, 2)),
}
"""By name: what doubles a side, and what halves it."""


def convolution(num_in: int, num_out: int, kernel_size: int = 1, *, gain: float, **options: Any) -> nn.Module:
    """Return a convolution with weights of variance gain² over the number of inputs, and bias 0."""
    layer = nn.Conv2d(num_in, num_out, kernel_size, **options)
    return drawing({"name": "scaled", "gain": gain})(layer)


class ResidualBlock(nn.Module):
    """x plus what 1×1, grouped 3×3 and 1×1 convolutions make of it.

    Args:
        width: Channels outside.
        hidden: Channels inside.
        group_size: Channels of a group of the 3×3 convolution.
        num_blocks: Of the network; the more there are, the smaller the first weights.
        norm: What follows the first two convolutions.
        weight_norm: What re-parametrizes each weight; a normalized weight cannot be 0, so with one none is.
        condition_dim: Length of the condition of the norms, 0 for none.

    Example:
        >>> layer, x = ResidualBlock(8, 16, group_size=4, num_blocks=2), torch.randn(2, 8, 5, 5)
        >>> torch.equal(layer(x), x)  # at the start
        True
    """

    passes_condition = True

    def __init__(
        self,
        width: int,
        hidden: int,
        *,
        group_size: int,
        num_blocks: int,
        norm: NormSpec = None,
        weight_norm: WeightNormSpec = None,
        condition_dim: int = 0,
    ) -> None:
        super().__init__()
        inner = partial(convolution, gain=GAIN * num_blocks**-0.25)
        layer = partial(block, norm=norm, weight_norm=weight_norm, condition_dim=condition_dim)
        self.widen = layer(partial(inner, width, hidden), hidden, activation=nn.LeakyReLU(SLOPE))
        groups = hidden // group_size
        grouped = partial(inner, hidden, hidden, 3, padding=1, groups=groups)
        self.mix = layer(grouped, hidden, activation=nn.LeakyReLU(SLOPE))
        can_be_zero = norms.resolve(weight_norm).name == "none"
        self.narrow = norms.wrap(weight_norm, convolution(hidden, width, gain=1.0 - can_be_zero, bias=False))

    def forward(self, x: Float[Tensor, "n c h w"], condition: Tensor | None = None) -> Float[Tensor, "n c h w"]:
        """Return the input with the residual added."""
        return x + self.narrow(through(self.mix, through(self.widen, x, condition), condition))


def check_inside(width: int, expansion: int, group_size: int, num_blocks: int, resampling: str) -> None:
    """Refuse numbers of which no network can be built.

    Raises:
        ValueError: The groups do not divide the channels, a number is too small, or there is no such resampling.
    """
    if min(expansion, group_size, num_blocks) < 1:
        raise ValueError(f"expansion={expansion}, group_size={group_size}, num_blocks={num_blocks}: each is at least 1")
    if expansion * width % group_size:
        raise ValueError(
            f"group_size={group_size} does not divide the {expansion * width} channels of expansion={expansion} times "
            f"width={width}; take a multiple of {group_size} for width"
        )
    if resampling not in RESAMPLINGS:
        raise ValueError(f"resampling={resampling!r} is none of {', '.join(RESAMPLINGS)}")


def in_stages(
    make_block: Callable[[], nn.Module], resample: Callable[[], nn.Module], num_stages: int, num_blocks: int
) -> nn.Sequential:
    """Return the blocks of each stage, with a change of the side between stages."""
    parts = []
    for number in range(num_stages):
        parts += ([resample()] if number else []) + [make_block() for _ in range(num_blocks)]
    return in_a_row(parts)


class Basis(nn.Module):
    """Learned feature maps, each multiplied by a number that a latent vector says.

    Args:
        latent_dim: Length of a latent vector.
        width: Number of maps.
        side: Of the maps, pixels.
        weight_norm: What re-parametrizes the weight of the linear map.
    """

    def __init__(self, latent_dim: int, width: int, side: int, weight_norm: WeightNormSpec) -> None:
        super().__init__()
        self.maps = nn.Parameter(torch.randn(width, side, side))
        linear = drawing({"name": "scaled"})(nn.Linear(latent_dim, width, bias=False))
        self.linear = norms.wrap(weight_norm, linear)

    def forward(self, z: Float[Tensor, "n z"]) -> Float[Tensor, "n c s s"]:
        """Return the maps of each latent vector."""
        return self.maps * self.linear(z)[:, :, None, None]

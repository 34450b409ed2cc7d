"""A residual pair that needs no normalization, after R3GAN (Huang et al. 2024, arXiv:2501.05441, section 3 and app. D).

It follows the paper's text. Stages of the sides 4, 8, 16, ... (7, 14, 28), each of the same width C:

    generator        basis (C, 4, 4) times a linear map of z, then for each stage its blocks and a bilinear doubling of
                     the side; a 1×1 convolution makes the image, without tanh
    discriminator    the same backwards; a depthwise 4×4 convolution makes C features, a linear map the logit
    block            x + conv1×1(lrelu(conv3×3(lrelu(conv1×1(x))))), expansion·C channels inside, the 3×3 in groups

Fix-up start (Zhang et al. 2019, arXiv:1901.09321): the last convolution of each block is 0, the weights of the others
are scaled by L^(−1/4), L the number of blocks, so that at the start nothing but the skip path is there.

Deviations: the paper's model of 32×32 images is 768 wide (20.7 million weights in either network, as here), the
default here is small; of the network of its section 2.4 the paper says "a small ResNet" and no more. A norm can be put
in, after the first two convolutions of each block. With classes the projection is added to the logit, which it replaces
in the paper.
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
from gannorm.networks.dcgan import stages
from gannorm.networks.discriminator import Discriminator
from gannorm.networks.generator import Generator
from gannorm.networks.initial import drawing
from gannorm.remedies.minibatch import MinibatchSpec

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


class ResidualGenerator(Generator):
    """Latent vectors to images: learned maps modulated by z, residual blocks, the side doubled between stages.

    Args:
        size: Side of the images in pixels: a multiple of 4 from 28 to 128.
        channels: Of the images: 1 or 3.
        latent_dim: Length of a latent vector.
        width: Channels of every feature map; the paper's is 768.
        num_blocks: Residual blocks of each stage.
        expansion: How many times wider a block is inside.
        group_size: Channels of a group of the 3×3 convolutions.
        resampling: "bilinear", as in the paper, or "nearest".
        bounded: Whether the images go through tanh; the paper's do not, and can leave [-1, 1].
        norm: What follows the first two convolutions of each block: a name, a mapping with options, or a callable.
        weight_norm: What re-parametrizes each layer's weight.
        num_classes: Of the labels that say what to make; 0 for none.

    Shapes:
        (N, latent_dim), with classes (N,) int64 beside them, to (N, channels, size, size).

    Raises:
        ValueError: No such size, channels, groups or norm.

    Example:
        >>> import torch
        >>> generator = ResidualGenerator(size=28, channels=1, width=16)
        >>> generator(torch.zeros(2, generator.latent_dim)).shape
        torch.Size([2, 1, 28, 28])
    """

    def __init__(
        self,
        *,
        size: int = 32,
        channels: int = 3,
        latent_dim: int = 64,
        width: int = 64,
        num_blocks: int = 2,
        expansion: int = 2,
        group_size: int = 16,
        resampling: Resampling = "bilinear",
        bounded: bool = False,
        norm: NormSpec = None,
        weight_norm: WeightNormSpec = None,
        num_classes: int = 0,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        check_inside(width, expansion, group_size, num_blocks, resampling)
        side, maps = stages(size, channels, width)
        num_stages = len(maps) + 1
        input_dim, condition_dim = self.set_up(latent_dim, num_classes, [norm])
        self.basis = Basis(input_dim, width, side, weight_norm)
        make_block = partial(
            ResidualBlock,
            width,
            expansion * width,
            group_size=group_size,
            num_blocks=num_blocks * num_stages,
            norm=norm,
            weight_norm=weight_norm,
            condition_dim=condition_dim,
        )
        self.blocks = in_stages(make_block, RESAMPLINGS[resampling][0], num_stages, num_blocks)
        self.to_image = norms.wrap(weight_norm, convolution(width, channels, gain=1.0, bias=False))
        self.range = nn.Tanh() if bounded else nn.Identity()
        self.embed_classes()

    def make(self, z: Float[Tensor, "n z"], condition: Float[Tensor, "n e"] | None) -> Float[Tensor, "n c h w"]:
        """Return one image per latent vector."""
        return self.range(self.to_image(through(self.blocks, self.basis(z), condition)))


class ResidualDiscriminator(Discriminator):
    """Images to logits: residual blocks, the side halved between stages, a depthwise convolution over what is left.

    Args:
        size: Side of the images in pixels: a multiple of 4 from 28 to 128.
        channels: Of the images: 1 or 3.
        width: Channels of every feature map; the paper's is 768.
        num_blocks: Residual blocks of each stage.
        expansion: How many times wider a block is inside.
        group_size: Channels of a group of the 3×3 convolutions.
        resampling: "bilinear", as in the paper, or "nearest".
        norm: What follows the first two convolutions of each block: a name, a mapping with options, or a callable.
        weight_norm: What re-parametrizes each layer's weight, the logit's too.
        packing: How many samples are judged together, as one pack.
        minibatch: What lets a sample see the others of its batch: None, "stddev", or "discrimination".
        num_classes: Of the labels that say what a sample should be; 0 for none.

    Shapes:
        (N, packing·channels, size, size), with classes (N,) int64 beside them, to (N,).

    Raises:
        ValueError: No such size, channels, groups or norm; or packs of labelled samples.

    Example:
        >>> import torch
        >>> ResidualDiscriminator(width=16)(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2])
    """

    def __init__(
        self,
        *,
        size: int = 32,
        channels: int = 3,
        width: int = 64,
        num_blocks: int = 2,
        expansion: int = 2,
        group_size: int = 16,
        resampling: Resampling = "bilinear",
        norm: NormSpec = None,
        weight_norm: WeightNormSpec = None,
        packing: int = 1,
        minibatch: MinibatchSpec = None,
        num_classes: int = 0,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.set_up(packing, num_classes)
        check_inside(width, expansion, group_size, num_blocks, resampling)
        side, maps = stages(size, channels, width)
        num_stages = len(maps) + 1
        self.from_image = norms.wrap(weight_norm, convolution(packing * channels, width, gain=1.0, bias=False))
        make_block = partial(
            ResidualBlock,
            width,
            expansion * width,
            group_size=group_size,
            num_blocks=num_blocks * num_stages,
            norm=norm,
            weight_norm=weight_norm,
        )
        self.blocks = in_stages(make_block, RESAMPLINGS[resampling][1], num_stages, num_blocks)
        last = convolution(width, width, side, gain=1.0, groups=width, bias=False)
        self.collapse = norms.wrap(weight_norm, last)
        self.add_logit(
            lambda num: drawing({"name": "scaled"})(nn.Linear(num, 1)),
            width,
            weight_norm=weight_norm,
            minibatch=minibatch,
        )

    def features(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d"]:
        """Return one number per channel."""
        return self.collapse(self.blocks(self.from_image(x))).flatten(1)

"""The networks of the Stacked MNIST protocols: strided convolutions with TensorFlow's padding, given map by map.

Facts from the code of PacGAN (Lin et al. 2018, arXiv:1712.04086; `fjxmlzn/PacGAN`, `stacked_MNIST_experiments/*/
model.py`), which takes them from VEEGAN (arXiv:1705.07761) and from Unrolled GAN (Metz et al. 2017, arXiv:1611.02163):

    veegan-pacgan    sides 2 4 7 14 28, maps 512 256 128 64, kernel 5, z (100) uniform on (-1, 1)
                     discriminator 64 128 256 512, slope 0.2, no norm after the first layer
    unrolled         sides 4 7 14 28 28, maps 64 32 16 8, kernel 3, z (256) normal
                     discriminator 2 4 8 (a quarter) or 4 8 16 (a half), slope 0.3, a norm after every layer

Weights from N(0, 0.02²), biases 0. Deviations: the authors' convolutions, not their transposed ones, cut that normal
distribution off at ±0.04; their batch norm keeps the biased variance for sampling; a bias that a norm subtracts again
is left out.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

from gannorm.networks.block import NormAt, NormSpec, WeightNormSpec, block, norm_of_each_layer
from gannorm.networks.condition import in_a_row, through
from gannorm.networks.dcgan import drawn
from gannorm.networks.discriminator import Discriminator
from gannorm.networks.generator import Generator, Latent
from gannorm.networks.same_padding import SameConv2d, SameConvTranspose2d
from gannorm.remedies.minibatch import MinibatchSpec


def strides(sides: Sequence[int]) -> list[int]:
    """Return by how much each step enlarges a feature map: 2 where a side is half of the next, rounded up, or 1.

    Raises:
        ValueError: A side is neither.

    Example:
        >>> strides([4, 7, 14, 28, 28])
        [2, 2, 2, 1]
    """
    steps = []
    for side, larger in pairwise(sides):
        steps.append(1 if side == larger else 2)
        if side != -(-larger // steps[-1]):
            raise ValueError(
                f"sides={list(sides)}: from {side} to {larger} is no step; a side is followed by itself, or by twice "
                "itself or one less"
            )
    return steps


def enlarging(num_in: int, num_out: int, kernel_size: int, *, side: int, stride: int) -> Callable[..., nn.Module]:
    """Return what makes the layer of a step to a side: a convolution where the side stays."""
    if stride == 1:
        return drawn(SameConv2d, num_in, num_out, kernel_size)
    return drawn(SameConvTranspose2d, num_in, num_out, kernel_size, side=side, stride=stride)


class StridedGenerator(Generator):
    """Latent vectors to images: a linear layer, then a transposed convolution for each step from side to side.

    A step that keeps the side is a convolution. The defaults are veegan-pacgan's.

    Args:
        sides: Of the feature maps and, last, of the images, pixels; each is half of the next, rounded up, or the same.
        maps: Channels of the feature maps, one number less than sides.
        channels: Of the images.
        kernel_size: Of the square kernels, pixels.
        latent_dim: Length of a latent vector.
        latent: What a latent vector is drawn from: "normal", N(0, 1), or "uniform", U(-1, 1).
        norm: What follows each layer: a name, a mapping with options, or a callable.
        weight_norm: What re-parametrizes each layer's weight.
        norm_at: Which layers carry the norm: "inner" (all but the output), "all", or numbers from 0.
        num_classes: Of the labels that say what to make; 0 for none.

    Shapes:
        (N, latent_dim), with classes (N,) int64 beside them, to (N, channels, sides[-1], sides[-1]), in [-1, 1].

    Raises:
        ValueError: The sides are no steps, there are not as many maps, or there is no such norm or distribution.

    Example:
        >>> import torch
        >>> unrolled = dict(sides=[4, 7, 14, 28, 28], maps=[64, 32, 16, 8], kernel_size=3, latent="normal")
        >>> StridedGenerator(latent_dim=256, **unrolled)(torch.zeros(2, 256)).shape
        torch.Size([2, 3, 28, 28])
    """

    def __init__(
        self,
        *,
        sides: Sequence[int] = (2, 4, 7, 14, 28),
        maps: Sequence[int] = (512, 256, 128, 64),
        channels: int = 3,
        kernel_size: int = 5,
        latent_dim: int = 100,
        latent: Latent = "uniform",
        norm: NormSpec = "batch",
        weight_norm: WeightNormSpec = None,
        norm_at: NormAt = "inner",
        num_classes: int = 0,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        steps = strides(sides)
        if len(maps) != len(steps) or not maps:
            raise ValueError(f"maps={list(maps)} and sides={list(sides)}: a map, or more, for each side but the last")
        if kernel_size < 2:
            raise ValueError(f"kernel_size={kernel_size}: at least 2, as large as a step")
        outputs = [*maps, channels]
        norm_of = norm_of_each_layer(norm, norm_at, len(outputs), image_layer=len(maps))
        input_dim, condition_dim = self.set_up(latent_dim, num_classes, norm_of, latent)
        layer = partial(block, weight_norm=weight_norm, condition_dim=condition_dim)
        first = drawn(nn.Linear, input_dim, maps[0] * sides[0] ** 2)
        to_maps = nn.Unflatten(1, (maps[0], sides[0], sides[0]))
        blocks = [layer(first, maps[0], norm=norm_of[0], activation=nn.ReLU(), reshape=to_maps)]
        for number, stride in enumerate(steps, 1):
            activation = nn.ReLU() if number < len(maps) else nn.Tanh()
            enlarge = enlarging(outputs[number - 1], outputs[number], kernel_size, side=sides[number], stride=stride)
            blocks.append(layer(enlarge, outputs[number], norm=norm_of[number], activation=activation))
        self.blocks = in_a_row(blocks)
        self.embed_classes()

    def make(self, z: Float[Tensor, "n z"], condition: Float[Tensor, "n e"] | None) -> Float[Tensor, "n c h w"]:
        """Return one image per latent vector."""
        return through(self.blocks, z, condition)


class StridedDiscriminator(Discriminator):
    """Images to logits: convolutions of stride 2, then a linear layer; the defaults are veegan-pacgan's.

    Args:
        size: Side of the images, pixels; each layer halves it, rounded up.
        channels: Of the images.
        maps: Channels that each convolution makes.
        kernel_size: Of the square kernels, pixels.
        slope: Of the leaky ReLU below 0.
        norm: What follows each layer but the logit: a name, a mapping with options, or a callable.
        weight_norm: What re-parametrizes each layer's weight, the logit's too.
        norm_at: Which layers carry the norm: "inner" (all but the first), "all", or numbers from 0.
        packing: How many samples are judged together, as one pack.
        minibatch: What lets a sample see the others of its batch: None, "stddev", or "discrimination".
        num_classes: Of the labels that say what a sample should be; 0 for none.

    Shapes:
        (N, packing·channels, size, size), with classes (N,) int64 beside them, to (N,).

    Raises:
        ValueError: No such norm; no map; or packs of labelled samples.

    Example:
        >>> import torch
        >>> quarter = StridedDiscriminator(maps=[2, 4, 8], kernel_size=3, slope=0.3, norm_at="all", packing=2)
        >>> quarter(torch.zeros(5, 6, 28, 28)).shape
        torch.Size([5])
    """

    def __init__(
        self,
        *,
        size: int = 28,
        channels: int = 3,
        maps: Sequence[int] = (64, 128, 256, 512),
        kernel_size: int = 5,
        slope: float = 0.2,
        norm: NormSpec = "batch",
        weight_norm: WeightNormSpec = None,
        norm_at: NormAt = "inner",
        packing: int = 1,
        minibatch: MinibatchSpec = None,
        num_classes: int = 0,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.set_up(packing, num_classes)
        if not maps:
            raise ValueError("maps=[]: at least one convolution")
        if kernel_size < 1:
            raise ValueError(f"kernel_size={kernel_size}: at least 1")
        inputs = [packing * channels, *maps]
        norm_of = norm_of_each_layer(norm, norm_at, len(maps), image_layer=0)
        self.blocks = nn.Sequential()
        for (num_in, num_out), own in zip(pairwise(inputs), norm_of, strict=True):
            halve = drawn(SameConv2d, num_in, num_out, kernel_size, stride=2)
            layer = block(halve, num_out, norm=own, weight_norm=weight_norm, activation=nn.LeakyReLU(slope))
            self.blocks.append(layer)
        side = -(-size // 2 ** len(maps))
        self.add_logit(
            lambda num: drawn(nn.Linear, num, 1)(bias=True),
            maps[-1] * side * side,
            weight_norm=weight_norm,
            minibatch=minibatch,
        )

    def features(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d"]:
        """Return the last feature maps, as one row per image."""
        return self.blocks(x).flatten(1)

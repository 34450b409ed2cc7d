"""DCGAN-style networks for square images, any norm in either (Radford 2016, arXiv:1511.06434).

Deviations from the paper: kernels of 4 rather than 5, so that no position is covered more often than another; the
number of channels follows from `width`; the discriminator's features go to its logit through a linear layer.
"""

from collections.abc import Callable
from functools import partial
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import fold

from gannorm.networks.block import NormAt, NormSpec, WeightNormSpec, block, norm_of_each_layer
from gannorm.networks.condition import in_a_row, through
from gannorm.networks.discriminator import Discriminator
from gannorm.networks.generator import Generator
from gannorm.remedies.minibatch import MinibatchSpec

SMALLEST, LARGEST, STEP = 28, 128, 4  # sides of an image, pixels
MOST_TIMES_WIDTH = 8  # channels stop doubling there


def stages(size: int, channels: int, width: int) -> tuple[int, list[int]]:
    """Return the side of the smallest feature map and the channels of each, from the smallest map to the largest.

    The image's side is halved while it stays whole and at least 4.

    Raises:
        ValueError: There is no such network for this size, or for this number of channels.

    Example:
        >>> stages(28, 1, 32)
        (7, [64, 32])
        >>> stages(128, 3, 32)
        (4, [256, 256, 128, 64, 32])
    """
    if size % STEP or not SMALLEST <= size <= LARGEST:
        nearest = min(max(round(size / STEP) * STEP, SMALLEST), LARGEST)
        raise ValueError(f"size={size} is no multiple of {STEP} from {SMALLEST} to {LARGEST}; the nearest is {nearest}")
    if channels not in (1, 3):
        raise ValueError(f"channels={channels}: images have 1 or 3")
    if width < 1:
        raise ValueError(f"width={width}: a feature map has at least 1 channel")
    side, maps = size, list[int]()
    while side % 2 == 0 and side // 2 >= 4:
        side //= 2
        maps.append(min(2 ** len(maps), MOST_TIMES_WIDTH) * width)
    return side, maps[::-1]


def drawn(kind: Callable[..., nn.Module], *sizes: int, **options: int) -> Callable[..., nn.Module]:
    """Return what makes a layer with its weight drawn from N(0, 0.02²) and its bias 0, as in the paper."""

    def make(*, bias: bool) -> nn.Module:
        layer = kind(*sizes, bias=bias, **options)
        nn.init.normal_(layer.get_parameter("weight"), std=0.02)
        if bias:
            nn.init.zeros_(layer.get_parameter("bias"))
        return layer

    return make


class ToImage(nn.ConvTranspose2d):
    """A transposed convolution to few channels: on a CPU a matrix product, then the sum of overlapping patches.

    Weights, names and result are those of `torch.nn.ConvTranspose2d`, whose CPU code works on channels in blocks and
    takes four times as long where one channel comes out: the output layer was half the time of sampling 28x28 images.

    Shapes:
        (N, in_channels, H, W) to (N, out_channels, 2·H, 2·W), for kernel 4, stride 2, padding 1.

    Example:
        >>> import torch
        >>> layer, x = ToImage(8, 1, 4, stride=2, padding=1), torch.randn(2, 8, 5, 5)
        >>> torch.allclose(layer(x), nn.ConvTranspose2d.forward(layer, x), atol=1e-6)
        True
    """

    def forward(self, x: Float[Tensor, "n i h w"], output_size: list[int] | None = None) -> Float[Tensor, "n o hh ww"]:
        """Return the images; `output_size` is torch's."""
        if x.device.type != "cpu" or output_size is not None:
            return super().forward(x, output_size)
        pixels = x.permute(0, 2, 3, 1).flatten(0, 2)
        patches = (pixels @ self.weight.flatten(1)).unflatten(0, (len(x), -1)).transpose(1, 2)
        size = [2 * side for side in x.shape[2:]]
        images = fold(patches, size, self.kernel_size, padding=self.padding, stride=self.stride)  # type: ignore[arg-type]
        return images if self.bias is None else images + self.bias[:, None, None]


class DCGANGenerator(Generator):
    """Latent vectors to images: a linear layer, then transposed convolutions that double the side each.

    Args:
        size: Side of the images in pixels: a multiple of 4 from 28 to 128.
        channels: Of the images: 1 or 3.
        latent_dim: Length of a latent vector.
        width: Channels of the largest hidden feature map; each smaller map has twice as many, up to 8 times width.
        norm: What follows each layer: a name, a mapping with options, or a callable.
        weight_norm: What re-parametrizes each layer's weight.
        norm_at: Which layers carry the norm: "inner" (all but the output), "all", or numbers from 0.
        num_classes: Of the labels that say what to make; 0 for none.

    Shapes:
        (N, latent_dim), with classes (N,) int64 beside them, to (N, channels, size, size), in [-1, 1].

    Raises:
        ValueError: No such size, channels or norm.

    Example:
        >>> import torch
        >>> generator = DCGANGenerator(size=32, channels=3, norm={"name": "group", "num_groups": 8})
        >>> generator(torch.zeros(2, generator.latent_dim)).shape
        torch.Size([2, 3, 32, 32])
    """

    def __init__(
        self,
        *,
        size: int = 28,
        channels: int = 1,
        latent_dim: int = 64,
        width: int = 48,
        norm: NormSpec = "batch",
        weight_norm: WeightNormSpec = None,
        norm_at: NormAt = "inner",
        num_classes: int = 0,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        side, maps = stages(size, channels, width)
        outputs = [*maps, channels]
        norm_of = norm_of_each_layer(norm, norm_at, len(outputs), image_layer=len(maps))
        input_dim, condition_dim = self.set_up(latent_dim, num_classes, norm_of)
        layer = partial(block, weight_norm=weight_norm, condition_dim=condition_dim)
        first = drawn(nn.Linear, input_dim, maps[0] * side * side)
        to_maps = nn.Unflatten(1, (maps[0], side, side))
        blocks = [layer(first, maps[0], norm=norm_of[0], activation=nn.ReLU(), reshape=to_maps)]
        for number, (inputs, output) in enumerate(pairwise(outputs), 1):
            kind, activation = (nn.ConvTranspose2d, nn.ReLU()) if number < len(maps) else (ToImage, nn.Tanh())
            double = drawn(kind, inputs, output, 4, stride=2, padding=1)
            blocks.append(layer(double, output, norm=norm_of[number], activation=activation))
        self.blocks = in_a_row(blocks)
        self.embed_classes()

    def make(self, z: Float[Tensor, "n z"], condition: Float[Tensor, "n e"] | None) -> Float[Tensor, "n c h w"]:
        """Return one image per latent vector."""
        return through(self.blocks, z, condition)


class DCGANDiscriminator(Discriminator):
    """Images to logits: convolutions that halve the side each, then a linear layer.

    Args:
        size: Side of the images in pixels: a multiple of 4 from 28 to 128.
        channels: Of the images: 1 or 3.
        width: Channels of the largest hidden feature map; each smaller map has twice as many, up to 8 times width.
        norm: What follows each layer but the logit: a name, a mapping with options, or a callable.
        weight_norm: What re-parametrizes each layer's weight, the logit's too.
        norm_at: Which layers carry the norm: "inner" (all but the first), "all", or numbers from 0.
        packing: How many samples are judged together, as one pack.
        minibatch: What lets a sample see the others of its batch: None, "stddev", or "discrimination".
        num_classes: Of the labels that say what a sample should be; 0 for none.

    Shapes:
        (N, packing·channels, size, size), with classes (N,) int64 beside them, to (N,).

    Raises:
        ValueError: No such size, channels or norm; or packs of labelled samples.

    Example:
        >>> import torch
        >>> discriminator = DCGANDiscriminator(norm=None, weight_norm="spectral")
        >>> discriminator(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2])
    """

    def __init__(
        self,
        *,
        size: int = 28,
        channels: int = 1,
        width: int = 24,
        norm: NormSpec = "layer",
        weight_norm: WeightNormSpec = None,
        norm_at: NormAt = "inner",
        packing: int = 1,
        minibatch: MinibatchSpec = None,
        num_classes: int = 0,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.set_up(packing, num_classes)
        side, maps = stages(size, channels, width)
        inputs, outputs = [packing * channels, *maps[:0:-1]], maps[::-1]
        norm_of = norm_of_each_layer(norm, norm_at, len(outputs), image_layer=0)
        self.blocks = nn.Sequential()
        for num_in, num_out, own in zip(inputs, outputs, norm_of, strict=True):
            halve = drawn(nn.Conv2d, num_in, num_out, 4, stride=2, padding=1)
            layer = block(halve, num_out, norm=own, weight_norm=weight_norm, activation=nn.LeakyReLU(0.2))
            self.blocks.append(layer)
        self.add_logit(
            lambda num: drawn(nn.Linear, num, 1)(bias=True),
            outputs[-1] * side * side,
            weight_norm=weight_norm,
            minibatch=minibatch,
        )

    def features(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d"]:
        """Return the last feature maps, as one row per image."""
        return self.blocks(x).flatten(1)

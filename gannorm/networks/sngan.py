"""The residual pair of SNGAN (Miyato et al. 2018, arXiv:1802.05957, appendix B.4, table 4: CIFAR-10).

    generator        z (128) → linear, 4·4·256 → blocks of 256 channels that double the side → norm, ReLU, conv3×3, tanh
    discriminator    2 blocks of 128 channels that halve the side, 2 that keep it → ReLU → sum over positions → linear
    block            shortcut(x) + conv3×3(relu(norm(conv3×3(relu(norm(x)))))), by the nearest neighbour up and by the
                     mean down

Batch norm in the generator, spectral norm on every weight of the discriminator. With classes: class-conditional norms
in the generator and a projection in the discriminator (Miyato & Koyama 2018, arXiv:1802.05637), where the authors' code
has them (`pfnet-research/sngan_projection`); from there the start too: Glorot-uniform weights, √2 times as large in the
3×3 convolutions of the blocks, biases 0.

Deviations: the logit has a bias, which that code leaves out; other sides than 32, from 4 or 7 on, with as many blocks
as it takes; a bias that a norm subtracts again is left out; a 1×1 convolution is done on whichever side of the
resampling is smaller, which gives the same.
"""

import math
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from gannorm import norms
from gannorm.networks.block import NormSpec, WeightNormSpec, norm_and_activation, subtracts_bias
from gannorm.networks.condition import in_a_row, through
from gannorm.networks.dcgan import stages
from gannorm.networks.discriminator import Discriminator
from gannorm.networks.generator import Generator
from gannorm.networks.initial import drawing
from gannorm.remedies.minibatch import MinibatchSpec

GAIN = math.sqrt(2)  # of the 3×3 convolutions in blocks
NUM_HALVING, NUM_KEEPING = 2, 2  # blocks of the discriminator


def glorot(layer: nn.Module, gain: float = 1.0) -> nn.Module:
    """Return the layer with its weights drawn anew, Glorot-uniform, and bias 0."""
    return drawing({"name": "glorot", "gain": gain})(layer)


class PreActivationBlock(nn.Module):
    """A residual block with norm and ReLU before each of its two convolutions.

    Args:
        num_in: Channels of the input.
        num_out: Channels of the output.
        resample: Whether the side is doubled ("up"), halved ("down") or kept (None).
        norm: What comes before each ReLU.
        weight_norm: What re-parametrizes each weight.
        condition_dim: Length of the condition of the norms, 0 for none.
        first: Whether the input is an image, to which neither norm nor ReLU is done.

    Shapes:
        (N, num_in, H, W) to (N, num_out, 2·H, 2·W), (N, num_out, H/2, W/2) or (N, num_out, H, W).

    Example:
        >>> import torch
        >>> PreActivationBlock(3, 8, resample="down", first=True)(torch.zeros(2, 3, 8, 8)).shape
        torch.Size([2, 8, 4, 4])
    """

    passes_condition = True

    def __init__(
        self,
        num_in: int,
        num_out: int,
        *,
        resample: Literal["up", "down"] | None = None,
        norm: NormSpec = None,
        weight_norm: WeightNormSpec = None,
        condition_dim: int = 0,
        first: bool = False,
    ) -> None:
        super().__init__()
        before = {} if first else norm_and_activation(norm, num_in, nn.ReLU(), condition_dim=condition_dim)
        self.enter = in_a_row(before)
        self.up = nn.Upsample(scale_factor=2) if resample == "up" else nn.Identity()
        has_bias = not subtracts_bias(norm, num_out, condition_dim)
        self.conv1 = norms.wrap(weight_norm, glorot(nn.Conv2d(num_in, num_out, 3, padding=1, bias=has_bias), GAIN))
        self.middle = in_a_row(norm_and_activation(norm, num_out, nn.ReLU(), condition_dim=condition_dim))
        self.conv2 = norms.wrap(weight_norm, glorot(nn.Conv2d(num_out, num_out, 3, padding=1), GAIN))
        self.down = nn.AvgPool2d(2) if resample == "down" else nn.Identity()
        self.shortcut: nn.Module = nn.Identity()
        if resample or num_in != num_out:
            self.shortcut = norms.wrap(weight_norm, glorot(nn.Conv2d(num_in, num_out, 1)))

    def forward(self, x: Float[Tensor, "n i h w"], condition: Tensor | None = None) -> Float[Tensor, "n o hh ww"]:
        """Return the shortcut with the residual added."""
        h = self.conv1(self.up(through(self.enter, x, condition)))
        h = self.conv2(through(self.middle, h, condition))
        return self.down(h) + self.up(self.shortcut(self.down(x)))


class SNGANGenerator(Generator):
    """Latent vectors to images: a linear layer, then residual blocks that double the side each.

    Args:
        size: Side of the images in pixels: a multiple of 4 from 28 to 128.
        channels: Of the images: 1 or 3.
        latent_dim: Length of a latent vector.
        width: Channels of every feature map.
        norm: What comes before each ReLU: a name, a mapping with options, or a callable.
        weight_norm: What re-parametrizes each layer's weight.
        num_classes: Of the labels that say what to make; 0 for none.

    Shapes:
        (N, latent_dim), with classes (N,) int64 beside them, to (N, channels, size, size), in [-1, 1].

    Raises:
        ValueError: No such size, channels or norm.

    Example:
        >>> import torch
        >>> generator = SNGANGenerator(size=28, channels=1, width=8, num_classes=10)
        >>> generator(torch.zeros(2, generator.latent_dim), torch.tensor([3, 9])).shape
        torch.Size([2, 1, 28, 28])
    """

    def __init__(
        self,
        *,
        size: int = 32,
        channels: int = 3,
        latent_dim: int = 128,
        width: int = 256,
        norm: NormSpec = "batch",
        weight_norm: WeightNormSpec = None,
        num_classes: int = 0,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        side, maps = stages(size, channels, width)
        input_dim, condition_dim = self.set_up(latent_dim, num_classes, [norm])
        self.linear = norms.wrap(weight_norm, glorot(nn.Linear(input_dim, width * side * side)))
        self.reshape = nn.Unflatten(1, (width, side, side))
        self.blocks = in_a_row(
            [
                PreActivationBlock(
                    width, width, resample="up", norm=norm, weight_norm=weight_norm, condition_dim=condition_dim
                )
                for _ in maps
            ]
        )
        self.leave = in_a_row(norm_and_activation(norm, width, nn.ReLU(), condition_dim=condition_dim))
        self.to_image = norms.wrap(weight_norm, glorot(nn.Conv2d(width, channels, 3, padding=1)))
        self.embed_classes()

    def make(self, z: Float[Tensor, "n z"], condition: Float[Tensor, "n e"] | None) -> Float[Tensor, "n c h w"]:
        """Return one image per latent vector."""
        h = through(self.blocks, self.reshape(self.linear(z)), condition)
        return self.to_image(through(self.leave, h, condition)).tanh()


class SNGANDiscriminator(Discriminator):
    """Images to logits: four residual blocks, the sum over all positions, a linear layer.

    Args:
        size: Side of the images in pixels: a multiple of 4 from 28 to 128.
        channels: Of the images: 1 or 3.
        width: Channels of every feature map.
        norm: What comes before each ReLU: a name, a mapping with options, or a callable.
        weight_norm: What re-parametrizes each layer's weight, the logit's and the class embedding's too.
        packing: How many samples are judged together, as one pack.
        minibatch: What lets a sample see the others of its batch: None, "stddev", or "discrimination".
        num_classes: Of the labels that say what a sample should be; 0 for none.

    Shapes:
        (N, packing·channels, size, size), with classes (N,) int64 beside them, to (N,).

    Raises:
        ValueError: No such size, channels or norm; or packs of labelled samples.

    Example:
        >>> import torch
        >>> SNGANDiscriminator(width=8)(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2])
    """

    def __init__(
        self,
        *,
        size: int = 32,
        channels: int = 3,
        width: int = 128,
        norm: NormSpec = None,
        weight_norm: WeightNormSpec = "spectral",
        packing: int = 1,
        minibatch: MinibatchSpec = None,
        num_classes: int = 0,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.set_up(packing, num_classes)
        stages(size, channels, width)  # refuses what the other networks refuse
        self.blocks = in_a_row(
            [
                PreActivationBlock(
                    width if number else packing * channels,
                    width,
                    resample="down" if number < NUM_HALVING else None,
                    norm=norm,
                    weight_norm=weight_norm,
                    first=number == 0,
                )
                for number in range(NUM_HALVING + NUM_KEEPING)
            ]
        )
        self.leave = in_a_row(norm_and_activation(norm, width, nn.ReLU()))
        self.add_logit(lambda num: glorot(nn.Linear(num, 1)), width, weight_norm=weight_norm, minibatch=minibatch)

    def features(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d"]:
        """Return the sum of each channel."""
        return self.leave(self.blocks(x)).sum((2, 3))

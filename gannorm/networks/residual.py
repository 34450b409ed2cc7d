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

from functools import partial

from jaxtyping import Float
from torch import Tensor, nn

from gannorm import norms
from gannorm.networks.block import NormSpec, WeightNormSpec
from gannorm.networks.condition import through
from gannorm.networks.dcgan import stages
from gannorm.networks.discriminator import Discriminator
from gannorm.networks.generator import Generator
from gannorm.networks.initial import drawing
from gannorm.networks.residual_block import (
    RESAMPLINGS,
    Basis,
    Resampling,
    ResidualBlock,
    check_inside,
    convolution,
    in_stages,
)
from gannorm.remedies.minibatch import MinibatchSpec


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

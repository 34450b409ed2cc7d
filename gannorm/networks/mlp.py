"""Multilayer perceptrons for images and points, any norm in either."""

import math
from collections.abc import Sequence
from functools import partial

import pytorch_lightning as pl
from jaxtyping import Float
from torch import Tensor, nn

from gannorm import norms
from gannorm.networks.block import NormAt, NormSpec, WeightNormSpec, block, norm_of_each_layer


class MLPGenerator(pl.LightningModule):
    """Latent vectors to images (through tanh) or points (as they are).

    Args:
        shape: Of one sample: (C, H, W) for images, (D,) for points.
        hidden: Units of each hidden layer.
        latent_dim: Length of a latent vector.
        norm: What follows each layer: a name, a mapping with options, or a callable.
        weight_norm: What re-parametrizes each layer's weight.
        norm_at: Which layers carry the norm: "inner" (all but the output), "all", or numbers from 0.

    Shapes:
        (N, latent_dim) to (N, *shape).

    Raises:
        ValueError: No such norm, or one that points cannot have.

    Example:
        >>> import torch
        >>> MLPGenerator(shape=(2,), norm="layer")(torch.zeros(5, 64)).shape
        torch.Size([5, 2])
    """

    def __init__(
        self,
        *,
        shape: Sequence[int] = (1, 28, 28),
        hidden: Sequence[int] = (256, 256),
        latent_dim: int = 64,
        norm: NormSpec = "batch",
        weight_norm: WeightNormSpec = None,
        norm_at: NormAt = "inner",
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.latent_dim = latent_dim
        units = [latent_dim, *hidden, math.prod(shape)]
        norm_of = norm_of_each_layer(norm, norm_at, len(units) - 1, image_layer=len(hidden))
        output = nn.Tanh() if len(shape) > 1 else nn.Identity()
        self.blocks = nn.Sequential(
            *[
                block(
                    partial(nn.Linear, units[i], units[i + 1]),
                    units[i + 1],
                    norm=norm_of[i],
                    weight_norm=weight_norm,
                    activation=nn.ReLU() if i < len(hidden) else output,
                    dims=0,
                )
                for i in range(len(units) - 1)
            ]
        )
        self.shape = nn.Unflatten(1, tuple(shape))

    def forward(self, z: Float[Tensor, "n z"]) -> Float[Tensor, "n ..."]:
        """Return one sample per latent vector."""
        return self.shape(self.blocks(z))


class MLPDiscriminator(pl.LightningModule):
    """Images or points to logits.

    Args:
        shape: Of one sample: (C, H, W) for images, (D,) for points.
        hidden: Units of each hidden layer.
        norm: What follows each layer but the logit: a name, a mapping with options, or a callable.
        weight_norm: What re-parametrizes each layer's weight, the logit's too.
        norm_at: Which layers carry the norm: "inner" (all but the first), "all", or numbers from 0.

    Shapes:
        (N, *shape) to (N,).

    Raises:
        ValueError: No such norm, or one that points cannot have.

    Example:
        >>> import torch
        >>> MLPDiscriminator(shape=(2,))(torch.zeros(5, 2)).shape
        torch.Size([5])
    """

    def __init__(
        self,
        *,
        shape: Sequence[int] = (1, 28, 28),
        hidden: Sequence[int] = (256, 256),
        norm: NormSpec = "layer",
        weight_norm: WeightNormSpec = None,
        norm_at: NormAt = "inner",
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        units = [math.prod(shape), *hidden]
        norm_of = norm_of_each_layer(norm, norm_at, len(hidden), image_layer=0)
        self.blocks = nn.Sequential(
            *[
                block(
                    partial(nn.Linear, units[i], units[i + 1]),
                    units[i + 1],
                    norm=norm_of[i],
                    weight_norm=weight_norm,
                    activation=nn.LeakyReLU(0.2),
                    dims=0,
                )
                for i in range(len(hidden))
            ]
        )
        self.logit = norms.wrap(weight_norm, nn.Linear(units[-1], 1))

    def forward(self, x: Float[Tensor, "n ..."]) -> Float[Tensor, " n"]:
        """Return one logit per sample, high where it looks real."""
        return self.logit(self.blocks(x.flatten(1))).squeeze(1)

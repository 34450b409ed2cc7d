"""Multilayer perceptrons for images and points, any norm in either."""

import math
from collections.abc import Callable, Sequence

import pytorch_lightning as pl
from jaxtyping import Float
from torch import Tensor, nn

from gannorm import norms
from gannorm.networks.activation import ActivationSpec, pieces_of
from gannorm.networks.activation import activation as activation_of
from gannorm.networks.block import NormAt, NormSpec, WeightNormSpec, block, norm_of_each_layer
from gannorm.networks.initial import InitSpec, drawing


def linear(spec: InitSpec, num_in: int, num_out: int) -> Callable[..., nn.Module]:
    """Return what makes a linear layer with its weights drawn as `init` says."""
    draw = drawing(spec)
    return lambda *, bias=True: draw(nn.Linear(num_in, num_out, bias=bias))


class MLPGenerator(pl.LightningModule):
    """Latent vectors to images (through tanh) or points (as they are).

    Args:
        shape: Of one sample: (C, H, W) for images, (D,) for points.
        hidden: Units of each hidden layer.
        latent_dim: Length of a latent vector.
        norm: What follows each layer: a name, a mapping with options, or a callable.
        weight_norm: What re-parametrizes each layer's weight.
        norm_at: Which layers carry the norm: "inner" (all but the output), "all", or numbers from 0.
        activation: Of the hidden layers, such as "tanh" or {"name": "maxout", "pieces": 5}.
        init: What draws the weights, such as {"name": "orthogonal", "gain": 0.8}; None = as torch does.

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
        activation: ActivationSpec = "relu",
        init: InitSpec = None,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.latent_dim = latent_dim
        norm_of = norm_of_each_layer(norm, norm_at, len(hidden) + 1, image_layer=len(hidden))
        layers = hidden_layers(
            (latent_dim, *hidden), norm_of, weight_norm=weight_norm, activation=activation, init=init
        )
        output = block(
            linear(init, (latent_dim, *hidden)[-1], math.prod(shape)),
            math.prod(shape),
            norm=norm_of[-1],
            weight_norm=weight_norm,
            activation=nn.Tanh() if len(shape) > 1 else nn.Identity(),
            dims=0,
        )
        self.blocks = nn.Sequential(*layers, output)
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
        activation: Of the hidden layers, such as "tanh" or {"name": "maxout", "pieces": 5}.
        init: What draws the weights, such as {"name": "normal", "std": 0.02}; None = as torch does.
        packing: How many samples are judged together, as one pack.

    Shapes:
        (N, *shape) to (N,); with packing m the first axis of a sample is m times as long.

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
        activation: ActivationSpec = "leaky_relu",
        init: InitSpec = None,
        packing: int = 1,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.packing = packing
        units = (packing * math.prod(shape), *hidden)
        norm_of = norm_of_each_layer(norm, norm_at, len(hidden), image_layer=0)
        layers = hidden_layers(units, norm_of, weight_norm=weight_norm, activation=activation, init=init)
        self.blocks = nn.Sequential(*layers)
        self.logit = norms.wrap(weight_norm, linear(init, units[-1], 1)())

    def features(self, x: Float[Tensor, "n ..."]) -> Float[Tensor, "n d"]:
        """Return what the logit is a linear function of."""
        return self.blocks(x.flatten(1))

    def forward(self, x: Float[Tensor, "n ..."]) -> Float[Tensor, " n"]:
        """Return one logit per sample, high where it looks real."""
        return self.logit(self.features(x)).squeeze(1)


def hidden_layers(
    units: Sequence[int],
    norm_of: Sequence[NormSpec],
    *,
    weight_norm: WeightNormSpec,
    activation: ActivationSpec,
    init: InitSpec,
) -> list[nn.Module]:
    """Return the layers between neighbouring numbers of units, each with its norm and activation."""
    pieces = pieces_of(activation_of(activation))
    return [
        block(
            linear(init, units[i], pieces * units[i + 1]),
            pieces * units[i + 1],
            norm=norm_of[i],
            weight_norm=weight_norm,
            activation=activation_of(activation),
            dims=0,
        )
        for i in range(len(units) - 1)
    ]

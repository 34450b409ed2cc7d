"""Multilayer perceptrons for images and points, any norm in either."""

import math
from collections.abc import Callable, Sequence

from jaxtyping import Float
from torch import Tensor, nn

from gannorm.networks.activation import ActivationSpec, pieces_of
from gannorm.networks.activation import activation as activation_of
from gannorm.networks.block import NormAt, NormSpec, WeightNormSpec, block, norm_of_each_layer
from gannorm.networks.condition import in_a_row, through
from gannorm.networks.discriminator import Discriminator
from gannorm.networks.generator import Generator
from gannorm.networks.initial import InitSpec, drawing
from gannorm.remedies.minibatch import MinibatchSpec


def linear(spec: InitSpec, num_in: int, num_out: int) -> Callable[..., nn.Module]:
    """Return what makes a linear layer with its weights drawn as `init` says."""
    draw = drawing(spec)
    return lambda *, bias=True: draw(nn.Linear(num_in, num_out, bias=bias))


def check_shape(shape: Sequence[int]) -> None:
    """Raise ValueError unless samples of this shape have numbers in them."""
    if not shape or min(shape) < 1:
        raise ValueError(f"shape={list(shape)}: the length of each axis of a sample, (2,) for points; at least 1")


class MLPGenerator(Generator):
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
        num_classes: Of the labels that say what to make; 0 for none.

    Shapes:
        (N, latent_dim), with classes (N,) int64 beside them, to (N, *shape).

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
        num_classes: int = 0,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        check_shape(shape)
        norm_of = norm_of_each_layer(norm, norm_at, len(hidden) + 1, image_layer=len(hidden))
        input_dim, condition_dim = self.set_up(latent_dim, num_classes, norm_of)
        units = (input_dim, *hidden)
        layers = hidden_layers(
            units, norm_of, weight_norm=weight_norm, activation=activation, init=init, condition_dim=condition_dim
        )
        output = block(
            linear(init, units[-1], math.prod(shape)),
            math.prod(shape),
            norm=norm_of[-1],
            weight_norm=weight_norm,
            activation=nn.Tanh() if len(shape) > 1 else nn.Identity(),
            dims=0,
            condition_dim=condition_dim,
        )
        self.blocks = in_a_row([*layers, output])
        self.shape = nn.Unflatten(1, tuple(shape))
        self.embed_classes()

    def make(self, z: Float[Tensor, "n z"], condition: Float[Tensor, "n e"] | None) -> Float[Tensor, "n ..."]:
        """Return one sample per latent vector."""
        return self.shape(through(self.blocks, z, condition))


class MLPDiscriminator(Discriminator):
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
        minibatch: What lets a sample see the others of its batch: None, "stddev", or "discrimination".
        num_classes: Of the labels that say what a sample should be; 0 for none.

    Shapes:
        (N, *shape), with classes (N,) int64 beside them, to (N,); with packing m the first axis of a sample is m times
        as long.

    Raises:
        ValueError: No such norm, or one that points cannot have; or packs of labelled samples.

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
        minibatch: MinibatchSpec = None,
        num_classes: int = 0,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        check_shape(shape)
        self.set_up(packing, num_classes)
        units = (packing * math.prod(shape), *hidden)
        norm_of = norm_of_each_layer(norm, norm_at, len(hidden), image_layer=0)
        layers = hidden_layers(units, norm_of, weight_norm=weight_norm, activation=activation, init=init)
        self.blocks = nn.Sequential(*layers)
        self.add_logit(lambda num: linear(init, num, 1)(), units[-1], weight_norm=weight_norm, minibatch=minibatch)

    def features(self, x: Float[Tensor, "n ..."]) -> Float[Tensor, "n d"]:
        """Return the last hidden layer's units."""
        return self.blocks(x.flatten(1))


def hidden_layers(
    units: Sequence[int],
    norm_of: Sequence[NormSpec],
    *,
    weight_norm: WeightNormSpec,
    activation: ActivationSpec,
    init: InitSpec,
    condition_dim: int = 0,
) -> list[nn.Module]:
    """Return the layers between neighbouring numbers of units, each with its norm and activation."""
    if min(units) < 1:
        raise ValueError(f"hidden={list(units[1:])}: each layer has at least 1 unit")
    pieces = pieces_of(activation_of(activation))
    return [
        block(
            linear(init, units[i], pieces * units[i + 1]),
            pieces * units[i + 1],
            norm=norm_of[i],
            weight_norm=weight_norm,
            activation=activation_of(activation),
            dims=0,
            condition_dim=condition_dim,
        )
        for i in range(len(units) - 1)
    ]

"""One layer of a network with what follows it: weight norm, norm, activation."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from torch import nn

from gannorm import norms

NormSpec = str | Mapping[str, Any] | Callable[[int], nn.Module] | None
WeightNormSpec = str | Mapping[str, Any] | None
HIDDEN = (nn.ReLU, nn.LeakyReLU)  # activations of hidden layers
NormAt = Literal["inner", "all"] | Sequence[int]


def block(
    make_layer: Callable[..., nn.Module],
    channels: int,
    *,
    norm: NormSpec,
    weight_norm: WeightNormSpec,
    activation: nn.Module,
    dims: int = 2,
    reshape: nn.Module | None = None,
) -> nn.Sequential:
    """Return layer, (reshape,) norm and activation in a row, under names that no norm changes.

    A norm that brings its own activation stands in place of a hidden layer's, never in place of an output's, which
    brings images into their range.

    The bias of the layer is left out only where the norm subtracts it again exactly: not where it differs between
    positions of one channel, as that of a linear layer whose output is reshaped to a feature map.

    Args:
        make_layer: Takes `bias`, whether to have one, and returns the layer with its weights drawn.
        channels: What the norm gets.
        norm: What follows the layer.
        weight_norm: What re-parametrizes the layer's weight.
        activation: What follows the norm.
        dims: Number of spatial axes that the norm sees.
        reshape: What brings the layer's output into the shape that the norm expects.
    """
    has_bias = reshape is not None or not norms.bias_redundant(norm, channels)
    if norms.activates(norm) and isinstance(activation, HIDDEN):
        activation = nn.Identity()
    parts = [
        ("layer", norms.wrap(weight_norm, make_layer(bias=has_bias))),
        ("reshape", reshape or nn.Identity()),
        ("norm", norms.create(norm, channels, dims=dims)),
        ("activation", activation),
    ]
    return nn.Sequential(OrderedDict(parts))


def norm_of_each_layer(norm: NormSpec, norm_at: NormAt, num_layers: int, *, image_layer: int) -> list[NormSpec]:
    """Return the norm of each layer: `norm` where `norm_at` says so, else None.

    Args:
        norm: The network's norm.
        norm_at: "inner" (all but the layer that touches images), "all", or the layers' numbers from 0.
        num_layers: How many layers can carry a norm (a discriminator's last layer, its logit, never does).
        image_layer: Number of the layer that touches images.

    Raises:
        ValueError: A number in `norm_at` is no layer of this network.

    Example:
        >>> norm_of_each_layer("batch", "inner", 3, image_layer=2)
        ['batch', 'batch', None]
    """
    positions = set(range(num_layers))
    if norm_at == "inner":
        chosen = positions - {image_layer}
    elif norm_at == "all":
        chosen = positions
    else:
        chosen = {int(number) for number in norm_at}
    if not chosen <= positions:
        raise ValueError(
            f"norm_at={sorted(chosen)} names layers that are not there; this network's are {sorted(positions)}"
        )
    return [norm if number in chosen else None for number in range(num_layers)]

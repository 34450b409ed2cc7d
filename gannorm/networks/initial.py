"""Weights before the first step, by name, as papers state them."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

InitSpec = str | Mapping[str, Any] | None


def _normal(weight: Tensor, *, std: float = 0.02) -> None:
    nn.init.normal_(weight, std=std)


def _orthogonal(weight: Tensor, *, gain: float = 1.0) -> None:
    nn.init.orthogonal_(weight, gain=gain)


def _scaled(weight: Tensor, *, gain: float = 1.0) -> None:
    nn.init.normal_(weight, std=gain / math.sqrt(weight[0].numel()))


def _glorot(weight: Tensor, *, gain: float = 1.0) -> None:
    nn.init.xavier_uniform_(weight, gain=gain)


INITS: dict[str, Callable[..., None]] = {
    "normal": _normal,
    "orthogonal": _orthogonal,
    "scaled": _scaled,
    "glorot": _glorot,
}
"""What draws a weight: N(0, std²); an orthogonal matrix times a gain; N(0, gain²/inputs), which with gain 1 keeps the
variance of what passes; U(−a, a) with a = gain·√(6/(inputs + outputs))."""


def drawing(spec: InitSpec) -> Callable[[nn.Module], nn.Module]:
    """Return what draws a layer's weight anew and sets its bias to 0; None leaves both as torch draws them.

    Args:
        spec: A name of `INITS`, `{name: ..., **options}`, or None.

    Raises:
        ValueError: There is no such initialization, or it has no such option.

    Example:
        >>> drawing({"name": "normal", "std": 1e-9})(nn.Linear(2, 2)).weight.abs().max().item() < 1e-6
        True
    """
    if spec is None:
        return lambda layer: layer
    options = {"name": spec} if isinstance(spec, str) else dict(spec)
    name = options.pop("name", None)
    if name not in INITS:
        raise ValueError(f"init {spec!r} is none of {', '.join(INITS)}")

    def draw(layer: nn.Module) -> nn.Module:
        try:
            INITS[name](layer.get_parameter("weight"), **options)
        except TypeError as error:
            raise ValueError(f"init {spec!r}: {error}") from error
        if getattr(layer, "bias", None) is not None:
            nn.init.zeros_(layer.get_parameter("bias"))
        return layer

    return draw

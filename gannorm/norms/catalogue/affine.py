"""What the norms written here share: γ and β per channel under torch's names, and float32 for half precision."""

import inspect
from typing import Any

import torch
from torch import Tensor, nn

from gannorm.norms.errors import NormOptionError, NormShapeError

HALF = (torch.float16, torch.bfloat16)


class ChannelAffine(nn.Module):
    """Base of norms of (N, C, *space): `weight` γ and `bias` β of shape (C,), or None; abstract.

    Subclasses keep every option as an attribute of the same name, so that a layer can be read back to its spec.

    Args:
        channels: C.
        dims: Number of spatial axes.
        affine: Whether there are γ (start: 1) and β (start: 0).
        shift: Whether there is β, if there is γ.
    """

    weight: nn.Parameter | None
    bias: nn.Parameter | None

    def __init__(self, channels: int, *, dims: int, affine: bool, shift: bool = True) -> None:
        super().__init__()
        self.channels = channels
        self.dims = dims
        self.affine = affine
        self.register_parameter("weight", nn.Parameter(torch.empty(channels)) if affine else None)
        self.register_parameter("bias", nn.Parameter(torch.empty(channels)) if affine and shift else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set γ to 1 and β to 0."""
        if self.weight is not None:
            nn.init.ones_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def scaled(self, x: Tensor, factor: Tensor | None = None) -> Tensor:
        """Return γ x + β; with a factor (N, C) γ f x + β, in one pass over x."""
        if factor is None:
            scale = None if self.weight is None else per_channel(self.weight, self.dims)
        else:
            scale = per_position(factor if self.weight is None else factor * self.weight, self.dims)
        if scale is None:
            return x
        return x * scale if self.bias is None else torch.addcmul(per_channel(self.bias, self.dims), x, scale)

    def extra_repr(self) -> str:
        """Return channels and options, as in torch's own layers."""
        return options_text(self)


def checked(norm: Any, x: Tensor) -> Tensor:
    """Return the input of a norm in float32 or more; statistics in half precision would overflow.

    Raises:
        NormShapeError: It is not (N, channels) with `dims` axes of space.
    """
    if x.ndim != norm.dims + 2 or x.shape[1] != norm.channels:
        name = type(norm).__name__
        raise NormShapeError(
            f"norm {name} of {norm.channels} channels and dims={norm.dims} got an input of shape {tuple(x.shape)}; "
            f"it takes (N, {norm.channels}{', size' * norm.dims})",
            norm=name, channels=norm.channels, dims=norm.dims, divisors=[],
        )  # fmt: skip
    return x.float() if x.dtype in HALF else x


def options_text(norm: Any) -> str:
    """Return channels and options of a norm whose options are attributes."""
    options = list(inspect.signature(type(norm)).parameters)[1:]
    return ", ".join([str(norm.channels), *(f"{name}={getattr(norm, name)}" for name in options)])


def per_channel(values: Tensor, dims: int) -> Tensor:
    """Return values (C,) in a shape that meets (N, C, *space) channel by channel.

    Example:
        >>> per_channel(torch.ones(3), 2).shape
        torch.Size([3, 1, 1])
    """
    return values.view(-1, *(1,) * dims)


def per_position(values: Tensor, dims: int) -> Tensor:
    """Return values (N, C) in a shape that meets (N, C, *space)."""
    return values.view(*values.shape, *(1,) * dims)


def like(values: Tensor | None, x: Tensor) -> Tensor | None:
    """Return values in the type of x; torch's fused operations take no mixture."""
    return None if values is None else values.to(x.dtype)


def mixture_of(norm: str, channels: int, rho: float, ends: str) -> nn.Parameter:
    """Return a parameter (C,) whose sigmoid is ρ: it stays between 0 and 1 whatever an optimizer does.

    Args:
        norm: Whose it is, for the message.
        channels: C.
        rho: ρ at the start.
        ends: The norms at 0 and 1.

    Raises:
        NormOptionError: ρ is not between 0 and 1.
    """
    if not 0 < rho < 1:
        raise NormOptionError(
            f"norm {norm!r}: rho={rho}: a share between 0 and 1; for the ends use {ends}",
            norm=norm, option="rho", value=rho, accepted={},
        )  # fmt: skip
    return nn.Parameter(torch.full((channels,), rho).logit())

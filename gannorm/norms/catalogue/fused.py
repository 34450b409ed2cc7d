"""Norms that bring their own activation: they stand in place of norm and activation.

Letters: N batch, C channels, G groups, ε `eps`, γ and β per channel. What conditions γ and β stands between the
normalization and the activation; so the activation is a module of its own, `activation`.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from gannorm.norms.catalogue.activation import groups_of, number_of_groups
from gannorm.norms.catalogue.affine import ChannelAffine, checked, per_channel
from gannorm.norms.registry import register


class ThresholdedLinearUnit(nn.Module):
    """The activation max(y, τ) with τ learned per channel, from 0 (Singh & Krishnan 2020, equation 4).

    Args:
        channels: C.
        dims: Number of spatial axes.

    Example:
        >>> ThresholdedLinearUnit(2, dims=0)(torch.tensor([[-1.0, 2.0]])).tolist()
        [[0.0, 2.0]]
    """

    def __init__(self, channels: int, *, dims: int) -> None:
        super().__init__()
        self.dims = dims
        self.threshold = nn.Parameter(torch.zeros(channels))

    def forward(self, y: Tensor) -> Tensor:
        """Return max(y, τ)."""
        threshold = per_channel(self.threshold, self.dims)
        return torch.relu(y - threshold) + threshold  # four times as fast, both ways, as torch.maximum


@register(
    "filter_response",
    aliases=("FRN",),
    kind="fused",
    axes=("space",),
    centers=False,
    dims=(1, 2, 3),
    formula="y = max(γ x / √(mean(x²) + ε) + β, τ)",
    paper="Singh & Krishnan 2020, arXiv:1911.09737, equations 1-4",
    deviations="ε is fixed: the paper learns it where there is one position only, on which this norm is not made",
)
class FilterResponseNorm(ChannelAffine):
    """Per sample and channel, by the root mean square over all positions, with a learned threshold as activation.

    Args:
        channels: C.
        dims: Number of spatial axes.
        eps: ε.
        affine: Whether there are γ and β.
        threshold: Whether max(y, τ) follows; without it an activation of one's own has to.

    Example:
        >>> x = torch.tensor([[[3.0, -3.0]]])  # (N, C, L) = (1, 1, 2)
        >>> FilterResponseNorm(1, dims=1)(x).detach().round(decimals=4).tolist()
        [[[1.0, 0.0]]]
    """

    def __init__(
        self, channels: int, *, dims: int, eps: float = 1e-6, affine: bool = True, threshold: bool = True
    ) -> None:
        super().__init__(channels, dims=dims, affine=affine)
        self.eps = eps
        self.threshold = threshold
        self.activation = ThresholdedLinearUnit(channels, dims=dims) if threshold else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Return x normalized, then activated."""
        h = checked(self, x)
        values = h.flatten(2)
        mean_square = torch.linalg.vecdot(values, values) / values.shape[2]
        return self.activation(self.scaled(h, (mean_square + self.eps).rsqrt())).to(x.dtype)


@register(
    "evonorm_s0",
    kind="fused",
    axes=("group", "space"),
    centers=False,
    variance=True,
    groups=groups_of,
    formula="y = γ x sigmoid(v x) / √(σ² + ε) + β, v per channel",
    paper="Liu et al. 2020, arXiv:2004.02967, table 3 and appendix",
    deviations="num_groups='auto' leaves at least 4 channels per group; the paper takes 32 groups",
)
class EvoNormS0(ChannelAffine):
    """Per sample and group, a learned x sigmoid(v x) by the standard deviation over the group and all positions.

    Args:
        channels: C.
        dims: Number of spatial axes.
        num_groups: G, or "auto": see `number_of_groups`.
        group_size: C / G, instead of `num_groups`.
        eps: ε.
        affine: Whether there are γ and β.

    Example:
        >>> EvoNormS0(8, dims=0)(torch.zeros(1, 8)).tolist()
        [[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]
    """

    def __init__(
        self,
        channels: int,
        *,
        dims: int,
        num_groups: int | Literal["auto"] = "auto",
        group_size: int | None = None,
        eps: float = 1e-5,
        affine: bool = True,
    ) -> None:
        super().__init__(channels, dims=dims, affine=affine)
        self.num_groups = number_of_groups(channels, num_groups, group_size, norm="evonorm_s0")
        self.group_size = None
        self.eps = eps
        self.slope = nn.Parameter(torch.ones(channels))  # v
        self.activation = nn.Identity()  # it is in the formula

    def forward(self, x: Tensor) -> Tensor:
        """Return x activated and normalized."""
        h = checked(self, x)
        grouped = h.unflatten(1, (self.num_groups, -1))
        variance = grouped.var(dim=tuple(range(2, grouped.ndim)), correction=0)
        variance = variance.repeat_interleave(self.channels // self.num_groups, dim=1)
        activated = h * torch.sigmoid(h * per_channel(self.slope, self.dims))
        return self.scaled(activated, (variance + self.eps).rsqrt()).to(x.dtype)

"""Norms that mix two others, in a proportion ρ per channel that is learned."""

import torch
import torch.nn.functional as F
from torch import Tensor

from gannorm.norms.catalogue.affine import ChannelAffine, checked, like, mixture_of
from gannorm.norms.catalogue.batch_variants import RunningStatistics, by_own_statistics
from gannorm.norms.registry import register


@register(
    "layer_instance",
    aliases=("ILN", "LIN"),
    axes=("channel", "space"),
    dims=(1, 2, 3),
    formula="y = γ (ρ x̂_I + (1 − ρ) x̂_L) + β; x̂_I by the mean and variance over space (instance norm), x̂_L over "
    "channels and space (layer norm); ρ per channel",
    paper="Kim et al. 2020 (U-GAT-IT), arXiv:1907.10830, equation 2",
    deviations="ρ = sigmoid of a parameter, from `rho`; the paper clips ρ to [0, 1] after each step of the optimizer",
)
class LayerInstanceNorm(ChannelAffine):
    """Per sample, a learned mixture per channel of instance norm and layer norm.

    Args:
        channels: C.
        dims: Number of spatial axes.
        eps: ε.
        affine: Whether there are γ and β.
        rho: ρ at the start, between 0 (layer norm) and 1 (instance norm).

    Raises:
        NormOptionError: `rho` is not between 0 and 1.

    Example:
        >>> LayerInstanceNorm(4, dims=2)(torch.randn(2, 4, 3, 3)).shape
        torch.Size([2, 4, 3, 3])
    """

    def __init__(self, channels: int, *, dims: int, eps: float = 1e-5, affine: bool = True, rho: float = 0.5) -> None:
        super().__init__(channels, dims=dims, affine=affine)
        self.eps = eps
        self.rho = rho
        self.mixture = mixture_of("layer_instance", channels, rho, "'layer' or 'instance'")

    def forward(self, x: Tensor) -> Tensor:
        """Return the mixture, by two of torch's fused group norms."""
        h = checked(self, x)
        rho = torch.sigmoid(self.mixture)
        gamma = torch.ones_like(rho) if self.weight is None else self.weight
        instance = F.group_norm(h, self.channels, like(gamma * rho, h), like(self.bias, h), self.eps)
        layer = F.group_norm(h, 1, like(gamma * (1 - rho), h), None, self.eps)
        return (instance + layer).to(x.dtype)


@register(
    "batch_instance",
    aliases=("BIN",),
    axes=("batch", "space"),
    centers=True,
    dims=(1, 2, 3),
    formula="y = γ (ρ x̂_B + (1 − ρ) x̂_I) + β; x̂_B of batch norm, x̂_I of instance norm; ρ per channel",
    paper="Nam & Kim 2018, arXiv:1805.07925, equation 4",
    deviations="ρ = sigmoid of a parameter, from `rho`; the paper clips ρ to [0, 1] after each step, from 1",
)
class BatchInstanceNorm(RunningStatistics):
    """Per channel, a learned mixture of batch norm and instance norm: which styles of an image are kept.

    Args:
        channels: C.
        dims: Number of spatial axes.
        eps: ε.
        momentum: Share of a new batch in the running averages.
        affine: Whether there are γ and β.
        rho: ρ at the start, between 0 (instance norm) and 1 (batch norm).

    Raises:
        NormOptionError: `rho` is not between 0 and 1.

    Example:
        >>> BatchInstanceNorm(4, dims=2)(torch.randn(2, 4, 3, 3)).shape
        torch.Size([2, 4, 3, 3])
    """

    def __init__(
        self,
        channels: int,
        *,
        dims: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = True,
        rho: float = 0.5,
    ) -> None:
        super().__init__(channels, dims=dims, eps=eps, momentum=momentum, affine=affine)
        self.rho = rho
        self.mixture = mixture_of("batch_instance", channels, rho, "'instance' or 'batch'")

    def by_batch(self, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Mix both norms of the batch."""
        gamma, beta = self.gamma_and_beta(h)
        rho = torch.sigmoid(self.mixture).to(h.dtype)
        y, mean, variance = by_own_statistics(h, gamma * rho, beta, self.eps)
        return y + self.by_instance(h, gamma * (1 - rho)), mean, variance

    def by_running_statistics(self, h: Tensor) -> Tensor:
        """Mix both norms, batch norm by its running statistics."""
        gamma, beta = self.gamma_and_beta(h)
        rho = torch.sigmoid(self.mixture).to(h.dtype)
        statistics = self.running_mean.to(h.dtype), self.running_var.to(h.dtype)
        y = F.batch_norm(h, *statistics, gamma * rho, beta, False, 0.0, self.eps)
        return y + self.by_instance(h, gamma * (1 - rho))

    def by_instance(self, h: Tensor, weight: Tensor) -> Tensor:
        """Return instance norm of h, without β."""
        return F.group_norm(h, self.channels, weight, None, self.eps)

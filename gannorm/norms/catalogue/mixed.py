"""Norms that mix two others."""

import torch
import torch.nn.functional as F
from torch import Tensor

from gannorm.norms.catalogue.affine import ChannelAffine, checked, like, mixture_of
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

"""Layers that took a norm's place: one that compares channels, one that has no statistics at all."""

import torch
from torch import Tensor, nn

from gannorm.norms.catalogue.affine import ChannelAffine, checked
from gannorm.norms.registry import register


@register(
    "global_response",
    aliases=("GRN",),
    axes=("channel", "space"),
    centers=False,
    dims=(1, 2, 3),
    formula="y = x + γ x g_c / (mean over channels of g + ε) + β, g_c = ‖x_c‖ over space; γ = β = 0 at the start",
    paper="Woo et al. 2023 (ConvNeXt V2), arXiv:2301.00808, Algorithm 1",
)
class GlobalResponseNorm(ChannelAffine):
    """Per sample, each channel raised by its share of the response of all channels; meant beside another norm.

    Args:
        channels: C.
        dims: Number of spatial axes.
        eps: ε.

    Example:
        >>> norm, x = GlobalResponseNorm(4, dims=2), torch.randn(2, 4, 3, 3)
        >>> torch.equal(norm(x), x)  # at the start
        True
    """

    def __init__(self, channels: int, *, dims: int, eps: float = 1e-6) -> None:
        super().__init__(channels, dims=dims, affine=True)
        self.eps = eps

    def reset_parameters(self) -> None:
        """Set γ and β to 0."""
        for parameter in self.parameters(recurse=False):
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        """Return x with its channels set against each other."""
        h = checked(self, x)
        values = h.flatten(2)
        # Under the root, so that a channel of zeros has derivatives.
        response = (torch.linalg.vecdot(values, values) + torch.finfo(h.dtype).tiny).sqrt()
        share = response / (response.mean(1, keepdim=True) + self.eps)
        return (h + self.scaled(h, share)).to(x.dtype)


@register(
    "dynamic_tanh",
    aliases=("DyT",),
    axes=(),
    centers=False,
    formula="y = γ tanh(α x) + β, α one learned number",
    paper="Zhu et al. 2025, arXiv:2503.10622, equation 1",
)
class DynamicTanh(ChannelAffine):
    """Each value by itself, squashed; the paper's claim is for transformers.

    Args:
        channels: C.
        dims: Number of spatial axes.
        alpha: α at the start.
        affine: Whether there are γ and β.

    Example:
        >>> DynamicTanh(1, dims=0)(torch.tensor([[0.0]])).item()
        0.0
    """

    def __init__(self, channels: int, *, dims: int, alpha: float = 0.5, affine: bool = True) -> None:
        super().__init__(channels, dims=dims, affine=affine)
        self.alpha = alpha
        self.slope = nn.Parameter(torch.tensor(alpha))

    def forward(self, x: Tensor) -> Tensor:
        """Return x squashed."""
        return self.scaled(torch.tanh(self.slope * checked(self, x))).to(x.dtype)

"""Norms over the channels at each position: what one pixel, one time step or one point says of itself.

Letters: N batch, C channels, μ mean and σ² variance over the C channels of one position, ε `eps`, γ and β per channel.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from gannorm.norms.catalogue.affine import ChannelAffine, checked, like
from gannorm.norms.registry import register


class ChannelLayerNorm(ChannelAffine):
    """Layer norm over C of (N, C, *space) at each position; what `layer_channels` is made of for dims > 0.

    Args:
        channels: C.
        dims: Number of spatial axes, at least 1; points have `torch.nn.LayerNorm`.
        eps: ε.
        affine: Whether there are γ and β.

    Example:
        >>> import torch
        >>> x = torch.tensor([[[1.0, 5.0], [3.0, 5.0]]])  # (N, C, L) = (1, 2, 2)
        >>> ChannelLayerNorm(2, dims=1)(x).detach().round().tolist()
        [[[-1.0, 0.0], [1.0, 0.0]]]
    """

    def __init__(self, channels: int, *, dims: int, eps: float = 1e-5, affine: bool = True) -> None:
        super().__init__(channels, dims=dims, affine=affine)
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Return x normalized, in the memory layout of x."""
        h = checked(self, x)
        y = F.layer_norm(h.movedim(1, -1), (self.channels,), like(self.weight, h), like(self.bias, h), self.eps)
        y = y.movedim(-1, 1).to(x.dtype)
        return y.contiguous() if x.is_contiguous() else y


@register(
    "layer_channels",
    axes=("channel",),
    formula="y = γ (x − μ) / √(σ² + ε) + β",
    paper="Ba et al. 2016, arXiv:1607.06450, equations 3-4; for images Liu et al. 2022 (ConvNeXt), arXiv:2201.03545",
    deviations="eps 1e-5 as torch; ConvNeXt's code takes 1e-6",
)
def layer_channels(channels: int, *, dims: int, eps: float = 1e-5, affine: bool = True) -> nn.Module:
    """Per sample and position, over all channels: the layer norm of an RNN step, LayerNorm2d of ConvNeXt."""
    if dims == 0:
        return nn.LayerNorm(channels, eps=eps, elementwise_affine=affine)
    return ChannelLayerNorm(channels, dims=dims, eps=eps, affine=affine)


class ChannelRMSNorm(ChannelAffine):
    """RMS norm over C of (N, C, *space) at each position; what `rms` is made of for dims > 0.

    Args:
        channels: C.
        dims: Number of spatial axes, at least 1; points have `torch.nn.RMSNorm`.
        eps: ε.
        affine: Whether there is γ.

    Example:
        >>> import torch
        >>> x = torch.tensor([[[3.0], [-3.0]]])  # (N, C, L) = (1, 2, 1)
        >>> ChannelRMSNorm(2, dims=1)(x).detach().round(decimals=4).tolist()
        [[[1.0], [-1.0]]]
    """

    def __init__(self, channels: int, *, dims: int, eps: float = 1e-6, affine: bool = True) -> None:
        super().__init__(channels, dims=dims, affine=affine, shift=False)
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Return x normalized."""
        return self.scaled(_by_root_mean_square(checked(self, x), self.eps)).to(x.dtype)


@register(
    "rms",
    axes=("channel",),
    centers=False,
    formula="y = γ x / √(mean(x²) + ε)",
    paper="Zhang & Sennrich 2019, arXiv:1910.07467, equation 4",
    deviations="ε inside the root, which the equation has not; no β, as in the paper",
)
def rms(channels: int, *, dims: int, eps: float = 1e-6, affine: bool = True) -> nn.Module:
    """Per sample and position, by the root mean square of all channels; nothing is subtracted."""
    if dims == 0:
        return nn.RMSNorm(channels, eps=eps, elementwise_affine=affine)
    return ChannelRMSNorm(channels, dims=dims, eps=eps, affine=affine)


@register(
    "pixel",
    axes=("channel",),
    centers=False,
    formula="y = x / √(mean(x²) + ε)",
    paper="Karras et al. 2018, arXiv:1710.10196, section 4.2",
)
class PixelNorm(ChannelAffine):
    """Per sample and position, by the root mean square of all channels; nothing is learned.

    Example:
        >>> import torch
        >>> PixelNorm(2, dims=0)(torch.tensor([[3.0, -3.0]])).round(decimals=4)
        tensor([[ 1., -1.]])
    """

    def __init__(self, channels: int, *, dims: int, eps: float = 1e-8) -> None:
        super().__init__(channels, dims=dims, affine=False)
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Return each position divided by its root mean square."""
        return _by_root_mean_square(checked(self, x), self.eps).to(x.dtype)


def _by_root_mean_square(x: Tensor, eps: float) -> Tensor:
    # Not by vector_norm, which is faster: its second derivative at 0, where ReLU leaves whole positions, is none.
    return x * (x.square().mean(1, keepdim=True) + eps).rsqrt()

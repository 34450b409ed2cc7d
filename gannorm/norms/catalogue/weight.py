"""Norms of weights: a layer goes in, the same layer comes out with its weight re-parametrized.

Letters: W a layer's weight, seen as a matrix with one row per output: a linear layer's or convolution's rows as they
are, a transposed convolution's with its axes turned. `layer.weight` reads the normalized one.
"""

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize

from gannorm.norms.errors import NormKindError, NormShapeError
from gannorm.norms.registry import register

OLD_HOOKS = ("weight_orig", "weight_g")  # what torch's norms from before parametrizations leave on a layer
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


@register(
    "spectral",
    aliases=("SN",),
    kind="weight",
    axes=(),
    centers=False,
    differs_in_eval=True,
    formula="W̃ = W / σ₁(W), σ₁ by power iteration, a step per forward pass in training mode",
    paper="Miyato et al. 2018, arXiv:1802.05957, equation 8 and Algorithm 1",
    deviations="15 power iterations when the layer is wrapped, so that σ₁ is near from the start (torch)",
)
def spectral(layer: nn.Module, *, n_power_iterations: int = 1, eps: float = 1e-12) -> nn.Module:
    """Divide a layer's weight by its largest singular value; a convolution's kernel as a matrix of out × rest."""
    check_layer("spectral", layer)
    return parametrizations.spectral_norm(layer, n_power_iterations=n_power_iterations, eps=eps)


class PerOutput(nn.Module):
    """Base of parametrizations that treat each output's weights alone; abstract.

    Args:
        layer: A linear layer or a convolution.
    """

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.transposed = isinstance(layer, TRANSPOSED)
        self.groups = int(getattr(layer, "groups", 1))

    def split(self, weight: Tensor) -> tuple[Tensor, tuple[int, ...]]:
        """Return the weight, and the axes of it that belong to one output."""
        if not self.transposed:  # (out, in / groups, ...)
            return weight, tuple(range(1, weight.ndim))
        if self.groups == 1:  # (in, out, ...)
            return weight, (0, *range(2, weight.ndim))
        grouped = weight.unflatten(0, (self.groups, -1))  # (groups, in / groups, out / groups, ...)
        return grouped, (1, *range(3, grouped.ndim))


class NormalizedWeight(PerOutput):
    """The parametrization g W / ‖W‖, ‖W‖ and g for each output."""

    def forward(self, length: Tensor, weight: Tensor) -> Tensor:
        """Return the weight with lengths g, of the shape of W."""
        w, axes = self.split(weight)
        return (w * (length / torch.linalg.vector_norm(w, dim=axes, keepdim=True))).view_as(weight)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Return g and W that make this weight: its lengths and itself."""
        w, axes = self.split(weight)
        return torch.linalg.vector_norm(w, dim=axes, keepdim=True), weight


@register(
    "weight",
    aliases=("WN",),
    kind="weight",
    axes=(),
    centers=False,
    formula="W̃ = g W / ‖W‖ for each output, g learned, at the start ‖W‖",
    paper="Salimans & Kingma 2016, arXiv:1602.07868, equation 2",
    deviations="no data-dependent start: g begins so that the layer computes what it computed without. Not torch's "
    "own: the second derivative of its fused operation with respect to W is wrong (seen in 2.14.1); the state has the "
    "same names. Of a transposed convolution each output has its g, as in the paper; torch's default takes the inputs",
)
def weight(layer: nn.Module) -> nn.Module:
    """Separate the length of each output's weights, learned, from their direction."""
    check_layer("weight", layer)
    lengths, plain = NormalizedWeight(layer).right_inverse(layer.get_parameter("weight"))
    if not plain.is_meta and not lengths.all():
        raise NormShapeError(
            f"norm 'weight': this {type(layer).__name__} has an output whose weights are all 0, which have no "
            "direction; draw them first",
            norm="weight", channels=None, dims=None, divisors=[],
        )  # fmt: skip
    parametrize.register_parametrization(layer, "weight", NormalizedWeight(layer))
    return layer


class StandardizedWeight(PerOutput):
    """The parametrization (W − mean) / √(variance + ε) of each output's weights.

    Args:
        layer: A linear layer or a convolution.
        eps: ε.
    """

    def __init__(self, layer: nn.Module, eps: float) -> None:
        super().__init__(layer)
        self.eps = eps

    def forward(self, weight: Tensor) -> Tensor:
        """Return the standardized weight, of the same shape."""
        w, axes = self.split(weight)
        variance, mean = torch.var_mean(w, dim=axes, correction=0, keepdim=True)
        return ((w - mean) * (variance + self.eps).rsqrt()).view_as(weight)


@register(
    "weight_standardize",
    aliases=("WS",),
    kind="weight",
    axes=(),
    formula="W̃ = (W − mean) / √(variance + ε) over each output's weights",
    paper="Qiao et al. 2019, arXiv:1903.10520, equations 5-7",
    deviations="ε inside the root; meant to be used with group norm after the layer",
)
def weight_standardize(layer: nn.Module, *, eps: float = 1e-5) -> nn.Module:
    """Give each output's weights mean 0 and variance 1."""
    check_layer("weight_standardize", layer)
    parametrize.register_parametrization(layer, "weight", StandardizedWeight(layer, eps))
    return layer


def check_layer(norm: str, layer: nn.Module) -> None:
    """Refuse layers whose weight cannot be normalized.

    Raises:
        NormKindError: A weight norm is on the layer already.
        NormShapeError: The layer has no weight matrix or kernel.
    """
    described = type(layer).__name__
    if parametrize.is_parametrized(layer, "weight") or any(hasattr(layer, name) for name in OLD_HOOKS):
        raise NormKindError(
            f"norm {norm!r}: the weight of this {described} is normalized already; wrap it once",
            norm=norm, kind="weight", use="norms.wrap(None, layer)",
        )  # fmt: skip
    value = getattr(layer, "weight", None)
    if not isinstance(value, Tensor) or value.ndim < 2:
        raise NormShapeError(
            f"norm {norm!r}: {described} has no weight matrix or kernel; wrap a linear layer or a convolution",
            norm=norm, channels=None, dims=None, divisors=[],
        )  # fmt: skip

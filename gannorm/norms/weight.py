"""Norms of weights: a layer goes in, the same layer comes out with its weight re-parametrized."""

from torch import nn
from torch.nn.utils import parametrizations

from gannorm.norms.errors import NormKindError, NormShapeError
from gannorm.norms.registry import register


@register(
    "spectral",
    aliases=("SN",),
    kind="weight",
    axes=(),
    centers=False,
    formula="W̃ = W / σ₁(W), σ₁ by power iteration, a step per forward pass in training mode",
    paper="Miyato et al. 2018, arXiv:1802.05957, equation 8 and Algorithm 1",
    deviations="15 power iterations when the layer is wrapped, so that σ₁ is near from the start (torch)",
)
def spectral(layer: nn.Module, *, n_power_iterations: int = 1, eps: float = 1e-12) -> nn.Module:
    """Divide a layer's weight by its largest singular value; a convolution's kernel as a matrix of out × rest."""
    described = type(layer).__name__
    if any(isinstance(module, parametrizations._SpectralNorm) for module in layer.modules()):
        raise NormKindError(
            f"norm 'spectral': this {described} is spectrally normalized already; wrap it once",
            norm="spectral", kind="weight", use="norms.wrap(None, layer)",
        )  # fmt: skip
    weight = getattr(layer, "weight", None)
    if weight is None or weight.ndim < 2:
        raise NormShapeError(
            f"norm 'spectral': {described} has no weight matrix or kernel; wrap a linear layer or a convolution",
            norm="spectral", channels=None, dims=None, divisors=[],
        )  # fmt: skip
    return parametrizations.spectral_norm(layer, n_power_iterations=n_power_iterations, eps=eps)

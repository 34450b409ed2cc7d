"""Penalties of the discriminator's weights: limits on them, and on how much a layer can stretch."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from gannorm.penalties.penalty import Discriminator, Penalty, check_plain_weights


@torch.no_grad()
def clip_weights(discriminator: Discriminator, limit: float) -> None:
    """Clip each parameter to [−limit, limit], in place: weights, biases and scales of norms alike, as the paper does.

    Example:
        >>> layer = torch.nn.Linear(1, 1)
        >>> _ = torch.nn.init.constant_(layer.weight, -3.0)
        >>> clip_weights(layer, 0.5)
        >>> layer.weight.item()
        -0.5
    """
    for _, parameter in discriminator.named_parameters():
        parameter.clamp_(-limit, limit)


def squared_spectral_norm(weight: Float[Tensor, "out ..."]) -> Float[Tensor, ""]:
    """Return σ(W)², the largest squared singular value of a weight as a matrix (out, rest), in float32 or more.

    Exact, as the largest eigenvalue of W·Wᵀ or Wᵀ·W, whichever is smaller; its gradient 2σ·u·vᵀ is exact too.

    Example:
        >>> squared_spectral_norm(torch.tensor([[3.0, 0.0], [0.0, 2.0]]))
        tensor(9.)
    """
    with torch.autocast(weight.device.type, enabled=False):
        matrix = weight.flatten(1).to(torch.promote_types(weight.dtype, torch.float32))
        square = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
        return torch.linalg.eigvalsh(square)[-1]


def spectral_regularization(discriminator: Discriminator) -> Float[Tensor, ""]:
    """Return ½ Σ σ(W)² over all weights of two dimensions or more; strength is the paper's λ.

    A kernel (out, in, h, w) counts as the matrix (out, in·h·w), as in the paper. σ is exact here; the paper takes one
    step of power iteration.

    Raises:
        ValueError: There is no weight.

    Example:
        >>> layer = torch.nn.Linear(2, 2)
        >>> _ = torch.nn.init.eye_(layer.weight)
        >>> spectral_regularization(layer).item()
        0.5
    """
    weights = [parameter for _, parameter in discriminator.named_parameters() if parameter.ndim >= 2]
    if not weights:
        raise ValueError("penalty 'spectral_regularization': the discriminator has no weight of two dimensions")
    return torch.stack([squared_spectral_norm(weight) for weight in weights]).sum() / 2


class WeightClipping(Penalty):
    """Every parameter within [−limit, limit] after each step, see `clip_weights`.

    Args:
        limit: c; 0.01 is the paper's.

    Raises:
        ValueError: It is no number above 0.
    """

    name = "weight_clipping"
    paper = "Arjovsky et al., Wasserstein GAN, 2017, algorithm 1"

    def __init__(self, limit: float | int = 0.01) -> None:
        super().__init__()
        if not isinstance(limit, int | float) or isinstance(limit, bool) or not 0 < limit < math.inf:
            raise ValueError(f"limit={limit!r} of penalty {self.name!r}: a number above 0")
        self.limit = float(limit)

    def constrain(self, discriminator: Discriminator) -> None:
        """Clip."""
        clip_weights(discriminator, self.limit)

    def check(self, discriminator: Discriminator) -> None:
        """Refuse weights under a weight norm: their size says nothing about the layers'."""
        check_plain_weights(self.name, discriminator)

    def __repr__(self) -> str:
        return f"WeightClipping(limit={self.limit})"


class SpectralRegularization(Penalty):
    """Small largest singular values, see `spectral_regularization`; λ = 0.01 is the paper's."""

    name = "spectral_regularization"
    paper = "Yoshida and Miyato, Spectral Norm Regularization, 2017, section 3"
    usual_strength = 0.01

    def term(self, discriminator: Discriminator, real: Tensor, fake: Tensor, generator: torch.Generator) -> Tensor:  # noqa: ARG002
        """Return `spectral_regularization`."""
        return spectral_regularization(discriminator)

    def check(self, discriminator: Discriminator) -> None:
        """Refuse weights under a weight norm: their singular values are not the layers'."""
        check_plain_weights(self.name, discriminator)

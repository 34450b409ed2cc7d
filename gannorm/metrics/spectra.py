"""Spectra: how many directions a matrix of weights or features really has."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils import parametrize

MATRIX_LAYERS = (nn.Linear, nn.modules.conv._ConvNd)


def effective_rank(matrix: Float[Tensor, "n m"]) -> float:
    """Return e^H(σ / Σσ), σ the singular values: 1 for rank 1, min(n, m) where all are equal; 0 for a zero matrix.

    Source: O. Roy, M. Vetterli, The effective rank: a measure of effective dimensionality, 2007, equation 2.

    Example:
        >>> round(effective_rank(torch.eye(4)), 6), round(effective_rank(torch.ones(3, 5)), 6)
        (4.0, 1.0)
    """
    values = torch.linalg.svdvals(matrix.detach().double())
    if not float(values.sum()):
        return 0.0
    return math.exp(float(torch.special.entr(values / values.sum()).sum()))


def relative_rank(matrix: Float[Tensor, "n m"]) -> float:
    """Return `effective_rank` as a share of the largest possible, min(n, m).

    Example:
        >>> round(relative_rank(torch.eye(4)), 6)
        1.0
    """
    return effective_rank(matrix) / min(matrix.shape)


def weight_ranks(network: nn.Module) -> dict[str, float]:
    """Return the relative effective rank of the weight of each linear and convolutional layer, by the layer's name.

    A convolution's weight is a matrix with one row per output channel. Of a weight with a norm on it (spectral, weight)
    the plain one is read, so that no power iteration moves: spectral norm scales all singular values alike, and of
    weight norm these are the directions without their lengths.

    Source: S. Liu et al., Spectral Regularization for Combating Mode Collapse in GANs, ICCV 2019: singular values drop
    when modes collapse.

    Example:
        >>> weight_ranks(nn.Sequential(nn.Linear(1, 8), nn.ReLU()))
        {'0': 1.0}
    """
    ranks = {}
    for name, layer in network.named_modules():
        if isinstance(layer, MATRIX_LAYERS):
            ranks[name] = relative_rank(as_matrix(layer))
    return ranks


def as_matrix(layer: nn.Module) -> Float[Tensor, "out rest"]:
    """Return the weight of a layer as a matrix, as it is without what normalizes it."""
    parametrizations = layer.parametrizations if parametrize.is_parametrized(layer, "weight") else None
    weight: Tensor = layer.weight if parametrizations is None else plain(parametrizations.weight)  # type: ignore
    outputs = 1 if getattr(layer, "transposed", False) else 0
    return weight.detach().movedim(outputs, 0).flatten(1)


def plain(parametrizations: nn.Module) -> Tensor:
    """Return the weight under a parametrization; of one that splits it the part that has its shape."""
    if isinstance(original := getattr(parametrizations, "original", None), Tensor):
        return original
    parts = [value for name, value in parametrizations.named_parameters() if name.startswith("original")]
    return max(parts, key=lambda part: part.numel())


def mean_rank(ranks: dict[str, float]) -> float | None:
    """Return the geometric mean over layers: a layer that collapses counts, however wide the others are.

    Example:
        >>> round(mean_rank({"a": 0.25, "b": 1.0}), 6), mean_rank({})
        (0.5, None)
    """
    if not ranks:
        return None
    return math.exp(sum(math.log(max(rank, 1e-12)) for rank in ranks.values()) / len(ranks))


def feature_rank(features: Float[Tensor, "n d"]) -> float:
    """Return the effective rank of features about their mean.

    Example:
        >>> feature_rank(torch.ones(5, 3))
        0.0
    """
    exact = features.detach().double()
    return effective_rank(exact - exact.mean(0))

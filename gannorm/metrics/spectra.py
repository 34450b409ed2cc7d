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
    return _rank(torch.linalg.svdvals(matrix.detach().double()))


def _rank(values: Float[Tensor, " n"]) -> float:
    """Return e^H of singular values."""
    if not float(values.sum()):
        return 0.0
    return math.exp(float(torch.special.entr(values / values.sum()).sum()))


def spectrum(matrix: Float[Tensor, "n m"]) -> dict[str, float]:
    """Return the largest and the median singular value σ, and the relative effective rank.

    The largest is how much the layer can stretch a vector: products of it over layers bound a discriminator's slope,
    and under spectral norm it is 1. The median is far below it where few directions do the work.

    Example:
        >>> spectrum(torch.diag(torch.tensor([3.0, 2.0, 1.0])))
        {'largest': 3.0, 'median': 2.0, 'rank': 0.9...}
    """
    values = torch.linalg.svdvals(matrix.detach().double())
    return {"largest": float(values[0]), "median": float(values.median()), "rank": _rank(values) / len(values)}


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


def as_matrix(layer: nn.Module, *, used: bool = False) -> Float[Tensor, "out rest"]:
    """Return the weight of a layer as a matrix: as it is without what normalizes it, or as the layer uses it."""
    bare = used or not parametrize.is_parametrized(layer, "weight")
    weight: Tensor = layer.weight if bare else plain(layer.parametrizations.weight)  # type: ignore
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

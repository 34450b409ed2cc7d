"""Which classes a classifier takes for which: counts, and the probabilities that they suggest."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor


def confusion(mode: Int64[Tensor, " n"], labels: Int64[Tensor, " n"], num_modes: int) -> Int64[Tensor, "d d"]:
    """Return how often each class (row) was called each class (column).

    Example:
        >>> confusion(torch.tensor([1, 2]), torch.tensor([1, 1]), 3).tolist()
        [[0, 0, 0], [0, 1, 1], [0, 0, 0]]
    """
    return torch.bincount(labels * num_modes + mode, minlength=num_modes**2).view(num_modes, num_modes)


def smoothed(counts: Int64[Tensor, "d d"], weight: float | None = None) -> Float[Tensor, "d d"]:
    """Return P(called a | is i), the mean of a Dirichlet posterior: (c_ia + w) / (Σ_a c_ia + d·w), in float64.

    A confusion that was never seen is rare, not impossible; with probability 0 the leakage test would take its first
    occurrence for a mode. The default w = 1/d (Perks 1947, from memory) is one imagined image for each class. Jeffreys'
    w = 1/2 imagines d/2 of them: on ten digits at 0.2 % errors it would triple the errors.

    Args:
        counts: Of each class (row), how many were called each class (column).
        weight: w, imagined images in each cell; None = 1/d.

    Example:
        >>> [round(p, 4) for p in smoothed(torch.tensor([[99, 0], [0, 99]]))[0].tolist()]
        [0.995, 0.005]
    """
    w = 1 / len(counts) if weight is None else weight
    return (counts + w).double() / (counts.sum(dim=1, keepdim=True) + len(counts) * w)

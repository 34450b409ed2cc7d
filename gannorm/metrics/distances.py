"""Euclidean distances between many samples, a block of rows at a time: the whole matrix is never there."""

from collections.abc import Iterator

import torch
from jaxtyping import Float, Float64
from torch import Tensor

ROWS = 64  # of a block: 64 x 10,000 distances in float64 are 5 MB


def distance_blocks(
    rows: Float[Tensor, "n d"], columns: Float[Tensor, "m d"], num_rows: int = ROWS
) -> Iterator[tuple[slice, Float64[Tensor, "block m"]]]:
    """Yield which rows, and their distances to all columns, in float64.

    |a - b|² = |a|² + |b|² - 2 a·b, about the mean of the columns, so that little is lost where samples are far from 0.

    Example:
        >>> [(part, block.tolist()) for part, block in distance_blocks(torch.tensor([[3.0, 4.0]]), torch.zeros(2, 2))]
        [(slice(0, 1, None), [[5.0, 5.0]])]
    """
    columns = columns.double()
    middle = columns.mean(dim=0)
    columns = columns - middle
    norms = columns.square().sum(dim=1)
    for start in range(0, len(rows), num_rows):
        block = rows[start : start + num_rows].double() - middle
        squares = torch.addmm(block.square().sum(dim=1, keepdim=True) + norms, block, columns.T, alpha=-2)
        yield slice(start, start + len(block)), squares.clamp_(min=0).sqrt_()


def nearest_distances(features: Float[Tensor, "n d"], neighbours: int) -> Float64[Tensor, " n"]:
    """Return the distance of each sample to its k-th nearest other one.

    Args:
        features: At least k + 1 samples.
        neighbours: k.

    Example:
        >>> nearest_distances(torch.tensor([[0.0], [1.0], [3.0]]), neighbours=1).tolist()
        [1.0, 1.0, 2.0]
    """
    parts = []
    for part, block in distance_blocks(features, features):
        # Each sample is nearest to itself; rounding must not make it its own neighbour.
        block[torch.arange(len(block)), torch.arange(part.start, part.stop)] = -1.0
        parts.append(block.kthvalue(neighbours + 1, dim=1).values)
    return torch.cat(parts)

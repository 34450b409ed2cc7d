"""Norms written out by hand, slow and obvious: one mean and one variance at a time, no layer of torch."""

import torch
from torch import Tensor


def standardized(values: Tensor, eps: float) -> Tensor:
    mean = values.sum() / values.numel()
    variance = ((values - mean) ** 2).sum() / values.numel()
    return (values - mean) / (variance + eps) ** 0.5


def batch(x: Tensor, eps: float = 1e-5) -> Tensor:
    y = torch.empty_like(x)
    for c in range(x.shape[1]):
        y[:, c] = standardized(x[:, c], eps)
    return y


def instance(x: Tensor, eps: float = 1e-5) -> Tensor:
    y = torch.empty_like(x)
    for n in range(x.shape[0]):
        for c in range(x.shape[1]):
            y[n, c] = standardized(x[n, c], eps)
    return y


def group(x: Tensor, eps: float = 1e-5, num_groups: int = 2) -> Tensor:
    y = torch.empty_like(x)
    size = x.shape[1] // num_groups
    for n in range(x.shape[0]):
        for g in range(num_groups):
            members = slice(g * size, (g + 1) * size)
            y[n, members] = standardized(x[n, members], eps)
    return y


def layer(x: Tensor, eps: float = 1e-5) -> Tensor:
    y = torch.empty_like(x)
    for n in range(x.shape[0]):
        y[n] = standardized(x[n], eps)
    return y


def none(x: Tensor, eps: float = 1e-5) -> Tensor:
    return x.clone()


def affine(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    y = torch.empty_like(x)
    for c in range(x.shape[1]):
        y[:, c] = gamma[c] * x[:, c] + beta[c]
    return y


def largest_singular_value(weight: Tensor) -> Tensor:
    matrix = weight.flatten(1)
    return torch.linalg.eigvalsh(matrix @ matrix.T).max() ** 0.5


def average_statistics(batches: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Return the averages over batches (N, C, ...) of each channel's mean and unbiased variance."""
    means, variances = [], []
    for batch in batches:
        values = batch.transpose(0, 1).flatten(1)
        mean = values.sum(1) / values.shape[1]
        means.append(mean)
        variances.append(((values - mean[:, None]) ** 2).sum(1) / (values.shape[1] - 1))
    return sum(means) / len(batches), sum(variances) / len(batches)

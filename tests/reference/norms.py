"""Norms written out by hand, slow and obvious: one mean and one variance at a time, no layer of torch.

Each function takes x (N, C, ...) and gives x̂ without γ and β; what a norm learns beside them comes by keyword.
"""

import torch
from torch import Tensor


def standardized(values: Tensor, eps: float) -> Tensor:
    mean = values.sum() / values.numel()
    variance = ((values - mean) ** 2).sum() / values.numel()
    return (values - mean) / (variance + eps) ** 0.5


def by_root_mean_square(values: Tensor, eps: float) -> Tensor:
    return values / ((values**2).sum() / values.numel() + eps) ** 0.5


def batch(x: Tensor, eps: float = 1e-5) -> Tensor:
    y = torch.empty_like(x)
    for c in range(x.shape[1]):
        y[:, c] = standardized(x[:, c], eps)
    return y


sync_batch = batch  # in one process


def ghost_batch(x: Tensor, eps: float = 1e-5, ghost_size: int = 2) -> Tensor:
    """Return batch norm of each part; here of the batches of 5 and 3 samples that are compared."""
    parts = {(5, 2): [[0, 1, 2], [3, 4]], (3, 2): [[0, 1, 2]]}[len(x), ghost_size]
    return torch.cat([batch(x[part], eps) for part in parts])


def batch_renorm(x: Tensor, eps: float = 1e-5) -> Tensor:
    return batch(x, eps)  # at the start of training; see `renormalized` for later


def renormalized(x: Tensor, mean: Tensor, variance: Tensor, r_max: float, d_max: float, eps: float = 1e-5) -> Tensor:
    """Return Algorithm 1 of Ioffe 2017 without γ and β, from the running mean and variance of each channel."""
    y = torch.empty_like(x)
    for c in range(x.shape[1]):
        values = x[:, c]
        batch_mean = values.sum() / values.numel()
        batch_deviation = (((values - batch_mean) ** 2).sum() / values.numel() + eps) ** 0.5
        deviation = (variance[c] + eps) ** 0.5
        r = min(max(float(batch_deviation / deviation), 1 / r_max), r_max)
        d = min(max(float((batch_mean - mean[c]) / deviation), -d_max), d_max)
        y[:, c] = (values - batch_mean) / batch_deviation * r + d
    return y


def virtual_batch(x: Tensor, eps: float = 1e-5, *, reference: Tensor) -> Tensor:
    """Return each sample normalized by the values of the reference batch and its own, counted together."""
    y = torch.empty_like(x)
    for n in range(x.shape[0]):
        together = torch.cat([reference, x[n : n + 1]])
        for c in range(x.shape[1]):
            y[n, c] = standardized(together[:, c], eps)[-1]
    return y


def instance(x: Tensor, eps: float = 1e-5) -> Tensor:
    y = torch.empty_like(x)
    for n in range(x.shape[0]):
        for c in range(x.shape[1]):
            y[n, c] = standardized(x[n, c], eps)
    return y


instance_plain = instance


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


def layer_instance(x: Tensor, eps: float = 1e-5, *, rho: Tensor) -> Tensor:
    y = torch.empty_like(x)
    by_instance, by_layer = instance(x, eps), layer(x, eps)
    for c in range(x.shape[1]):
        y[:, c] = rho[c] * by_instance[:, c] + (1 - rho[c]) * by_layer[:, c]
    return y


def batch_instance(x: Tensor, eps: float = 1e-5, *, rho: Tensor) -> Tensor:
    y = torch.empty_like(x)
    by_batch, by_instance = batch(x, eps), instance(x, eps)
    for c in range(x.shape[1]):
        y[:, c] = rho[c] * by_batch[:, c] + (1 - rho[c]) * by_instance[:, c]
    return y


def global_response(x: Tensor, eps: float = 1e-6, *, gamma: Tensor, beta: Tensor) -> Tensor:
    y = torch.empty_like(x)
    for n in range(x.shape[0]):
        lengths = torch.stack([(channel**2).sum() ** 0.5 for channel in x[n]])
        for c in range(x.shape[1]):
            y[n, c] = x[n, c] + gamma[c] * x[n, c] * lengths[c] / (lengths.sum() / len(lengths) + eps) + beta[c]
    return y


def dynamic_tanh(x: Tensor, *, alpha: Tensor) -> Tensor:
    return 1 - 2 / (torch.exp(2 * alpha * x) + 1)


def layer_channels(x: Tensor, eps: float = 1e-5) -> Tensor:
    return at_each_position(x, standardized, eps)


def rms(x: Tensor, eps: float = 1e-6) -> Tensor:
    return at_each_position(x, by_root_mean_square, eps)


def pixel(x: Tensor, eps: float = 1e-8) -> Tensor:
    return at_each_position(x, by_root_mean_square, eps)


def at_each_position(x: Tensor, normalize, eps: float) -> Tensor:
    flat = x.reshape(x.shape[0], x.shape[1], -1)
    y = torch.empty_like(flat)
    for n in range(flat.shape[0]):
        for position in range(flat.shape[2]):
            y[n, :, position] = normalize(flat[n, :, position], eps)
    return y.reshape(x.shape)


def filter_response(x: Tensor, eps: float = 1e-6) -> Tensor:
    y = torch.empty_like(x)
    for n in range(x.shape[0]):
        for c in range(x.shape[1]):
            y[n, c] = by_root_mean_square(x[n, c], eps)
    return y


def thresholded(y: Tensor, threshold: Tensor) -> Tensor:
    result = torch.empty_like(y)
    for c in range(y.shape[1]):
        result[:, c] = torch.where(y[:, c] > threshold[c], y[:, c], threshold[c])
    return result


def evonorm_s0(x: Tensor, eps: float = 1e-5, num_groups: int = 2, *, slope: Tensor) -> Tensor:
    y = torch.empty_like(x)
    size = x.shape[1] // num_groups
    for n in range(x.shape[0]):
        for c in range(x.shape[1]):
            members = x[n, c // size * size : (c // size + 1) * size]
            mean = members.sum() / members.numel()
            deviation = (((members - mean) ** 2).sum() / members.numel() + eps) ** 0.5
            y[n, c] = x[n, c] / (1 + torch.exp(-slope[c] * x[n, c])) / deviation
    return y


def none(x: Tensor, eps: float = 1e-5) -> Tensor:
    return x.clone()


def affine(x: Tensor, gamma: Tensor | None, beta: Tensor | None) -> Tensor:
    y = x.clone()
    for c in range(x.shape[1]):
        if gamma is not None:
            y[:, c] = gamma[c] * y[:, c]
        if beta is not None:
            y[:, c] = y[:, c] + beta[c]
    return y


def modulated(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    """Return x with γ and β (N, C) of each sample's own."""
    y = torch.empty_like(x)
    for n in range(x.shape[0]):
        y[n] = affine(x[n : n + 1], gamma[n], beta[n])[0]
    return y


def largest_singular_value(weight: Tensor) -> Tensor:
    matrix = weight.flatten(1)
    return torch.linalg.eigvalsh(matrix @ matrix.T).max() ** 0.5


def standardized_rows(matrix: Tensor, eps: float = 1e-5) -> Tensor:
    return torch.stack([standardized(row, eps) for row in matrix])


def average_statistics(batches: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Return the averages over batches (N, C, ...) of each channel's mean and unbiased variance."""
    means, variances = [], []
    for batch in batches:
        values = batch.transpose(0, 1).flatten(1)
        mean = values.sum(1) / values.shape[1]
        means.append(mean)
        variances.append(((values - mean[:, None]) ** 2).sum(1) / (values.shape[1] - 1))
    return sum(means) / len(batches), sum(variances) / len(batches)

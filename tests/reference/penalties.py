"""Penalties once more: gradients derived by hand, one image after the other, in plain numbers."""

import math

import numpy as np


def quadratic_gradient(matrix, vector, x):
    """∇ of ½·xᵀAx + b·x, with A as it is: ½(A + Aᵀ)x + b."""
    size = len(x)
    return [
        sum(0.5 * (matrix[i][j] + matrix[j][i]) * x[j] for j in range(size)) + vector[i] for i in range(size)
    ]  # fmt: skip


def tanh_gradient(inner, outer, x):
    """∇ of Σ_h v_h·tanh(w_h·x)."""
    hidden = [math.tanh(sum(w * value for w, value in zip(row, x, strict=True))) for row in inner]
    return [
        sum(outer[h] * (1 - hidden[h] ** 2) * inner[h][i] for h in range(len(outer))) for i in range(len(x))
    ]  # fmt: skip


def squared_length(vector):
    return sum(value * value for value in vector)


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def r1(gradient, real):
    return mean(0.5 * squared_length(gradient(x)) for x in real)


def wgan_gp(gradient, real, fake, shares):
    return mean((math.sqrt(squared_length(gradient(x))) - 1) ** 2 for x in mixed(real, fake, shares))


def zero_centred_gp(gradient, real, fake, shares):
    return mean(squared_length(gradient(x)) for x in mixed(real, fake, shares))


def mixed(real, fake, shares):
    for one, other, share in zip(real, fake, shares, strict=True):
        yield [share * a + (1 - share) * b for a, b in zip(one, other, strict=True)]


def spectral_regularization(weights):
    """By the singular values of each matrix (out, rest)."""
    return 0.5 * sum(np.linalg.svd(weight.reshape(len(weight), -1), compute_uv=False)[0] ** 2 for weight in weights)


def lazy_adam(rate, betas, interval):
    """So that the moments forget as much in interval + 1 steps as they did in interval."""
    share = interval / (interval + 1)
    return rate * share, tuple(math.exp(math.log(beta) * share) if beta else 0.0 for beta in betas)

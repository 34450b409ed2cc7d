"""Remedies once more: one sample, one feature, one step at a time; numpy and float64, gradients derived by hand."""

import math

import numpy as np


def pack(images, size):
    num = len(images) // size
    return np.stack([np.concatenate([images[member * num + n] for member in range(size)]) for n in range(num)])


def group_deviation(features, group_size):
    """One value per sample. The sizes of the groups differ by one at most, larger ones first."""
    num_groups = -(-len(features) // group_size)
    values = []
    for index in range(num_groups):
        size = len(features) // num_groups + (index < len(features) % num_groups)
        group = features[len(values) : len(values) + size]
        deviations = []
        for d in range(features.shape[1]):
            mean = sum(row[d] for row in group) / size
            deviations.append(math.sqrt(sum((row[d] - mean) ** 2 for row in group) / size + 1e-8))
        values += [sum(deviations) / len(deviations)] * size
    return np.array(values)


def closeness(features, tensor):
    num, (_, kernels, dims) = len(features), tensor.shape
    result = np.zeros((num, kernels))
    for i in range(num):
        for b in range(kernels):
            for j in set(range(num)) - {i}:
                mine, theirs = features[i] @ tensor[:, b], features[j] @ tensor[:, b]
                result[i, b] += math.exp(-sum(abs(mine[c] - theirs[c]) for c in range(dims)))
    return result


def mode_seeking(z, fake):
    half = len(z) // 2
    of_z = np.mean([abs(z[n] - z[half + n]).mean() for n in range(half)])
    of_fake = np.mean([abs(fake[n] - fake[half + n]).mean() for n in range(half)])
    return 1 / (of_fake / of_z + 1e-5)


def feature_distance(real, fake):
    return sum((real[:, d].sum() / len(real) - fake[:, d].sum() / len(fake)) ** 2 for d in range(real.shape[1]))


def color(image, brightness, saturation, contrast):
    """One image (C, H, W); three numbers drawn from U(0, 1)."""
    image = image + (brightness - 0.5)
    image = image.mean(0) + 2 * saturation * (image - image.mean(0))
    return image.mean() + (0.5 + contrast) * (image - image.mean())


def all_translations(image):
    """Every image that the translation may make of one (C, H, W)."""
    _, height, width = image.shape
    down, right = int(height / 8 + 0.5), int(width / 8 + 0.5)
    padded = np.pad(image, ((0, 0), (down, down), (right, right)))
    return [
        padded[:, top : top + height, left : left + width]
        for top in range(2 * down + 1)
        for left in range(2 * right + 1)
    ]


def all_cutouts(image):
    """Every image that cutting out may make of one (C, H, W) with an even height and width."""
    _, height, width = image.shape
    results = []
    for row in range(height + 1):
        for column in range(width + 1):
            cut = image.copy()
            top, left = max(0, row - height // 4), max(0, column - width // 4)
            cut[:, top : row + height // 4, left : column + width // 4] = 0
            results.append(cut)
    return results


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class Discriminator:
    """D(x) = v · tanh(W x + b) + c, its non-saturating loss, and the gradient of that by hand."""

    def __init__(self, weights):
        self.weights = [np.array(weight, dtype=np.float64) for weight in weights]  # W (H, X), b (H), v (H), c ()

    def logits(self, x):
        w, b, v, c = self.weights
        return np.tanh(x @ w.T + b) @ v + c

    def gradient(self, real, fake):
        """Of mean softplus(−D(real)) + mean softplus(D(fake))."""
        w, b, v, _ = self.weights
        total = [np.zeros_like(weight) for weight in self.weights]
        for x, sign in ((real, -1.0), (fake, 1.0)):
            of_logit = sign * sigmoid(sign * self.logits(x)) / len(x)
            hidden = np.tanh(x @ w.T + b)
            of_hidden = np.outer(of_logit, v) * (1 - hidden**2)
            parts = (of_hidden.T @ x, of_hidden.sum(0), hidden.T @ of_logit, of_logit.sum())
            total = [old + new for old, new in zip(total, parts, strict=True)]
        return total


def adam_step(weight, gradient, state, *, lr, betas, eps=1e-8, weight_decay=0.0, decoupled=False):
    if decoupled:
        weight = weight - lr * weight_decay * weight
    else:
        gradient = gradient + weight_decay * weight
    number = state.get("step", 0) + 1
    first = betas[0] * state.get("exp_avg", 0.0) + (1 - betas[0]) * gradient
    second = betas[1] * state.get("exp_avg_sq", 0.0) + (1 - betas[1]) * gradient**2
    unbiased = first / (1 - betas[0] ** number), second / (1 - betas[1] ** number)
    weight = weight - lr * unbiased[0] / (np.sqrt(unbiased[1]) + eps)
    return weight, {"step": number, "exp_avg": first, "exp_avg_sq": second}


def sgd_step(weight, gradient, state, *, lr, momentum=0.0, weight_decay=0.0, nesterov=False, dampening=0.0):
    gradient = gradient + weight_decay * weight
    velocity = gradient
    if "momentum_buffer" in state:
        velocity = momentum * state["momentum_buffer"] + (1 - dampening) * gradient
    direction = gradient + momentum * velocity if nesterov else velocity
    return weight - lr * direction, {"momentum_buffer": velocity}


def unrolled_generator_loss(generator, z, real, weights, states, step, num_steps):
    """Loss of the generator z → z A after so many steps of the discriminator, and the discriminator then."""
    fake = z @ generator
    discriminator, states = Discriminator(weights), [dict(state) for state in states]
    for _ in range(num_steps):
        gradients = discriminator.gradient(real, fake)
        for index, gradient in enumerate(gradients):
            moved, states[index] = step(discriminator.weights[index], gradient, states[index])
            discriminator.weights[index] = moved
    return np.logaddexp(0, -discriminator.logits(fake)).mean(), discriminator


def numerical_gradient(function, point, width=1e-5):
    gradient = np.zeros_like(point)
    for index in np.ndindex(*point.shape):
        moved = [point.copy(), point.copy()]
        moved[0][index] += width
        moved[1][index] -= width
        gradient[index] = (function(moved[0]) - function(moved[1])) / (2 * width)
    return gradient

"""Losses of GANs once more: each formula as its paper prints it, one image after the other, in plain numbers."""

import math

LOSSES = (
    "non_saturating",
    "minimax",
    "least_squares",
    "hinge",
    "wasserstein",
    "relativistic",
    "relativistic_average",
)


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def cross_entropy(probability, target):
    return -target * math.log(probability) - (1 - target) * math.log(1 - probability)


def discriminator(name, real, fake, label_smoothing=0.0):
    """Return what the discriminator minimizes, of each pair of images."""
    target = 1 - label_smoothing
    mean_real, mean_fake = sum(real) / len(real), sum(fake) / len(fake)
    formulas = {
        "non_saturating": lambda r, f: cross_entropy(sigmoid(r), target) + cross_entropy(sigmoid(f), 0),
        "minimax": lambda r, f: cross_entropy(sigmoid(r), target) + cross_entropy(sigmoid(f), 0),
        "least_squares": lambda r, f: 0.5 * (r - target) ** 2 + 0.5 * (f - 0) ** 2,
        "hinge": lambda r, f: -min(0, -1 + r) - min(0, -1 - f),
        "wasserstein": lambda r, f: -(r - f),
        "relativistic": lambda r, f: cross_entropy(sigmoid(r - f), target),
        "relativistic_average": lambda r, f: (
            cross_entropy(sigmoid(r - mean_fake), target) + cross_entropy(sigmoid(f - mean_real), 0)
        ),
    }
    return [formulas[name](r, f) for r, f in zip(real, fake, strict=True)]


def generator(name, real, fake):
    """Return what the generator minimizes, of each pair of images."""
    mean_real, mean_fake = sum(real) / len(real), sum(fake) / len(fake)
    formulas = {
        "non_saturating": lambda r, f: -math.log(sigmoid(f)),
        "minimax": lambda r, f: math.log(1 - sigmoid(f)),
        "least_squares": lambda r, f: 0.5 * (f - 1) ** 2,
        "hinge": lambda r, f: -f,
        "wasserstein": lambda r, f: -f,
        "relativistic": lambda r, f: -math.log(sigmoid(f - r)),
        "relativistic_average": lambda r, f: (
            cross_entropy(sigmoid(f - mean_real), 1) + cross_entropy(sigmoid(r - mean_fake), 0)
        ),
    }
    return [formulas[name](r, f) for r, f in zip(real, fake, strict=True)]

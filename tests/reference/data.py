"""Slow and obvious second ways to stacks, thinned classes and published mixtures."""

import cmath
import math

import numpy as np


def stack(pixels, labels, triple):
    """Return one stack of three digits, in [-1, 1], and its mode, pixel by pixel."""
    image = np.zeros((3, 28, 28), np.float32)
    for channel, number in enumerate(triple):
        for row in range(28):
            for column in range(28):
                image[channel, row, column] = int(pixels[number, 0, row, column]) / 255 * 2 - 1
    digits = "".join(str(int(labels[number])) for number in triple)
    return image, int(digits)


def stack_prior(labels):
    """Return the frequency of each of the thousand modes, as a dict of its three digits."""
    counts = [sum(1 for label in labels if label == digit) for digit in range(10)]
    shares = [count / len(labels) for count in counts]
    return {f"{a}{b}{c}": shares[a] * shares[b] * shares[c] for a in range(10) for b in range(10) for c in range(10)}


def most_of_each_class(counts, shares):
    """Return how many of each class a set can keep at most, for its classes to have these shares."""
    scale = min(count / share for count, share in zip(counts, shares, strict=True) if share)
    return [min(round(scale * share), count) for count, share in zip(counts, shares, strict=True)]


def roots(number, radius):
    """Return the points of a regular polygon as complex numbers, counted from the angle 0."""
    return [radius * cmath.exp(2j * math.pi * k / number) for k in range(number)]


def demo_centers():
    """Return the eight centres of the unrolled-GAN notebook as it computes them: (sin, cos) of linspace(0, 2π, 8)."""
    angles = np.linspace(0, 2 * np.pi, 8)
    return np.stack([np.sin(angles), np.cos(angles)], axis=1)

"""Slow and obvious second implementations of what is derived from counts and from the data's frequencies."""

import math

import numpy as np


def plug_in(counts, reference, base=math.e):
    """Sum over modes one by one."""
    total, divergence = sum(counts), 0.0
    for count, expected in zip(counts, reference, strict=True):
        if count:
            divergence += count / total * math.log(count / total / expected, base)
    return divergence


def simulated_kl(prior, num_samples, draws, seed=0):
    """Draw from the frequencies themselves, again and again."""
    rng = np.random.default_rng(seed)
    return np.array([plug_in_fast(rng.multinomial(num_samples, prior)) for _ in range(draws)])


def plug_in_fast(counts):
    share = counts[counts > 0] / counts.sum()
    return float((share * np.log(share * len(counts))).sum())

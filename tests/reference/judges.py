"""Slow, obvious second versions of what judges compute: one sample after the other, in plain Python."""

import math


def nearest(point, centers):
    """Return the number of the nearest center."""
    return min(range(len(centers)), key=lambda k: math.dist(point, centers[k]))


def is_good(point, center, sigma, rule, noisy_dims):
    """Return whether a point belongs to a center, as the papers write each rule."""
    off = [(x - c) / sigma for x, c in zip(point, center, strict=True)]
    if rule == "circle":
        return math.sqrt(sum(z * z for z in off)) < 3
    if rule == "box":
        return all(abs(z) < 3 for z in off)
    if rule == "legacy":
        return math.sqrt(sum(z * z for z in off)) < 10
    noisy, exact = off[:noisy_dims], off[noisy_dims:]
    on_shell = 0.9 < math.sqrt(sum(z * z for z in noisy) / len(noisy)) < 1.1
    return on_shell and (not exact or math.sqrt(sum(z * z for z in exact) / len(exact)) < 0.1)


def stack(judge, image):
    """Return mode and confidence of one stack, its channels judged one at a time."""
    channels = [judge(image[c][None, None]) for c in range(3)]
    a, b, c = (int(channel.mode) for channel in channels)
    return 100 * a + 10 * b + c, min(float(channel.confidence) for channel in channels)

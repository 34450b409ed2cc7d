"""The detector's signals, written out slowly: loops over pairs and plain numpy."""

import math

import numpy as np


def kinds(samples: np.ndarray, bandwidth: float) -> float:
    """One over the mean of the squared kernel over ordered pairs of two different samples."""
    total, pairs = 0.0, 0
    for i, one in enumerate(samples):
        for j, other in enumerate(samples):
            if i != j:
                total += math.exp(-float(((one - other) ** 2).sum()) / (2 * bandwidth**2)) ** 2
                pairs += 1
    return pairs / total


def near_duplicates(samples: np.ndarray, threshold: float) -> float:
    """Share of samples with another one nearer than the threshold."""
    hits = 0
    for i, one in enumerate(samples):
        hits += any(math.dist(one, other) < threshold for j, other in enumerate(samples) if i != j)
    return hits / len(samples)


def effective_rank(matrix: np.ndarray) -> float:
    """From the eigenvalues of AᵀA."""
    values = np.sqrt(np.clip(np.linalg.eigvalsh(matrix.T @ matrix), 0, None))
    shares = values / values.sum()
    return math.exp(-sum(share * math.log(share) for share in shares if share > 1e-9))


def mean_cosine(gradients: np.ndarray) -> float:
    """Over pairs of two different rows."""
    cosines = []
    for i, one in enumerate(gradients):
        for j, other in enumerate(gradients):
            if i < j:
                cosines.append(float(one @ other / np.linalg.norm(one) / np.linalg.norm(other)))
    return float(np.mean(cosines))

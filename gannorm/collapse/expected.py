"""What follows from the prior and the number of samples: what a generator shows that has a share of the modes.

With 2,048 samples a perfect generator of 1,000 modes shows some 940 effective ones, one of ten shows ten. A threshold
is a share of the modes; here it becomes the number that a generator with this share of them shows in n samples.
"""

import functools
import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.stats import poisson

from gannorm.statistics import expected_entropy

ERROR = 1e-3  # chance of calling a mode dropped that has just the share which is too little
SURE = 5.0  # standard deviations between a perfect generator and a threshold, below which nothing is said
UNREADABLE = 1e-4  # chance that a mode with half of its frequency seems lost, above which no mode is told to be
FEWEST = 2  # samples that cover a mode, at least

Prior = tuple[float, ...]


def effective_modes_of(prior: Prior) -> float:
    """Return e^H of the real frequencies.

    Example:
        >>> round(effective_modes_of((0.5, 0.25, 0.25)), 3)
        2.828
    """
    return math.exp(-sum(share * math.log(share) for share in prior))


@functools.lru_cache(maxsize=64)
def shown_by_all(prior: Prior, num_accepted: int) -> float:
    """Return the effective modes that a perfect generator shows in n samples, on the average.

    Example:
        >>> round(shown_by_all((0.1,) * 10, 2048), 2), round(shown_by_all((0.001,) * 1000, 2048))
        (10.0, 937)
    """
    return math.exp(expected_entropy(np.array(prior), num_accepted))


@functools.lru_cache(maxsize=256)
def shown_by_share(share: float, all_modes: float, num_accepted: int) -> float:
    """Return the effective modes that a generator shows in n samples which has a share of all, equally often.

    Example:
        >>> round(shown_by_share(0.8, 10.0, 2048), 2), round(shown_by_share(0.8, 1000.0, 2048))
        (8.0, 771)
    """
    left = share * all_modes
    whole = math.ceil(left)
    if whole <= 1:
        return left
    return left / whole * math.exp(expected_entropy(np.full(whole, 1 / whole), num_accepted))


def spread_by_all(prior: Prior, num_accepted: int) -> float:
    """Return the standard deviation of the entropy that n samples of a perfect generator show.

    √(Var ln π / n + (K − 1) / (2n²)): the delta method, and what is left of it for equal modes.
    """
    shares = np.array(prior)
    variance = float((shares * np.log(shares) ** 2).sum() - (shares * np.log(shares)).sum() ** 2)
    return math.sqrt(max(variance, 0.0) / num_accepted + (len(prior) - 1) / (2 * num_accepted**2))


def tells(share: float, prior: Prior, num_accepted: int) -> bool:
    """Return whether n samples are enough to tell a perfect generator from one that has this share of the modes.

    Example:
        >>> tells(0.8, (0.1,) * 10, 2048), tells(0.8, (0.1,) * 10, 40)
        (True, False)
    """
    if num_accepted < 1:
        return False
    log_threshold = math.log(shown_by_share(share, effective_modes_of(prior), num_accepted))
    entropy = math.log(shown_by_all(prior, num_accepted))
    return entropy - SURE * spread_by_all(prior, num_accepted) > log_threshold


def dropped_modes(
    counts: Int[np.ndarray, "t k"], leaked: Float[np.ndarray, "t k"], prior: Prior, share: float
) -> Bool[np.ndarray, " k"]:
    """Return which modes are surely made less often than `share` of their frequency.

    Of n accepted samples, a mode that has just this share has Poisson's number with mean share·n·π + λ, λ those misread
    as it; it is dropped where so few come with probability `ERROR` at most. As many of the last looks are added up
    as a mode needs for a decision (share·n·π ≥ −ln `ERROR`); a mode for which all are too few is not decided.

    Args:
        counts: Accepted samples of each mode at the last looks, the latest one last.
        leaked: λ at each.
        prior: π.
        share: Below which a mode is dropped.

    Example:
        >>> counts = np.array([[200, 20, 8, 0]])
        >>> dropped_modes(counts, np.zeros((1, 4)), (0.4, 0.4, 0.1, 0.1), share=0.1).tolist()
        [False, False, False, False]
        >>> dropped_modes(10 * counts, np.zeros((1, 4)), (0.4, 0.4, 0.1, 0.1), share=0.1).tolist()
        [False, False, False, True]
    """
    dropped = np.zeros(len(prior), dtype=bool)
    decided = np.zeros(len(prior), dtype=bool)
    for number in range(1, len(counts) + 1):
        latest = counts[-number:]
        mean = share * latest.sum() * np.array(prior)
        now = ~decided & (mean >= -math.log(ERROR))
        few = poisson.cdf(latest.sum(0), mean + leaked[-number:].sum(0)) <= ERROR
        dropped |= now & few
        decided |= now
    return dropped


def fewest(prior: Prior, num_samples: int, share: float) -> Int[np.ndarray, " k"]:
    """Return how many accepted samples cover each mode: max(2, share·N·π), rounded up."""
    return np.maximum(FEWEST, np.ceil(share * num_samples * np.array(prior) - 1e-6)).astype(int)


def readable(prior: Prior, num_samples: int, num_accepted: int, share: float) -> Bool[np.ndarray, " k"]:
    """Return for which modes "not covered twice running" means something: not chance, at half of their frequency.

    Example:
        >>> bool(readable((0.1,) * 10, 2048, 2048, 0.1).all()), bool(readable((0.001,) * 1000, 2048, 2048, 0.1).any())
        (True, False)
    """
    once = poisson.cdf(fewest(prior, num_samples, share) - 1, num_accepted * np.array(prior) / 2)
    return once**2 * len(prior) <= UNREADABLE


def as_prior(shares: Sequence[float]) -> Prior:
    """Return frequencies that sum to 1.

    Raises:
        ValueError: Fewer than two modes, or a frequency that is not positive.
    """
    if len(shares) < 2 or min(shares) <= 0:
        raise ValueError(
            f"prior has {len(shares)} modes, the rarest with {min(shares, default=0)}: 2 or more, each above 0"
        )
    total = math.fsum(shares)
    return tuple(float(share) / total for share in shares)

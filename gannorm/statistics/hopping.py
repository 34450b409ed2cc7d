"""Whether modes come and go: how much the moment of a look says about the mode of a sample."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import chi2

from gannorm.statistics.entropy import miller_madow

FEWEST = 8.0  # expected samples of a mode in a look: rarer modes are put together before they are tested


class Hopping(NamedTuple):
    """What several looks at one generator say.

    Attributes:
        information: Mutual information between look and mode, in nats; 0 on the average where nothing changes.
        p_value: Chance of so large a difference between looks at a generator that stays as it is.
    """

    information: float
    p_value: float


def hopping_index(counts: Int[np.ndarray, "t k"]) -> Hopping:
    """Return the mode-hopping index of T looks, and how surely it is none.

        MHI = H(mean_t p_t) − mean_t H(p_t)

    with Miller and Madow's correction of each entropy. A generator that stays as it is has 0, healthy or collapsed; one
    that makes another one of M modes at each look has ln M. It tells hopping, where single looks have few modes and all
    together have many, from a collapse, where all have the same few. Looks without samples are left out.

    The p value is that of the G test of homogeneity, 2 Σ_t n_t KL(p_t ‖ pooled) against χ² with (T − 1)(K − 1) degrees
    of freedom, with Williams's correction; modes with fewer than `FEWEST` expected samples in a look are put together
    with their neighbours, because χ² does not hold for them.

    Source: ours; the statistic is proposed nowhere else. G test: D. Williams, Improved likelihood ratio tests for
    complete contingency tables, 1976.

    Example:
        >>> round(hopping_index(np.array([[900, 0], [0, 900]])).information, 2)
        0.69
        >>> round(abs(hopping_index(np.array([[900, 0], [900, 0]])).information), 2)
        0.0
    """
    counts = counts[counts.sum(1) > 0]
    if len(counts) < 2:
        return Hopping(0.0, 1.0)
    together = (counts / counts.sum(1, keepdims=True)).mean(0)
    mixed = entropy(together) + (np.count_nonzero(together) - 1) / (2 * counts.sum())
    return Hopping(float(mixed - np.mean(miller_madow(counts))), _homogeneity(_without_rare(counts)))


def entropy(shares: Float[np.ndarray, " k"]) -> float:
    """Return −Σ p ln p.

    Example:
        >>> entropy(np.array([1.0, 0.0]))
        0.0
    """
    seen = shares[shares > 0]
    return float(abs((seen * np.log(seen)).sum()))


def _without_rare(counts: Int[np.ndarray, "t k"]) -> Int[np.ndarray, "t g"]:
    """Return counts of groups of modes next to each other, each with enough expected samples in the smallest look."""
    expected = counts.sum(0) / counts.sum() * counts.sum(1).min()
    groups: list[list[int]] = [[]]
    for mode in np.flatnonzero(expected):
        if expected[groups[-1]].sum() >= FEWEST:
            groups.append([])
        groups[-1].append(int(mode))
    if len(groups) > 1 and expected[groups[-1]].sum() < FEWEST:
        groups[-2:] = [groups[-2] + groups[-1]]
    return np.stack([counts[:, group].sum(1) for group in groups], axis=1)


def _homogeneity(counts: Int[np.ndarray, "t g"]) -> float:
    """Return the p value of the G test with Williams's correction; 1 where there is one group only."""
    freedom = (counts.shape[0] - 1) * (counts.shape[1] - 1)
    if not freedom:
        return 1.0
    total, looks, modes = counts.sum(), counts.sum(1), counts.sum(0)
    expected = np.outer(looks, modes) / total
    deviance = 2 * (counts * np.log(np.where(counts > 0, counts / expected, 1.0))).sum()
    correction = 1 + ((total / looks).sum() - 1) * ((total / modes).sum() - 1) / (6 * total * freedom)
    return float(chi2.sf(deviance / correction, freedom))

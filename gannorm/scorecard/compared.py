"""Two sources side by side: do they differ by more than chance?"""

from typing import Any

import numpy as np
import torch

from gannorm.scorecard.measure import POOLED, Card
from gannorm.statistics import difference_test, homogeneity_test
from gannorm.statistics.entropy import miller_madow

PERMUTATIONS = 2_000


def differences(a: Card, b: Card, *, seed: int = 0) -> dict[str, Any]:
    """Return p values of two sources being alike, and how far apart their headline numbers are.

    `modes_p`: random divisions of all their samples, rejected ones as a mode of their own, whose table of modes has as
    large a χ²; that of two seeds of one generator is uniform. `effective_modes_p`: the same divisions, by the
    difference of entropies, that is the ratio of effective modes. With several seeds on both sides `seeds_p` has for
    each headline number that of the seeds being divided by chance: this asks about the generators as they are, not
    about other trainings of them.

    Args:
        a: One source.
        b: The other, under the same setting.
        seed: Of the divisions.
    """
    rng = np.random.default_rng(seed)
    first, second = with_rejected(a), with_rejected(b)
    found: dict[str, Any] = {
        name: [card.scores[0].figures[name] for card in (a, b)] for name in (*POOLED, "frechet") if known(name, a, b)
    }
    found["modes_p"] = homogeneity_test(first, second, permutations=PERMUTATIONS, rng=rng)
    found["effective_modes_p"] = homogeneity_test(
        first, second, permutations=PERMUTATIONS, rng=rng, statistic=effective_difference
    )
    if min(len(a.scores), len(b.scores)) > 1:
        found["seeds_p"] = {
            name: difference_test(*(np.array(card.seeds()[name]["values"], dtype=float) for card in (a, b)), rng=rng)
            for name in POOLED
            if name in a.seeds() and name in b.seeds()
        }
    return found


def known(name: str, *cards: Card) -> bool:
    """Return whether every card has this number."""
    return all(card.scores[0].figures.get(name) is not None for card in cards)


def with_rejected(card: Card) -> np.ndarray:
    """Return accepted samples of each mode, and at the end the rejected ones."""
    first = card.scores[0]
    rejected = first.counts_all.sum() - first.counts.sum()
    return torch.cat([first.counts, rejected[None]]).numpy()


def effective_difference(first: np.ndarray, second: np.ndarray) -> float:
    """Return how far apart two counts are in the entropy of their accepted samples; it is 0 where there are none.

    Example:
        >>> round(effective_difference(np.array([500, 500, 0]), np.array([0, 0, 1000])), 2)
        0.69
    """
    one, other = (float(miller_madow(counts[:-1])) if counts[:-1].any() else 0.0 for counts in (first, second))
    return abs(one - other)

"""The birthday-paradox test: how often a few samples of one class hold two that are the same."""

import torch
from jaxtyping import Float
from scipy import stats
from torch import Tensor

from gannorm import rng
from gannorm.metrics.distances import nearest_distances
from gannorm.metrics.frechet import CONFIDENCE

DRAWS = 50
DRAWN = 100  # samples in each draw
CLOSE = 0.01  # quantile of real nearest-neighbour distances, below which two samples are duplicates


def duplicates(
    fake: Float[Tensor, "n d"], real: Float[Tensor, "m d"], *, seed: int = 0, stream: int = 0
) -> dict[str, float | None]:
    """Return how often `DRAWN` samples of one class hold a duplicate, of `DRAWS` draws: the birthday-paradox test.

    Two samples are duplicates if they are nearer than `CLOSE` of all real samples of the class are to their nearest
    other one. A generator that makes V different pictures of a class shows one in half of the draws of 1.18 √V, so in
    nearly all draws of 100 at V = 1,000. Compare with the share of real draws, which is not 0.

    `class_duplicates` and `class_duplicates_real` are shares of draws, `_low` and `_high` the Clopper-Pearson interval
    of the first over the draws. Draws of few samples overlap: then the interval is too narrow. None where there are
    fewer than twice `DRAWN` samples.

    Source: S. Arora and Y. Zhang, Do GANs actually learn the distribution?, 2017 (arXiv:1706.08224; abstract read), who
    look for duplicates by eye; the threshold in place of the eye is ours.

    Example:
        >>> real = torch.randn(600, 4, generator=rng.generator(0))
        >>> result = duplicates(real[:20].repeat(20, 1), real[200:])
        >>> result["class_duplicates"], result["class_duplicates_real"] < 0.5
        (1.0, True)
    """
    names = ("class_duplicates", "class_duplicates_low", "class_duplicates_high", "class_duplicates_real")
    if len(real) < 2 * DRAWN:
        return dict.fromkeys(names)
    threshold = float(nearest_distances(real, 1).quantile(CLOSE))
    real_hits = draws_with_duplicate(real, threshold, rng.generator(seed, "duplicates", "real", stream))
    known: dict[str, float | None] = dict.fromkeys(names) | {"class_duplicates_real": real_hits / DRAWS}
    if len(fake) < 2 * DRAWN:
        return known
    hits = draws_with_duplicate(fake, threshold, rng.generator(seed, "duplicates", "fake", stream))
    interval = stats.binomtest(hits, DRAWS).proportion_ci(CONFIDENCE)
    return known | dict(zip(names[:3], (hits / DRAWS, float(interval.low), float(interval.high)), strict=True))


def draws_with_duplicate(features: Float[Tensor, "n d"], threshold: float, generator: torch.Generator) -> int:
    """Return how many of `DRAWS` draws without replacement hold a pair no further apart than the threshold."""
    hits = 0
    for _ in range(DRAWS):
        drawn = features[torch.randperm(len(features), generator=generator)[:DRAWN]]
        hits += bool(torch.pdist(drawn.double()).min() <= threshold)
    return hits

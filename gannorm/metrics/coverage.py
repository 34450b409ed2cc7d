"""How many modes a generator covers, and how evenly: all figures of one evaluation, and a Metric that counts.

N samples were judged. c_k of them were accepted and belong to mode k of K; rejected samples belong to no mode. N_acc is
the sum of c, π_k the frequencies of real data.
"""

from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.stats import binom, poisson
from torch import Tensor
from torchmetrics import Metric

from gannorm.metrics.counts import check_counts, checked_prior
from gannorm.metrics.divergence import (
    effective_modes,
    forward_kl,
    jensen_shannon,
    kl_divergence,
    kl_floor,
    shares,
    total_variation,
    tv_floor,
)
from gannorm.metrics.leakage import leakage_test
from gannorm.metrics.legacy import plug_in_kl
from gannorm.statistics import divergence_interval, entropy_interval, exact_limits, share_interval

NOMINAL_SHARE = 0.1  # of its frequency in real data, below which a mode counts as dropped
ERROR = 0.05  # of an interval
MOST_FLOOR = 0.3  # of total variation, above which the samples are too few to tell any


def mode_coverage(
    counts: Int[Tensor, " k"],
    num_samples: int,
    prior: Float[Tensor, " k"],
    confusion: Float[Tensor, "d d"] | None = None,
) -> dict[str, Any]:
    """Return all figures of one evaluation as plain Python numbers, ready for JSON.

    `num_samples` N, `num_modes` K, `covered_modes` and `covered` (which ones), `raw_modes` (with one accepted sample at
    least, as papers count), `effective_modes` and its `_ceiling` e^H(π), `kl` and `tv` (corrected for their bias) with
    the `_floor` that uncorrected ones have, `kl_plug_in` (uncorrected), `forward_kl`, `js`, `high_quality` (N_acc / N)
    and `shares` (K numbers). Beside the headline numbers stand `_low` and `_high`, the limits of a 95 % interval. Where
    no sample was accepted, no mode is covered, shares and effective modes are 0, and the distances are None; so is `tv`
    where even real data would show 0.3.

    With a judge's confusion, modes are covered that hold more samples than its errors put there; `misreading` is how
    many times as often as real data the samples are misread, `reliable` whether that leaves their number certain.

    Args:
        counts: Accepted samples of each mode.
        num_samples: All samples, rejected ones too.
        prior: Frequencies of the modes in real data.
        confusion: P(read as a | is i) of accepted real samples, of one channel; None = the judge does not err.

    Raises:
        ValueError: Negative counts, more accepted than judged samples, a prior that is none, or a confusion that does
            not fit.

    Example:
        >>> result = mode_coverage(torch.tensor([50, 30, 0, 0]), num_samples=100, prior=torch.full((4,), 0.25))
        >>> result["covered_modes"], round(result["effective_modes"], 3), result["high_quality"]
        (2, 1.95, 0.8)
    """
    prior = checked_prior(prior, len(counts))
    check_counts(counts, num_samples)
    counts = counts.cpu()
    return {
        "num_samples": num_samples,
        "num_modes": len(counts),
        **covered_figures(counts, num_samples, prior, confusion),
        **effective_figures(counts, prior),
        **distance_figures(counts, prior),
        **quality_figures(int(counts.sum()), num_samples),
        "shares": shares(counts).tolist(),
    }


def covered_figures(
    counts: Int[Tensor, " k"], num_samples: int, prior: Float[Tensor, " k"], confusion: Float[Tensor, "d d"] | None
) -> dict[str, Any]:
    """Return which modes are covered, and between which limits their number lies.

    A mode is surely covered if the lower limit of its share reaches τ π_k, possibly if the upper one does; each limit
    is wrong with probability 0.025 / K (Clopper and Pearson), so that all together are right in 95 % of cases. Nor can
    many modes be missed that show no sample at all, see `most_missed`.
    """
    fewest = fewest_samples(num_samples, prior)
    is_covered = counts >= fewest
    leakage = None if confusion is None else leakage_test(counts, fewest, confusion)
    if leakage is not None:
        is_covered = leakage.covered
    low, high = exact_limits(counts.numpy(), max(num_samples, 1), ERROR / 2 / len(counts))
    needed = NOMINAL_SHARE * prior.numpy()
    number = int(is_covered.sum())
    outside = ~is_covered.numpy()
    missed = most_missed(counts.numpy()[outside], fewest.numpy()[outside], needed[outside] * num_samples)
    possible = min(int((high >= needed).sum()), number + missed)
    return {
        "covered_modes": number,
        "covered_modes_low": min(int(((low >= needed) & is_covered.numpy()).sum()), number),
        "covered_modes_high": max(possible, number) if int(counts.sum()) else 0,
        "covered": is_covered.nonzero().flatten().tolist(),
        "raw_modes": int((counts > 0).sum()),
        "misreading": None if leakage is None else leakage.misreading,
        "reliable": None if leakage is None else leakage.reliable,
    }


def most_missed(counts: Int[np.ndarray, " k"], fewest: Int[np.ndarray, " k"], expected: Float[np.ndarray, " k"]) -> int:
    """Return how many of these modes, none of which is covered, may have a share of τ π_k all the same (97.5 %).

    Such a mode has Poisson's number of samples with expectation τ N π_k at least; where that is below `fewest`, it is
    not 0 with probability r = 1 − P(0) / P(fewest − 1 or less) or more. So of M missed modes a binomial number show a
    sample, and M is the largest with P(no more than were seen) ≥ 0.025.

    Example:
        >>> most_missed(np.zeros(990, dtype=int), np.full(990, 3), np.full(990, 2.6))
        1
    """
    if not len(counts):
        return 0
    shown = float(np.min(1 - poisson.pmf(0, expected) / poisson.cdf(fewest - 1, expected)))
    numbers = np.arange(len(counts) + 1)
    return int(numbers[binom.cdf(int((counts > 0).sum()), numbers, shown) >= ERROR / 2].max())


def effective_figures(counts: Int[Tensor, " k"], prior: Float[Tensor, " k"]) -> dict[str, Any]:
    """Return the effective number of modes with its limits, and what real data have."""
    ceiling = float(torch.special.entr(prior).sum().exp())
    if not int(counts.sum()):
        limits: tuple[float, float] = (0.0, 0.0)
    else:
        low, high = entropy_interval(counts.numpy())
        limits = (float(np.exp(low)), min(float(np.exp(high)), float(len(counts))))
    return {
        "effective_modes": effective_modes(counts),
        "effective_modes_low": limits[0],
        "effective_modes_high": limits[1],
        "effective_modes_ceiling": ceiling,
    }


def distance_figures(counts: Int[Tensor, " k"], prior: Float[Tensor, " k"]) -> dict[str, Any]:
    """Return the distances from the real frequencies with their limits and floors; None without accepted samples."""
    any_accepted = int(counts.sum()) > 0
    low, high = divergence_interval(counts.numpy(), prior.numpy()) if any_accepted else (None, None)
    floor = tv_floor(counts, prior)
    tells = floor is not None and floor <= MOST_FLOOR
    tv, tv_low, tv_high = (total_variation(counts, prior) if tells else None) or (None, None, None)
    return {
        "kl": kl_divergence(counts, prior),
        "kl_low": None if low is None else float(low),
        "kl_high": None if high is None else float(high),
        "kl_floor": kl_floor(counts),
        "kl_plug_in": plug_in_kl(counts, prior),
        "forward_kl": forward_kl(counts, prior),
        "js": jensen_shannon(counts, prior),
        "tv": tv,
        "tv_low": tv_low,
        "tv_high": tv_high,
        "tv_floor": floor,
    }


def quality_figures(num_accepted: int, num_samples: int) -> dict[str, Any]:
    """Return the share of accepted samples with its limits."""
    low, high = share_interval(num_accepted, num_samples) if num_samples else (0.0, 1.0)
    share = num_accepted / num_samples if num_samples else 0.0
    return {"high_quality": share, "high_quality_low": low, "high_quality_high": high}


def fewest_samples(
    num_samples: int, prior: Float[Tensor, " k"], nominal_share: float = NOMINAL_SHARE
) -> Int[Tensor, " k"]:
    """Return how many samples cover each mode: max(2, τ N π_k), rounded up.

    Args:
        num_samples: N, rejected samples too: whoever makes few digits has to make them evenly.
        prior: π, frequencies of the modes in real data.
        nominal_share: τ; below this share of its frequency a mode counts as dropped.

    Example:
        >>> fewest_samples(2048, torch.tensor([0.5, 0.496, 0.004])).tolist()
        [103, 102, 2]
    """
    # τ N π is a whole number in ordinary cases (0.1 · 300 · 0.1); a rounding error must not raise it by one.
    return (nominal_share * num_samples * prior.double() - 1e-6).ceil().clamp(min=2).long()


class ModeCoverage(Metric):
    """Count accepted samples per mode; `compute()` returns the figures of `mode_coverage`.

    Args:
        num_modes: K.
        prior: Frequencies of the modes in real data, (K,); None = all equal.
        confusion: Of the judge on one channel of accepted real samples; None = it does not err.
        options: Of every torchmetrics Metric.

    Raises:
        ValueError: No modes, or a prior that is not K positive numbers with sum 1.

    Example:
        >>> metric = ModeCoverage(num_modes=3)
        >>> metric.update(torch.tensor([0, 0, 1, 1, 2]), torch.tensor([True, True, True, True, False]))
        >>> result = metric.compute()
        >>> result["covered"], result["high_quality"], result["shares"]
        ([0, 1], 0.8, [0.5, 0.5, 0.0])
    """

    is_differentiable = False
    higher_is_better = None
    full_state_update = False
    mode_counts: Tensor
    mode_samples: Tensor

    def __init__(
        self,
        num_modes: int,
        prior: Float[Tensor, " k"] | None = None,
        confusion: Float[Tensor, "d d"] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if num_modes < 1:
            raise ValueError(f"num_modes={num_modes}: there has to be at least one mode")
        self.num_modes = num_modes
        self.prior = checked_prior(torch.full((num_modes,), 1 / num_modes) if prior is None else prior, num_modes)
        self.confusion = confusion
        # Names of their own: torchmetrics merges metrics of a collection whose states have equal names and values.
        self.add_state("mode_counts", torch.zeros(num_modes, dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("mode_samples", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, modes: Int[Tensor, " n"], accepted: Bool[Tensor, " n"]) -> None:
        """Count samples.

        Args:
            modes: The mode of each, 0 to K − 1; what stands there for a rejected sample does not matter.
            accepted: Whether the judge says that the sample is one of the modes at all.

        Raises:
            ValueError: A mode that is none.
        """
        modes = modes[accepted].long()
        if len(modes) and not 0 <= int(modes.min()) <= int(modes.max()) < self.num_modes:
            wrong = int(modes.min()) if int(modes.min()) < 0 else int(modes.max())
            raise ValueError(f"modes has {wrong}; with num_modes={self.num_modes} they are 0 to {self.num_modes - 1}")
        self.mode_counts += torch.bincount(modes, minlength=self.num_modes)
        self.mode_samples += len(accepted)

    def compute(self) -> dict[str, Any]:
        """Return the figures of all samples since the last reset; see `mode_coverage`."""
        return mode_coverage(self.mode_counts, int(self.mode_samples), self.prior, self.confusion)

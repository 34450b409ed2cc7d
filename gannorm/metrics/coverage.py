"""How many modes a generator covers, and how evenly: pure functions of counts, and a Metric that counts.

N samples were judged. c_k of them were accepted and belong to mode k of K; rejected samples belong to no mode. N_acc is
the sum of c, m the number of modes with c_k > 0, p_k = c_k / N_acc the shares, π_k the frequencies of real data.
Logarithms are natural, all arithmetic is float64.
"""

from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torchmetrics import Metric

NOMINAL_SHARE = 0.1  # of its frequency in real data, below which a mode counts as dropped


def mode_coverage(counts: Int[Tensor, " k"], num_samples: int, prior: Float[Tensor, " k"]) -> dict[str, Any]:
    """Return all figures of one evaluation as plain Python numbers, ready for JSON.

    `num_samples` N, `num_modes` K, `covered_modes` and `covered` (which ones), `effective_modes`, `kl`, `kl_floor`,
    `tv`, `high_quality` (N_acc / N) and `shares` (K numbers). Where no sample was accepted, no mode is covered, shares
    and effective modes are 0, and `kl`, `kl_floor` and `tv` are None.

    Args:
        counts: Accepted samples of each mode.
        num_samples: All samples, rejected ones too.
        prior: Frequencies of the modes in real data.

    Raises:
        ValueError: Negative counts, more accepted than judged samples, or a prior that is none.

    Example:
        >>> result = mode_coverage(torch.tensor([50, 30, 0, 0]), num_samples=100, prior=torch.full((4,), 0.25))
        >>> result["covered_modes"], round(result["effective_modes"], 3), result["high_quality"], result["tv"]
        (2, 1.95, 0.8, 0.5)
    """
    prior = checked_prior(prior, len(counts))
    check_counts(counts, num_samples)
    counts = counts.cpu()
    is_covered = covered(counts, num_samples, prior)
    return {
        "num_samples": num_samples,
        "num_modes": len(counts),
        "covered_modes": int(is_covered.sum()),
        "covered": is_covered.nonzero().flatten().tolist(),
        "effective_modes": effective_modes(counts),
        "kl": kl_divergence(counts, prior),
        "kl_floor": kl_floor(counts),
        "tv": total_variation(counts, prior),
        "high_quality": int(counts.sum()) / num_samples if num_samples else 0.0,
        "shares": shares(counts).tolist(),
    }


def shares(counts: Int[Tensor, " k"]) -> Float[Tensor, " k"]:
    """Return p_k = c_k / Σ c, or zeros where no sample was accepted.

    Example:
        >>> shares(torch.tensor([3, 1, 0])).tolist()
        [0.75, 0.25, 0.0]
    """
    return counts.double() / max(int(counts.sum()), 1)


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


def covered(
    counts: Int[Tensor, " k"], num_samples: int, prior: Float[Tensor, " k"], nominal_share: float = NOMINAL_SHARE
) -> Bool[Tensor, " k"]:
    """Return which modes are covered: c_k ≥ max(2, τ N π_k); arguments as in `fewest_samples`.

    One lone sample never covers a mode: a judge errs more often than that.

    Example:
        >>> covered(torch.tensor([90, 9, 1]), num_samples=100, prior=torch.tensor([0.4, 0.3, 0.3])).tolist()
        [True, True, False]
    """
    return counts >= fewest_samples(num_samples, prior, nominal_share).to(counts.device)


def effective_modes(counts: Int[Tensor, " k"]) -> float:
    """Return the number of equally likely modes with the same entropy, e^H, at most K; 0 where no sample was accepted.

    H = −Σ p ln p + (m − 1) / (2 N_acc): entropy is estimated too low from few samples, and Miller's correction adds
    what is missing on average. Without the limit a perfect generator of 10 modes would print more than 10 in half of
    all draws.

    Source: G. Miller, Note on the bias of information estimates, 1955.

    Example:
        >>> effective_modes(torch.tensor([100, 100, 0])), effective_modes(torch.tensor([7, 0, 0]))
        (2.005006..., 1.0)
    """
    num_accepted = int(counts.sum())
    if not num_accepted:
        return 0.0
    entropy = torch.special.entr(shares(counts)).sum() + surplus(counts)
    return min(float(entropy.exp()), float(len(counts)))


def kl_divergence(counts: Int[Tensor, " k"], prior: Float[Tensor, " k"]) -> float | None:
    """Return KL(p ‖ π) in nats, corrected for its bias, at least 0; None where no sample was accepted.

    Σ p ln(p / π) − (m − 1) / (2 N_acc). Papers print the first term alone, which is about `kl_floor` for a generator
    without any error. Of many samples KL is 0 for the real frequencies and ln(K / m) for m equal modes of K equal ones.

    Example:
        >>> kl_divergence(torch.tensor([500, 500, 0, 0]), torch.full((4,), 0.25))  # ln 2 - 1/2000
        0.69264...
    """
    if not int(counts.sum()):
        return None
    share = shares(counts)
    divergence = torch.special.xlogy(share, share / prior.double().to(share.device)).sum() - surplus(counts)
    return max(float(divergence), 0.0)


def kl_floor(counts: Int[Tensor, " k"]) -> float | None:
    """Return (K − 1) / (2 N_acc): the uncorrected KL that N_acc draws from π itself show on average.

    `kl_divergence` of such draws, which is corrected, is below this in 96 % of cases at K = 10 and in nearly all at a
    larger K: there no difference from the real frequencies is seen. None where no sample was accepted.

    Example:
        >>> kl_floor(torch.full((10,), 180))
        0.0025
    """
    num_accepted = int(counts.sum())
    return (len(counts) - 1) / (2 * num_accepted) if num_accepted else None


def total_variation(counts: Int[Tensor, " k"], prior: Float[Tensor, " k"]) -> float | None:
    """Return ½ Σ |p − π|, the share of samples that would have to change mode; None where no sample was accepted.

    Example:
        >>> total_variation(torch.tensor([10, 0]), torch.tensor([0.5, 0.5]))
        0.5
    """
    if not int(counts.sum()):
        return None
    share = shares(counts)
    return float((share - prior.double().to(share.device)).abs().sum() / 2)


def surplus(counts: Int[Tensor, " k"]) -> float:
    """Return (m − 1) / (2 N_acc), by which an entropy is estimated too low on average."""
    return (int((counts > 0).sum()) - 1) / (2 * int(counts.sum()))


def checked_prior(prior: Float[Tensor, " any"], num_modes: int) -> Float[Tensor, " k"]:
    """Return frequencies as float64 on the CPU.

    Raises:
        ValueError: Not one number per mode, one that is not positive, or a sum that is not 1.
    """
    if len(prior) != num_modes:
        raise ValueError(f"prior has {len(prior)} numbers; {num_modes} modes need {num_modes}")
    if not bool((prior > 0).all()):
        lowest = int(prior.argmin())
        raise ValueError(f"prior has {float(prior[lowest]):g} for mode {lowest}; leave out modes without data")
    exact = prior.cpu().double()
    if abs(float(exact.sum()) - 1) > 1e-4:
        raise ValueError(f"prior sums to {float(exact.sum()):g}, not to 1; give frequencies, counts / counts.sum()")
    return exact / exact.sum()


def check_counts(counts: Int[Tensor, " k"], num_samples: int) -> None:
    """Refuse counts that cannot be.

    Raises:
        ValueError: A negative count, or more accepted samples than samples.
    """
    if len(counts) and int(counts.min()) < 0:
        raise ValueError(f"counts has {int(counts.min())} for mode {int(counts.argmin())}; a count is 0 or more")
    if (total := int(counts.sum())) > num_samples:
        raise ValueError(f"counts sums to {total} but num_samples is {num_samples}; it counts rejected samples too")


class ModeCoverage(Metric):
    """Count accepted samples per mode; `compute()` returns the figures of `mode_coverage`.

    Args:
        num_modes: K.
        prior: Frequencies of the modes in real data, (K,); None = all equal.
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

    def __init__(self, num_modes: int, prior: Float[Tensor, " k"] | None = None, **options: Any) -> None:
        super().__init__(**options)
        if num_modes < 1:
            raise ValueError(f"num_modes={num_modes}: there has to be at least one mode")
        self.num_modes = num_modes
        self.prior = checked_prior(torch.full((num_modes,), 1 / num_modes) if prior is None else prior, num_modes)
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
        return mode_coverage(self.mode_counts, int(self.mode_samples), self.prior)

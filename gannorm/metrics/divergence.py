"""How evenly samples spread over modes: pure functions of counts.

N samples were accepted, c_k of them belong to mode k of K; m is the number of modes with c_k > 0, p_k = c_k / N the
shares, π_k the frequencies of real data. Logarithms are natural, all arithmetic is float64.
"""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from gannorm.metrics.legacy import plug_in_kl
from gannorm.statistics import total_variation_floor, total_variation_interval
from gannorm.statistics.entropy import miller_madow

PSEUDOCOUNT = 0.5  # of each mode: Jeffreys' prior


def shares(counts: Int[Tensor, " k"]) -> Float[Tensor, " k"]:
    """Return p_k = c_k / Σ c, or zeros where no sample was accepted.

    Example:
        >>> shares(torch.tensor([3, 1, 0])).tolist()
        [0.75, 0.25, 0.0]
    """
    return counts.double() / max(int(counts.sum()), 1)


def effective_modes(counts: Int[Tensor, " k"]) -> float:
    """Return the number of equally likely modes with the same entropy, e^H, at most K and N; 0 of no sample.

    H = −Σ p ln p + (m − 1) / (2 N): entropy is estimated too low from few samples, and Miller's correction adds
    what is missing on average. Without the limit a perfect generator of 10 modes would print more than 10 in half of
    all draws.

    Source: G. Miller, Note on the bias of information estimates, 1955.

    Example:
        >>> effective_modes(torch.tensor([100, 100, 0])), effective_modes(torch.tensor([7, 0, 0]))
        (2.005006..., 1.0)
    """
    if not int(counts.sum()):
        return 0.0
    most = min(len(counts), int(counts.sum()))
    return min(float(np.exp(miller_madow(counts.cpu().numpy()))), float(most))


def kl_divergence(counts: Int[Tensor, " k"], prior: Float[Tensor, " k"]) -> float | None:
    """Return KL(p ‖ π) in nats, corrected for its bias, at least 0; None where no sample was accepted.

    Σ p ln(p / π) − (m − 1) / (2 N). Papers print the first term alone, which is about `kl_floor` for a generator
    without any error. Of many samples KL is 0 for the real frequencies and ln(K / m) for m equal modes of K equal ones.

    Example:
        >>> kl_divergence(torch.tensor([500, 500, 0, 0]), torch.full((4,), 0.25))  # ln 2 - 1/2000
        0.69264...
    """
    if not int(counts.sum()):
        return None
    divergence = plug_in_kl(counts, prior)
    assert divergence is not None
    return max(divergence - surplus(counts), 0.0)


def kl_floor(counts: Int[Tensor, " k"]) -> float | None:
    """Return (K − 1) / (2 N), at most ln K: the uncorrected KL that N draws from π itself show on average.

    `kl_divergence` of such draws, which is corrected, is below this in 96 % of cases at K = 10 and in nearly all at a
    larger K: there no difference from the real frequencies is seen. None where no sample was accepted.

    Example:
        >>> kl_floor(torch.full((10,), 180))
        0.0025
    """
    num_accepted = int(counts.sum())
    return min((len(counts) - 1) / (2 * num_accepted), float(np.log(len(counts)))) if num_accepted else None


def forward_kl(counts: Int[Tensor, " k"], prior: Float[Tensor, " k"]) -> float | None:
    """Return KL(π ‖ p̃) in nats with p̃ = (c + ½) / (N + K/2); None without samples.

    This direction counts what is missing: without smoothing one dropped mode makes it infinite, with it the mode adds
    π ln(2 N π) or so: it grows with N, so it compares only at equal N.

    Example:
        >>> one, none = (forward_kl(torch.tensor([500, c]), torch.tensor([0.5, 0.5])) for c in (500, 0))
        >>> round(one, 4), round(none, 2)
        (0.0, 2.76)
    """
    if not int(counts.sum()):
        return None
    exact = prior.double().to(counts.device)
    smooth = (counts.double() + PSEUDOCOUNT) / (int(counts.sum()) + PSEUDOCOUNT * len(counts))
    return float((exact * (exact / smooth).log()).sum())


def jensen_shannon(counts: Int[Tensor, " k"], prior: Float[Tensor, " k"]) -> float | None:
    """Return ½ KL(p ‖ a) + ½ KL(π ‖ a), a = (p + π)/2, in nats, 0 to ln 2; None without samples.

    Not corrected for its bias, which is a quarter of `kl_floor` or so.

    Example:
        >>> round(jensen_shannon(torch.tensor([10, 0]), torch.tensor([0.5, 0.5])), 4)
        0.2158
    """
    if not int(counts.sum()):
        return None
    share, exact = shares(counts), prior.double().to(counts.device)
    middle = (share + exact) / 2
    divergences = torch.special.xlogy(share, share / middle) + torch.special.xlogy(exact, exact / middle)
    return max(float(divergences.sum() / 2), 0.0)


def total_variation(counts: Int[Tensor, " k"], prior: Float[Tensor, " k"]) -> tuple[float, float, float] | None:
    """Return ½ Σ |p − π|, the share of samples that would have to change mode, corrected for its bias, and its limits.

    Estimate, lower and upper limit (95 %) are those of `gannorm.statistics.total_variation_interval`; None without
    samples.

    Example:
        >>> [round(value, 2) for value in total_variation(torch.tensor([1000, 0]), torch.tensor([0.5, 0.5]))]
        [0.5, 0.5, 0.5]
    """
    if not int(counts.sum()):
        return None
    return total_variation_interval(counts.cpu().numpy(), prior.cpu().double().numpy())


def tv_floor(counts: Int[Tensor, " k"], prior: Float[Tensor, " k"]) -> float | None:
    """Return what ½ Σ |p − π|, uncorrected, shows on average for N draws from π itself; None without samples.

    Example:
        >>> round(tv_floor(torch.full((10,), 1000), torch.full((10,), 0.1)), 4)
        0.012
    """
    num = int(counts.sum())
    return total_variation_floor(num, prior.cpu().double().numpy()) if num else None


def surplus(counts: Int[Tensor, " k"]) -> float:
    """Return (m − 1) / (2 N), by which an entropy is estimated too low on average."""
    return (int((counts > 0).sum()) - 1) / (2 * int(counts.sum()))

"""What a perfect generator scores in the papers' way of counting: the floor of the KL and the ceiling of the modes.

N samples drawn with the data's own frequencies π leave a KL to the uniform distribution that is not 0: because π is not
uniform, and because N counts are not their expectation. A published KL below that floor is luck, or another KL.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import stats

Frequencies = Float[np.ndarray, " k"]
TAIL = 12  # standard deviations of a count, beyond which its probability is nothing in float64


@dataclass(frozen=True, kw_only=True)
class Perfect:
    """Expected figures of N samples drawn from the data's own modes.

    Attributes:
        num_samples: N.
        modes: Modes with at least one sample, E = Σ 1 − (1 − π_k)^N.
        kl: Uncorrected KL to the uniform distribution, in nats; its expectation.
        kl_sd: Its standard deviation from one evaluation to the next.
        effective_modes: K e^(−KL).
    """

    num_samples: int
    modes: float
    kl: float
    kl_sd: float
    effective_modes: float


def perfect(prior: Frequencies, num_samples: int) -> Perfect:
    """Return what N samples of a generator without any fault are expected to score.

    Args:
        prior: π, (K,) frequencies of the modes.
        num_samples: N, those that enter the KL.

    Raises:
        ValueError: No samples, or frequencies that are none.

    Example:
        >>> figures = perfect(np.full(1000, 0.001), num_samples=26_000)
        >>> round(figures.modes, 3), round(figures.kl, 4), round(figures.kl_sd, 4)
        (1000.0, 0.0193, 0.0009)
    """
    prior = _checked(prior)
    if num_samples < 1:
        raise ValueError(f"num_samples={num_samples}: a perfect generator draws at least one sample")
    kl = expected_kl(prior, num_samples)
    return Perfect(
        num_samples=num_samples,
        modes=float((-np.expm1(num_samples * np.log1p(-np.minimum(prior, 1 - 1e-15)))).sum()),
        kl=kl,
        kl_sd=kl_sd(prior, num_samples),
        effective_modes=len(prior) * math.exp(-kl),
    )


def expected_kl(prior: Frequencies, num_samples: int) -> float:
    """Return E Σ p ln(K p), p = X / N and X_k binomial (N, π_k), exactly but for tails that float64 does not hold.

    The expectation of a sum needs each count's own distribution only; that counts depend on each other does not matter.

    Example:
        >>> round(expected_kl(np.array([0.5, 0.5]), 1), 6)  # one sample always lies in one of two modes: ln 2
        0.693147
    """
    rates, repeats = np.unique(prior, return_counts=True)
    return float(sum(n * _share(rate, num_samples, len(prior)) for rate, n in zip(rates, repeats, strict=True)))


def kl_sd(prior: Frequencies, num_samples: int) -> float:
    """Return the standard deviation of the KL, to leading order: √(Var_π[ln K π] / N + (K − 1) / (2 N²)).

    The first term is how frequencies vary the mean logarithm (delta method), the second the χ² distribution of what
    remains where π is uniform, whose variance is 2 (K − 1).
    """
    spread = float(np.average(np.log(prior) ** 2, weights=prior) - np.average(np.log(prior), weights=prior) ** 2)
    return math.sqrt(max(spread, 0.0) / num_samples + (len(prior) - 1) / (2 * num_samples**2))


def _share(rate: float, num_samples: int, num_modes: int) -> float:
    """Return one mode's part of the expected KL."""
    mean, reach = num_samples * rate, TAIL * math.sqrt(num_samples * rate) + TAIL**2
    counts: Int[np.ndarray, " x"] = np.arange(
        max(1, math.floor(mean - reach)), min(num_samples, math.ceil(mean + reach)) + 1
    )
    term = counts / num_samples * np.log(num_modes * counts / num_samples)
    return float(stats.binom.pmf(counts, num_samples, rate) @ term)


def _checked(prior: Frequencies) -> Frequencies:
    if not (prior > 0).all() or abs(prior.sum() - 1) > 1e-4:
        raise ValueError(f"prior from {prior.min():g} with sum {prior.sum():g}: give positive frequencies with sum 1")
    return prior / prior.sum()

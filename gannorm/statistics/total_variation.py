"""The total variation distance from known frequencies, out of counts: without the bias of |p − π|, and an interval.

½ Σ |p − π| of N samples is too large: at K = 1000 and N = 26,000 a perfect generator shows 0.078 on average. |x| has no
unbiased estimate (T. Cai, M. Low, Testing composite hypotheses, Hermite polynomials and optimal estimation of a
nonsmooth functional, 2011), so the distance is found as the one that would show what was seen.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import brentq
from scipy.special import ndtr, pdtr
from scipy.stats import binom

from gannorm.statistics.proportions import Z

WIDENED, OF_MANY = 1.15 * Z, 1.4 * Z  # the spread is estimated from the same counts, near a kink
MANY = 100  # modes, of whose ratios p/π a distribution can be estimated
SPARSE = 15  # expected samples of a mode, below which a normal distribution does not stand for its count
FACTORS, TOLERANCE = (0.0, 2.0), 1e-4
CUT = 2.0  # standard deviations
EM_STEPS, LEAST_WEIGHT = 150, 1e-7

Vector = Float[np.ndarray, " k"]
Matrix = Float[np.ndarray, "rows r"]
Shape = tuple[Float[np.ndarray, "k r"], Float[np.ndarray, "k r"]]
"""Possible p − π of each mode, and how likely each of them is."""


def total_variation_interval(counts: Int[np.ndarray, " k"], prior: Vector) -> tuple[float, float, float]:
    """Return ½ Σ |p − π| without its bias, and the lower and upper limit of a 95 % interval.

    The differences p − π are taken to have the shape that was seen, times an unknown factor. Of each factor the
    expectation and the spread of the plain distance are known (folded normal distributions, folded Poisson ones where
    fewer than 15 samples of a mode are expected); the estimate belongs to the factor that expects the plain distance,
    the limits to those from which it is 2.25 spreads away (2.74 with 100 modes and more). A shape of another kind gives
    a second interval, and the result reaches over both: the differences without those that may be noise (a few modes
    far off, the others right, is no enlarged noise), or, with 100 modes and more, the maximum-likelihood distribution
    of the ratios p/π, which then gives the estimate (half of the modes gone).

    Simulations (`python -m benchmarks intervals`) show where it holds, and that it is wider than it had to be. With
    fewer samples than modes it holds less often: of 500 of 1,000 modes 500 samples do not show that they are half.

    Args:
        counts: Samples of each mode, at least one sample.
        prior: π, positive, with sum 1.

    Example:
        >>> estimate, low, high = total_variation_interval(np.array([300, 100, 0, 0]), np.full(4, 0.25))
        >>> round(estimate, 2), bool(low < 0.5 <= high)
        (0.49, True)
        >>> rng = np.random.default_rng(0)
        >>> draws = rng.multinomial(26_000, np.full(1000, 1e-3))
        >>> plain = abs(draws / 26_000 - 1e-3).sum() / 2
        >>> bool(plain > 0.07), total_variation_interval(draws, np.full(1000, 1e-3))[0] < 0.03
        (True, True)
    """
    found = [_solved(counts, prior, shape(counts, prior)) for shape in _shapes(len(counts))]
    estimate = found[-1][1]
    low, high = min(f[0] for f in found), max(f[2] for f in found)
    return estimate, min(low, estimate), max(high, estimate)


def total_variation_floor(num_samples: int, prior: Vector) -> float:
    """Return the expectation of ½ Σ |p − π| for N samples of π itself: Σ ν (1 − π) b(ν; N, π) / N, ν = ⌊N π⌋ + 1.

    b is the binomial probability. Where many samples of each mode are expected this is ½ Σ √(2 π_k (1 − π_k) / (π N)),
    with the circle's π.

    Source: A. de Moivre's mean absolute deviation, 1730, after P. Diaconis, S. Zabell, Closed form summation for
    classical distributions, 1991 (from memory; tests compare it with simulations).

    Example:
        >>> round(total_variation_floor(26_000, np.full(1000, 1e-3)), 3)
        0.078
    """
    above = np.floor(num_samples * prior) + 1
    return float((above * (1 - prior) * binom.pmf(above, num_samples, prior)).sum() / num_samples)


def _shapes(num_modes: int) -> list[Callable[[Int[np.ndarray, " k"], Vector], Shape]]:
    return [_as_seen, _likeliest] if num_modes >= MANY else [_significant, _as_seen]


def _as_seen(counts: Int[np.ndarray, " k"], prior: Vector) -> Shape:
    return (counts / counts.sum() - prior)[:, None], np.ones((len(counts), 1))


def _significant(counts: Int[np.ndarray, " k"], prior: Vector) -> Shape:
    """Return the differences as seen, those shrunk to 0 that are no larger than two of their standard deviations."""
    difference, share = counts / counts.sum() - prior, np.maximum(counts / counts.sum(), prior)
    noise = CUT * np.sqrt(share * (1 - np.minimum(share, 0.5)) / counts.sum())
    kept = np.maximum(0.0, 1 - (noise / np.maximum(abs(difference), 1e-12)) ** 2)
    return (difference * kept)[:, None], np.ones((len(counts), 1))


def _likeliest(counts: Int[np.ndarray, " k"], prior: Vector) -> Shape:
    """Return the nonparametric maximum-likelihood distribution of p/π, given each count (Kiefer and Wolfowitz 1956)."""
    expected = counts.sum() * prior
    ratio = _grid(counts, expected)
    mean = np.maximum(expected[:, None] * ratio, 1e-300)
    likelihood = counts[:, None] * np.log(mean) - mean
    likelihood = np.exp(likelihood - likelihood.max(1, keepdims=True))
    weight = np.full(len(ratio), 1 / len(ratio))
    for _ in range(EM_STEPS):
        posterior = likelihood * weight
        weight = (posterior / posterior.sum(1, keepdims=True)).mean(0)
    held = weight > LEAST_WEIGHT
    posterior = likelihood[:, held] * weight[held]
    return prior[:, None] * (ratio[held] - 1), posterior / posterior.sum(1, keepdims=True)


def _grid(counts: Int[np.ndarray, " k"], expected: Vector) -> Float[np.ndarray, " r"]:
    """Return ratios p/π, half a standard deviation apart up to 9 and wider beyond."""
    top = float(np.sqrt(np.max(counts / expected) * 1.05 + 1e-9))
    step = max(0.25 / float(np.sqrt(np.median(expected))), 0.01)
    fine = np.arange(0.0, min(top, 3.0) + step, step)
    coarse = np.geomspace(3.0 + step, top, 60) if top > 3.0 + step else np.empty(0)
    return np.concatenate([fine, coarse]) ** 2


def _solved(counts: Int[np.ndarray, " k"], prior: Vector, shape: Shape) -> tuple[float, float, float]:
    """Return lower limit, estimate and upper limit for one shape."""
    total = int(counts.sum())
    plain = float(abs(counts / total - prior).sum() / 2)

    def distance(spreads: float) -> float:
        def excess(factor: float) -> float:
            mean, spread, _ = _moments(factor, prior, shape, total)
            return mean + spreads * spread - plain

        low, high = (excess(factor) for factor in FACTORS)
        factor = FACTORS[0] if low >= 0 else FACTORS[1] if high <= 0 else brentq(excess, *FACTORS, xtol=TOLERANCE)
        return _moments(factor, prior, shape, total)[2]

    widened = OF_MANY if len(counts) >= MANY else WIDENED
    return distance(widened), distance(0.0), distance(-widened)


def _moments(factor: float, prior: Vector, shape: Shape, total: int) -> tuple[float, float, float]:
    """Return the plain distance's expectation and spread, and the true one, where p − π is `factor` times the shape."""
    differences, weights = shape
    share = np.clip(prior[:, None] + factor * differences, 0.0, 1.0)
    theta = share - prior[:, None]
    sigma = np.maximum(np.sqrt(share * (1 - share) / total), 1e-12)
    expected, _, _ = _folded(theta, sigma, prior, total)
    # The sign of a small difference is uncertain: its spread is taken over what it might be, √2 as wide.
    _, variance, sign = _folded(theta / np.sqrt(2), sigma, prior, total)
    signed = (weights * share * sign).sum(1)
    covariance = (signed.sum() ** 2 - (signed**2).sum()) / total
    spread = np.sqrt(max(float((weights * sigma**2 * variance).sum() - covariance), 0.0)) / 2
    return float((weights * expected).sum() / 2), spread, float((weights * abs(theta)).sum() / 2)


def _folded(theta: Matrix, sigma: Matrix, prior: Vector, total: int) -> tuple[Matrix, Matrix, Matrix]:
    """Return the expectation of |p − π|, its variance over that of p, and how it grows with p, -1 to 1.

    Args:
        theta: E p − π.
        sigma: Standard deviation of p.
        prior: π.
        total: N.
    """
    mean = theta / sigma
    slope = 1 - 2 * ndtr(-mean)
    expectation = 2 * np.exp(-(mean**2) / 2) / np.sqrt(2 * np.pi) + mean * slope
    found = sigma * expectation, mean**2 + 1 - expectation**2, slope
    sparse = total * prior < SPARSE
    if sparse.any():
        reference = total * prior[sparse, None]
        of_counts = _folded_poisson(reference + total * theta[sparse], reference)
        for column, exact in zip(found, (of_counts[0] / total, *of_counts[1:]), strict=True):
            column[sparse] = exact
    return found


def _folded_poisson(mean: Matrix, reference: Float[np.ndarray, "rows 1"]) -> tuple[Matrix, Matrix, Matrix]:
    """Return expectation of |X − c|, variance over that of X, and slope, X of Poisson's distribution.

    With m = ⌊c⌋ and F the distribution function E |X − c| = λ − c + 2 (c F(m) − λ F(m − 1)); the slope is
    Cov(X, |X − c|) / λ = E |X + 1 − c| − E |X − c|.
    """
    whole = np.floor(reference)
    upto = pdtr(whole, mean)
    below = np.where(whole > 0, pdtr(np.maximum(whole - 1, 0), mean), 0.0)
    expectation = mean - reference + 2 * (reference * upto - mean * below)
    variance = mean + (mean - reference) ** 2 - expectation**2
    slope = 1 - upto - below + (upto - below) * (2 * (whole - reference) + 1)
    return expectation, variance / np.maximum(mean, 1e-12), slope

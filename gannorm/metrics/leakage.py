"""Which modes are covered, where the judge errs: a mode counts if misread samples of other modes do not explain it.

With a digit classifier of 99 % accuracy, 26,000 stacks of three digits and a generator of exactly 99 modes, 558 modes
hold at least one sample. The judge's confusions on real data say how many samples leak from the strong modes into each
other one; what is above that is there.
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.stats import poisson
from torch import Tensor

ERROR = 0.01  # chance of any false mode, over all K
ROUNDS = 12
TRIMMED, MANY = 0.98, 50  # of so many empty modes and more, the 2 % that are fullest do not tell how much leaks
TELLING = 20  # expected leaked samples, below which their number tells nothing
DOUBT = 2.0  # times the misreading found: would it change the answer?
TOLERATED = 0.1  # share of the modes that may depend on it

Counts = Float[np.ndarray, "*channels"]
Kept = Bool[np.ndarray, "*channels"]


class Leakage(NamedTuple):
    """What a leakage test found.

    Attributes:
        covered: Which modes are covered.
        misreading: How many times as often as real data the samples are misread, 1 at least.
        reliable: Whether the number of covered modes would stay within 10 % if they were misread twice as often again.
        leaked: λ, how many samples of other modes are expected to be read as each.
    """

    covered: Bool[Tensor, " k"]
    misreading: float
    reliable: bool
    leaked: Float[Tensor, " k"]


def leakage_test(
    counts: Int[Tensor, " k"],
    fewest: Int[Tensor, " k"],
    confusion: Float[Tensor, "d d"],
) -> Leakage:
    """Return which modes hold more samples than the judge's errors on other modes put there.

    Let q be the shares of the modes that are kept (their samples over the chance to be read rightly), C the confusion,
    C_h the same with its errors times h. Of N accepted samples λ = N (q C_h − q · diag C_h) are expected to leak into
    each mode (C acts on each channel of a stack alone). A mode is kept if it has at least `fewest` samples, and
    Poisson(λ) reaches their number with probability below 0.01 / K. Kept modes and h are found in turns, from all modes
    and h = 1 on: h is the number of samples in modes that are not kept over the number expected there, the fullest 2 %
    left out. Generated samples are misread more often than real ones, and a test that takes C as it is finds 50 modes
    where there are 10.

    Args:
        counts: Accepted samples of each mode, K = d for digits, d³ for stacks of three.
        fewest: Samples that a covered mode has at least (`fewest_samples`).
        confusion: C, P(read as a | is i) of one channel of accepted real samples; its rows have the sum 1.

    Raises:
        ValueError: K is no power of d.

    Source: ours. `python -m benchmarks leakage` counts simulated generators of 10, 99, 500 and 1,000 modes.

    Example:
        >>> confusion = torch.tensor([[0.98, 0.02, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
        >>> found = leakage_test(torch.tensor([980, 22, 5]), torch.tensor([2, 2, 2]), confusion)
        >>> found.covered.tolist(), found.reliable
        ([True, False, True], True)
    """
    channels = _channels(len(counts), len(confusion))
    shape = (len(confusion),) * channels
    found = counts.cpu().numpy().astype(float).reshape(shape)
    enough = found >= fewest.cpu().numpy().reshape(shape)
    errors = confusion.cpu().double().numpy()
    kept, misreading = enough, 1.0
    for _ in range(ROUNDS):
        misreading = _misreading(found, kept, errors)
        before, kept = kept, enough & _unexplained(found, kept, errors, misreading)
        if (before == kept).all():
            break
    doubted = enough & _unexplained(found, kept, errors, DOUBT * misreading)
    reliable = abs(int(doubted.sum()) - int(kept.sum())) <= TOLERATED * kept.sum()
    leaked = _leaked(found, kept, inflated(errors, misreading)).reshape(-1)
    return Leakage(torch.from_numpy(kept.reshape(-1)), misreading, bool(reliable), torch.from_numpy(leaked))


def _channels(num_modes: int, size: int) -> int:
    channels = max(1, round(np.log(num_modes) / np.log(size))) if size > 1 else 1
    if size**channels != num_modes:
        raise ValueError(f"confusion of {size} modes does not fit {num_modes} modes: they are no power of it")
    return channels


def _misreading(found: Counts, kept: Kept, errors: Float[np.ndarray, "d d"]) -> float:
    """Return how many times the expected number of samples lies in the modes that are not kept; 1 at least."""
    expected = _leaked(found, kept, errors)[~kept]
    if expected.sum() < TELLING:
        return 1.0
    there = found[~kept]
    if len(there) >= MANY:
        order = np.argsort((there - expected) / np.sqrt(expected + 0.05))[: int(TRIMMED * len(there))]
        there, expected = there[order], expected[order]
    return max(1.0, float(there.sum() / max(expected.sum(), 1e-9)))


def _unexplained(found: Counts, kept: Kept, errors: Float[np.ndarray, "d d"], misreading: float) -> Kept:
    """Return which modes hold more samples than leak into them."""
    expected = _leaked(found, kept, inflated(errors, misreading))
    return poisson.sf(found - 1, np.maximum(expected, 1e-12)) < ERROR / found.size


def _leaked(found: Counts, kept: Kept, errors: Float[np.ndarray, "d d"]) -> Counts:
    """Return how many samples of kept modes are expected to be read as each other mode.

    A kept mode's samples are those that were read rightly, so there are more of it than were found.
    """
    right = np.ones(())
    for _ in found.shape:
        right = np.multiply.outer(right, np.diag(errors))
    share = np.where(kept, found / np.maximum(right, 0.1), 0.0)
    share /= max(float(share.sum()), 1e-300)
    read = share
    for axis in range(found.ndim):
        read = np.moveaxis(np.tensordot(read, errors, axes=(axis, 0)), -1, axis)
    return np.maximum(found.sum() * (read - share * right), 0.0)


def inflated(errors: Float[np.ndarray, "d d"], times: float) -> Float[np.ndarray, "d d"]:
    """Return a confusion with its errors multiplied, at most nine in ten of each row.

    Example:
        >>> inflated(np.array([[0.9, 0.1], [0.0, 1.0]]), 2.0).round(2).tolist()
        [[0.8, 0.2], [0.0, 1.0]]
    """
    wrong = errors * times
    np.fill_diagonal(wrong, 0.0)
    wrong *= np.minimum(1.0, 0.9 / np.maximum(wrong.sum(1), 1e-300))[:, None]
    np.fill_diagonal(wrong, 1 - wrong.sum(1))
    return wrong

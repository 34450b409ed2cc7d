"""What papers' codes compute from counts: no correction for leakage or for few samples. For comparison only.

c_k samples belong to mode k of K. Logarithms are natural, arithmetic is float64.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def raw_modes(counts: Int[Tensor, " k"] | None, least: int = 1) -> int | None:
    """Return the number of modes with c_k ≥ least; None where it is not stated what is counted.

    At least = 1 a classifier's errors count as modes: 26,000 samples of 10 of 1,000 modes show 248 at 1 % error.

    Example:
        >>> raw_modes(torch.tensor([7, 1, 0]))
        2
    """
    return None if counts is None else int((counts >= least).sum())


def plug_in_kl(counts: Int[Tensor, " k"], reference: Float[Tensor, " any"] | None = None) -> float | None:
    """Return Σ p ln(p / q) over modes that have samples, p = c / Σ c, in nats; None where there is no sample.

    Of N draws from q itself it is about (K − 1) / (2 N), not 0.

    Args:
        counts: Samples of each mode.
        reference: q, positive; None = the uniform distribution.

    Raises:
        ValueError: Not one frequency for each mode.

    Example:
        >>> plug_in_kl(torch.tensor([10, 10, 0, 0]))  # ln 2
        0.69314...
    """
    if reference is not None and len(reference) != len(counts):
        raise ValueError(f"reference has {len(reference)} frequencies, counts {len(counts)} modes; give both K")
    total = int(counts.sum())
    if not total:
        return None
    share = counts.cpu().double() / total
    q = torch.full_like(share, 1 / len(counts)) if reference is None else reference.cpu().double()
    return float(torch.special.xlogy(share, share / q).sum())


def share(counts_accepted: Int[Tensor, " k"], counts_all: Int[Tensor, " k"]) -> float | None:
    """Return the share of accepted samples; None where there is none.

    Example:
        >>> share(torch.tensor([3, 0]), torch.tensor([3, 1]))
        0.75
    """
    total = int(counts_all.sum())
    return int(counts_accepted.sum()) / total if total else None


def check_counts(counts_accepted: Int[Tensor, " k"], counts_all: Int[Tensor, " any"]) -> None:
    """Refuse counts of accepted and of all samples that do not belong together.

    Raises:
        ValueError: Another number of modes, or more accepted samples than samples.
    """
    if len(counts_accepted) != len(counts_all):
        raise ValueError(f"counts_accepted has {len(counts_accepted)} modes, counts_all {len(counts_all)}; give both K")
    wrong = (counts_accepted > counts_all).nonzero().flatten().tolist()
    if wrong:
        accepted, samples = int(counts_accepted[wrong[0]]), int(counts_all[wrong[0]])
        raise ValueError(
            f"mode {wrong[0]}: {accepted} accepted of {samples} samples; counts_all holds accepted ones too"
        )

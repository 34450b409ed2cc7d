"""How often each class occurs: sets made imbalanced, split class by class, and drawn as their frequencies say."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from gannorm import rng
from gannorm.data.idx import DataError


def frequencies(labels: Int64[Tensor, " n"], num_modes: int) -> Float[Tensor, " k"]:
    """Return the share of each class among the labels.

    Example:
        >>> frequencies(torch.tensor([0, 0, 1, 0]), 3)
        tensor([0.7500, 0.2500, 0.0000])
    """
    return torch.bincount(labels, minlength=num_modes).float() / len(labels)


def normalized(shares: Sequence[float], num_modes: int, name: str = "shares") -> Float[Tensor, " k"]:
    """Return relative shares as frequencies that add up to 1.

    Raises:
        DataError: Not one number per class, a number below 0 or not finite, or nothing but zeros.

    Example:
        >>> normalized([1.0, 1.0, 2.0], 3)
        tensor([0.2500, 0.2500, 0.5000])
    """
    fits = len(shares) == num_modes and all(math.isfinite(share) and share >= 0 for share in shares)
    if not fits or not any(shares):
        given = ", ".join(f"{share:g}" for share in shares[:12]) + (", ..." if len(shares) > 12 else "")
        raise DataError(f"{name}=[{given}] are {len(shares)} numbers: give {num_modes} of 0 or more, not all 0")
    total = torch.tensor(shares, dtype=torch.float64)
    return (total / total.sum()).float()


def subset(labels: Int64[Tensor, " n"], shares: Sequence[float], num_modes: int) -> Int64[Tensor, " m"]:
    """Return which samples to keep for the classes to have these relative shares, as many as there can be.

    Class k keeps min(round(c·s_k), n_k) of its n_k samples, with the largest c that every class can serve. Which ones
    is always the same, whatever the run's seed: all runs of a study train on one set.

    Args:
        labels: Class of each sample.
        shares: One number of 0 or more per class, relative to each other; 0 leaves a class out.
        num_modes: K.

    Returns:
        Numbers of the kept samples, ascending.

    Raises:
        DataError: The shares are none, or leave nothing of a class that is to be there.

    Example:
        >>> labels = torch.tensor([0, 0, 0, 0, 1, 1, 2, 2])
        >>> labels[subset(labels, [2.0, 1.0, 0.0], 3)].tolist()
        [0, 0, 0, 0, 1, 1]
    """
    wanted = normalized(shares, num_modes).double()
    there = torch.bincount(labels, minlength=num_modes)
    asked_for = wanted > 0
    scale = (there[asked_for] / wanted[asked_for]).min()
    keep = (scale * wanted).round().long().minimum(there)
    if (keep[asked_for] == 0).any():
        mode = int((asked_for & (keep == 0)).nonzero()[0])
        too_little = f"{shares[mode]:g} for class {mode} leaves none of its {int(there[mode])} samples"
        raise DataError(f"shares: {too_little}: raise it, or set it to 0")
    generator = rng.generator(0, "shares")
    kept = []
    for mode, num in enumerate(keep.tolist()):
        of_mode = (labels == mode).nonzero().squeeze(1)
        kept.append(of_mode[torch.randperm(len(of_mode), generator=generator)[:num]])
    return torch.cat(kept).sort().values


def split_by_class(labels: Int64[Tensor, " n"], share: float, generator: torch.Generator) -> Bool[Tensor, " n"]:
    """Return which samples to hold out: the share of each class, at least one of it if any, never all.

    Example:
        >>> split_by_class(torch.tensor([0, 0, 0, 1]), 0.1, rng.generator(0)).sum().item()
        1
    """
    held_out = torch.zeros(len(labels), dtype=torch.bool)
    for mode in labels.unique().tolist():
        of_mode = (labels == mode).nonzero().squeeze(1)
        num = min(max(round(share * len(of_mode)), share > 0), len(of_mode) - 1)
        held_out[of_mode[torch.randperm(len(of_mode), generator=generator)[:num]]] = True
    return held_out


def draw_modes(prior: Float[Tensor, " k"], num: int, generator: torch.Generator) -> Int64[Tensor, " n"]:
    """Return modes of `num` independent samples of a perfect generator."""
    return torch.multinomial(prior, num, replacement=True, generator=generator)


def draw_of_modes(
    labels: Int64[Tensor, " n"], modes: Int64[Tensor, " m"], generator: torch.Generator
) -> Int64[Tensor, " m"]:
    """Return a sample of each mode that is asked for, none a second time before all of its mode have been drawn.

    Args:
        labels: Mode of each sample of a finite set.
        modes: Asked for.
        generator: Whose random numbers.

    Raises:
        DataError: There is no sample of a mode.

    Example:
        >>> drawn = draw_of_modes(torch.tensor([0, 1, 1, 0]), torch.tensor([1, 0, 1, 1]), rng.generator(0))
        >>> drawn.tolist()
        [1, 3, 2, 1]
    """
    drawn = torch.empty_like(modes)
    for mode in modes.unique().tolist():
        of_mode = (labels == mode).nonzero().squeeze(1)
        if len(of_mode) == 0:
            raise DataError(f"no held-out sample of class {mode}: hold more of the data out")
        asked_for = modes == mode
        num = int(asked_for.sum())
        rounds = [torch.randperm(len(of_mode), generator=generator) for _ in range(-(-num // len(of_mode)))]
        drawn[asked_for] = of_mode[torch.cat(rounds)[:num]]
    return drawn

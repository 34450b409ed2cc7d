"""Losses of a discriminator whose output itself is to be 1 for real and 0 for fake images."""

from jaxtyping import Float
from torch import Tensor


def least_squares_discriminator(
    real_logits: Float[Tensor, " n"], fake_logits: Float[Tensor, " n"], label_smoothing: float = 0.0
) -> Float[Tensor, " n"]:
    """Return ½(real − (1 − s))² + ½ fake², (N,), with label smoothing s.

    Halved as in the paper (and in StudioGAN and TF-GAN); codes that take a mean squared error have twice as much.

    Example:
        >>> import torch
        >>> least_squares_discriminator(torch.tensor([0.0]), torch.tensor([1.0]))
        tensor([1.])
    """
    return (real_logits - (1 - label_smoothing)).square() / 2 + fake_logits.square() / 2


def least_squares_generator(_: Float[Tensor, " n"] | None, fake_logits: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """Return ½(fake − 1)², (N,).

    Example:
        >>> import torch
        >>> least_squares_generator(None, torch.tensor([0.0, 1.0]))
        tensor([0.5000, 0.0000])
    """
    return (fake_logits - 1).square() / 2

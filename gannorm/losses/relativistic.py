"""Losses of a discriminator that is asked which image is more real: a constant on all logits changes nothing."""

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import softplus

from gannorm.losses.logistic import surprise


def relativistic_discriminator(
    real_logits: Float[Tensor, " n"], fake_logits: Float[Tensor, " n"], label_smoothing: float = 0.0
) -> Float[Tensor, " n"]:
    """Return −ln σ(real − fake) = softplus(fake − real), (N,) in nats, the i-th real against the i-th fake image.

    With label smoothing s the target of each pair is 1 − s. No paper does that; a pair has but one target to smooth.

    Example:
        >>> import torch
        >>> relativistic_discriminator(torch.tensor([5.0]), torch.tensor([5.0]))  # ln 2
        tensor([0.6931])
    """
    return surprise(real_logits - fake_logits, label_smoothing)


def relativistic_generator(real_logits: Float[Tensor, " n"], fake_logits: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """Return −ln σ(fake − real) = softplus(real − fake), (N,) in nats.

    The non-saturating form, as R3GAN is trained; equation 2 of its paper is the same game with one sign turned.

    Example:
        >>> import torch
        >>> relativistic_generator(torch.tensor([2.0]), torch.tensor([0.0]))
        tensor([2.1269])
    """
    return softplus(real_logits - fake_logits)


def relativistic_average_discriminator(
    real_logits: Float[Tensor, " n"], fake_logits: Float[Tensor, " n"], label_smoothing: float = 0.0
) -> Float[Tensor, " n"]:
    """Return −ln σ(real − mean(fake)) − ln(1 − σ(fake − mean(real))), (N,) in nats.

    With label smoothing s the first term has the target 1 − s. A sum as in the paper; its author's code halves it.

    Example:
        >>> import torch
        >>> relativistic_average_discriminator(torch.tensor([1.0, 3.0]), torch.tensor([2.0, 2.0]))
        tensor([2.0064, 1.0064])
    """
    return surprise(real_logits - fake_logits.mean(), label_smoothing) + softplus(fake_logits - real_logits.mean())


def relativistic_average_generator(
    real_logits: Float[Tensor, " n"], fake_logits: Float[Tensor, " n"]
) -> Float[Tensor, " n"]:
    """Return −ln σ(fake − mean(real)) − ln(1 − σ(real − mean(fake))), (N,) in nats.

    A sum as in the paper; its author's code halves it.

    Example:
        >>> import torch
        >>> relativistic_average_generator(torch.tensor([2.0, 2.0]), torch.tensor([1.0, 3.0]))
        tensor([2.0064, 1.0064])
    """
    return softplus(real_logits.mean() - fake_logits) + softplus(real_logits - fake_logits.mean())

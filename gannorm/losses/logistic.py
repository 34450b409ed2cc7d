"""Losses of a discriminator that tells real from fake by a probability σ(logit)."""

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import softplus


def surprise(logits: Float[Tensor, " n"], label_smoothing: float = 0.0) -> Float[Tensor, " n"]:
    """Return the cross-entropy of logits whose target is 1 − s: −(1 − s) ln σ(l) − s ln(1 − σ(l)), (N,) in nats.

    This is softplus(−l) + s·l. One-sided: a target of 0 stays 0 (Salimans et al., Improved Techniques for Training
    GANs, 2016, section 3.4), and only the discriminator's loss has it.

    Example:
        >>> import torch
        >>> surprise(torch.tensor([0.0, 2.0]), label_smoothing=0.1)
        tensor([0.6931, 0.3269])
    """
    plain = softplus(-logits)
    return plain + label_smoothing * logits if label_smoothing else plain


def non_saturating_discriminator(
    real_logits: Float[Tensor, " n"], fake_logits: Float[Tensor, " n"], label_smoothing: float = 0.0
) -> Float[Tensor, " n"]:
    """Return −ln σ(real) − ln(1 − σ(fake)) = softplus(−real) + softplus(fake), (N,) in nats.

    With label smoothing s the first term becomes −(1 − s) ln σ(real) − s ln(1 − σ(real)).

    Example:
        >>> import torch
        >>> non_saturating_discriminator(torch.tensor([0.0]), torch.tensor([0.0]))  # 2 ln 2
        tensor([1.3863])
    """
    return surprise(real_logits, label_smoothing) + softplus(fake_logits)


def non_saturating_generator(_: Float[Tensor, " n"] | None, fake_logits: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """Return −ln σ(fake) = softplus(−fake), (N,) in nats.

    Example:
        >>> import torch
        >>> non_saturating_generator(None, torch.tensor([0.0]))  # ln 2
        tensor([0.6931])
    """
    return softplus(-fake_logits)


def minimax_generator(_: Float[Tensor, " n"] | None, fake_logits: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """Return ln(1 − σ(fake)) = −softplus(fake), (N,) in nats: what the discriminator minimizes, with its sign turned.

    Its gradient −σ(fake) is next to nothing where the discriminator is sure that an image is fake.

    Example:
        >>> import torch
        >>> minimax_generator(None, torch.tensor([0.0]))  # -ln 2
        tensor([-0.6931])
    """
    return -softplus(fake_logits)

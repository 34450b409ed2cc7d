"""Losses of a critic: its output is no probability and has no target, it is only to be higher for real images."""

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import relu


def hinge_discriminator(real_logits: Float[Tensor, " n"], fake_logits: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """Return max(0, 1 − real) + max(0, 1 + fake), (N,): nothing for what is beyond its margin.

    Example:
        >>> import torch
        >>> hinge_discriminator(torch.tensor([0.0, 3.0]), torch.tensor([0.0, -3.0]))
        tensor([2., 0.])
    """
    return relu(1 - real_logits) + relu(1 + fake_logits)


def wasserstein_discriminator(
    real_logits: Float[Tensor, " n"], fake_logits: Float[Tensor, " n"]
) -> Float[Tensor, " n"]:
    """Return fake − real, (N,): without bound, so that a critic needs a penalty or a limit beside it.

    Example:
        >>> import torch
        >>> wasserstein_discriminator(torch.tensor([2.0]), torch.tensor([-1.0]))
        tensor([-3.])
    """
    return fake_logits - real_logits


def critic_generator(_: Float[Tensor, " n"] | None, fake_logits: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """Return −fake, (N,).

    Example:
        >>> import torch
        >>> critic_generator(None, torch.tensor([2.0]))
        tensor([-2.])
    """
    return -fake_logits

"""The discriminator as the loop calls it: with the labels of its batch, and without keeping gradients."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from gannorm.remedies.minibatch import at_least_float32


class Conditioned:
    """A discriminator with the labels of a batch, called like one that takes none.

    Real and fake samples of a step have the same labels, so that a pass of both, or of samples between them, is a pass
    of the labels once more.

    Args:
        discriminator: (N, ...) and labels (N,) to logits (N,): the network, or what unrolling puts in its place.
        labels: (N,).

    Example:
        >>> class Sum(nn.Module):
        ...     def forward(self, x, labels):
        ...         return x.sum(1) + labels
        >>> Conditioned(Sum(), torch.tensor([1, 2]))(torch.zeros(4, 3))
        tensor([1., 2., 1., 2.])
    """

    def __init__(self, discriminator: Any, labels: Int64[Tensor, " n"]) -> None:
        self.discriminator = discriminator
        self.labels = labels

    def __call__(self, x: Float[Tensor, "m ..."]) -> Float[Tensor, " m"]:
        """Return the logits."""
        return self.discriminator(x, self.labels.repeat(len(x) // len(self.labels)))

    def __getattr__(self, name: str) -> Any:
        """Return what the discriminator has, such as `features` and `named_parameters`."""
        return getattr(self.discriminator, name)


def logits_of(
    critic: Any, real: Tensor, fake: Tensor, *, joined: bool
) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
    """Return the logits of real and fake samples, from one pass or from two, in float32 or more."""
    if joined:
        real_logits, fake_logits = critic(torch.cat([real, fake])).split([len(real), len(fake)])
    else:
        real_logits, fake_logits = critic(real), critic(fake)
    return at_least_float32(real_logits), at_least_float32(fake_logits)


@contextmanager
def without_gradient(network: nn.Module) -> Iterator[None]:
    """Let gradients pass through a network and not stay in it."""
    taking = parameters_of(network)
    for parameter in taking:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in taking:
            parameter.requires_grad_(True)


def parameters_of(network: nn.Module) -> list[nn.Parameter]:
    """Return the parameters that are trained."""
    return [parameter for parameter in network.parameters() if parameter.requires_grad]

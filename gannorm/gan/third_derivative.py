"""Whether a discriminator has a third derivative: what unrolling takes through a gradient penalty."""

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

KERNELS = (
    nn.functional.batch_norm,
    nn.functional.instance_norm,
    torch.batch_norm,
    torch.instance_norm,
)  # one derivative
STEP, WRONG = 1e-5, 1e-3  # of a difference; relative error from which a derivative is no derivative


@cache
def kernels_have_one() -> bool:
    """Return whether torch's batch norm has a third derivative that is one.

    torch 2.14 says that it has none; 2.11 returns a wrong one without a word: off by a third of its length. So it is
    compared with a difference, in float64, of a smooth function.
    """
    generator = torch.Generator().manual_seed(0)
    x, way = torch.randn(2, 6, 2, dtype=torch.float64, generator=generator)

    def second(x: Tensor) -> tuple[Tensor, Tensor]:
        """Return a function of the second derivative, and where it was taken."""
        at = x.clone().requires_grad_(True)
        (first,) = torch.autograd.grad(
            nn.functional.batch_norm(at, None, None, training=True).pow(3).sum(), at, create_graph=True
        )
        (gradient,) = torch.autograd.grad(first.square().sum(), at, create_graph=True)
        return gradient.square().sum(), at

    value, at = second(x)
    try:
        (third,) = torch.autograd.grad(value, at)
    except RuntimeError:
        return False
    slope = float((third * way).sum())
    difference = float((second(x + STEP * way)[0] - second(x - STEP * way)[0]).detach()) / (2 * STEP)
    return abs(slope - difference) < WRONG * abs(difference)


def calls_kernels(network: Callable[..., Any], *inputs: Tensor) -> bool:
    """Return whether a forward pass calls torch's batch or instance norm.

    Example:
        >>> calls_kernels(nn.BatchNorm1d(2), torch.randn(4, 2)), calls_kernels(nn.Linear(2, 2), torch.randn(4, 2))
        (True, False)
    """
    with Watching() as watching, torch.no_grad():
        network(*inputs)
    return watching.seen


class Watching(TorchFunctionMode):
    """Notes whether one of the kernels was called in the block.

    Attributes:
        seen: Whether it was.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seen = False

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call a function of torch, and look which one it is."""
        self.seen = self.seen or func in KERNELS
        return func(*args, **(kwargs or {}))

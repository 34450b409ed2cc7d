"""Several processes that train one GAN: each has its share of every batch, and gradients are averaged before a step."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed


@dataclass(frozen=True)
class Ranks:
    """Which of so many processes this is, and what it does with the others.

    Every process is given the same batch and takes its share of it, so that a step of R processes is the step of one
    process on the whole batch, to rounding, wherever no sample of a batch has to do with another one.

    Args:
        rank: 0, 1, ...
        size: R, how many processes train; 1 = this one alone.

    Example:
        >>> Ranks(1, 2).share(torch.arange(8)), Ranks(1, 2).share(torch.arange(8), packing=2)
        (tensor([4, 5, 6, 7]), tensor([2, 3, 6, 7]))
    """

    rank: int = 0
    size: int = 1

    def share(self, samples: Tensor, packing: int = 1) -> Tensor:
        """Return this process' samples (N/R, ...) of a batch (N, ...).

        Args:
            samples: Of the whole batch.
            packing: m; samples are m chunks, and a share takes as many of each, so that packs stay what they are.
        """
        if self.size == 1:
            return samples
        members = samples.unflatten(0, (packing, -1))
        return members.chunk(self.size, dim=1)[self.rank].flatten(0, 1)

    def check_shares(self, num_samples: int, packing: int) -> None:
        """Make sure that all shares of a batch are of one size, before one process alone finds that they are not.

        Raises:
            ValueError: They are not.
        """
        if num_samples % (self.size * packing) and self.size > 1:
            raise ValueError(
                f"a batch of {num_samples} samples is not shared evenly by {self.size} processes; leave out such a one "
                f"(drop_last), and let the others be a multiple of {self.size * packing}"
            )

    def stream(self) -> tuple[str | int, ...]:
        """Return what tells this process' random numbers from those of the first one, which has them as if alone."""
        return ("rank", self.rank) if self.rank else ()

    @torch.no_grad()
    def average(self, tensors: Iterable[Tensor]) -> None:
        """Put the mean over all processes in the place of each tensor; one exchange for all of them."""
        if self.size == 1 or not (own := list(tensors)):
            return
        flat = torch.cat([tensor.flatten() for tensor in own])
        distributed.all_reduce(flat)
        means = flat.div_(self.size).split([tensor.numel() for tensor in own])
        torch._foreach_copy_(own, [mean.view_as(tensor) for mean, tensor in zip(means, own, strict=True)])

    def average_gradients(self, optimizer: Any) -> None:
        """Average the gradients that an optimizer is about to step with."""
        if self.size > 1:
            parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
            self.average(parameter.grad for parameter in parameters if parameter.grad is not None)

    def check_same(self, parts: Sequence[Tensor]) -> None:
        """Make sure that all processes were given the same batch.

        Raises:
            ValueError: They were not.
        """
        if self.size == 1:
            return
        sums = torch.stack([in_order(part) for part in parts])
        there = [torch.empty_like(sums) for _ in range(self.size)]
        distributed.all_gather(there, sums)
        if any(not torch.equal(there[0], other) for other in there[1:]):
            raise ValueError(
                f"the {self.size} processes were given different batches; give each the whole batch, of which it takes "
                "its share: one seed for all, and no distributed sampler"
            )


def in_order(samples: Tensor) -> Tensor:
    """Return a number that is another one where samples, or their order, are others."""
    flat = samples.double().flatten(1).sum(1) if samples.ndim > 1 else samples.double()
    return (flat * torch.arange(1, len(flat) + 1, device=flat.device)).sum()

"""An average of the generator's weights over training (Yazıcı et al. 2019, arXiv:1806.04498).

Lightning's own averaging does not fit: it averages the discriminator and all buffers too, and counts the steps of both
optimizers together.
"""

import copy

import torch
from torch import nn

from gannorm import norms

RAMP = 0.05  # the half-life is at most this share of the images seen, so that early weights are forgotten


class GeneratorEMA(nn.Module):
    """A copy of the generator whose parameters follow it exponentially.

        W̄ ← W̄ + (1 − 0.5^(n/h))·(W − W̄),   h = min(half_life, 0.05·images seen)

    No buffer is averaged; each is treated as `norms.buffer_policy` says. Running statistics mean nothing beside
    averaged weights, so they are left alone and whoever samples recomputes them first (`norms.recalibrate`): copied
    ones gave 1.0 effective modes where the generator had 9.4. The rest is copied: an average of spectral norm's unit
    vectors is none.

    Args:
        generator: The network to follow.
        half_life: In images; after so many, the weights of now count half.

    Example:
        >>> generator = nn.Linear(1, 1, bias=False)
        >>> ema = GeneratorEMA(generator, half_life=10)
        >>> _ = nn.init.constant_(generator.weight, 2.0), nn.init.constant_(ema.network.weight, 0.0)
        >>> ema.update(generator, num_images=10, images_seen=1000)
        >>> ema.network.weight.item()
        1.0
    """

    def __init__(self, generator: nn.Module, half_life: int) -> None:
        super().__init__()
        self.network = copy.deepcopy(generator).requires_grad_(False)
        self.half_life = half_life
        self.copied: list[bool] | None = None  # which buffers are; known when all are there, after `norms.prepare`

    @torch.no_grad()
    def update(self, generator: nn.Module, *, num_images: int, images_seen: int) -> None:
        """Move towards the generator after a step on `num_images` that made `images_seen` in all."""
        half_life = min(self.half_life, RAMP * images_seen)
        weight = 1 - 0.5 ** (num_images / half_life)
        averaged, current = ([p.detach() for p in network.parameters()] for network in (self.network, generator))
        torch._foreach_lerp_(averaged, current, weight)
        if self.copied is None:
            self.copied = [policy == "copy" for policy in norms.buffer_policy(generator).values()]
        for mine, theirs, copied in zip(self.network.buffers(), generator.buffers(), self.copied, strict=True):
            if copied:
                mine.copy_(theirs)

"""A norm of another distribution: what somebody writes who adds one to gannorm from outside."""

import torch
from torch import nn

from gannorm import norms


@norms.register(
    "centered",
    aliases=("CTR",),
    axes=("space",),
    dims=(1, 2, 3),
    formula="y = s (x − μ)",
    paper="none: an example",
)
class Centered(nn.Module):
    """Subtract the mean over all positions, per sample and channel."""

    def __init__(self, channels: int, *, scale: float = 1.0) -> None:
        super().__init__()
        self.channels, self.scale = channels, scale

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.scale * (x - x.mean(tuple(range(2, x.ndim)), keepdim=True))

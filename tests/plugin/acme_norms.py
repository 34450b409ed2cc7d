"""A norm of another distribution: what somebody writes who adds one to gannorm from outside."""

import torch
from torch import nn

from gannorm import norms


@norms.register(
    "median",
    aliases=("MED",),
    axes=("space",),
    dims=(1, 2, 3),
    formula="y = x − median(x)",
    paper="none: an example",
)
class Median(nn.Module):
    """Subtract the median over all positions, per sample and channel."""

    def __init__(self, channels: int, *, scale: float = 1.0) -> None:
        super().__init__()
        self.channels, self.scale = channels, scale

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        medians = x.flatten(2).median(dim=2).values
        return (x - medians.reshape(*x.shape[:2], *(1 for _ in x.shape[2:]))) * self.scale

"""A norm under test with one number of spatial axes: how to make it, feed it and call it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from gannorm.norms.build import create
from gannorm.norms.catalogue.modulation import conditional
from gannorm.norms.catalogue.virtual_batch import prepare
from gannorm.norms.info import NormInfo
from gannorm.norms.spec import NormLike

CHANNELS = 8
CONDITION_DIM = 3
NUM_SAMPLES = 4
SPACE = {0: (), 1: (6,), 2: (3, 4), 3: (2, 3, 2)}


@dataclass(frozen=True)
class Case:
    """One norm, one number of spatial axes; random numbers of its own.

    Args:
        info: The norm's row.
        dims: Number of spatial axes.
    """

    info: NormInfo
    dims: int
    random: torch.Generator = field(default_factory=lambda: torch.Generator().manual_seed(0), repr=False)

    def input(self, dtype: torch.dtype = torch.float64, channels: int = CHANNELS) -> Tensor:
        """Return a random input whose channels differ in mean and spread."""
        scale = torch.linspace(0.5, 3, channels).view(-1, *(1,) * self.dims)
        shape = (NUM_SAMPLES, channels, *SPACE[self.dims])
        return (torch.randn(shape, generator=self.random) * scale + scale.flip(0) - 1).to(dtype)

    def module(self, dtype: torch.dtype = torch.float64, channels: int = CHANNELS) -> nn.Module:
        """Return the norm in training mode with parameters drawn at random, prepared if it needs data."""
        with own_random():
            make: Callable[..., nn.Module] = create
            if self.info.kind == "conditional":
                make = conditional_of_channels
            module = make({"name": self.info.name, **self.info.test_options}, channels, dims=self.dims)
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.add_(torch.randn(parameter.shape, generator=self.random) * 0.3)
        module.to(dtype)
        prepare(module, self.input(dtype, channels))
        return module

    def call(self, module: nn.Module, x: Tensor) -> Tensor:
        """Return the output, of a conditional norm under a fixed condition."""
        if self.info.kind != "conditional":
            return module(x)
        condition = torch.linspace(-1, 1, len(x) * CONDITION_DIM, dtype=x.dtype).view(len(x), CONDITION_DIM)
        return module(x, condition)


def conditional_of_channels(spec: NormLike, channels: int, *, dims: int) -> nn.Module:
    """Return a conditional norm of a condition of fixed length."""
    return conditional(spec, channels, CONDITION_DIM, dims=dims)


@contextmanager
def own_random() -> Iterator[None]:
    """In the block, the global random numbers are those of seed 0; afterwards what they were."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def tensors_of(module: nn.Module) -> dict[str, Tensor]:
    """Return parameters and buffers, those too that are not saved."""
    return {**dict(module.named_parameters()), **dict(module.named_buffers())}


def state_of(module: nn.Module) -> dict[str, Tensor]:
    """Return a copy of parameters and buffers."""
    return {name: value.detach().clone() for name, value in tensors_of(module).items()}


def moved(module: nn.Module, before: dict[str, Tensor]) -> list[str]:
    """Return the names of what is no longer what it was."""
    return [name for name, value in tensors_of(module).items() if not torch.equal(value, before[name])]

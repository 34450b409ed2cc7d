"""Random numbers that a generator draws by itself, beside its latent vectors."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from gannorm import rng


@contextmanager
def own_noise(seed: int, first: int) -> Iterator[None]:
    """In the block, what a network draws from torch's global state follows from the seed; afterwards it is restored.

    Generators with noise layers or dropout would else make other samples each time. Only the CPU's state is set: a
    seed for a GPU that nobody uses yet would be remembered and leave a trace.

    Args:
        seed: Of the samples.
        first: Number of the first sample that is made in the block.

    Example:
        >>> with own_noise(0, 512):
        ...     one = torch.randn(1)
        >>> with own_noise(0, 512):
        ...     print(torch.equal(one, torch.randn(1)))
        True
    """
    with rng.untouched(), torch.no_grad():
        torch.default_generator.manual_seed(rng.generator(seed, "sources", "noise", first).initial_seed())
        yield

"""Packing: the discriminator judges m samples at a time, so that it sees when they are all alike."""

import torch
from jaxtyping import Float
from torch import Tensor


def pack(images: Float[Tensor, "n_m c ..."], size: int) -> Float[Tensor, "n packed ..."]:
    """Return packs of m samples, one behind the other in channels: (N·m, C, ...) to (N, m·C, ...).

    Pack n holds samples n, N + n, 2N + n, ...: the batch is m chunks of N, as the generator makes them in m passes of
    its own. Points of D numbers become points of m·D.

    Args:
        images: Samples.
        size: m, samples per pack; 1 leaves them as they are.

    Raises:
        ValueError: No such size, or one that does not divide the number of samples.

    Source:
        Lin et al., PacGAN: The power of two samples in generative adversarial networks, 2018, arXiv:1712.04086,
        section 2. The m passes of the generator, so that its batch norm sees N samples at a time, are those of the
        authors' code.

    Example:
        >>> pack(torch.tensor([[0.0], [1.0], [2.0], [3.0]]), 2)
        tensor([[0., 2.],
                [1., 3.]])
    """
    check_size(size)
    if len(images) % size:
        raise ValueError(f"packing {size} does not divide a batch of {len(images)}; make it a multiple of {size}")
    return images if size == 1 else torch.cat(images.chunk(size), dim=1)


def check_size(size: int) -> None:
    """Refuse a pack size that is none.

    Raises:
        ValueError: It is none.
    """
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise ValueError(f"packing={size!r} is no number of samples; 1 is no packing, 2 or more is")

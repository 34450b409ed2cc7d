"""Both networks through `torch.compile`: fewer passes over memory, for a start that takes long.

Networks are compiled in place, so that checkpoints have the names that they have without; copies that are sampled from
are not compiled. Weights come out the same to rounding only: a compiled run is a run of its own.
"""

from typing import TYPE_CHECKING

import torch

from gannorm.records import nearest

if TYPE_CHECKING:
    from gannorm.gan.module import GAN


def backend_of(name: str | None) -> str | None:
    """Return the name of a backend of `torch.compile`; None is none.

    Raises:
        ValueError: There is no such backend.

    Example:
        >>> backend_of("inducter")
        Traceback (most recent call last):
        ValueError: compile='inducter' is no backend of torch.compile; did you mean 'inductor'?
    """
    if name is None:
        return None
    backends = torch.compiler.list_backends(exclude_tags=())
    if name not in backends:
        raise ValueError(f"compile={name!r} is no backend of torch.compile; {nearest(name, backends)}")
    return name


def check_compiled(gan: "GAN") -> None:
    """Refuse what takes a derivative of a derivative, which compiled networks have not.

    Raises:
        ValueError: A penalty on a gradient, or unrolled steps.
    """
    if gan.backend is None:
        return
    twice = [f"penalty {penalty.name!r}" for penalty in gan.regularizer.penalties if penalty.of_gradient]
    twice += ["remedy 'unrolling'"] if gan.unrolling is not None else []
    if twice:
        raise ValueError(
            f"compile={gan.backend!r}: torch.compile cannot differentiate twice, as {twice[0]} does; leave one out"
        )


def compile_networks(gan: "GAN") -> None:
    """Compile both networks where they are, if that is wanted."""
    if gan.backend is not None:
        gan.generator.compile(backend=gan.backend)
        gan.discriminator.compile(backend=gan.backend)

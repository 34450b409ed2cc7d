"""Random numbers of one's own: streams that depend on a seed and a place, never on the global state."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def generator(seed: int, *stream: int | str, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a generator for one named stream of a seed, for example the noise of step 7.

    The state is the SHA-256 of seed and stream, so neighbouring steps are independent and nothing has to be saved:
    a resumed run asks for the same stream and gets the same numbers.

    Args:
        seed: The run's seed.
        stream: What the numbers are for, such as `"noise", 7`.
        device: Where the numbers are drawn.

    Example:
        >>> a = torch.randn(2, generator=generator(0, "noise", 7))
        >>> b = torch.randn(2, generator=generator(0, "noise", 7))
        >>> c = torch.randn(2, generator=generator(0, "noise", 8))
        >>> torch.equal(a, b), torch.equal(a, c)
        (True, False)
    """
    digest = hashlib.sha256(repr((seed, *stream)).encode()).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest[:8], "little") >> 1)


@contextmanager
def untouched() -> Iterator[None]:
    """Restore torch's global random state afterwards: whoever only looks on leaves no trace.

    Example:
        >>> before = torch.get_rng_state()
        >>> with untouched():
        ...     _ = torch.randn(3)
        >>> torch.equal(before, torch.get_rng_state())
        True
    """
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    on_mps = torch.backends.mps.is_available()
    mps_state = torch.mps.get_rng_state() if on_mps else None
    with torch.random.fork_rng(devices=devices):
        yield
    if mps_state is not None:
        torch.mps.set_rng_state(mps_state)

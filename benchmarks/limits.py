"""How near the default networks' step comes to what the machine can do: arithmetic and traffic, beside ceilings.

Ceilings are a large convolution and a copy in the same library, on the same threads. FLOPs are those of convolutions
and matrix products, a multiplication and an addition counted as two; bytes are what each operation reads and writes if
nothing of it is still in a cache.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import document, loops
from benchmarks.step import HALF_LIFE
from benchmarks.timing import Laps, in_turn, marked, said, where
from gannorm.gan import GAN

PAGE = document.SPEED
CHANNELS, SIDE, IMAGES = 256, 28, 16  # of the large convolution
COPIED = 64 * 2**20  # numbers that are copied
STEPS, WARM_UP = 20, 5
HEAD = ["", "measured", "of the ceiling"]


class Traffic(TorchDispatchMode):
    """Counts in the block the bytes that operations read and write; views move nothing.

    Example:
        >>> with Traffic() as traffic:
        ...     _ = torch.ones(2, 2).view(4) + 1
        >>> traffic.num_bytes
        48
    """

    def __init__(self) -> None:
        super().__init__()
        self.num_bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        """Run an operation and count."""
        result = func(*args, **(kwargs or {}))
        if not func.is_view:
            tensors = [leaf for leaf in tree_leaves((args, kwargs, result)) if isinstance(leaf, Tensor)]
            self.num_bytes += sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        return result


def step_seconds(gan: GAN, real: Tensor, steps: int = STEPS, warm_up: int = WARM_UP) -> float:
    """Return the mean seconds of a step of the bare loop, always on one batch."""
    laps = Laps(warm_up)
    batches = marked([(real, None)] * (warm_up + steps), laps)
    loops.bare(gan.generator, gan.discriminator, batches, seed=0, half_life=HALF_LIFE)
    return laps.seconds


def counted(gan: GAN, real: Tensor) -> dict[str, float]:
    """Return FLOPs and bytes of one step."""
    with FlopCounterMode(display=False) as flops:
        loops.bare(gan.generator, gan.discriminator, [(real, None)], seed=0, half_life=HALF_LIFE)
    with Traffic() as traffic:
        loops.bare(gan.generator, gan.discriminator, [(real, None)], seed=0, half_life=HALF_LIFE)
    return {"flops": float(flops.get_total_flops()), "bytes": float(traffic.num_bytes)}


def seconds_of(work: Callable[[], Any], times: int = 5) -> float:
    """Return how long something takes, on average, after it was done once."""
    work()
    start = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - start) / times


@torch.no_grad()
def convolution() -> float:
    """Return FLOPs per second of a large convolution."""
    layer = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1).to(memory_format=torch.channels_last)
    x = torch.randn(IMAGES, CHANNELS, SIDE, SIDE).to(memory_format=torch.channels_last)
    return 2 * IMAGES * CHANNELS**2 * 9 * SIDE**2 / seconds_of(partial(layer, x))


def copying() -> float:
    """Return bytes per second of a copy, those read and those written."""
    source = torch.randn(COPIED // 4)
    target = torch.empty_like(source)
    return 2 * COPIED / seconds_of(partial(target.copy_, source))


def run(rounds: int) -> dict[str, Any]:
    """Measure step and ceilings in turn."""
    torch.manual_seed(0)
    gan = GAN(ema_half_life=0).to(memory_format=torch.channels_last)
    real = torch.rand(loops.BATCH, 1, 28, 28) * 2 - 1
    count = counted(gan, real)
    found = in_turn(
        {"step": partial(step_seconds, gan, real), "convolution": convolution, "copy": copying}, rounds, warm_up=1
    )
    each = zip(*found.values(), strict=True)
    shares = [
        (count["flops"] / seconds / flops, count["bytes"] / seconds / num_bytes) for seconds, flops, num_bytes in each
    ]
    result = {
        **count,
        "rounds": rounds,
        "where": where(),
        "found": found,
        "of_convolution": median(share for share, _ in shares),
        "of_copy": median(share for _, share in shares),
        "times_ceiling": median(1 / (arithmetic + traffic) for arithmetic, traffic in shares),
        "times_convolution": median(1 / arithmetic for arithmetic, _ in shares),
    }
    print(markdown(result))
    return result


def markdown(result: dict[str, Any]) -> str:
    """Return the table of the documentation."""
    seconds, flops, num_bytes = (median(result["found"][name]) for name in ("step", "convolution", "copy"))
    arithmetic, traffic = result["flops"] / 1e9, result["bytes"] / 1e9
    rows = [
        ["a large convolution", f"{flops / 1e9:.0f} GFLOP/s", ""],
        ["a large copy", f"{num_bytes / 1e9:.1f} GB/s", ""],
        [
            "the step's arithmetic",
            f"{arithmetic:.2f} GFLOP, {arithmetic / seconds:.0f} GFLOP/s",
            f"{100 * result['of_convolution']:.0f} %",
        ],
        ["the step's traffic", f"{traffic:.2f} GB, {traffic / seconds:.1f} GB/s", f"{100 * result['of_copy']:.0f} %"],
    ]
    told = (
        f"The bare step takes {1e3 * seconds:.1f} ms: {result['times_convolution']:.1f} times as long as its "
        f"arithmetic at the convolution's speed, {result['times_ceiling']:.1f} times as long as arithmetic and traffic "
        f"one after the other. Medians of {result['rounds']} rounds in turn; {said(result['where'])}."
    )
    return f"{document.table(HEAD, rows)}\n\n{document.paragraph(told)}"

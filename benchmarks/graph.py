"""On a GPU, the step as one CUDA graph beside the same step launched kernel by kernel, and beside its kernels' time."""

import itertools
import time
from collections.abc import Iterator
from functools import partial
from statistics import median
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks import document, loops, ours
from benchmarks.timing import in_turn, said, where
from gannorm.data import MNIST
from gannorm.gan import GAN
from gannorm.gan.graph import why_eager
from gannorm.training.quiet import quiet_lightning

PAGE = document.SPEED
STEPS, WARM_UP = 200, 20
HEAD = ["", "ms a step", "times the graph"]


class Batches:
    """Batches of digits, and the seconds of a step: the device is waited for before the first and after the last."""

    def __init__(self) -> None:
        self.moments: list[float] = []

    def __len__(self) -> int:
        return WARM_UP + STEPS + 1

    def __iter__(self) -> Iterator[Any]:
        loader = MNIST(batch_size=loops.BATCH, seed=0).train_dataloader()
        for number, batch in enumerate(itertools.islice(loader, len(self))):
            if number in (WARM_UP, WARM_UP + STEPS):
                torch.cuda.synchronize()
                self.moments.append(time.perf_counter())
            yield batch


def step_seconds(*, cuda_graph: bool) -> float:
    """Return the mean seconds of a step of our trainer on a GPU."""
    torch.manual_seed(0)
    batches = Batches()
    gan = GAN(cuda_graph=cuda_graph).to(memory_format=torch.channels_last)
    ours.fit(gan, batches, accelerator="gpu")
    return (batches.moments[1] - batches.moments[0]) / STEPS


def kernel_seconds() -> float:
    """Return the sum of the seconds of a step's kernels."""
    with profile(activities=[ProfilerActivity.CUDA]) as profiled:
        step_seconds(cuda_graph=False)
    total = sum(event.self_device_time_total for event in profiled.key_averages())
    return float(total) / 1e6 / (WARM_UP + STEPS + 1)


def run(rounds: int) -> dict[str, Any]:
    """Measure on a GPU; elsewhere say that nothing was measured."""
    quiet_lightning()
    result: dict[str, Any] = {"rounds": rounds, "where": where(), "seconds": {}, "reason": None}
    if torch.cuda.is_available():
        measures = {
            "one CUDA graph": partial(step_seconds, cuda_graph=True),
            "kernel by kernel": partial(step_seconds, cuda_graph=False),
            "the kernels alone": kernel_seconds,
        }
        result["seconds"] = in_turn(measures, rounds, warm_up=1)
    else:
        result["reason"] = why_eager(GAN())
    print(markdown(result))
    return result


def markdown(result: dict[str, Any]) -> str:
    """Return the table of the documentation."""
    seconds = {name: median(values) for name, values in result["seconds"].items()}
    first = next(iter(seconds.values()), None)
    rows = [[name, f"{1e3 * value:.3f}", f"{value / first:.2f}"] for name, value in seconds.items()]
    rows = rows or [[f"not measured: {result['reason']}", "", ""]]
    told = f"Medians of {result['rounds']} rounds in turn; {said(result['where'])}." if seconds else ""
    return "\n\n".join(filter(None, [document.table(HEAD, rows), document.paragraph(told)]))

"""Every norm that follows a layer beside group norm on the same tensor, and the import of the norms beside torch's.

Each norm is measured right after group norm, so a machine that slows down slows both. A fused norm's time has its
activation in it, that of a norm with a reference batch has the reference batch, as large as the batch.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from gannorm import norms

SHAPE = (32, 64, 32, 32)
STEPS = 3  # in one measurement
BASELINE = "group"
KINDS = ("activation", "fused")
IMPORTS = {"torch": "import torch", "gannorm.norms": "from gannorm import norms"}
MOST_IMPORT = 1.10


def backward(norm: nn.Module, x: Tensor) -> None:
    """Forward and backward, to the input and to the parameters."""
    norm(x).square().sum().backward()


def double_backward(norm: nn.Module, x: Tensor) -> None:
    """Forward, the gradient by the input, and its gradient, as a gradient penalty takes it."""
    (gradient,) = torch.autograd.grad(norm(x).square().sum(), x, create_graph=True)
    gradient.square().sum().backward()


PASSES = {"backward": backward, "double_backward": double_backward}
LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
Times = dict[str, list[tuple[float, float]]]  # by norm: seconds of group norm and of the norm, round by round


def made(name: str, x: Tensor) -> nn.Module:
    """Return a norm in training mode that is ready for use."""
    norm = norms.create(name, x.shape[1])
    if norms.describe(name).needs_data:
        norms.prepare(norm, x.detach())
    return norm


def seconds_of(steps: Callable[[nn.Module, Tensor], None], norm: nn.Module, x: Tensor) -> float:
    """Return how long a step takes, on average."""
    start = time.perf_counter()
    for _ in range(STEPS):
        x.grad = None
        norm.zero_grad()
        steps(norm, x)
    return (time.perf_counter() - start) / STEPS


def compared(steps: Callable[[nn.Module, Tensor], None], names: list[str], x: Tensor, rounds: int) -> Times:
    """Measure each norm after group norm, round after round; the first round warms up."""
    baseline, layers = made(BASELINE, x), {name: made(name, x) for name in names}
    times: Times = {name: [] for name in names}
    for number in range(rounds + 1):
        for name, layer in layers.items():
            pair = seconds_of(steps, baseline, x), seconds_of(steps, layer, x)
            times[name] += [pair] if number else []
    return times


def summary(times: Times) -> dict[str, dict[str, float]]:
    """Return the median time and the median ratio of each norm."""
    return {
        name: {
            "seconds": statistics.median(own for _, own in pairs),
            "ratio": statistics.median(own / baseline for baseline, own in pairs),
        }
        for name, pairs in times.items()
    }


def import_times(rounds: int) -> dict[str, float]:
    """Return the median seconds of both imports, in fresh processes in turn, and their median ratio."""
    times: dict[str, list[float]] = {name: [] for name in IMPORTS}
    for number in range(rounds + 1):
        for name, line in IMPORTS.items():
            code = f"import time; start = time.perf_counter(); {line}; print(time.perf_counter() - start)"
            printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
            times[name] += [float(printed)] if number else []
    ratio = statistics.median(ours / torchs for torchs, ours in zip(*times.values(), strict=True))
    return {**{name: statistics.median(values) for name, values in times.items()}, "ratio": ratio}


def run(rounds: int) -> dict[str, Any]:
    """Measure and print a table: milliseconds, and how many times as long as group norm."""
    measured: dict[str, dict[str, dict[str, float]]] = {}
    for kind, steps in PASSES.items():
        names = [name for made_by in KINDS for name in norms.names(kind=made_by)]
        names = [name for name in names if steps is backward or norms.describe(name).double_backward]
        for layout, memory_format in LAYOUTS.items():
            x = torch.randn(SHAPE).to(memory_format=memory_format).requires_grad_()
            measured[f"{kind}, {layout}"] = summary(compared(steps, names, x, rounds))
    show(measured)
    imports = import_times(rounds)
    over = "" if imports["ratio"] <= MOST_IMPORT else f": more than {MOST_IMPORT}"
    print(f"\nimport of gannorm.norms: {imports['ratio']:.3f} times that of torch{over}")
    return {"shape": SHAPE, "measured": measured, "import": imports}


def show(measured: dict[str, dict[str, dict[str, float]]]) -> None:
    """Print a row for each norm, two columns for each kind of pass: milliseconds and the ratio."""
    print(f"{SHAPE} float32: milliseconds of a step, ratio to {BASELINE} norm on the same tensor")
    print(f"{'':<18}" + "".join(f"{column.partition(', ')[0]:>20}" for column in measured))
    print(f"{'':<18}" + "".join(f"{column.partition(', ')[2]:>20}" for column in measured))
    for name in next(iter(measured.values())):
        cells = [column.get(name) for column in measured.values()]
        shown = (f"{1e3 * cell['seconds']:>12.1f}{cell['ratio']:>8.2f}" if cell else f"{'–':>20}" for cell in cells)
        print(f"{name:<18}" + "".join(shown))

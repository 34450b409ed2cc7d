"""What was tried to make the step faster, beside the step as it is, in turn: what pays, and what does not.

Each variant trains copies of the same networks with the bare loop.
"""

import copy
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from statistics import median
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, pad

from benchmarks import document, loops
from benchmarks.limits import step_seconds
from benchmarks.timing import in_turn, ratios, said, where
from gannorm.gan import GAN

PAGE = document.SPEED
AS_IT_IS = "as it is"
HEAD = ["variant", "times as long", "s until it runs", "same numbers"]


class Variant(NamedTuple):
    """A way to take the step.

    Attributes:
        change: What is done to the networks.
        around: What the step runs in.
        same: Whether weights come out as they are, bit for bit.
    """

    change: Callable[[GAN], Any]
    around: Callable[[], AbstractContextManager[Any]] = nullcontext
    same: bool = True


class FromImage(nn.Conv2d):
    """A convolution of a picture with one channel as one matrix product of its patches."""

    def forward(self, input: Tensor) -> Tensor:
        """Return feature maps."""
        patches = pad(input[:, 0], (1, 1, 1, 1)).unfold(1, 4, 2).unfold(2, 4, 2)
        maps = linear(patches.flatten(-2), self.weight.flatten(1), self.bias)
        return maps.permute(0, 3, 1, 2)


def as_it_is(gan: GAN) -> None:
    """Lay out feature maps as runs do."""
    gan.to(memory_format=torch.channels_last)


def contiguous(gan: GAN) -> None:
    """Lay out feature maps as torch does."""
    gan.to(memory_format=torch.contiguous_format)


def first_layer_as_product(gan: GAN) -> None:
    """Let the discriminator's first layer be a matrix product."""
    as_it_is(gan)
    for layer in gan.discriminator.modules():
        if type(layer) is nn.Conv2d and layer.in_channels == 1:
            layer.__class__ = FromImage


def in_place(gan: GAN) -> None:
    """Let activations write over what they read, which whoever keeps a layer's output would see."""
    as_it_is(gan)
    for layer in gan.modules():
        if isinstance(layer, nn.ReLU | nn.LeakyReLU):
            layer.inplace = True


def compiled(gan: GAN) -> None:
    """Compile both networks."""
    as_it_is(gan)
    gan.generator.compile()
    gan.discriminator.compile()


bfloat16 = partial(torch.autocast, "cpu", dtype=torch.bfloat16)
VARIANTS: dict[str, Variant] = {
    AS_IT_IS: Variant(as_it_is),
    "feature maps contiguous, not channels last": Variant(contiguous, same=False),
    "activations in place": Variant(in_place),
    "D's first layer as a matrix product": Variant(first_layer_as_product, same=False),
    "`trainer.precision: bf16-mixed`": Variant(as_it_is, bfloat16, same=False),
    "`torch.compile` of G and D": Variant(compiled, same=False),
}


def prepared(variant: Variant, start: GAN, real: Tensor) -> tuple[Callable[[], float], float]:
    """Return how to measure a variant, and how many seconds its first two steps took."""
    gan = copy.deepcopy(start)
    variant.change(gan)

    def measure(**steps: int) -> float:
        with variant.around():
            return step_seconds(gan, real, **steps)

    begin = time.perf_counter()
    measure(steps=1, warm_up=1)
    return measure, time.perf_counter() - begin


def run(rounds: int) -> dict[str, Any]:
    """Measure all variants in turn."""
    torch.manual_seed(0)
    start, real = GAN(ema_half_life=0), torch.rand(loops.BATCH, 1, 28, 28) * 2 - 1
    measures: dict[str, Callable[[], float]] = {}
    until: dict[str, float] = {}
    missing: dict[str, str] = {}
    for name, variant in VARIANTS.items():
        try:
            measures[name], until[name] = prepared(variant, start, real)
        except RuntimeError as error:  # of torch.compile, where there is no compiler
            missing[name] = str(error).partition("\n")[0]
    seconds = in_turn(measures, rounds, warm_up=1)
    result = {
        "rounds": rounds,
        "where": where(),
        "seconds": seconds,
        "ratios": ratios(seconds, AS_IT_IS),
        "until": until,
        "missing": missing,
    }
    print(markdown(result))
    return result


def markdown(result: dict[str, Any]) -> str:
    """Return the table of the documentation."""
    rows = [
        [name, f"{ratio:.2f}", f"{result['until'][name]:.1f}", "yes" if VARIANTS[name].same else "to rounding"]
        for name, ratio in result["ratios"].items()
    ]
    rows += [[name, f"does not run here: {why}", "", ""] for name, why in result["missing"].items()]
    base = 1e3 * median(result["seconds"][AS_IT_IS])
    told = (
        f"Of the bare step, which takes {base:.1f} ms as it is; medians of {result['rounds']} rounds in turn; "
        f"{said(result['where'])}."
    )
    return f"{document.table(HEAD, rows)}\n\n{document.paragraph(told)}"

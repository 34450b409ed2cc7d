"""What the step and a look cost against batch, width, image size, number of modes and of samples."""

from collections.abc import Callable, Mapping
from functools import partial
from statistics import median
from typing import Any

import torch
from torch import nn

from benchmarks import document, loops, ours
from benchmarks.limits import seconds_of, step_seconds
from benchmarks.step import HALF_LIFE
from benchmarks.timing import Laps, in_turn, marked, ratios, said, where
from gannorm.data import MNIST, StackedMNIST
from gannorm.evaluation import look
from gannorm.gan import GAN
from gannorm.judges import DigitJudge, StackedDigitJudge
from gannorm.networks import DCGANDiscriminator, DCGANGenerator, MLPDiscriminator, MLPGenerator
from gannorm.training.quiet import quiet_lightning

PAGE = document.SPEED
STEPS, WARM_UP = 30, 5  # of Lightning and the bare loop
FEW, FEW_WARM_UP = 6, 2  # where steps take long
MLP_BATCHES = (4, 16, 64, 256)
SAMPLES = (1_024, 2_048, 10_000)
HEAD = ["what", "ms", "times the first of its kind"]
MLP_HEAD = ["batch", "gannorm, ms a step", "bare loop, ms a step", "times"]


def dcgan(**options: Any) -> Callable[[], float]:
    """Return how to measure a step of DCGAN networks with options of both, and their batch."""
    batch, size = options.pop("batch", loops.BATCH), options.pop("size", 28)
    width = options.pop("width", 48)
    gan = GAN(
        DCGANGenerator(size=size, width=width), DCGANDiscriminator(size=size, width=width // 2), ema_half_life=0
    ).to(memory_format=torch.channels_last)
    real = torch.rand(batch, 1, size, size) * 2 - 1
    return partial(step_seconds, gan, real, steps=FEW, warm_up=FEW_WARM_UP)


def look_at(judge: Any, channels: int, num_samples: int) -> Callable[[], float]:
    """Return how to measure a look: samples of an untrained generator, judged and counted."""
    gan = GAN(DCGANGenerator(channels=channels), DCGANDiscriminator(channels=channels))
    sample = gan.sample("raw")
    return lambda: seconds_of(partial(look, sample, judge, num_samples=num_samples, seed=0), times=1)


def kinds() -> dict[str, dict[str, Callable[[], float]]]:
    """Return what is measured, by kind; the first of each kind is what the others are compared with."""
    digits, stacks = DigitJudge(), StackedDigitJudge()
    return {
        "step": {
            "DCGAN, 28 x 28, width 48, batch 64": dcgan(),
            "batch 16": dcgan(batch=16),
            "batch 256": dcgan(batch=256),
            "width 24": dcgan(width=24),
            "width 96": dcgan(width=96),
            "32 x 32": dcgan(size=32),
            "64 x 64": dcgan(size=64),
        },
        "look": {
            **{f"look at {number:,} samples, 10 modes": look_at(digits, 1, number) for number in SAMPLES},
            f"look at {SAMPLES[0]:,} samples, 1,000 modes": look_at(stacks, 3, SAMPLES[0]),
        },
        "data": {
            f"{name}, a batch of {loops.BATCH}": partial(fetching, make)
            for name, make in {
                "resident set": lambda: MNIST(batch_size=loops.BATCH, seed=0).train_dataloader(),
                "resident stacks": lambda: StackedMNIST(batch_size=loops.BATCH, seed=0).train_dataloader(),
                "tensors through a DataLoader": loops.tensor_loader,
                "torchvision through a DataLoader": partial(loops.usual_loader, 0),
            }.items()
        },
    }


def fetching(make: Callable[[], Any]) -> float:
    """Return the mean seconds of a batch of a loader."""
    laps = Laps(WARM_UP)
    for number, _ in enumerate(marked(make(), laps)):
        if number == WARM_UP + STEPS:
            break
    return laps.seconds


def mlp(batch: int, rounds: int) -> dict[str, list[float]]:
    """Return seconds of a step of the study's networks, in our trainer and in the bare loop."""
    torch.manual_seed(0)
    real, labels = torch.rand(batch, 1, 28, 28) * 2 - 1, torch.zeros(batch, dtype=torch.int64)

    class Batches:
        def __init__(self) -> None:
            self.laps = Laps(WARM_UP)

        def __len__(self) -> int:
            return WARM_UP + STEPS

        def __iter__(self) -> Any:
            return marked([(real, labels)] * len(self), self.laps)

    def trainer() -> float:
        batches = Batches()
        ours.fit(GAN(*networks(), ema_half_life=HALF_LIFE), batches)
        return batches.laps.seconds

    def bare() -> float:
        batches = Batches()
        loops.bare(*networks(), batches, seed=0, half_life=HALF_LIFE)
        return batches.laps.seconds

    return in_turn({"gannorm": trainer, "bare": bare}, rounds, warm_up=1)


def networks() -> tuple[nn.Module, nn.Module]:
    """Return networks of the study of norms."""
    return MLPGenerator(norm="batch"), MLPDiscriminator(norm="layer")


def run(rounds: int) -> dict[str, Any]:
    """Measure each kind in turn, and the MLPs on one thread, as a study runs them."""
    quiet_lightning()
    torch.manual_seed(0)
    found = {kind: in_turn(measures, rounds, warm_up=1) for kind, measures in kinds().items()}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    mlps = {str(batch): mlp(batch, rounds) for batch in MLP_BATCHES}
    torch.set_num_threads(threads)
    result = {"rounds": rounds, "where": where(), "seconds": found, "mlp": mlps}
    print(markdown(result))
    return result


def compared(seconds: Mapping[str, list[float]]) -> list[list[str]]:
    """Return a row for each of a kind, beside the first."""
    times = ratios(seconds, next(iter(seconds)))
    return [[name, f"{1e3 * median(values):.2f}", f"{times[name]:.2f}"] for name, values in seconds.items()]


def markdown(result: dict[str, Any]) -> str:
    """Return the tables of the documentation."""
    rows = [row for seconds in result["seconds"].values() for row in compared(seconds)]
    mlp_rows = [
        [batch, *(f"{1e3 * median(found[name]):.2f}" for name in found), f"{ratios(found, 'bare')['gannorm']:.2f}"]
        for batch, found in result["mlp"].items()
    ]
    told = f"Medians of {result['rounds']} rounds in turn; {said(result['where'])}. The MLPs run on one thread."
    tables = f"{document.table(HEAD, rows)}\n\n{document.table(MLP_HEAD, mlp_rows)}"
    return f"{tables}\n\n{document.paragraph(told)}"

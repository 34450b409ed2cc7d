"""A training step of our default networks beside the same networks in other loops, in turn, in one process.

Each loop starts from the same weights and has the same batches' size; start and end of a loop do not count. The bare
loop is our step bit for bit, so its ratio is what the framework costs; the others train as their authors wrote them.
"""

import copy
import tempfile
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import torch

from benchmarks import document, loops, ours, peers
from benchmarks.timing import PACKAGES, Laps, Timed, in_turn, ratios, said, silenced, spread, where
from gannorm.data import MNIST
from gannorm.gan import GAN
from gannorm.training.quiet import quiet_lightning

PAGE = document.SPEED
HALF_LIFE = 40_000
OURS, CALLBACKS, BARE = "gannorm, no callbacks", "gannorm, all default callbacks", "bare loop, the same step"
HALF = "gannorm, no callbacks, bf16-mixed"
HEAD = ["loop", "ms a step", "images/s", "times gannorm with callbacks"]


class Loop(NamedTuple):
    """One who trains.

    Attributes:
        train: Takes generator, discriminator, batches, and a folder to write into.
        data: Makes the loader of batches.
    """

    train: Callable[[Any, Any, Any, str], Any]
    data: Callable[[], Any]


def resident() -> Any:
    """Return our own loader."""
    return MNIST(batch_size=loops.BATCH, seed=0).train_dataloader()


def ours_alone(generator: Any, discriminator: Any, batches: Any, _: str, precision: str = "32-true") -> None:
    """Train with our module and Lightning's trainer, without any callback."""
    gan = GAN(generator, discriminator, ema_half_life=HALF_LIFE).to(memory_format=torch.channels_last)
    ours.fit(gan, batches, precision=precision)


def bare(generator: Any, discriminator: Any, batches: Any, _: str) -> None:
    """Train with the bare loop, in the layout that ours has."""
    for network in (generator, discriminator):
        network.to(memory_format=torch.channels_last)
    loops.bare(generator, discriminator, batches, seed=0, half_life=HALF_LIFE)


def usual(generator: Any, discriminator: Any, batches: Any, _: str) -> None:
    """Train as PyTorch's tutorial does."""
    loops.usual(generator, discriminator, batches)


def usual_loader(num_workers: int | None) -> Callable[[], Any]:
    """Return what makes torchvision's loader; None = as many processes as Lightning's example has."""
    return partial(loops.usual_loader, loops.workers() if num_workers is None else num_workers)


LOOPS: dict[str, Loop] = {
    OURS: Loop(ours_alone, resident),
    HALF: Loop(partial(ours_alone, precision="bf16-mixed"), resident),
    BARE: Loop(bare, resident),
    "usual loop, tensors in memory": Loop(usual, loops.tensor_loader),
    "usual loop, torchvision": Loop(usual, usual_loader(0)),
    "usual loop, torchvision, 2 workers": Loop(usual, usual_loader(2)),
    "Lightning's GAN recipe": Loop(loops.lightning, usual_loader(None)),
    **{name: Loop(train, usual_loader(2)) for name, train in peers.PEERS.items()},
}


def seconds_of(loop: Loop, start: GAN) -> float:
    """Return the mean seconds of a step of a loop, from its own copy of the networks."""
    generator, discriminator = copy.deepcopy((start.generator, start.discriminator))
    laps = Laps()
    with tempfile.TemporaryDirectory() as folder, silenced():
        loop.train(generator, discriminator, Timed(loop.data(), laps), folder)
    return laps.seconds


def installed(start: GAN) -> tuple[dict[str, Callable[[], float]], dict[str, str]]:
    """Return how to time each loop that can run here, and why the others cannot."""
    measures: dict[str, Callable[[], float]] = {CALLBACKS: lambda: ours.default_run(start, loops.BATCH)}
    missing: dict[str, str] = {}
    for name, loop in LOOPS.items():
        try:
            seconds_of(loop, start)  # and it warms up
        except ImportError as error:
            missing[name] = str(error)
        else:
            measures[name] = partial(seconds_of, loop, start)
    ours.default_run(start, loops.BATCH)
    return measures, missing


def run(rounds: int) -> dict[str, Any]:
    """Measure all loops in turn and print a table."""
    quiet_lightning()
    torch.manual_seed(0)
    measures, missing = installed(GAN(ema_half_life=0))
    seconds = in_turn(measures, rounds)
    result = {
        "batch": loops.BATCH,
        "rounds": rounds,
        "where": where(),
        "seconds_per_step": seconds,
        "times_ours": ratios(seconds, CALLBACKS),
        "ratio": ratios(seconds, BARE)[OURS],
        "callbacks": ratios(seconds, OURS)[CALLBACKS],
        "missing": missing,
    }
    print(markdown(result))
    return result


def rows(result: dict[str, Any]) -> list[list[str]]:
    """Return a row for each loop, and one for each that is not installed."""
    measured = [
        [
            name,
            spread(values),
            f"{result['batch'] * len(values) / sum(values):,.0f}",
            f"{result['times_ours'][name]:.2f}",
        ]
        for name, values in result["seconds_per_step"].items()
    ]
    return measured + [[name, f"not installed: {why}", "", ""] for name, why in result["missing"].items()]


def markdown(result: dict[str, Any]) -> str:
    """Return the table of the documentation."""
    place, batch = said(result["where"], PACKAGES), result["batch"]
    told = (
        f"Medians of {result['rounds']} rounds in turn and their ranges, batches of {batch} digits, float32 but in one "
        f"row; {place}. Without callbacks a step takes {result['ratio']:.3f} times the bare loop's; with all default "
        f"callbacks, and what they do now and then, {result['callbacks']:.3f} times as long as without."
    )
    return f"{document.table(HEAD, rows(result))}\n\n{document.paragraph(told)}"

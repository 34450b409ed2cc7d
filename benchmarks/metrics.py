"""What each metric costs for 10,000 samples, side by side, and what a whole `gannorm evaluate` costs.

The samples are real, those of a perfect generator, and the reference is as large as an evaluation's. What is made once
for many generators, such as the balls around real samples, is measured apart from what each generator costs. Seconds
are those of the processor, all threads together, so that what else runs on the machine counts little.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from benchmarks.document import machine, paragraph, table
from gannorm import rng
from gannorm.data import MNIST, Mixture, StackedMNIST, mnist, to_images
from gannorm.judges import DigitJudge, Judge, Judged, StackedDigitJudge
from gannorm.metrics import (
    ClassDiversity,
    FrechetDistance,
    KernelDistance,
    ModeCoverage,
    NeighbourScores,
    deviation_ratios,
    wasserstein_scores,
)

SAMPLES = 10_000
CHUNK = 512  # samples judged at once, as in an evaluation
STACKS = 26_000  # of the whole evaluation
RING = "ring/pacgan"


class Case(NamedTuple):
    """What is measured.

    Attributes:
        name: For people.
        make: What is made once for many generators.
        use: What each generator costs, given that.
    """

    name: str
    make: Callable[[], Any]
    use: Callable[[Any], Any]


class Seen(NamedTuple):
    """Samples and real ones, as their judge sees them."""

    judge: DigitJudge | StackedDigitJudge
    samples: Tensor
    fake: Judged
    real: Judged


def judged(judge: Judge, samples: Tensor) -> Judged:
    """Judge samples in chunks."""
    return Judged(*(torch.cat(column) for column in zip(*map(judge, samples.split(CHUNK)), strict=True)))


def seen_digits() -> Seen:
    """Return training digits as samples, test digits as the reference."""
    judge, (pixels, _) = DigitJudge(), mnist("train")
    samples = to_images(pixels[:SAMPLES])
    return Seen(judge, samples, judged(judge, samples), judged(judge, MNIST().held_out()[0][:SAMPLES]))


def seen_stacks() -> Seen:
    """Return two draws of stacks of test digits."""
    judge, data = StackedDigitJudge(), StackedMNIST()
    samples, real = (data.real(SAMPLES, rng.generator(0, name))[0] for name in ("samples", "real"))
    return Seen(judge, samples, judged(judge, samples), judged(judge, real))


def metric(name: str, make: Callable[[], Any], *batch: Tensor) -> Case:
    """Return the case of a Metric that is updated with all samples at once."""

    def use(made: Any) -> Any:
        made.update(*batch)
        return made.compute()

    return Case(name, make, use)


def cases_of(seen: Seen, noun: str) -> Iterable[Case]:
    """Yield the judge and the metrics of its features."""
    judge, fake, real = seen.judge, seen.fake, seen.real
    size, modes = fake.features.shape[1], judge.num_modes
    accepted = torch.ones(len(fake.mode), dtype=torch.bool)
    yield Case(f"judge of {noun}", lambda: judge, lambda judge: judged(judge, seen.samples))
    for name, errors in (("coverage with intervals", None), ("the same with leakage test", judge.confusion)):
        yield metric(f"{name}, K = {modes:,}", partial(ModeCoverage, modes, judge.prior, errors), fake.mode, accepted)
    for name, kind in FEATURES.items():
        yield metric(f"{name}, D = {size}", partial(kind, real.features), fake.features)
    make = partial(ClassDiversity, real.features, real.mode, num_modes=modes, prior=judge.prior)
    yield metric(f"diversity within classes, K = {modes:,}", make, fake.features, fake.mode)


FEATURES: dict[str, Callable[[Tensor], Any]] = {
    "Fréchet distance": FrechetDistance,
    "kernel distance": KernelDistance,
    "neighbours (precision to clipped coverage)": NeighbourScores,
}


def cases_of_points() -> Iterable[Case]:
    """Yield what is measured of points alone."""
    data = Mixture(preset=RING)
    (fake, modes), (real, _), (fresh, _) = (data.real(SAMPLES, rng.generator(0, name)) for name in "abc")
    yield Case(
        "deviation of points within modes",
        lambda: None,
        lambda _: deviation_ratios(fake, modes, num_modes=data.num_modes, sigma=data.sigma, within=3.0),
    )
    yield Case("sliced Wasserstein of points", lambda: None, lambda _: wasserstein_scores(fake, real, fresh))


def all_cases() -> list[Case]:
    """Return everything that is measured."""
    return [*cases_of(seen_digits(), "digits"), *cases_of(seen_stacks(), "stacks"), *cases_of_points()]


def seconds_of(case: Case) -> tuple[float, float]:
    """Return how long making and using take."""
    start = time.process_time()
    made = case.make()
    between = time.process_time()
    case.use(made)
    return between - start, time.process_time() - between


def evaluation() -> dict[str, float]:
    """Return what the command costs for a file of stacks that another program could have written: seconds."""
    stacks, _ = StackedMNIST().real(STACKS, rng.generator(0, "stacks"))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "stacks.npy"
        np.save(file, ((stacks + 1) * 127.5).round().byte().numpy())
        del stacks
        line = [sys.executable, "-m", "gannorm", "evaluate", str(file), "--data", "stacked_mnist", "--json"]
        environment = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}
        start = os.times()
        subprocess.run(line, check=True, capture_output=True, env=environment)
        end = os.times()
    processor = end.children_user + end.children_system - start.children_user - start.children_system
    return {"stacks": STACKS, "clock": end.elapsed - start.elapsed, "processor": processor}


def run(rounds: int) -> dict[str, Any]:
    """Measure all cases in turn, round after round (the first warms up), then an evaluation, and print a table."""
    cases = all_cases()
    times: dict[str, list[tuple[float, float]]] = {case.name: [] for case in cases}
    for number in range(rounds + 1):
        for case in cases:
            pair = seconds_of(case)
            times[case.name] += [pair] if number else []
    result = {
        "machine": machine(),
        "rounds": rounds,
        "samples": SAMPLES,
        "seconds": {
            name: {"once": statistics.median(a for a, _ in pairs), "each": statistics.median(b for _, b in pairs)}
            for name, pairs in times.items()
        },
        "evaluation": evaluation(),
    }
    print(markdown(result))
    return result


def markdown(result: dict[str, Any]) -> str:
    """Return the table of seconds and a sentence on the whole evaluation."""
    rows = [[name, f"{cell['once']:.2f}", f"{cell['each']:.2f}"] for name, cell in result["seconds"].items()]
    whole = result["evaluation"]
    measured = table(["what", "made once, s", f"for {result['samples']:,} samples, s"], rows)
    said = paragraph(
        f"`gannorm evaluate` of {whole['stacks']:,} stacked digits, from the command line to its figures: "
        f"{whole['processor']:.0f} s of the processor."
    )
    return (
        f"Seconds of the processor, medians of {result['rounds']} rounds, {result['machine']}.\n\n{measured}\n\n{said}"
    )

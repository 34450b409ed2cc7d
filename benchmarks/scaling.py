"""How a study grows with workers on one machine: images per second, what lies between two runs, the first start."""

import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from benchmarks import document
from gannorm.study import read
from gannorm.study.identify import tasks
from gannorm.study.local import Local
from gannorm.training.quiet import quiet_lightning

PAGE = Path(__file__).parents[1] / "docs" / "scaling.md"
HEAD = ["workers", "images/s", "times one", "s per run", "s between runs", "own cost", "s to the first step"]
RUNS = 2  # of each worker
MACHINES = ((1, 2), (1, 16), (4, 32), (16, 64))  # of a plan: how many, and cores of each
PLANNED = 10_000  # runs
PLAN_HEAD = ["machines", "runs at a time", "hours", "hours of a machine"]
CONFIG = {
    "images": 192_000,  # some 40 s
    "log_every_images": 16_000,
    "trainer": {"accelerator": "cpu"},
    "data": {"class_path": "gannorm.data.MNIST", "init_args": {"batch_size": 64}},
    "model": {
        "generator": {"class_path": "gannorm.networks.MLPGenerator", "init_args": {"norm": "batch"}},
        "discriminator": {"class_path": "gannorm.networks.MLPDiscriminator", "init_args": {"norm": "layer"}},
        "penalties": None,
        "ema_half_life": 0,
    },
    "evaluation": {"every_images": 16_000, "num_samples": 1000, "final_samples": 2048, "instruments": []},
}


def measured(workers: int) -> dict[str, float]:
    """Return what a study of so many workers came to; each does the same number of runs."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "scaling.yaml"
        factors = {"model.loss": ["non_saturating"]}
        path.write_text(
            yaml.safe_dump({"name": "scaling", "config": CONFIG, "factors": factors, "seeds": RUNS * workers})
        )
        study = read(path)
        all_tasks = tasks(study, study.jobs(), Path(place))
        folder = Path(place) / "scaling"
        folder.mkdir()
        start = time.perf_counter()
        ends, seconds = [], []
        for line in Local(workers, folder, "scaling").run(all_tasks):
            assert line["status"] == "finished", line
            ends.append(time.perf_counter() - start)
            seconds.append(float(line["seconds"]))
    first = min(end - took for end, took in zip(ends[:workers], seconds[:workers], strict=True))
    busy = workers * (max(ends) - first)
    return {
        "images_per_second": len(ends) * CONFIG["images"] / (max(ends) - first),
        "seconds_per_run": statistics.mean(seconds),
        "first_start": first,
        "between": max(busy - sum(seconds), 0.0) / len(ends),
    }


def run(rounds: int) -> dict[str, Any]:
    """Measure one worker and as many as there are processors in turn, and print a table of medians."""
    quiet_lightning()
    most = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    numbers = sorted({1, 2, most})
    found: dict[int, list[dict[str, float]]] = {number: [] for number in numbers}
    for _ in range(rounds):
        for number in numbers:
            found[number].append(measured(number))
    medians = {
        number: {name: statistics.median(one[name] for one in all_) for name in all_[0]}
        for number, all_ in found.items()
    }
    print("\n".join("".join(f"{cell:>26}" for cell in line) for line in [HEAD, *rows(medians)]))
    return {"rounds": found, "medians": medians}


def rows(medians: dict[int, dict[str, float]]) -> list[list[str]]:
    """Return one row for each number of workers."""
    return [
        [
            str(number),
            f"{one['images_per_second']:,.0f}",
            f"{one['images_per_second'] / medians[1]['images_per_second']:.2f}",
            f"{one['seconds_per_run']:.1f}",
            f"{one['between']:.2f}",
            f"{100 * one['between'] / (one['between'] + one['seconds_per_run']):.1f} %",
            f"{one['first_start']:.1f}",
        ]
        for number, one in medians.items()
    ]


def plan(seconds: float) -> list[list[str]]:
    """Return how long 10,000 runs take on some machines, each run so many seconds of one core.

    Example:
        >>> plan(36.0)[0]
        ['1 of 2 cores', '2', '50', '50']
    """
    rows = []
    for machines, cores in MACHINES:
        hours = PLANNED * seconds / 3600 / (machines * cores)
        at_a_time = f"{machines * cores:,}"
        rows.append([f"{machines} of {cores} cores", at_a_time, f"{hours:.2g}", f"{hours * machines:.2g}"])
    return rows


def markdown(result: dict[str, Any]) -> str:
    """Return the tables of the documentation: what was measured, and what follows for a plan."""
    number = len(next(iter(result["rounds"].values())))
    said = f"Medians of {number} rounds in turn; {document.machine()}."
    seconds = result["medians"][1]["seconds_per_run"]
    planned = f"On paper, {PLANNED:,} such runs of {seconds:.1f} s on one core each:"
    return "\n\n".join(
        [
            document.table(HEAD, rows(result["medians"])),
            document.paragraph(said),
            document.paragraph(planned),
            document.table(PLAN_HEAD, plan(seconds)),
        ]
    )

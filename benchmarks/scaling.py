"""How a study grows with workers on one machine: images per second, what lies between two runs, first start, page."""

import json
import math
import os
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from benchmarks import document
from gannorm.report.study import write as write_page
from gannorm.study import folder as study_folder
from gannorm.study import read
from gannorm.study.identify import tasks
from gannorm.study.journal import Journal
from gannorm.study.local import Local
from gannorm.study.worker import Task
from gannorm.training.quiet import quiet_lightning

PAGE = Path(__file__).parents[1] / "docs" / "scaling.md"
HEAD = ["workers", "images/s", "times one", "s per run", "s between runs", "own cost", "s to the first step"]
RUNS = 2  # of each worker
ON_PAGE, LOOKS = 1000, 12  # runs of which the page is written, and looks of each
NORMS = ["none", "batch", "layer", "group", "instance"]
PAGE_FACTORS = {
    "model.generator.norm": NORMS[:4],
    "model.discriminator.norm": NORMS,
    "model.generator_rate": [1e-4, 2e-4, 5e-4, 1e-3, 2e-3],
}
PAGE_CELLS = math.prod(map(len, PAGE_FACTORS.values()))
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


def page_seconds() -> float:
    """Return how long the page of a study takes, with its tables, of as many runs as `ON_PAGE`; they have no sheets."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        path = folder / "scaling.yaml"
        path.write_text(yaml.safe_dump({"name": "scaling", "factors": PAGE_FACTORS, "seeds": ON_PAGE // PAGE_CELLS}))
        study = read(path)
        told = [{"key": job.key, "cell": job.cell, "seed": job.seed} for job in study.jobs()]
        (folder / "journal.jsonl").write_text("".join(json.dumps(made_up(one)) + "\n" for one in told))
        all_tasks = [Task(one["key"], (), str(folder / one["key"][:8]), one) for one in told]
        study_folder.write(study, all_tasks, folder, Journal(folder / "journal.jsonl"))
        start = time.perf_counter()
        text = write_page(folder).read_text()
        seconds = time.perf_counter() - start
    assert f"{ON_PAGE:,} of {ON_PAGE:,} runs have ended" in text
    assert "cannot be shown" not in text
    return seconds


def made_up(told: dict[str, Any]) -> dict[str, Any]:
    """Return the line of a run that has come to something or other; norms differ, and some runs collapse."""
    chance = random.Random(told["key"])
    best = 9.0 if told["cell"]["model.generator.norm"] == "batch" else 6.0
    modes = [best * (chance.random() if chance.random() < 0.1 else 1.0) for _ in range(LOOKS)]
    figures = {"effective_modes": modes[-1], "covered_modes": 9, "num_modes": 10, "kl": 0.1, "high_quality": 0.9}
    looks = [[5000 * (place + 1), some, 9, 0.9, "healthy"] for place, some in enumerate(modes)]
    ending = {"images": 5000 * LOOKS, "seconds": 10.0, "final": figures, "raw": figures, "looks": looks, "events": []}
    return told | {"id": told["key"][:8], "status": "finished", "reason": "", "speed": 6000, "num_modes": 10} | ending


def run(rounds: int) -> dict[str, Any]:
    """Measure one worker and as many as there are processors in turn, and print a table of medians."""
    quiet_lightning()
    most = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    numbers = sorted({1, 2, most})
    found: dict[int, list[dict[str, float]]] = {number: [] for number in numbers}
    pages: list[float] = []
    for _ in range(rounds):
        for number in numbers:
            found[number].append(measured(number))
        pages.append(page_seconds())
    medians = {
        number: {name: statistics.median(one[name] for one in all_) for name in all_[0]}
        for number, all_ in found.items()
    }
    print("\n".join("".join(f"{cell:>26}" for cell in line) for line in [HEAD, *rows(medians)]))
    page = statistics.median(pages)
    print(f"the page of {ON_PAGE:,} runs: {page:.1f} s")
    return {"rounds": found, "medians": medians, "page": page}


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
    page = f"The page of {ON_PAGE:,} runs that have ended, in {PAGE_CELLS} cells, takes {result['page']:.1f} s."
    said = f"{page} Medians of {number} rounds in turn; {document.machine()}."
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

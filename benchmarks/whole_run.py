"""A default run from the command line, in a process of its own: its start, its shares, its memory, its page."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks import document
from benchmarks.limits import seconds_of
from benchmarks.timing import said, where
from gannorm.report.run.page import write as write_page

PAGE = document.SPEED
ROOT = Path(__file__).parents[1]
OBSERVERS = {
    "looks at the modes": ("ModeCoverage", "SampleGrid", "EventFile"),
    "reading the layers": ("Instruments",),
    "losses and signals": ("Losses", "Signals", "Speed"),
    "checkpoints": ("Checkpoints",),
}
HEAD = ["", "measured", "of the run"]


def trained(folder: str, *options: str) -> tuple[dict[str, Any], float, float]:
    """Run `train.py`, and return what its clock noted, when its process began, and its largest memory in bytes."""
    noted = Path(folder) / "noted.json"
    clock = json.dumps({"class_path": "benchmarks.clock.Clock", "init_args": {"path": str(noted)}})
    line = [
        sys.executable,
        str(ROOT / "train.py"),
        "--quiet",
        f"--folder={folder}/runs",
        f"--trainer.callbacks={clock}",
    ]
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": str(torch.get_num_threads()),
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "WANDB_MODE": "disabled",
    }
    start = time.time()
    process = subprocess.Popen([*line, "--trainer.accelerator=cpu", *options], env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"train.py {' '.join(options)} ended with {os.waitstatus_to_exitcode(status)}")
    kibibytes = usage.ru_maxrss if sys.platform != "darwin" else usage.ru_maxrss / 1024
    return json.loads(noted.read_text()), start, 1024.0 * kibibytes


def starts(rounds: int) -> list[float]:
    """Return seconds from the start of a process to the end of its first step."""
    found = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            noted, start, _ = trained(folder, "--images=64", "--evaluation.final_samples=64")
            found.append(noted["first_step"] - start)
    return found


def whole(*options: str) -> dict[str, Any]:
    """Return what one run took, in seconds and bytes, and what its page takes."""
    with tempfile.TemporaryDirectory() as folder:
        noted, start, num_bytes = trained(folder, *options)
        end = time.time()
        (run,) = [path.parent for path in Path(folder).glob("runs/*/*/results.json")]
        images = json.loads((run / "results.json").read_text())["images_seen"]
        page = seconds_of(lambda: write_page([run]), times=1)
    return {
        "images": images,
        "seconds": end - start,
        "training": noted["end"] - noted["first_step"],
        "after": end - noted["end"],
        "observers": noted["observers"],
        "all_modes": None if noted["all_modes"] is None else noted["all_modes"] - start,
        "bytes": num_bytes,
        "page": page,
    }


def run(rounds: int) -> dict[str, Any]:
    """Measure the start so often, and one whole default run."""
    found = starts(rounds)
    result = {"rounds": rounds, "where": where(), "start": found, **whole()}
    result["shares"] = {
        name: sum(result["observers"].get(observer, 0.0) for observer in observers) / result["seconds"]
        for name, observers in OBSERVERS.items()
    }
    result["shares"]["evaluation and page at the end"] = result["after"] / result["seconds"]
    print(markdown(result))
    return result


def markdown(result: dict[str, Any]) -> str:
    """Return the table of the documentation."""
    whole_run, start = result["seconds"], statistics.median(result["start"])
    modes = "not in this run" if result["all_modes"] is None else f"{result['all_modes']:.0f} s"
    rows = [
        ["process start to the end of the first step", f"{start:.1f} s", ""],
        ["process start to a look at all ten modes", modes, ""],
        ["the run", f"{whole_run:.0f} s", "100 %"],
        *([name, f"{share * whole_run:.1f} s", f"{100 * share:.1f} %"] for name, share in result["shares"].items()),
        ["of it, the page", f"{result['page']:.1f} s", f"{100 * result['page'] / whole_run:.1f} %"],
        ["most memory", f"{result['bytes'] / 2**30:.2f} GiB", ""],
    ]
    told = (
        f"`python train.py` as it comes, {result['images']:,} images, once; the start is the median of "
        f"{result['rounds']}; {said(result['where'])}."
    )
    return f"{document.table(HEAD, rows)}\n\n{document.paragraph(told)}"

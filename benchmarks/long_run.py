"""200,000 steps of the 2D preset: does memory stay flat, do open files, and can what it wrote still be read?"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from gannorm.training.metrics_file import read

STEPS, BATCH = 200_000, 64
EVERY = 5.0  # seconds between two looks at the process
WARM_UP = 0.2  # share of the run after which memory has to be flat
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def run(rounds: int, steps: int = STEPS, every: float = EVERY) -> dict[str, Any]:  # noqa: ARG001
    """Train once, watching the process from outside; return what was seen.

    Args:
        rounds: Of no use here: one run is long enough.
        steps: Of the discriminator.
        every: Seconds between two looks.
    """
    with tempfile.TemporaryDirectory() as folder:
        options = [f"--images={steps * BATCH}", f"--folder={folder}", "--quiet"]
        command = [sys.executable, "train.py", "--config=configs/grid.yaml", *options]
        start = time.perf_counter()
        process = subprocess.Popen(command, env={**os.environ, "WANDB_MODE": "disabled"})
        looks = list(watched(process, every))
        seconds = time.perf_counter() - start
        assert process.returncode == 0, f"exit code {process.returncode}"
        (path,) = Path(folder).glob("grid/*")
        result = {"steps": steps, "seconds": seconds} | summed_up(looks) | written(path)
    print("\n".join(f"{name:<24}{value:,.6g}" for name, value in result.items()))
    return result


def watched(process: subprocess.Popen[bytes], every: float) -> Any:
    """Yield resident bytes and open files of a process until it ends."""
    while process.poll() is None:
        time.sleep(every)
        try:
            resident = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * PAGE_BYTES
            yield resident, len(os.listdir(f"/proc/{process.pid}/fd"))
        except (FileNotFoundError, ProcessLookupError, IndexError):
            return


def summed_up(looks: list[tuple[int, int]]) -> dict[str, float]:
    """Return memory and open files after the warm-up, and in the last tenth of the looks while it trained."""
    training = looks[int(WARM_UP * len(looks)) : -1]
    tenth = max(1, len(training) // 10)
    first, last = (statistics.median(memory for memory, _ in part) for part in (training[:tenth], training[-tenth:]))
    files = [number for _, number in training]
    return {
        "looks": len(looks),
        "MiB after the warm-up": first / 2**20,
        "MiB at the end": last / 2**20,
        "growth": last / first - 1,
        "fewest open files": min(files),
        "most open files": max(files),
    }


def written(path: Path) -> dict[str, float]:
    """Return what the run folder holds."""
    rows = read(path / "metrics.csv")
    moments = [float(row["images_seen"]) for row in rows]
    assert moments == sorted(set(moments)), "a row is there twice, or at the wrong place"
    return {
        "rows of metrics.csv": len(rows),
        "bytes of metrics.csv": (path / "metrics.csv").stat().st_size,
        "bytes of report.html": (path / "report.html").stat().st_size,
        "bytes of the run folder": sum(file.stat().st_size for file in path.rglob("*") if file.is_file()),
    }

"""Runs of configs/collapse by `train.py`, in processes of their own with one thread each."""

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "configs" / "collapse"


def names() -> list[str]:
    """Return the names of all configurations."""
    return sorted(path.stem for path in CONFIGS.glob("*.yaml"))


def train(configs: Sequence[str], seeds: int, workers: int, folder: Path) -> list[Path]:
    """Run each configuration over seeds, and return the run folders."""
    jobs = [(name, seed) for seed in range(seeds) for name in configs]
    with ThreadPoolExecutor(workers) as pool:
        for code, (name, seed) in zip(pool.map(lambda job: one(*job, folder), jobs), jobs, strict=True):
            print(f"{name}, seed {seed}: exit {code}", flush=True)
    return folders(folder)


def one(name: str, seed: int, folder: Path) -> int:
    """Run one configuration with one seed; a run that is there is not made again."""
    if any(path.parent.name == f"collapse-{name}" for path in folders(folder) if seed_of(path) == seed):
        return 0
    command = [sys.executable, str(ROOT / "train.py"), f"--config={CONFIGS / name}.yaml", f"--seed_everything={seed}"]
    command += [f"--folder={folder}", "--trainer.callbacks=benchmarks.collapse_runs.sheets.PlainSheets", "--quiet"]
    quiet = {"OMP_NUM_THREADS": "1", "WANDB_MODE": "disabled", "PYTHONPATH": str(ROOT)}
    log = folder / f"{name}-{seed}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as file:
        return subprocess.run(command, env={**os.environ, **quiet}, stdout=file, stderr=file, check=False).returncode


def folders(folder: Path) -> list[Path]:
    """Return the run folders below one that have come to their end."""
    return sorted(path.parent for path in folder.glob("collapse-*/*/results.json"))


def seed_of(path: Path) -> int:
    """Return the seed of a run folder."""
    for line in (path / "config.yaml").read_text().splitlines():
        if line.startswith("seed_everything:"):
            return int(line.partition(":")[2])
    raise ValueError(f"{path} has no seed in its config.yaml")

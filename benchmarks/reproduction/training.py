"""Runs of presets, by `train.py` in processes of their own, each with one thread of torch."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from benchmarks.reproduction import presets
from gannorm.training.parser import Configuration
from gannorm.training.run_folder import RunFolder, choose

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Job:
    """One run of a preset.

    Attributes:
        preset: Its name.
        seed: Of the run.
        steps: Of the discriminator.
    """

    preset: str
    seed: int
    steps: int

    @property
    def key(self) -> tuple[str, int, int, str]:
        """As a journal tells runs apart."""
        return self.preset, self.seed, self.steps, presets.config_hash(presets.config_of(self.preset))

    def arguments(self, folder: Path) -> list[str]:
        """Return the options of `train.py`."""
        images = self.steps * presets.packs_per_step(presets.config_of(self.preset))
        return [
            f"--config={presets.config_path(self.preset)}",
            f"--seed_everything={self.seed}",
            f"--images={images}",
            f"--folder={folder.absolute()}",
            "--quiet",
        ]

    def run_folder(self, folder: Path) -> RunFolder:
        """Return where the run is, or is going to be."""
        return choose(Configuration(self.arguments(folder)).plain(), resume=True, fresh=False)


def jobs(names: Sequence[str], seeds: Sequence[int], share: float, steps: int | None) -> list[Job]:
    """Return one run of each preset with the first seed, then with the second: whatever ends early is balanced.

    Raises:
        PresetError: A preset that needs what only a user has, or no step at all.
    """
    for name in names:
        if needed := presets.preset(name).brings:
            raise presets.PresetError(f"{name} needs {needed}; docs/reproduction.md has its command")
    if not 0 < share <= 1:
        raise presets.PresetError(f"--share {share}: of the paper's length, more than 0 and at most 1")
    length = {name: round(share * presets.full_steps(name)) if steps is None else steps for name in names}
    if min(length.values(), default=1) < 1:
        raise presets.PresetError(f"share={share}, steps={steps}: a run has one step at least")
    return [Job(name, seed, length[name]) for seed in dict.fromkeys(seeds) for name in dict.fromkeys(names)]


def trained(wanted: Sequence[Job], folder: Path, workers: int) -> Iterator[tuple[Job, Path | None]]:
    """Yield each run and its folder as it ends; None where it broke off, with what it said in a log beside it.

    A run that was begun before goes on from its last checkpoint. When this process is told to stop, so are the runs.
    """
    children: list[subprocess.Popen[bytes]] = []
    places = {job: job.run_folder(folder) for job in wanted}
    with ThreadPoolExecutor(workers) as pool:
        futures = {pool.submit(train, job, places[job], folder, children): job for job in wanted}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            for future in futures:
                future.cancel()
            for child in children:
                if child.poll() is None:
                    child.terminate()


def train(job: Job, place: RunFolder, folder: Path, children: list[subprocess.Popen[bytes]]) -> Path | None:
    """Run `train.py` to the end of a run; return the run's folder, None where there is no result."""
    if not place.finished():
        log = folder / "logs" / f"{job.preset}-{job.seed}-{job.steps}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        environment = os.environ | {"OMP_NUM_THREADS": "1", "WANDB_MODE": "disabled"}
        command = [sys.executable, str(ROOT / "train.py"), *job.arguments(folder), "--resume"]
        with log.open("ab") as file:
            if not lock(file):
                print(f"{shown(job)}: a process of an earlier call is still at it", file=sys.stderr)
                return None
            # A session of its own: Ctrl-C reaches it once, through this process, and not twice, which would not save.
            child = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=file, stderr=file, start_new_session=True
            )
            children.append(child)
            child.wait()
    status = (place.results() or {}).get("status")
    return place.path if status in ("finished", "failed") else None


def lock(log: IO[bytes]) -> bool:
    """Take the log for this run alone; the run inherits the lock, and keeps it where this process is killed."""
    try:
        fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def shown(job: Job) -> str:
    """Return a run in words."""
    return f"{job.preset}, seed {job.seed}, {job.steps:,} steps"

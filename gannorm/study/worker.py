"""One run of a study, in whatever process: train it, or go on with it, and say what came out."""

import contextlib
import json
import os
import shutil
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gannorm import files, screen
from gannorm.study.journal import Line, digest, signalled

SINGLE = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Task:
    """What a worker is told.

    Attributes:
        key: Of the job.
        arguments: Of `train.py`.
        folder: The run folder that they lead to.
        told: What the journal's line begins with: key, cell, seed.
    """

    key: str
    arguments: tuple[str, ...]
    folder: str
    told: Line

    @property
    def id(self) -> str:
        """Return the run's id."""
        return Path(self.folder).name


def set_up(threads: int = 1, group: str | None = None) -> None:
    """Make this process a worker: so many threads of torch, Weights & Biases only if it was asked for."""
    os.environ.setdefault("WANDB_MODE", "disabled")
    if group is not None:
        os.environ.setdefault("WANDB_RUN_GROUP", group)
        os.environ.setdefault("WANDB_JOB_TYPE", "study")
    import torch

    torch.set_num_threads(threads)


def perform(task: Task) -> Line:
    """Train until the run ends, and return its line for the journal; what goes wrong is a line of status failed."""
    from gannorm import training

    folder = Path(task.folder)
    try:
        put_aside_if_damaged(folder)
        if not collapsed(folder):
            training.run([*task.arguments, *(["--resume"] if folder.exists() else [])])
        return task.told | digest(folder)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # one run must not end a study
        return task.told | failed(folder, error)


def put_aside_if_damaged(folder: Path) -> None:
    """Rename a run folder none of whose checkpoints can be read, so that its run begins from the beginning."""
    from gannorm.training.run_folder import RunFolder

    try:
        RunFolder(folder).checkpoint(resume=True)
    except Exception as error:  # whatever the file makes its reader do
        aside = folder.with_name(f"{folder.name}.damaged")
        shutil.rmtree(aside, ignore_errors=True)
        folder.rename(aside)
        screen.warn(f"{type(error).__name__}: {error}; the run begins again, and what there was is in {aside}")


def failed(folder: Path, error: BaseException) -> Line:
    """Return a line on a run that ended in an error, with what it had come to."""
    from gannorm.callbacks import NotFiniteError

    reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    status = "diverged" if isinstance(error, NotFiniteError) else "failed"
    found: dict[str, Any] = {}
    if folder.is_dir():
        with contextlib.suppress(OSError):
            files.write(folder / "error.txt", "".join(traceback.format_exception(error)))
    with contextlib.suppress(OSError, ValueError, KeyError):
        found = digest(folder)
    return found | {"id": folder.name, "status": status, "reason": reason}


def collapsed(folder: Path) -> bool:
    """Return whether the collapse policy stopped a run: it is over, also where a kill came before that was noted."""
    try:
        results = json.loads((folder / "results.json").read_text())
        return bool(results["status"] == "stopped" and not signalled(results))
    except (OSError, ValueError, KeyError, TypeError):
        return False

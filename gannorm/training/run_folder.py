"""A run folder: `<folder>/<name>/<id>/`, which explains itself. What state it is in is read from the disk."""

import copy
import hashlib
import json
import math
import os
import pickle
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml

from gannorm import files, norms, screen
from gannorm.callbacks.checkpoints import BEST, LAST, PREVIOUS, FormatError, check_format
from gannorm.judges import Judge
from gannorm.training.errors import RunFolderError

NOT_PART_OF_A_RUN = ("config", "resume", "fresh", "quiet", "name", "folder", "allow")
"""Options that change where a run is or how it is started, not what it computes."""

LONGEST_NAME = 200  # letters
ROOM = 50 * 2**20  # bytes that have to be free beyond a few checkpoints
NUM_CHECKPOINTS = 5  # last, previous, best, one being written, and the networks on their own


def identity(config: Mapping[str, Any]) -> str:
    """Return the run's id: the first 8 hex digits of the SHA-256 of what it computes.

    Example:
        >>> identity({"images": 1, "name": "a"}) == identity({"images": 1, "name": "b", "quiet": True})
        True
    """
    part = {key: value for key, value in copy.deepcopy(dict(config)).items() if key not in NOT_PART_OF_A_RUN}
    trainer = part.get("trainer", {})
    trainer.pop("logger", None)
    for name in ("devices", "num_nodes"):
        if trainer.get(name) == 1:  # the same run as before there was such an option
            del trainer[name]
    model = part.get("model", {})
    model.pop("cuda_graph", None)  # how a step is taken, not what it is
    if model.get("compile") is None:  # likewise as before
        model.pop("compile", None)
    part.get("data", {}).get("init_args", {}).pop("folder", None)
    for network in ("generator", "discriminator"):
        arguments = (model.get(network) or {}).get("init_args", {})
        for kind in {"norm", "weight_norm"} & arguments.keys():
            arguments[kind] = norms.resolve(arguments[kind]).to_dict()  # BN and batch are one norm, null and none too
    return hashlib.sha256(json.dumps(part, sort_keys=True).encode()).hexdigest()[:8]


@dataclass(frozen=True)
class RunFolder:
    """Where a run keeps what it makes.

    Args:
        path: The folder itself.
    """

    path: Path

    @property
    def last_checkpoint(self) -> Path:
        """The checkpoint to go on from."""
        return self.path / "checkpoints" / LAST

    @property
    def previous_checkpoint(self) -> Path:
        """The one before it."""
        return self.path / "checkpoints" / PREVIOUS

    @property
    def config(self) -> Path:
        """The resolved configuration."""
        return self.path / "config.yaml"

    def results(self) -> dict[str, Any] | None:
        """Return results.json, or None where there is none yet or it cannot be read."""
        try:
            return json.loads((self.path / "results.json").read_text())
        except (OSError, ValueError):
            return None

    def finished(self) -> bool:
        """Return whether the run is done."""
        return (self.results() or {}).get("status") == "finished"

    def checkpoint(self, resume: bool) -> tuple[Path | None, int]:
        """Return the checkpoint to go on from and its images seen; None and -1 to start from the beginning.

        Where the last one is damaged it is the one before, with a warning.

        Raises:
            FormatError: A later version wrote it.
            RunFolderError: Both are damaged, or hold more than weights.
        """
        candidates = [path for path in (self.last_checkpoint, self.previous_checkpoint) if path.is_file()]
        if not resume or not candidates:
            return None, -1
        troubles = []
        for path in candidates:
            try:
                images_seen = images_seen_of(path)
            except RunFolderError as error:
                troubles.append(str(error))
                continue
            if troubles:
                screen.warn(f"{troubles[0]}; the run goes on from the one before, at {images_seen:,} images")
            return path, images_seen
        best = self.last_checkpoint.with_name(BEST)
        raise RunFolderError(f"{troubles[0]}; put {best} in its place, or start again with --fresh")

    def settle(self, checkpoint: Path | None) -> Path | None:
        """Put the checkpoint to go on from in the last one's place, so that the next one does not push it out."""
        if checkpoint != self.previous_checkpoint:
            return checkpoint
        os.replace(checkpoint, self.last_checkpoint)
        return self.last_checkpoint

    def write_results(self, results: Mapping[str, Any]) -> None:
        """Write results.json; a figure that is no number is null there."""
        files.write(self.path / "results.json", json.dumps(in_json(results), indent=2, allow_nan=False) + "\n")

    def forget_results(self) -> None:
        """Remove results.json: what an attempt before has come to is not what this one will."""
        (self.path / "results.json").unlink(missing_ok=True)

    def write_judge(self, judge: Judge, label: str) -> None:
        """Write judge.json: who will say what a sample is, and how often each mode is real."""
        content = {
            "protocol": label,
            "sha256": judge.sha256,
            "num_modes": judge.num_modes,
            "prior": judge.prior.tolist(),
            "ceiling": getattr(judge, "ceiling", None),
        }
        files.write(self.path / "judge.json", json.dumps(content, indent=2) + "\n")

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Write config.yaml: training from it gives the same run."""
        part = {key: value for key, value in config.items() if key not in ("config", "resume", "fresh", "quiet")}
        files.write(self.config, yaml.safe_dump(part, sort_keys=False))


def images_seen_of(checkpoint: Path) -> int:
    """Return how far a checkpoint is; nothing in it is executed.

    Raises:
        FormatError: A later version wrote it.
        RunFolderError: It is damaged, or holds more than weights.
    """
    try:
        with zipfile.ZipFile(checkpoint) as archive:  # torch does not look at the checksums
            if (damaged := archive.testzip()) is not None:
                raise RunFolderError(f"{checkpoint} is damaged at {damaged}")
        content = torch.load(checkpoint, map_location="cpu", weights_only=True)
        check_format(content, checkpoint)
        return int(content["gannorm_gan"]["images_seen"])
    except (FormatError, RunFolderError):
        raise
    except pickle.UnpicklingError as error:
        if "GLOBAL" in str(error):
            raise RunFolderError(f"{checkpoint} holds pickled objects beside weights, and is not loaded") from None
        raise RunFolderError(f"{checkpoint} is damaged") from None
    except (OSError, RuntimeError, EOFError, LookupError, TypeError, ValueError, zipfile.BadZipFile):
        raise RunFolderError(f"{checkpoint} is damaged") from None


def in_json(content: Any) -> Any:
    """Return plain data with null for what is no number, which JSON has no word for.

    Example:
        >>> in_json({"a": [1.0, float("nan")]})
        {'a': [1.0, None]}
    """
    if isinstance(content, Mapping):
        return {key: in_json(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [in_json(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def choose(config: Mapping[str, Any], resume: bool | str | None, fresh: bool) -> RunFolder:
    """Return the folder of this run: the one its id names, the one to go on with, or a new one beside it.

    Raises:
        RunFolderError: `resume` names no run folder or comes with `fresh`, this run was started and is not finished, or
            its name is no name of a folder.
    """
    if resume and fresh:
        raise RunFolderError("--resume and --fresh exclude each other: go on with the run, or start again beside it")
    if isinstance(resume, str):
        return existing(Path(resume))
    name = config["name"]
    if name in ("", ".", "..") or len(name) > LONGEST_NAME or not name.isprintable() or "/" in name:
        raise RunFolderError(f"name={name[:LONGEST_NAME]!r}: the name of a folder inside --folder, without slashes")
    folder = RunFolder(Path(config["folder"]) / name / identity(config))
    if fresh:
        return next_beside(folder)
    if folder.path.exists() and not folder.finished() and not resume:
        raise RunFolderError(f"run {folder.path} is not finished; go on with --resume, or start beside it with --fresh")
    return folder


def existing(path: Path) -> RunFolder:
    """Return a run folder that is there.

    Raises:
        RunFolderError: It is none.

    Example:
        >>> existing(Path("nowhere"))
        Traceback (most recent call last):
        gannorm.training.errors.RunFolderError: nowhere is no run folder: it has no config.yaml
    """
    folder = RunFolder(path)
    if not folder.config.is_file():
        raise RunFolderError(f"{path} is no run folder: it has no config.yaml")
    return folder


def next_beside(folder: RunFolder) -> RunFolder:
    """Return the folder if it is free, else `<id>-2`, `<id>-3`, ..."""
    number, free = 1, folder
    while free.path.exists():
        number += 1
        free = RunFolder(folder.path.with_name(f"{folder.path.name}-{number}"))
    return free


def check_disk(folder: RunFolder, bytes_per_checkpoint: int) -> None:
    """Make sure that a run can be written before it starts.

    Raises:
        RunFolderError: The place is full or not writable.
    """
    needed = NUM_CHECKPOINTS * bytes_per_checkpoint + ROOM
    there = folder.path.absolute()
    parent = next(path for path in (there, *there.parents) if path.exists())
    if not os.access(parent, os.W_OK):
        raise RunFolderError(f"{parent} is not writable; choose another place with --folder")
    free = shutil.disk_usage(parent).free
    if free < needed:
        raise RunFolderError(
            f"{parent} has {free / 2**20:.0f} MiB free and this run needs {needed / 2**20:.0f}; "
            "make room, or choose another place with --folder"
        )

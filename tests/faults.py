"""Runs as processes of their own, to be killed, starved and locked out, and what is compared afterwards.

The processes are forked from one that has imported everything: each is as real as another, and there at once.
"""

import contextlib
import json
import multiprocessing
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import torch
from torch.utils.data import Dataset

from gannorm import cli
from gannorm.data import Images
from gannorm.training.parser import arguments_of


def mlp(kind, **options):
    """Return a small network for points in the plane, as a configuration has it."""
    return {"class_path": f"gannorm.networks.MLP{kind}", "init_args": {"shape": [2], "hidden": [16, 16], **options}}


RUN = {
    "images": 6400,
    "log_every_images": 320,
    "collapse.reactions": ["log", "keep"],
    "evaluation.every_images": 1280,
    "evaluation.num_samples": 200,
    "evaluation.final_samples": 200,
    "evaluation.instruments": ["layers"],
    "data": {"class_path": "gannorm.data.Mixture", "init_args": {"preset": "ring/pacgan", "batch_size": 32}},
    "model.generator": mlp("Generator", norm="batch", latent_dim=8),
    "model.discriminator": mlp("Discriminator", weight_norm="spectral"),
    "model.ema_half_life": 320,
    "name": "points",
}


class Points(Dataset):
    """Somebody's own data: points on a line, which a process beside the training loads."""

    def __len__(self):
        return 512

    def __getitem__(self, index):
        return torch.full((2,), index / 512)


class Loaded(Images):
    """Their module, with a process that loads them."""

    def __init__(self, batch_size=32):
        super().__init__(Points(), batch_size=batch_size, num_workers=1)


CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.faults", "gannorm.training.run", "gannorm.training.summary"])


class Process:
    """`python train.py` with the tiny run, in a folder.

    Args:
        folder: Where run folders are made.
        more: Arguments.
        wandb: Its mode.
        first: Called in the process before anything else; it may return what is called after all else.
        overrides: Options of the run.
    """

    def __init__(self, folder, *more, first=None, wandb="disabled", **overrides):
        arguments = [*arguments_of(None, {**RUN, **overrides}), f"--folder={folder}", *more]
        descriptor, name = tempfile.mkstemp()  # not in the folder: its disk may be full
        os.close(descriptor)
        self.file = Path(name)
        self.process = CONTEXT.Process(target=command, args=(arguments, str(self.file), first, wandb))
        self.process.start()

    def signal(self, number):
        """Send a signal."""
        os.kill(self.process.pid, number)

    def children(self):
        """Return the numbers of the processes that it has started."""
        return children_of(self.process.pid)

    def alive(self):
        """Return whether it is still there."""
        return self.process.is_alive()

    def kill(self):
        """End it as the system does where memory is out: nothing is said or put away."""
        self.process.kill()
        self.process.join()
        self.file.unlink()

    def ended(self, seconds=120):
        """Return exit code and standard error."""
        self.process.join(seconds)
        errors = self.file.read_text()
        assert "Traceback" not in errors, errors
        self.file.unlink()
        return self.process.exitcode, errors


def children_of(number):
    """Return the numbers of the processes that a process has started; skip the test where nothing says which."""
    if not Path("/proc/self/stat").exists():
        pytest.skip("nothing here says which processes another has started")
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # has ended meanwhile
            parent = path.read_text().rpartition(")")[2].split()[1]
            found += [int(path.parent.name)] if int(parent) == number else []
    return found


def command(arguments, errors, first, wandb):
    """Be `train.py`."""
    os.environ["WANDB_MODE"] = wandb
    for number, path in ((1, os.devnull), (2, errors)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_APPEND), number)
    torch.set_num_threads(1)
    last = first() if first is not None else None
    code = cli.train(arguments)
    sys.setprofile(None)
    if last is not None:
        last()
    sys.exit(code)


def kill_inside(name, number):
    """Let this process be killed where it enters a function for the n-th time, in Python or in C.

    Args:
        name: As the function calls itself, with its class; None = any function, once the run has its folder.
        number: n, from 1 on; 0 = never.

    Returns:
        What says to standard error how many were entered.
    """
    entered, begun = 0, name is not None

    def look(frame, event, argument):
        nonlocal entered, begun
        called = {"call": frame.f_code.co_qualname, "c_call": getattr(argument, "__qualname__", "")}.get(event)
        begun = begun or called == "Run.attempt"
        if begun and called is not None and name in (None, called):
            entered += 1
            if entered == number:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(look)
    return lambda: print(entered, file=sys.stderr)


def limit_files(num_bytes):
    """Let no file of this process become larger than so many bytes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, num_bytes))


@contextlib.contextmanager
def mounted(folder, *options):
    """Mount something at a folder in the block; skip the test where this user may not."""
    folder.mkdir(parents=True)
    done = subprocess.run(["mount", *options, str(folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder, but):
    """Fill the disk of a folder with a file, but for so many bytes."""
    path = folder / "filler"
    path.write_bytes(bytes(shutil.disk_usage(folder).free - but))
    return path


def run_folder(folder):
    """Return the one run folder below a folder."""
    (path,) = Path(folder).glob("points/*")
    return path


def state_of(folder):
    """Return in words how far a killed run had come."""
    written = [file for file in sorted(folder.rglob("*")) if file.suffix in (".tmp", ".ckpt", ".json", ".csv", ".html")]
    rows = next((file.read_text().splitlines()[-1] for file in written if file.name == "metrics.csv"), "0,")
    return f"{rows.partition(',')[0]} images; {', '.join(file.name for file in written)}"


def outcome(path):
    """Return all that a run folder says, but for times: equal outcomes are equal bit for bit."""
    results = json.loads((path / "results.json").read_text())
    last, *_ = files = sorted((path / "checkpoints").glob("*.ckpt"), key=lambda file: file.name != "last.ckpt")
    checkpoint = torch.load(last, weights_only=True)
    names = (file for file in path.rglob("*") if file.is_file() and path / "wandb" not in file.parents)
    return {
        "results": {key: value for key, value in results.items() if "second" not in key},
        "metrics": (path / "metrics.csv").read_text(),
        "events": (path / "events.jsonl").read_text(),
        "optimizers": repr(checkpoint["optimizer_states"]),
        "counters": repr(checkpoint["gannorm_gan"]),
        "files": sorted(str(name.relative_to(path)) for name in names),
        "sheets": {file.name: file.read_bytes() for file in (path / "samples").iterdir()},
        "networks": [(path / name / "model.safetensors").read_bytes() for name in ("generator", "discriminator")],
        "checkpoints": {file.name: weights(file) for file in files},
    }


def weights(checkpoint):
    """Return all tensors of a checkpoint's networks, the averaged one's too, as bytes."""
    state = torch.load(checkpoint, weights_only=True)["state_dict"]
    return {name: value.numpy().tobytes() for name, value in state.items()}

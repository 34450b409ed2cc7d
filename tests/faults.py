"""Runs as processes of their own, to be killed, starved and locked out, and what is compared afterwards.

The processes are forked from one that has imported everything: each is as real as another, and there at once.
"""

import json
import multiprocessing
import os
import signal
import sys
import tempfile
from pathlib import Path

import torch

from gannorm import cli
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
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.faults", "gannorm.training.run", "gannorm.training.summary"])


class Process:
    """`python train.py` with the tiny run, in a folder.

    Args:
        folder: Where run folders are made.
        more: Arguments.
        first: Called in the process before anything else.
        overrides: Options of the run.
    """

    def __init__(self, folder, *more, first=None, **overrides):
        arguments = [*arguments_of(None, {**RUN, **overrides}), f"--folder={folder}", *more]
        self.file = Path(tempfile.mkstemp(dir=folder, prefix="errors")[1])
        self.process = CONTEXT.Process(target=command, args=(arguments, str(self.file), first))
        self.process.start()

    def signal(self, number):
        """Send a signal."""
        os.kill(self.process.pid, number)

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


def command(arguments, errors, first):
    """Be `train.py`."""
    os.environ |= {"WANDB_MODE": "disabled"}
    for number, path in ((1, os.devnull), (2, errors)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_APPEND), number)
    torch.set_num_threads(1)
    if first is not None:
        first()
    sys.exit(cli.train(arguments))


def kill_inside(name, number):
    """Let this process be killed where it enters a function for the n-th time, in Python or in C.

    Args:
        name: As the function calls itself, with its class.
        number: n, from 1 on.
    """
    left = number

    def look(frame, event, argument):
        nonlocal left
        entered = {"call": frame.f_code.co_qualname, "c_call": getattr(argument, "__qualname__", "")}.get(event)
        if entered == name:
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(look)


def run_folder(folder):
    """Return the one run folder below a folder."""
    (path,) = Path(folder).glob("points/*")
    return path


def state_of(path):
    """Return in words how far a killed run had come."""
    written = sorted(file.name for file in path.rglob("*") if file.suffix in (".tmp", ".ckpt", ".json", ".html"))
    rows = (path / "metrics.csv").read_text().splitlines() if (path / "metrics.csv").exists() else []
    return f"{rows[-1].partition(',')[0] if rows else 0} images; {', '.join(written)}"


def outcome(path):
    """Return all that a run folder says, but for times: equal outcomes are equal bit for bit."""
    results = json.loads((path / "results.json").read_text())
    last, *_ = files = sorted((path / "checkpoints").glob("*.ckpt"), key=lambda file: file.name != "last.ckpt")
    checkpoint = torch.load(last, weights_only=True)
    names = (file for file in path.rglob("*") if file.is_file())
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

"""Faults of the world outside, done and not imitated: kills, full disks, two processes in one folder."""

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from gannorm import cli
from gannorm.training.parser import arguments_of
from tests import faults


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return the folder of a run that nothing happened to."""
    folder = tmp_path_factory.mktemp("whole")
    assert faults.Process(folder).ended() == (0, "")
    return faults.run_folder(folder)


def wait_for(condition, process, seconds=60.0):
    """Wait until something is so, or the process has ended."""
    until = time.monotonic() + seconds
    while not condition() and process.alive():
        assert time.monotonic() < until
        time.sleep(0.0005)


def test_two_processes_do_not_write_to_one_run_folder_and_a_killed_one_leaves_no_lock(whole, tmp_path):
    first = faults.Process(tmp_path)
    wait_for(lambda: list(tmp_path.glob("points/*/metrics.csv")), first)
    first.signal(signal.SIGSTOP)  # so that it cannot come to its end before
    assert faults.Process(tmp_path, "--resume").ended() == (
        2,
        f"gannorm: another process is writing to run {faults.run_folder(tmp_path)}; "
        "wait for it, or start beside it with --fresh\n",
    )
    first.kill()
    assert faults.Process(tmp_path, "--resume").ended() == (0, "")
    assert faults.outcome(faults.run_folder(tmp_path)) == faults.outcome(whole)


INSIDE = {
    "a step, between the two networks": ("GAN.step", 102),
    "a checkpoint's write": ("WholeCheckpoints.save_checkpoint", 3),
    "two renames of checkpoints": ("replace", 40),
    "a look at the samples": ("measured", 4),
    "a sheet of samples": ("SampleGrid.on_train_batch_end", 121),
    "a row of metrics": ("MetricsFile.append", 9),
    "the final evaluation": ("yardstick", 1),
    "the results": ("RunFolder.write_results", 1),
    "the page": ("draw", 3),
    "a row for W&B": ("WandbLogger.log_metrics", 9),
}
QUICK = ("a step, between the two networks", "two renames of checkpoints", "the page")


def killed_and_resumed(folder, moment):
    """Return the run folder of a run that was killed inside a function and then went on."""
    wandb = "offline" if "W&B" in moment else "disabled"
    process = faults.Process(folder, first=partial(faults.kill_inside, *INSIDE[moment]), wandb=wandb)
    code, _ = process.ended()
    assert code == -signal.SIGKILL, f"nothing killed it inside {moment}"
    assert faults.Process(folder, "--resume", wandb=wandb).ended() == (0, "")
    return faults.run_folder(folder)


@pytest.mark.parametrize(
    "moment", [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in INSIDE if name not in QUICK)]
)
def test_a_run_that_was_killed_inside_something_and_resumed_equals_one_that_was_not(whole, tmp_path, moment):
    assert faults.outcome(killed_and_resumed(tmp_path, moment)) == faults.outcome(whole)


@pytest.fixture(scope="module")
def calls(tmp_path_factory):
    """Return how many functions a run enters, in Python and in C."""
    code, count = faults.Process(tmp_path_factory.mktemp("counted"), first=partial(faults.kill_inside, None, 0)).ended()
    assert code == 0
    return int(count)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(20))
def test_a_run_that_was_killed_at_a_random_moment_and_resumed_equals_one_that_was_not(whole, calls, tmp_path, number):
    moment = random.Random(number).randrange(1, calls)
    code, _ = faults.Process(tmp_path, first=partial(faults.kill_inside, None, moment)).ended()
    assert code == -signal.SIGKILL
    print(f"killed in call {moment:,} of {calls:,}: {faults.state_of(tmp_path)}")
    assert faults.Process(tmp_path, "--resume").ended() == (0, "")
    assert faults.outcome(faults.run_folder(tmp_path)) == faults.outcome(whole)


# What is written next has to be larger than the room that is left, and all before it smaller.
FULL = {"metrics.csv": (4096, "metrics.csv"), "a checkpoint": (60_000, "checkpoints/next.ckpt")}


@pytest.mark.parametrize("what", FULL)
def test_a_full_disk_ends_the_run_naming_the_path_and_nothing_is_lost(whole, tmp_path, what):
    room, name = FULL[what]
    with faults.mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=64m", "tmpfs") as disk:
        process = faults.Process(disk)
        wait_for(lambda: list(disk.glob("points/*/checkpoints/last.ckpt")), process)
        process.signal(signal.SIGSTOP)
        filler = faults.fill(disk, but=room)
        process.signal(signal.SIGCONT)
        code, errors = process.ended()
        path = faults.run_folder(disk)
        assert code == 1
        assert errors.splitlines()[-1] == (
            f"gannorm: {path / name} cannot be written: No space left on device; the last good checkpoint is "
            f"{path / 'checkpoints' / 'last.ckpt'}; make room and go on with --resume"
        )
        filler.unlink()
        assert faults.Process(disk, "--resume").ended() == (0, "")
        assert faults.outcome(path) == faults.outcome(whole)


def test_a_sheet_of_samples_for_which_there_is_no_room_ends_the_run_too(whole, tmp_path):
    samples = tmp_path / "points" / whole.name / "samples"
    with faults.mounted(samples, "-t", "tmpfs", "-o", "size=8k", "tmpfs"):
        code, errors = faults.Process(tmp_path, "--resume").ended()
        assert code == 1
        assert re.search(r"gannorm: .*/samples/\d+\.png cannot be written: No space left on device", errors)
        subprocess.run(["mount", "-o", "remount,size=1m", str(samples)], check=True)
        assert faults.Process(tmp_path, "--resume").ended() == (0, "")
        assert faults.outcome(faults.run_folder(tmp_path)) == faults.outcome(whole)


@pytest.mark.parametrize(
    ("command", "written"),
    [
        (["sample", "RUN", "--number", "5000", "--output", "DISK/samples.npz"], "samples.npz"),
        (["norms", "--svg", "DISK/cubes.svg"], "cubes.svg"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_a_command_writes_is_whole_or_not_there_on_a_full_disk(whole, tmp_path, capsys, command, written):
    with faults.mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=8k", "tmpfs") as disk:
        faults.fill(disk, but=4096)
        given = [part.replace("DISK", str(disk)).replace("RUN", str(whole)) for part in command]
        assert cli.main(given) == cli.FAILED
        said = capsys.readouterr().err.splitlines()[-1]
        assert said == f"gannorm: {disk / written} cannot be written: No space left on device"
        assert [path.name for path in disk.iterdir()] == ["filler"]


def test_a_process_that_loads_data_and_is_killed_ends_the_run_in_one_line_and_it_goes_on(tmp_path):
    own = {"data": "tests.faults.Loaded", "collapse.reactions": ["log"], "images": 19_200}  # nobody judges these points
    process = faults.Process(tmp_path, **own)
    wait_for(lambda: list(tmp_path.glob("points/*/checkpoints/last.ckpt")) and process.children(), process)
    while process.alive():  # one that has loaded the last batch of an epoch is not missed
        for child in process.children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        time.sleep(0.01)
    code, errors = process.ended()
    path = faults.run_folder(tmp_path)
    assert code == 1
    assert re.search(
        rf"^gannorm: run {path}: a process that loads data .*, as where memory is out; the last good checkpoint is "
        rf"{path}/checkpoints/last.ckpt; free memory and go on with --resume$",
        errors.splitlines()[-1],
    )
    assert json.loads((path / "results.json").read_text())["status"] == "failed"
    code, _ = faults.Process(tmp_path, "--resume", **own).ended()
    assert (code, json.loads((path / "results.json").read_text())["status"]) == (0, "finished")


def wandb_of(program):
    """Return the numbers of wandb's own processes that a program has started."""
    children = faults.children_of(program.pid)
    return [number for number in children if b"wandb-core" in Path(f"/proc/{number}/cmdline").read_bytes()]


@pytest.mark.slow
def test_a_whole_run_whose_wandb_hangs_without_dying_ends_in_time_and_equals_one_that_had_none(whole, tmp_path):
    command = [sys.executable, "train.py", *arguments_of(None, faults.RUN), f"--folder={tmp_path}"]
    more = {"WANDB_MODE": "offline", "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, env=os.environ | more, stderr=subprocess.PIPE, text=True) as program:
        until = time.monotonic() + 120
        while not (list(tmp_path.glob("points/*/metrics.csv")) and wandb_of(program)):
            assert program.poll() is None
            assert time.monotonic() < until
            time.sleep(0.01)
        os.kill(wandb_of(program)[0], signal.SIGSTOP)
        _, errors = program.communicate(timeout=120)
    assert (program.returncode, "Traceback" in errors) == (0, False), errors
    assert re.search(r"W&B (fails|did not end well) .TimeoutError: no answer within", errors)
    assert faults.outcome(faults.run_folder(tmp_path)) == faults.outcome(whole)


def test_a_checkpoint_that_cannot_be_written_ends_the_run(tmp_path):
    code, errors = faults.Process(tmp_path, first=partial(faults.limit_files, 20_000)).ended()
    assert code == 1
    assert "next.ckpt cannot be written: File too large; there is no checkpoint yet" in errors.splitlines()[-1]


def test_a_folder_that_cannot_be_written_to_is_one_line(tmp_path):
    file = tmp_path / "file"
    file.touch()
    for place in (file, Path("/proc")):
        code, errors = faults.Process(tmp_path, f"--folder={place}").ended()
        assert (code, errors.count("\n")) == (2, 1)
        assert f"gannorm: {place}" in errors
    with faults.mounted(tmp_path / "read-only", "-t", "tmpfs", "-o", "ro", "tmpfs") as disk:
        code, errors = faults.Process(tmp_path, f"--folder={disk}").ended()
        assert (code, errors) == (2, f"gannorm: {disk} is not writable; choose another place with --folder\n")

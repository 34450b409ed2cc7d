"""Faults of the world outside, done and not imitated: kills, full disks, two processes in one folder."""

import random
import signal
import time
from functools import partial

import pytest

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
}
QUICK = ("a step, between the two networks", "two renames of checkpoints", "the page")


def killed_and_resumed(folder, moment):
    """Return the run folder of a run that was killed inside a function and then went on."""
    process = faults.Process(folder, first=partial(faults.kill_inside, *INSIDE[moment]))
    code, _ = process.ended()
    assert code == -signal.SIGKILL, f"nothing killed it inside {moment}"
    assert faults.Process(folder, "--resume").ended() == (0, "")
    return faults.run_folder(folder)


@pytest.mark.parametrize("moment", [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in INSIDE)])
def test_a_run_that_was_killed_inside_something_and_resumed_equals_one_that_was_not(whole, tmp_path, moment):
    assert faults.outcome(killed_and_resumed(tmp_path, moment)) == faults.outcome(whole)


@pytest.fixture(scope="module")
def seconds(tmp_path_factory):
    """Return how long a run takes from its first file to its end."""
    process = faults.Process(folder := tmp_path_factory.mktemp("timed"))
    wait_for(lambda: list(folder.glob("points/*/config.yaml")), process)
    start = time.monotonic()
    assert process.ended() == (0, "")
    return time.monotonic() - start


@pytest.mark.slow
@pytest.mark.parametrize("number", range(20))
def test_a_run_that_was_killed_at_a_random_moment_and_resumed_equals_one_that_was_not(whole, seconds, tmp_path, number):
    moment = seconds * (number + random.Random(number).random()) / 20
    process = faults.Process(tmp_path)
    wait_for(lambda: list(tmp_path.glob("points/*/config.yaml")), process)
    time.sleep(moment)
    process.kill()  # or it has just ended: then the page is written anew, or nothing is left to do
    print(f"killed after {moment:.2f} of {seconds:.2f} s: {faults.state_of(faults.run_folder(tmp_path))}")
    assert faults.Process(tmp_path, "--resume").ended() == (0, "")
    assert faults.outcome(faults.run_folder(tmp_path)) == faults.outcome(whole)

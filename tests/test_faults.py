"""Faults of the world outside, done and not imitated: kills, full disks, two processes in one folder."""

import signal
import time

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
    wait_for(lambda: list(tmp_path.glob("mnist/*/metrics.csv")), first)
    first.signal(signal.SIGSTOP)  # so that it cannot come to its end before
    assert faults.Process(tmp_path, "--resume").ended() == (
        2,
        f"gannorm: another process is writing to run {faults.run_folder(tmp_path)}; "
        "wait for it, or start beside it with --fresh\n",
    )
    first.kill()
    assert faults.Process(tmp_path, "--resume").ended() == (0, "")
    assert faults.outcome(faults.run_folder(tmp_path)) == faults.outcome(whole)

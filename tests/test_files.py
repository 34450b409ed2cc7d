"""Files that are whole or not there: full disks and kills are real ones."""

import resource
import signal
import subprocess
import sys
import time

import pytest

from gannorm import files


@pytest.fixture
def _no_file_beyond_4096_bytes():
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("_no_file_beyond_4096_bytes")
def test_what_does_not_fit_leaves_what_was_there(tmp_path):
    path = tmp_path / "x.txt"
    files.write(path, "before")
    with pytest.raises(files.NotWrittenError, match=r"x\.txt cannot be written: File too large"):
        files.write(path, "y" * 5000)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]
    files.append(path, "")
    with pytest.raises(files.NotWrittenError, match=r"x\.txt cannot be written"):
        files.append(path, "z" * 5000)
    assert path.read_text() == "before\n\n"


def test_a_torn_line_is_ended_before_the_next_one(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("whole\nto")
    files.append(path, "next")
    assert path.read_text() == "whole\nto\nnext\n"


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(files.NotWrittenError, match=r"no/x cannot be written: No such file or directory"):
        files.write(tmp_path / "no" / "x", b"")


def test_a_file_that_is_killed_while_it_is_written_is_one_of_the_two(tmp_path):
    path = tmp_path / "x"
    code = (
        "import sys; from pathlib import Path; from gannorm import files\n"
        "for n in range(10**9): files.write(Path(sys.argv[1]), bytes([n % 251]) * 300_000)"
    )
    for delay in (0.0, 0.005, 0.02):
        process = subprocess.Popen([sys.executable, "-c", code, str(path)])
        while not path.exists():
            time.sleep(0.001)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        content = path.read_bytes()
        assert content == content[:1] * 300_000

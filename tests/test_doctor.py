"""The doctor: all is well here, and whatever is broken is said, with a way out and exit code 1."""

import json
import os
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from gannorm import cli
from gannorm.classifier import judge
from gannorm.data import idx
from gannorm.doctor import device, installed, intact, places, self_test, table, tracked

ROOT = Path(__file__).parents[1]
Usage = namedtuple("Usage", "total used free")


def findings(check, folder=Path("runs")):
    return [(one.state, f"{one.told}; {one.way_out}") for one in check(folder)]


def doctor(monkeypatch, capsys, **checks):
    """Exit code and lines of the command with these checks alone."""
    monkeypatch.setattr(table, "CHECKS", checks)
    code = cli.main(["doctor"])
    return code, capsys.readouterr().out.splitlines()


@pytest.fixture(scope="module")
def healthy(tmp_path_factory):
    """The command in a home, a temporary folder and a working folder that are empty."""
    home, temporary, here = (tmp_path_factory.mktemp(name) for name in ("home", "temporary", "here"))
    environment = {key: value for key, value in os.environ.items() if not key.startswith("WANDB")}
    environment |= {"HOME": str(home), "TMPDIR": str(temporary), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "gannorm", "doctor", "--json"]
    done = subprocess.run(command, cwd=here, env=environment, capture_output=True, text=True, check=False)
    return done, [path for folder in (home, temporary, here) for path in folder.rglob("*")]


def test_nothing_is_wrong_here(healthy):
    done, _ = healthy
    found = json.loads(done.stdout)
    assert (done.returncode, done.stderr, found["wrong"]) == (0, "", 0)
    by_subject = {one["subject"]: one for one in found["findings"]}
    assert list(by_subject) == list(table.CHECKS)
    assert by_subject["wandb"]["details"] == {"mode": "offline", "logged_in": False}
    assert by_subject["judge"]["details"]["sha256"] == judge.SHIPPED_SHA256
    assert by_subject["self-test"]["details"]["real"]["covered_modes"] == 10
    assert by_subject["precision"]["details"]["bf16-mixed"] is not None


def test_it_leaves_no_trace(healthy):
    assert healthy[1] == []


def test_it_says_a_line_for_each_and_how_many_are_wrong(monkeypatch, capsys):
    code, lines = doctor(monkeypatch, capsys, python=installed.python, extras=installed.extras)
    assert code == 0
    assert [line.split()[:2] for line in lines if not line.startswith(" ")][:2] == [["ok", "python"], ["ok", "extras"]]
    assert lines[-1] == "nothing is wrong; 0 warnings"
    assert cli.main(["doctor", "--josn"]) == 2
    assert "unrecognized arguments: --josn; see gannorm doctor --help" in capsys.readouterr().err


def test_a_damaged_data_file_is_named(tmp_path, monkeypatch, capsys):
    folder = shutil.copytree(idx.FOLDER, tmp_path / "mnist")
    path = folder / idx.FILES["test", "images"][0]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    monkeypatch.setattr(idx, "FOLDER", folder)
    code, lines = doctor(monkeypatch, capsys, digits=intact.digits)
    assert code == 1
    assert lines[0].split()[:2] == ["wrong", "digits"]
    assert path.name in "".join(lines)
    assert "reinstall gannorm" in " ".join(" ".join(lines).split())
    monkeypatch.setattr(idx, "FOLDER", tmp_path / "nowhere")
    assert [state for state, _ in findings(intact.digits)] == ["wrong", "wrong"], "each split is looked at"


@pytest.mark.parametrize("suffix", [".safetensors", ".json"])
def test_a_damaged_judge_is_said(tmp_path, monkeypatch, suffix):
    folder = shutil.copytree(judge.WEIGHTS.parent, tmp_path / "assets")
    monkeypatch.setattr(judge, "WEIGHTS", folder / judge.WEIGHTS.name)
    assert [state for state, _ in findings(intact.judge)] == ["ok"]
    path = judge.WEIGHTS.with_suffix(suffix)
    path.write_bytes(path.read_bytes()[:-9])
    ((state, told),) = findings(intact.judge)
    assert state == "wrong"
    assert "is damaged" in told
    assert "reinstall gannorm" in told


@pytest.mark.parametrize(("version", "words"), [(None, "is not installed"), ("0.3", "0.3 does not fit ")])
def test_a_package_that_is_missing_or_does_not_fit_is_said(monkeypatch, version, words):
    real = installed.version_of
    monkeypatch.setattr(installed, "version_of", lambda name: version if name == "torchmetrics" else real(name))
    ((state, told),) = findings(installed.packages)
    assert state == "wrong"
    assert f"torchmetrics {words}" in told
    assert "pip install 'torchmetrics" in told


def test_without_torch_the_rest_is_still_said():
    code = "import sys; sys.modules['torch'] = None; from gannorm.cli import main; sys.exit(main(['doctor', '--json']))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    states = {one["subject"]: one["state"] for one in json.loads(done.stdout)["findings"]}
    assert (done.returncode, done.stderr) == (1, "")
    assert (states["python"], states["extras"]) == ("ok", "ok")
    assert {states[subject] for subject in ("processor", "digits", "judge", "self-test")} == {"wrong"}


def test_a_folder_that_cannot_be_written_to_is_said(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    ((state, told),) = findings(places.runs_folder, tmp_path / "file" / "runs")
    assert state == "wrong"
    assert f"{tmp_path / 'file'} cannot be written to: Not a directory; choose another place with --folder" in told
    assert [state for state, _ in findings(places.runs_folder, tmp_path / "new" / "runs")] == ["ok"]
    for free, expected in ((2**20, "wrong"), (2**29, "warning")):
        monkeypatch.setattr(shutil, "disk_usage", lambda path, free=free: Usage(2**40, 0, free))
        assert [state for state, _ in findings(places.runs_folder, tmp_path)] == [expected]
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("mode", "key", "state", "words"),
    [
        ("onlin", "", "wrong", "WANDB_MODE='onlin' is none of online, offline, disabled"),
        ("online", "", "warning", "nobody is logged in (WANDB_MODE=online); `wandb login`"),
        ("online", "x" * 40, "ok", "somebody is logged in"),
        ("disabled", "", "ok", "disabled: runs are not logged"),
    ],
)
def test_what_becomes_of_logs_is_said_without_a_server(tmp_path, monkeypatch, mode, key, state, words):
    for name, value in {"WANDB_MODE": mode, "WANDB_API_KEY": key, "HOME": str(tmp_path), "NETRC": "no"}.items():
        monkeypatch.setenv(name, value)
    ((found, told),) = findings(tracked.wandb)
    assert found == state
    assert words in told
    assert not key or key not in told


def test_threads_that_wait_for_each_other_and_a_gpu_that_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setattr(device, "cores_allowed", lambda: 0.5)
    monkeypatch.setattr("torch.get_num_threads", lambda: 8)
    ((state, told),) = findings(device.processor)
    assert (state, "OMP_NUM_THREADS=1" in told) == ("warning", True)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    monkeypatch.setattr(device, "DRIVER", tmp_path / "version")
    assert [state for state, _ in findings(device.gpu)] == ["ok"]
    device.DRIVER.write_text("")
    ((state, told),) = findings(device.gpu)
    assert (state, "cannot use it" in told) == ("warning", True)


def test_a_precision_that_the_device_has_not_is_said(monkeypatch):
    def refused(device):
        raise RuntimeError("no bfloat16 here")

    monkeypatch.setattr(device, "best_seconds", refused)
    ((state, told),) = findings(device.precision)
    assert state == "ok"
    assert "bf16-mixed does not work" in told


def test_a_self_test_that_fails_is_wrong(monkeypatch, capsys):
    def fails(place):
        raise ValueError("a disk of straw")

    monkeypatch.setattr(self_test, "short_run", fails)
    code, lines = doctor(monkeypatch, capsys, **{"self-test": self_test.self_test})
    assert code == 1
    assert lines[0].startswith("wrong    self-test")
    assert "ValueError: a disk of straw" in " ".join(lines)
    monkeypatch.setattr(self_test, "real_digits", lambda: {"covered_modes": 9, "num_modes": 10, "high_quality": 0.99})
    ((state, told),) = findings(self_test.self_test)
    assert (state, "finds 9 of 10 digits in real ones" in told) == ("wrong", True)


def test_a_checkpoint_that_is_read_as_another_is_wrong(monkeypatch):
    results = {"g_steps": 40, "images_per_second": 1.0, "images_seen": 1280}
    for read, expected in ((1280, "ok"), (640, "wrong")):
        monkeypatch.setattr(self_test, "short_run", lambda place, read=read: (results, read))
        assert [state for state, _ in findings(self_test.self_test)] == [expected]

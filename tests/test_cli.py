"""The commands as a person types them: in processes of their own, with their exit codes and what they print."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gannorm import cli
from gannorm.tracking import offline_runs
from gannorm.training.parser import arguments_of
from tests import tiny, wandb_records

ROOT = Path(__file__).parents[1]
TINY = arguments_of(None, tiny.TINY_RUN)


def run(*command, **environment):
    process = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "WANDB_MODE": "disabled", **environment},
        check=False,
    )
    assert "Traceback" not in process.stderr, process.stderr
    return process


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """One tiny run by `python train.py` with W&B offline."""
    folder = tmp_path_factory.mktemp("cli")
    process = run("train.py", *TINY, f"--folder={folder}", WANDB_MODE="offline", WANDB_SILENT="false")
    assert process.returncode == 0, process.stderr
    (path,) = folder.glob("mnist/*")
    return process, path


def test_the_screen_says_what_came_out_and_what_to_type_next(trained):
    process, path = trained
    lines = process.stdout.splitlines()
    assert re.search(r"320 images +\d+/10 modes +\d+\.\d\d effective +\d+\.\d % accepted", process.stdout)
    assert any("real, held out" in line and "10/10" in line for line in lines)
    assert lines[-2].split() == ["xdg-open" if sys.platform == "linux" else "open", str(path / "report.html")]
    assert lines[-1] == f"wandb sync {offline_runs(path)[0]}"
    assert "wandb:" not in process.stderr


def test_every_key_of_a_run_is_in_the_offline_file(trained):
    _, path = trained
    (folder,) = offline_runs(path)
    rows = wandb_records.history(folder)
    logged = {key for row in rows for key in row}
    columns = set((path / "metrics.csv").read_text().splitlines()[0].split(","))
    assert columns <= logged
    assert {"samples._type", "shares of the modes._type"} <= logged
    assert all("images_seen" in row for row in rows)
    seen = [int(row["images_seen"]) for row in rows]
    assert seen == sorted(seen)
    config = wandb_records.config(folder)
    assert (config["norm_g"], config["norm_d"], config["seed"], config["images"]) == ("batch", "layer", 0, 640)


def test_the_same_command_again_prints_its_result(trained):
    _, path = trained
    process = run("train.py", *TINY, f"--folder={path.parents[1]}")
    assert process.returncode == 0
    assert "was finished before; --fresh starts it again" in process.stdout
    assert "real, held out" in process.stdout


def test_sample_writes_pictures_and_arrays(trained, tmp_path, capsys):
    _, path = trained
    assert cli.main(["sample", str(path), "--number", "3", "--output", str(tmp_path / "p")]) == 0
    assert capsys.readouterr().out == f"3 samples in {tmp_path / 'p'}\n"
    pictures = sorted((tmp_path / "p").iterdir())
    assert len(pictures) == 3
    assert cli.main(["sample", str(path), "--number=3", f"--output={tmp_path}/x.npz"]) == 0
    with np.load(tmp_path / "x.npz") as file, Image.open(pictures[2]) as picture:
        assert file["samples"].shape == (3, 28, 28, 1)
        assert np.array_equal(file["samples"][2, :, :, 0], np.asarray(picture))


def test_disabled_wandb_leaves_no_folder_and_quiet_says_nothing(tmp_path):
    process = run("train.py", *TINY, f"--folder={tmp_path}", "--quiet")
    assert process.returncode == 0
    assert process.stdout == ""
    (path,) = tmp_path.glob("mnist/*")
    assert not (path / "wandb").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train.py", "--model.generator.norm", "bach"], "'bach'"),
        (["train.py", "--config", "configs/no.yaml"], "configs/no.yaml"),
        (["train.py", "--model.discriminator_batches", "sepparate"], "separate"),
        (
            ["-m", "gannorm", "trian"],
            "trian: no such command; there are train, sample, evaluate, study, report, dashboard, norms, ",
        ),
        (["-m", "gannorm", "sample", "nowhere"], "nowhere"),
        (["-m", "gannorm", "sample", "nowhere", "--number", "many"], "invalid int value: 'many'"),
        (["-m", "gannorm", "classifier", "tset"], "'tset'"),
        (["-m", "gannorm", "classifier", "test", "--weights", "no.safetensors"], "no.safetensors is missing"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_wrong_is_one_line_and_exit_code_2(arguments, words, capsys):
    code = cli.train(arguments[1:]) if arguments[0] == "train.py" else cli.main(arguments[2:])
    printed = capsys.readouterr()
    assert code == 2
    assert printed.out == ""
    assert printed.err.count("\n") == 1, printed.err
    assert words in printed.err


@pytest.mark.parametrize(
    "command", [["train.py", "--model.generator.norm", "bach"], ["-m", "gannorm", "norms", "bach"]]
)
def test_a_process_ends_with_that_code_and_line(command):
    process = run(*command)
    assert (process.returncode, process.stdout) == (2, "")
    assert process.stderr.startswith("gannorm: ")
    assert process.stderr.count("\n") == 1
    assert "'bach'; did you mean 'batch'?" in process.stderr


def test_a_run_that_fails_is_exit_code_1(tmp_path):
    process = run("train.py", *TINY, f"--folder={tmp_path}", "--model.loss=tests.test_callbacks.NotANumber")
    assert process.returncode == 1
    assert re.fullmatch(r"gannorm: 20\d\d-\S+: discriminator_loss is nan after 128 images; .*\n", process.stderr)
    assert json.loads(next(tmp_path.glob("mnist/*/results.json")).read_text())["status"] == "failed"


def test_options_in_python_are_checked_without_the_command(tmp_path):
    code = "from gannorm import GAN; GAN(discriminator_batches='sepparate')"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert "discriminator_batches='sepparate' is none of separate, joined, joined_in_d_step" in process.stderr


def test_ctrl_c_saves_and_says_how_to_go_on(tmp_path):
    long = [*TINY, "--images=10000000", f"--folder={tmp_path}"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "WANDB_MODE": "disabled"}
    process = subprocess.Popen(
        [sys.executable, "train.py", *long],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until = time.monotonic() + 120
    while not list(tmp_path.glob("mnist/*/checkpoints/last.ckpt")) and time.monotonic() < until:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert "--resume" in output.splitlines()[-1]
    (path,) = tmp_path.glob("mnist/*")
    assert json.loads((path / "results.json").read_text())["status"] == "stopped"
    again = run("train.py", *long)
    assert again.returncode == 2
    assert "is not finished; go on with --resume" in again.stderr


def test_help_is_light():
    code = "import sys; from gannorm.cli import train; print(train(['--help']), 'torch' in sys.modules)"
    process = run("-c", code)
    assert process.stdout.splitlines()[-1] == "0 False"
    assert "--images" in process.stdout
    assert "max_steps" not in process.stdout
    assert len(process.stdout.splitlines()) < 220


def test_the_help_that_ships_is_the_parsers():
    def options_and_defaults(text):  # Pythons differ in how they lay a help text out
        return set(re.findall(r"--[\w.]+", text)), sorted(re.findall(r"default: .*?\)(?= |$)", " ".join(text.split())))

    shipped = options_and_defaults(run("train.py", "--help").stdout)
    asked = options_and_defaults(run("train.py", "--quiet", "--help", COLUMNS="100").stdout)
    assert shipped == asked, "write what `COLUMNS=100 python train.py --quiet --help` says to gannorm/training/help.txt"
    assert "--model.generator_rate" in shipped[0]
    assert len(shipped[1]) > 20


def test_a_classifier_for_which_there_is_no_place_is_not_trained(tmp_path, capsys):
    file = tmp_path / "file"
    file.touch()
    assert cli.main(["classifier", "train", "--output", str(file / "x.safetensors")]) == cli.FAILED
    assert capsys.readouterr().err == f"gannorm: {file} cannot be written: File exists\n"

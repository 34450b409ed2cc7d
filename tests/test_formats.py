"""Run folders that older versions wrote: they load and go on, and those of later versions say what to do.

`tests/fixtures/run-format-1` is a finished run on eight points on a ring, as this version's first format has it. It
stays as it is: where it loads no more, users' runs do not either.
"""

import shutil
from pathlib import Path

import pytest
import torch

import gannorm
from gannorm import cli
from gannorm.callbacks.checkpoints import FORMAT
from gannorm.sources import open_source

FIRST = Path(__file__).parent / "fixtures" / "run-format-1"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    return Path(shutil.copytree(FIRST, tmp_path / "points"))


def test_a_run_of_the_first_format_loads_goes_on_and_has_a_page(run, capsys):
    assert torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["gannorm_format"] == 1
    generator = gannorm.load(run)
    assert generator(torch.zeros(3, generator.latent_dim)).shape == (3, 2)
    for path in (run, run / "checkpoints" / "last.ckpt"):
        (block,) = open_source(path, expected_shape=(2,)).blocks(64, 0)
        assert block.shape == (64, 2)
    assert cli.main(["report", str(run)]) == 0
    (run / "results.json").unlink()
    assert cli.train([f"--resume={run}", "--quiet"]) == 0
    assert gannorm.load(run)(torch.zeros(3, generator.latent_dim)).shape == (3, 2)


def test_a_checkpoint_of_a_later_format_says_what_to_install(run, capsys):
    (run / "results.json").unlink()
    path = run / "checkpoints" / "last.ckpt"
    content = torch.load(path, weights_only=True)
    torch.save(content | {"gannorm_format": FORMAT + 1, "gannorm_version": "9.9"}, path)
    shutil.copy(path, path.with_name("previous.ckpt"))
    for command in (["train", f"--resume={run}"], ["evaluate", str(path), "--data", "ring/pacgan"]):
        assert cli.main(command) == 2
        errors = capsys.readouterr().err
        assert "is a checkpoint of format 2, and this version reads format 1; install gannorm 9.9" in errors
        assert errors.count("\n") == 1

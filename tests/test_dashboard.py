"""The W&B dashboard: what its panels draw is logged by a real offline run; nothing else is needed to print it."""

import json
import re
import sys
from pathlib import Path

import pytest
import wandb

from gannorm import cli
from gannorm.dashboard import sections
from gannorm.tracking import offline_runs
from tests import wandb_records, wandb_server
from tests.test_training import folder_of, tiny_run

NORMED = {"model.discriminator.norm": "batch", "model.discriminator.hidden": [16, 16]}
REAL_DIGITS = {"model.generator": "tests.tiny.RealDigits"}  # so that what accepted samples have is logged too


@pytest.fixture(scope="module")
def logged_keys(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Return every key that offline runs with all instruments log: of an early generator, and of an accepted one."""
    keys: set[str] = set()
    for name, options in {"digits": NORMED, "real digits": REAL_DIGITS}.items():
        folder = tmp_path_factory.mktemp(name)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("WANDB_MODE", "offline")
            results = tiny_run(
                folder, **{"evaluation.instruments": ["layers", "spectra", "covariate_shift"], **options}
            )
        (offline,) = offline_runs(folder_of(results, folder))
        logged = {key for row in wandb_records.history(offline) for key in row}
        keys |= logged | {key.partition(".")[0] for key in logged}  # of pictures, each part is a key
    return keys


def test_every_panel_draws_what_a_run_logs(logged_keys: set[str]) -> None:
    panels = [panel for group in sections().values() for panel in group]
    assert len(panels) > 30
    for panel in panels:
        assert set(panel.keys) <= logged_keys, panel
        if panel.pattern is not None:
            assert any(re.fullmatch(panel.pattern, key) for key in logged_keys), panel


@pytest.mark.parametrize("options", [[], ["--study"]])
def test_it_is_printed_offline_with_every_panel(capsys: pytest.CaptureFixture[str], options: list[str]) -> None:
    assert cli.main(["dashboard", "team/digits", *options]) == 0
    printed = capsys.readouterr().out
    assert json.loads(printed)
    for panel in (panel for name, group in sections().items() if name != "Layers" for panel in group):
        assert all(json.dumps(key) in printed for key in panel.keys)


@pytest.mark.parametrize(("options", "kind"), [([], "project-view"), (["--study"], "runs")])
def test_it_is_saved_on_a_server(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, options: list[str], kind: str
) -> None:
    with wandb_server.serving() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        monkeypatch.setenv("WANDB_API_KEY", "x" * 40)
        wandb.teardown()
        assert cli.main(["dashboard", f"{wandb_server.ENTITY}/digits", "--save", *options]) == 0
        wandb.teardown()
    assert capsys.readouterr().out.startswith(f"{server.url}/{wandb_server.ENTITY}/digits")
    (saved,) = server.views
    assert (saved["entityName"], saved["projectName"], saved["type"]) == (wandb_server.ENTITY, "digits", kind)
    assert all(json.dumps(key) in saved["spec"] for key in ("coverage/effective_modes", "share/9", "samples"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a/b/c"], "neither a run folder nor PROJECT"),
        (["digits", "--save"], "set WANDB_ENTITY"),
    ],
)
def test_a_wrong_target_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
) -> None:
    monkeypatch.delenv("WANDB_ENTITY", raising=False)
    assert cli.main(["dashboard", *arguments]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_without_the_extra_it_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "wandb_workspaces", None)
    monkeypatch.setitem(sys.modules, "wandb_workspaces.workspaces", None)
    monkeypatch.setitem(sys.modules, "wandb_workspaces.reports.v2", None)
    assert cli.main(["dashboard", "digits"]) == 2
    assert "pip install 'gannorm[dashboards]'" in capsys.readouterr().err


def test_a_run_folder_stands_for_the_project_it_is_logged_to(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config.yaml").write_text("name: mnist\n")
    monkeypatch.setenv("WANDB_PROJECT", "digits")
    assert cli.main(["dashboard", str(tmp_path)]) == 0
    assert '"project": "digits"' in capsys.readouterr().out

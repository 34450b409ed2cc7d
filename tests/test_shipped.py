"""Configurations by name: the same from anywhere, after a file of one's own, and a wrong one says what was meant."""

from pathlib import Path

import pytest
import yaml

from gannorm import cli, shipped
from gannorm.study.errors import StudyError
from gannorm.study.study_file import read
from gannorm.training.parser import Configuration
from gannorm.training.run_folder import identity

CONFIGS = Path(__file__).parents[1] / "configs"
FACTORS = {"model.generator.norm": ["none", "batch"]}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_what_ships_is_what_stands_in_configs():
    there = {path.relative_to(CONFIGS): path.read_text() for path in CONFIGS.rglob("*.yaml")}
    ships = {Path(f"{name}.yaml"): path.read_text() for name, path in shipped.listing().items()}
    assert ships == {name: text for name, text in there.items() if name.parent != Path("sweeps")}
    assert all(map(shipped.head, shipped.listing().values())), "the head of a configuration says what it is"
    for folders in (shipped.RUNS, shipped.STUDIES):
        last = [name.rpartition("/")[2] for name in shipped.listing(folders)]
        assert len(set(last)) == len(last), "the end of a name is enough"


@pytest.mark.parametrize("given", [["--config", "group"], ["-c", "configs/group.yaml"], ["--config=group.yaml"]])
def test_a_name_is_the_file(given):
    named, path = (Configuration(arguments).plain() for arguments in (given, [f"--config={CONFIGS / 'group.yaml'}"]))
    assert named["name"] == "group"
    assert identity(named) == identity(path)


def test_a_file_of_ones_own_comes_first(tmp_path):
    (tmp_path / "group").mkdir()  # a folder is no configuration
    assert Configuration(["--config=group"]).plain()["images"] == 320_000
    (tmp_path / "group.yaml").write_text("images: 640\n")
    assert Configuration(["--config=group.yaml"]).plain()["images"] == 640
    long = "{images: 1280, name: %s}" % ("x" * 5000)  # no system has files of such names
    assert Configuration(["--config", long]).plain()["images"] == 1280


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["train", "--config", "grup"], "nothing that ships with gannorm is called so; did you mean 'group'?"),
        (["train", "--config=collapse/rising-rate.yaml"], "did you mean 'rising-rates'?"),
        (["train", "--config", "norms-mlp"], "`gannorm configs` lists what there is"),
        (["train", "--config"], "expected one argument"),
        (["train", "--config", "x" * 5000], "nothing that ships with gannorm is called so"),
        (["study", "norms"], "did you mean 'norms-mlp'?"),
        (["study", "group"], "no file 'group'"),
        (["configs", "spectrl"], "did you mean 'spectral'?"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_a_wrong_name_is_one_line(command, words, capsys):
    assert cli.main(command) == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert words in printed.err


def test_one_is_printed_to_be_changed(capsys):
    assert cli.main(["configs", "group"]) == 0
    assert yaml.safe_load(capsys.readouterr().out) == yaml.safe_load((CONFIGS / "group.yaml").read_text())


@pytest.mark.parametrize("base", ["smoke", "configs/smoke.yaml", "beside.yaml"])
def test_a_study_finds_its_base(tmp_path, base):
    (tmp_path / "beside.yaml").write_text((CONFIGS / "smoke.yaml").read_text().replace("name: smoke\n", ""))
    path = tmp_path / "two.yaml"
    path.write_text(yaml.safe_dump({"config": base, "factors": FACTORS}))
    assert read(path).config["evaluation"]["num_samples"] == 512
    path.write_text(yaml.safe_dump({"config": "smok", "factors": FACTORS}))
    with pytest.raises(StudyError, match=r"two\.yaml: config: there is no file 'smok'.*did you mean 'smoke'"):
        read(path)


def test_an_installed_study_keeps_its_journal_in_its_own_folder(tmp_path, monkeypatch):
    study = {"name": "s", "journal": "s.journal.jsonl", "factors": FACTORS}
    path = tmp_path / "gannorm" / "configs" / "studies" / "s.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(yaml.safe_dump(study))
    assert read(path).journal == path.with_name("s.journal.jsonl")
    monkeypatch.setattr(shipped, "__file__", str(tmp_path / "gannorm" / "shipped.py"))
    assert read(path).journal is None

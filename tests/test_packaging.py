"""What ships: every file that the code reads is in the wheel, and the wheel alone works anywhere."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from benchmarks import packages
from gannorm import __version__, shipped
from gannorm.training.parser import arguments_of
from tests import tiny

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "gannorm"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LEFT_OUT = ("configs/sweeps/*", "configs/studies/*.journal.jsonl")  # they need the repository: train.py, what was run
LARGEST = 12e6  # bytes of one file


def data_files() -> set[str]:
    """Every file of the package that is no Python; `configs` is a link, which rglob does not follow everywhere."""
    roots = {PACKAGE: "", (PACKAGE / "configs").resolve(): "configs/"}
    paths = {f"{prefix}{path.relative_to(root)}": path for root, prefix in roots.items() for path in root.rglob("*")}
    return {name for name, path in paths.items() if path.is_file() and path.suffix not in (".py", ".pyc")}


def matching(patterns) -> set[str]:
    return {str(path.relative_to(PACKAGE)) for pattern in patterns for path in PACKAGE.glob(pattern)}


def test_every_file_of_the_package_ships():
    patterns = PROJECT["tool"]["setuptools"]["package-data"]["gannorm"]
    assert data_files() - matching(LEFT_OUT) == matching(patterns), "see tool.setuptools.package-data"
    assert all(matching([pattern]) for pattern in patterns)


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert (str(citation["version"]), citation["license"]) == (__version__, PROJECT["project"]["license"])
    assert citation["title"].startswith(PROJECT["project"]["name"])


def test_the_changelog_has_this_version_first():
    versions = re.findall(r"^## \[?([\w.]+)", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert __version__ == versions[versions[0] == "Unreleased"]


def test_classifiers_are_the_pythons_that_are_supported():
    low, end = map(int, re.fullmatch(r">=3\.(\d+),<3\.(\d+)", PROJECT["project"]["requires-python"]).groups())
    named = re.findall(r"Python :: 3\.(\d+)", " ".join(PROJECT["project"]["classifiers"]))
    assert [int(number) for number in named] == list(range(low, end))


def test_the_workflow_runs_them_all_by_scripts_that_are_there():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text())
    rows = workflow["jobs"]["tests"]["strategy"]["matrix"]["include"]
    classifiers = PROJECT["project"]["classifiers"]
    assert {f"Programming Language :: Python :: {row['python']}" for row in rows} == {
        name for name in classifiers if re.search(r"Python :: 3\.\d", name)
    }
    assert all(os.access(ROOT / row["script"], os.X_OK) for row in rows)
    assert workflow["permissions"] == {"contents": "read"}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return packages.built(tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory):
    """The wheel in an environment of its own, whose other packages are those of this one."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    (own,) = folder.glob("lib/python*/site-packages")
    others = [path for path in sys.path if path.endswith("site-packages")]
    (own / "others.pth").write_text("\n".join(others))  # their own .pth files, such as ours, are not followed
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--force-reinstall", str(built[1])], check=True, cwd=folder)
    return python


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    return tmp_path_factory.mktemp("elsewhere")


def typed(installed, elsewhere, *arguments, code=0):
    """Return what a command prints, typed in an empty folder."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment |= {"WANDB_MODE": "disabled", "OMP_NUM_THREADS": "1"}
    command = [str(installed.parent / "gannorm"), *arguments]
    done = subprocess.run(command, cwd=elsewhere, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
def test_packages_hold_what_they_should(built):
    sdist, wheel = (packages.contents(path)["files"] for path in built)
    assert {"tests/conftest.py", "docs/architecture.md", "notebooks/02_first_gan.ipynb", "train.py"} <= set(sdist)
    assert {"configs/studies/norms-mlp.journal.jsonl", "benchmarks/__main__.py", "CHANGELOG.md"} <= set(sdist)
    assert {f"gannorm/{name}" for name in data_files() - matching(LEFT_OUT)} <= set(wheel)
    assert {name.split("/")[0].split("-")[0] for name in wheel} == {"gannorm"}
    assert not [name for name in (*sdist, *wheel) if "__pycache__" in name or name.endswith((".pyc", ".tmp"))]
    assert max(*sdist.values(), *wheel.values()) < LARGEST


@pytest.mark.slow
def test_a_run_and_all_that_is_done_with_it(installed, elsewhere):
    options = arguments_of(None, tiny.TINY_RUN)
    assert "finished after 640 images" in typed(installed, elsewhere, "train", "--config", "group", *options)
    (run,) = (path.relative_to(elsewhere) for path in elsewhere.glob("runs/group/*"))
    assert "64 samples in" in typed(installed, elsewhere, "sample", str(run))
    assert typed(installed, elsewhere, "report", str(run)).split() == [f"{run}/report.html"]
    assert "covered" in typed(installed, elsewhere, "evaluate", str(run), "--number", "500")


@pytest.mark.slow
def test_a_study_and_lists(installed, elsewhere):
    assert "--workers 0: 1 or more are needed" in typed(
        installed, elsewhere, "study", "norms-mlp", "--workers=0", code=2
    )
    levels = {"few": tiny.TINY_RUN, "more": tiny.TINY_RUN | {"images": 960}}
    study = {"name": "two", "config": "configs/group.yaml", "seeds": 1, "factors": {"length": levels}}
    (elsewhere / "two.yaml").write_text(yaml.safe_dump(study))
    assert "2 runs have ended, 0 failed" in typed(installed, elsewhere, "study", "two.yaml", "--workers", "1")
    assert set(shipped.listing()) <= set(typed(installed, elsewhere, "configs").split())
    assert "group" in typed(installed, elsewhere, "norms")
    assert "nothing is wrong" in typed(installed, elsewhere, "doctor")
    assert "norms-mlp" in typed(installed, elsewhere, "configs", "norms-mlp")
    assert "did you mean 'group'?" in typed(installed, elsewhere, "train", "--config", "grup", code=2)


@pytest.mark.slow
def test_nothing_is_written_beside_the_package(installed, elsewhere):
    (package,) = installed.parent.parent.glob("lib/python*/site-packages/gannorm")
    assert not list(package.rglob("*.jsonl"))
    assert shipped.is_installed(PACKAGE / "configs" / "group.yaml") is False  # a checkout's are the user's

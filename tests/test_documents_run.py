"""Every command that README.md and docs/ show is run, in the order of its page, with as small a budget as there is."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.documents import PAGES, ROOT, blocks, commands, lay_out

pytestmark = pytest.mark.slow

SMALL = {
    "--images": "1280",
    "--evaluation.every_images": "640",
    "--evaluation.num_samples": "128",
    "--evaluation.final_samples": "256",
}
EXIT_CODES = (0, 3)  # done; stopped by the collapse policy, which the page asked for

# Commands that run elsewhere, and where; a page need not say so each time.
ELSEWHERE = {
    ("pip",): "the package is installed already: `.ci/run` installs it, as the page says",
    ("pytest",): "this is pytest",
    ("ruff",): "`.ci/run` asks it",
    ("mypy",): "`.ci/run` asks it",
    ("python", "-m", "benchmarks"): "minutes to hours; `test_benchmarks.py` runs the parts",
}
# What the pages name and a reader has, by what stands for it here.
STANDS_FOR = {"FILE": "configs/studies/norms-mlp.yaml", "RUN": "runs/mnist/<id>"}


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a reader of any page may be: a finished run, a study, pictures and arrays are there."""
    folder = tmp_path_factory.mktemp("reader")
    lay_out(folder)
    for path in [*folder.glob("*.yaml")]:
        path.write_text(re.sub(r"images: \d+", "images: 1280", path.read_text()))
    (folder / "docs").mkdir()
    shutil.copytree(ROOT / "docs" / "images", folder / "docs" / "images")
    random = np.random.default_rng(0)
    np.savez(folder / "samples.npz", random.integers(0, 256, (300, 3, 28, 28), dtype=np.uint8))
    for number in range(1300):
        picture = folder / ("samples" if number < 300 else f"pictures/{number % 2}") / f"{number}.png"
        picture.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (28, 28), dtype=np.uint8)).save(picture)
    return folder


def run(words: list[str], folder: Path) -> str:
    """Run a command in the reader's folder and return what it says."""
    ours = {"python": [sys.executable], "gannorm": [sys.executable, "-m", "gannorm"]}
    environment = {**os.environ, "WANDB_MODE": "disabled", "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}
    whole = [*ours[words[0]], *words[1:]]
    done = subprocess.run(whole, cwd=folder, env=environment, text=True, capture_output=True, timeout=600)
    assert done.returncode in EXIT_CODES, f"{' '.join(words)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def one_run(folder: Path, *arguments: str) -> Path:
    """Return the folder of a small run, made unless it is there."""
    told = run(small_run(["python", "train.py", *arguments]), folder)
    found = re.search(r"runs/[\w/.-]+", told)
    assert found, told
    return Path(found[0].removesuffix("/report.html"))


def small_run(words: list[str]) -> list[str]:
    """Return a training command with the smallest budget."""
    return [*words, *(part for option in SMALL.items() for part in option)]


def small_study(words: list[str]) -> list[str]:
    """Return a study's command as a dry run, unless the study is one of the pages'."""
    return words if "/" not in words[2] or "--dry-run" in words else [*words, "--dry-run"]


def small_evaluation(words: list[str]) -> list[str]:
    """Return a measuring command with few samples."""
    return [*words, "--number", "256"]


SMALLER: dict[tuple[str, ...], Callable[[list[str]], list[str]]] = {
    ("python", "train.py"): small_run,
    ("gannorm", "train"): lambda words: small_run(["python", "train.py", *words[2:]]),
    ("gannorm", "study"): small_study,
    ("gannorm", "evaluate"): small_evaluation,
}


def made_small(words: list[str], folder: Path) -> list[str]:
    """Return a command with the smallest budget, and with what is there in the place of what the page names."""
    named = [name for word in words for name in spread(there(STANDS_FOR.get(word, word), folder), folder)]
    return SMALLER.get((words[0], words[1]), list)(named)


def spread(word: str, folder: Path) -> list[str]:
    """Return what a shell makes of a pattern; a word that is none as it is."""
    found = sorted(str(path.relative_to(folder)) for path in folder.glob(word)) if word.endswith("/*") else [word]
    assert found, f"{word}: nothing is there"
    return found


def there(word: str, folder: Path) -> str:
    """Return the name of what stands in the folder, made if need be, for one that a page uses as an example."""
    if word.endswith("/<id>"):
        name = word.split("/")[1]
        found = sorted((folder / "runs" / name).glob("*/results.json"))
        return str(found[0].parent.relative_to(folder)) if found else str(one_run(folder, "--name", name))
    if word in ("a/", "b/"):
        return str(one_run(folder, "--config", "configs/papers/ring-gan.yaml", "--seed_everything", str(ord(word[0]))))
    if re.fullmatch(r"runs/norms-mlp(-long)?", word):
        run(["gannorm", "study", "first-study.yaml"], folder)
        return "runs/first-study"
    return word


RUN = [page for page in PAGES if any(block.kind == "commands" for block in blocks(page))]


@pytest.mark.parametrize("page", RUN, ids=[str(page.relative_to(ROOT)) for page in RUN])
def test_commands_run(page: Path, reader: Path):
    for block in (block for block in blocks(page) if block.kind == "commands"):
        for command in commands(block):
            words = list(command.words)
            if command.not_run or any(tuple(words[: len(start)]) == start for start in ELSEWHERE):
                continue
            run(made_small(words, reader), reader)

"""What README.md and docs/ show is true: Python runs, commands and YAML are understood, links lead somewhere.

`test_documents_run.py` runs the commands.
"""

import argparse
import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

import pytest
import yaml

import benchmarks.__main__ as benchmarks
from gannorm import cli
from gannorm.study import study_file
from gannorm.training.parser import Configuration
from tests.documents import KINDS, LINK, PAGES, ROOT, Block, blocks, commands, lay_out, of_kind

HEADING = re.compile(r"^#+ (.*)$", re.M)
LONGEST = 15  # lines of something of one's own
# Runs the Python of a page, in its order: a file of the page is imported, so that its classes have a path.
RUN = """
import importlib, json, sys
for place, name, text in json.load(sys.stdin):
    importlib.import_module(name) if name else exec(compile(text, place, "exec"), {"__name__": "page"})
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    lay_out(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith("my_"):
            del sys.modules[name]


def ids(found: Sequence[Block | Path]) -> list[str]:
    return [str(one.relative_to(ROOT)) if isinstance(one, Path) else str(one) for one in found]


def test_every_block_is_of_a_known_kind():
    unknown = [f"{block}: {block.language!r}" for page in PAGES for block in blocks(page) if block.kind is None]
    assert not unknown, unknown
    kinds = Counter(block.kind for page in PAGES for block in blocks(page))
    assert all(kinds[kind] for kind in (*KINDS.values(), "directive")), kinds


def test_no_block_hides_from_that():
    for page in PAGES:
        text = page.read_text()
        assert text.count("```") == 2 * len(blocks(page)), f"{page}: a fence without its end, or in another form"
        assert not re.search(r"\n\n    (?![ *-]|!\[|\d\.)\S", re.sub(r"```.*?```", "", text, flags=re.S)), (
            f"{page}: indented"
        )
        said = len(re.findall(r"<!-- not run here|# not run here", re.sub(r"`[^`\n]*`", "", text)))
        heard = sum(bool(block.not_run) + block.text.count("# not run here: ") for block in blocks(page))
        assert said == heard, f"{page}: a reason is missing, or stands where no block follows"


def test_files_of_the_pages_have_names_of_their_own():
    names = Counter(block.file for page in PAGES for block in blocks(page) if block.file)
    assert set(names.values()) == {1}, names


PYTHON = [page for page in PAGES if any(block.kind == "python" for block in blocks(page))]


@pytest.mark.parametrize("page", PYTHON, ids=ids(PYTHON))
def test_python_runs(page: Path, place: Path):
    shown = [block for block in blocks(page) if block.kind == "python" and not block.not_run]
    parts = [[str(block), (block.file or "").removesuffix(".py"), block.text] for block in shown]
    done = subprocess.run(
        [sys.executable, "-c", RUN], input=json.dumps(parts), text=True, capture_output=True, cwd=place
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("block", of_kind("yaml"), ids=str)
def test_yaml_is_understood(block: Block, place: Path):
    """One file, or an example in each line."""
    examples = block.text.splitlines() if not block.file else [block.text]
    for number, example in enumerate(examples):
        path = place / (block.file or f"{number}.yaml")
        path.write_text(example)
        if "factors" in yaml.safe_load(example):
            assert study_file.read(path).jobs()
        else:
            Configuration([f"--config={path}"])


@pytest.mark.parametrize("block", of_kind("diff"), ids=str)
def test_diffs_fit(block: Block):
    """What a diff leaves as it is stands in the file that it names."""
    heads = [line for line in block.text.splitlines() if line.startswith("+++ b/")]
    assert len(heads) == 1, f"{block}: one file"
    lines = block.text.splitlines()
    kept = [line[1:] for line in lines if line.startswith((" ", "-")) and not line.startswith("---")]
    assert "\n".join(kept) in (ROOT / heads[0].removeprefix("+++ b/")).read_text(), block


def of_the_run(words: Sequence[str]) -> None:
    Configuration(list(words))


def of_our_command(words: Sequence[str]) -> None:
    arguments = [word.replace("<id>", "0") for word in words[1:]]
    if words[0] == "train":
        of_the_run(arguments)
    else:
        parsed(cli.COMMANDS[words[0]][0], arguments)


def of_python(words: Sequence[str]) -> None:
    if words[0] == "train.py":
        of_the_run(words[1:])
    elif words[:2] == ["-m", "benchmarks"]:
        parsed(lambda rest: with_arguments(benchmarks.main, rest), words[2:])
    else:
        assert words[0] == "-m", words
        assert words[1] == "sphinx" or importlib.util.find_spec(words[1]), words


def of_pip(words: Sequence[str]) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert words[0] == "install"
    for wanted in re.findall(r"\[(.*?)\]", " ".join(words)):
        assert set(wanted.split(",")) <= set(extras), f"pip install: no extra {wanted}"


def of_pytest(words: Sequence[str]) -> None:
    assert list(words) in ([], ["-m", "slow"]), words


def of_ruff(words: Sequence[str]) -> None:
    assert words[0] in ("check", "format"), words


def of_somebody_else(_: Sequence[str]) -> None:
    """A command whose arguments nobody here knows; it is run, or its block says why not."""


COMMANDS: dict[str, Callable[[Sequence[str]], None]] = {
    "python": of_python,
    "gannorm": of_our_command,
    "pip": of_pip,
    "pytest": of_pytest,
    "ruff": of_ruff,
    "mypy": of_somebody_else,
    "ray": of_somebody_else,
}


class Understood(BaseException):
    """Raised where the arguments have been parsed, before anything is done about them."""


def parsed(command: Callable[[list[str]], object], arguments: Sequence[str]) -> None:
    def parse(parser: argparse.ArgumentParser, args: Sequence[str] | None = None, *_: object) -> NoReturn:
        found, rest = argparse.ArgumentParser.parse_known_args(parser, args)
        assert not rest, f"{parser.prog} does not know {rest}"
        raise Understood(found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(argparse.ArgumentParser, "parse_args", parse)
        with pytest.raises(Understood):
            command(list(arguments))


def with_arguments(main: Callable[[], None], arguments: Sequence[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["benchmarks", *arguments])
        main()


@pytest.mark.parametrize("block", of_kind("commands"), ids=str)
def test_commands_are_understood(block: Block, place: Path):
    for command in commands(block):
        name, *rest = command.words
        assert name in COMMANDS, f"{block}: nobody here knows the command {name!r}"
        COMMANDS[name](rest)


def test_a_renamed_option_is_found():
    with pytest.raises(ValueError, match="did you mean 'images'"):
        of_python(["train.py", "--imges", "3"])
    with pytest.raises(AssertionError, match="does not know"):
        of_our_command(["report", "runs/mnist/<id>", "--terminl"])
    with pytest.raises((SystemExit, ValueError)):
        of_python(["-m", "benchmarks", "stepp"])


@pytest.mark.parametrize("page", PAGES, ids=ids(PAGES))
def test_links_lead_somewhere(page: Path):
    for link in LINK.findall(re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(), flags=re.S)):
        if link.startswith(("https://", "http://")):
            continue
        path, _, anchor = link.partition("#")
        target = at_its_place(page, path)
        assert target.exists(), f"{page}: {link}"
        assert not anchor or anchor in anchors(target), f"{page}: {link}: {sorted(anchors(target))}"


def at_its_place(page: Path, path: str) -> Path:
    """Return the file that a link names; the site shows the notebooks in a folder of its own."""
    shown = ROOT / path if page.parent.name == "docs" and path.startswith("notebooks/") else page.parent / path
    return shown if path else page


def anchors(page: Path) -> set[str]:
    """Return what links can lead to within a page: its headings as GitHub and the site spell them."""
    heads = HEADING.findall(re.sub(r"```.*?```", "", page.read_text(), flags=re.S))
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def test_every_page_is_in_the_site():
    listed = {
        (block.page.parent / line.strip()).resolve()
        for page in PAGES
        for block in blocks(page)
        if block.language == "{toctree}"
        for line in block.text.splitlines()
        if line.strip() and not line.startswith(":")
    }
    pages = [page for page in PAGES if page.parent != ROOT and page.name != "index.md"]
    missing = [str(page) for page in pages if page.with_suffix("").resolve() not in listed]
    assert not missing, missing
    books = {path.stem for path in listed if path.parent.name == "notebooks"}
    assert books == {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}


def test_something_of_ones_own_is_short():
    own = [block for block in blocks(ROOT / "docs" / "how-to.md") if block.file]
    assert len(own) >= 6
    for block in own:
        lines = [line for line in block.text.splitlines()[1:] if line.strip()]
        assert len(lines) <= LONGEST, f"{block}: {len(lines)} lines"

"""README.md and docs/ as pages with blocks: what kind each block is, and the lines of commands in it."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted(p for p in (ROOT / "docs").rglob("*.md") if "_build" not in p.parts)]

# A block's language says what it is. What stands between braces is a directive, which the building of the site runs.
KINDS = {"": "commands", "python": "python", "yaml": "yaml", "diff": "diff", "text": "output"}
DIRECTIVES = ("{toctree}", "{eval-rst}")

FENCE = re.compile(r"^( *)```(\S*)[^\n]*\n(.*?)^\1```$", re.S | re.M)
NOT_RUN = re.compile(r"<!-- not run here: (\S[^>]*) -->\n\Z")
NOT_RUN_LINE = re.compile(r"# not run here: (\S.*)")
FILE = re.compile(r"# ([\w.-]+\.(?:py|yaml))\n")
LINK = re.compile(r"(?<!\\)\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """One block of a page.

    Attributes:
        page: The file.
        line: Of its fence.
        language: Behind the fence.
        text: What stands in it.
        not_run: The reason that the page gives for not running it; empty where it is run.
    """

    page: Path
    line: int
    language: str
    text: str
    not_run: str

    @property
    def kind(self) -> str | None:
        """What is done with it; None of a language that nobody knows."""
        return "directive" if self.language in DIRECTIVES else KINDS.get(self.language)

    @property
    def file(self) -> str | None:
        """The name that its first comment gives it, for the blocks below it on the page."""
        return found[1] if (found := FILE.match(self.text)) else None

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """Return the blocks of a page in their order."""
    text = page.read_text()
    return [block_of(page, text, match) for match in FENCE.finditer(text)]


def block_of(page: Path, text: str, match: re.Match[str]) -> Block:
    """Return one block, with the reason in front of it."""
    before = text[: match.start()]
    content = "\n".join(line.removeprefix(match[1]) for line in match[3].split("\n"))
    reason = NOT_RUN.search(before)
    return Block(page, before.count("\n") + 1, match[2], content, reason[1] if reason else "")


def of_kind(kind: str) -> list[Block]:
    """Return all blocks of a kind, page by page."""
    return [block for page in PAGES for block in blocks(page) if block.kind == kind]


@dataclass(frozen=True)
class Command:
    """One command of a block: its words, without comment and variables in front; why it is not run, if it is not."""

    words: tuple[str, ...]
    not_run: str = ""


def commands(block: Block) -> Iterator[Command]:
    r"""Yield the commands of a block. What is written to a file goes nowhere.

    Example:
        >>> block = Block(ROOT, 1, "", "A=1 python train.py  # the main job\nx > y.md && z  # not run here: slow", "")
        >>> [(command.words, command.not_run) for command in commands(block)]
        [(('python', 'train.py'), ''), (('x',), 'slow'), (('z',), 'slow')]
    """
    for line in block.text.splitlines():
        reason = found[1] if (found := NOT_RUN_LINE.search(line)) else block.not_run
        for words in split(shlex.split(line, comments=True), "&&"):
            told = split(words, ">")[0]
            while told and re.fullmatch(r"[A-Z_]+=.*", told[0]):
                told = told[1:]
            yield Command(tuple(told), reason)


def split(words: list[str], at: str) -> list[list[str]]:
    """Return the parts of a list between words; none of an empty one.

    Example:
        >>> split(["a", "&&", "b", "c"], "&&")
        [['a'], ['b', 'c']]
    """
    parts: list[list[str]] = [[]] if words else []
    for word in words:
        if word == at:
            parts.append([])
        else:
            parts[-1].append(word)
    return parts


def lay_out(folder: Path) -> None:
    """Make a folder one in which every command of the pages can be typed: the repository, and the pages' own files."""
    for name in ("benchmarks", "configs", "gannorm", "notebooks", "tests", "train.py"):
        (folder / name).symlink_to(ROOT / name)
    for block in (block for page in PAGES for block in blocks(page) if block.file):
        (folder / str(block.file)).write_text(block.text)

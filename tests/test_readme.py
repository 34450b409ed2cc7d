"""What the README shows can be pasted."""

import re
from pathlib import Path

import pytest

README = Path("README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.S)


@pytest.mark.parametrize(
    "block", [block for block in BLOCKS if "not run here" not in block], ids=lambda b: b.split("\n")[0]
)
def test_python_blocks_run(block):
    exec(compile(block, "README.md", "exec"), {"__name__": "readme"})


def test_every_block_is_run():
    assert not any("not run here" in block for block in BLOCKS)


def test_files_that_are_named_exist():
    for path in re.findall(r"\]\(([\w./]+)\)", README):
        assert Path(path).exists(), path


def test_the_screen_is_a_real_one():
    assert "real, held out" in README
    assert "SCREEN" not in README


def test_it_is_short():
    assert README.count("\n") < 200

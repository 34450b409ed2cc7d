"""The site builds without a warning, and its pages ask nobody else for anything."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NEEDED = ("sphinx", "furo", "myst_nb", "sphinx_copybutton")
MISSING = [name for name in NEEDED if importlib.util.find_spec(name) is None]
LOADED = re.compile(r"<(?:link|script|img|iframe|source|video)\b[^>]*?(?:href|src)=[\"']?(?:https?:)?//[^>]*>")
BY_STYLE = re.compile(r"(?:@import|url\()\s*[\"']?(?:https?:)?//[^;)]*")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if MISSING:
        pytest.skip(f"{', '.join(MISSING)} not installed: pip install -e '.[docs]'")
    folder = tmp_path_factory.mktemp("site") / "html"
    command = [sys.executable, "-m", "sphinx", "-q", "-E", "-W", "--keep-going", "-b", "html", "docs", str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=dict(os.environ), text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
def test_it_builds_without_a_warning(site: Path):
    pages = {path.relative_to(site).as_posix() for path in site.rglob("*.html")}
    assert {"index.html", "tutorial.html", "reference/norms.html", "notebooks/01_what_norms_do.html"} <= pages


@pytest.mark.slow
def test_pages_load_nothing_from_elsewhere(site: Path):
    for path in [*site.rglob("*.html"), *site.rglob("*.css")]:
        text = path.read_text()
        found = LOADED.findall(text) + BY_STYLE.findall(text)
        found = [one for one in found if 'rel="canonical"' not in one]
        assert not found, f"{path.relative_to(site)}: {found}"


def test_what_is_loaded_from_elsewhere_would_be_found():
    assert LOADED.search('<script async="async" src="https://cdn.example/mathjax.js"></script>')
    assert LOADED.search('<link rel="stylesheet" href="//fonts.example/x.css">')
    assert BY_STYLE.search("@font-face { src: url('https://fonts.example/x.woff2') }")
    assert not LOADED.search('<a href="https://arxiv.org/abs/1502.03167">')

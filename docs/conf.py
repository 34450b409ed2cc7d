"""The site: `python -m sphinx -W --keep-going -b html docs docs/_build/html`. It asks no network, nor do its pages."""

import re
import shutil
from pathlib import Path
from typing import Any

from gannorm import __version__

HERE = Path(__file__).parent

project = "gannorm"
copyright = "the authors of gannorm"
version = release = __version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode", "sphinx_copybutton"]
exclude_patterns = ["_build"]

highlight_language = "sh"  # a block without a language is commands
myst_heading_anchors = 3  # pages link to headings of their own
nb_execution_mode = "off"  # the site shows what the notebooks printed when they were run; a test runs them

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
default_role = "code"  # of single backticks in docstrings
maximum_signature_line_length = 90
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
napoleon_custom_sections = ["Shapes", "Source", "Keys"]

html_theme = "furo"
html_title = f"gannorm {version}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False

# Sphinx reads what lies under its own folder only.
shutil.rmtree(HERE / "notebooks", ignore_errors=True)
(HERE / "notebooks").mkdir()
for notebook in sorted((HERE.parent / "notebooks").glob("*.ipynb")):
    shutil.copy(notebook, HERE / "notebooks")


def as_people_read_it(_app: Any, _what: str, _name: str, _object: Any, _options: Any, lines: list[str]) -> None:
    """Let |x| and (N, *shape) in docstrings be formulas, and indented lines of no section stand as they are."""
    section = example = block = False
    for number, line in enumerate(lines):
        if line and not line.startswith(" "):
            section, block = re.fullmatch(r"[A-Z]\w+:", line) is not None, False
        starts = line.startswith("    ") and not (section or block) and not lines[number - 1]
        block = block or starts
        example = bool(line) and (example or ">>>" in line)
        if not block and not example:
            line = re.sub(r"(`[^`]*`)|([|*])", lambda match: match[1] or f"\\{match[2]}", line)
            line = re.sub(r": ([A-Z]\.)$", r": \\\1", line)  # "K." is no list
        lines[number] = f".. code-block:: text\n\n{line}" if starts else line
    lines[:] = "\n".join(lines).split("\n")


def setup(app: Any) -> None:
    """Register it before the sections of docstrings are told apart."""
    app.connect("autodoc-process-docstring", as_people_read_it, priority=400)

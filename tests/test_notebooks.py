"""The cells of every notebook run in order, at a small size where they train."""

import json
import sys
import types
from pathlib import Path

import pytest

NOTEBOOKS = sorted(Path("notebooks").glob("*.ipynb"))
SMOKE = {"IMAGES": 1280, "SAMPLES": 256, "STEPS": 20}  # what a cell with the tag "parameters" sets, as small as it goes


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_notebook_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    assert cells
    monkeypatch.chdir(tmp_path)
    module = types.ModuleType("notebook")  # so that a class of a cell can be pickled, as in Jupyter
    monkeypatch.setitem(sys.modules, "notebook", module)
    for cell in cells:
        exec(compile("".join(cell["source"]), path.name, "exec"), vars(module))
        if "parameters" in cell["metadata"].get("tags", ()):
            vars(module).update(SMOKE)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_its_outputs_are_those_of_a_run_without_an_error(path: Path) -> None:
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert not any(output["output_type"] == "error" for cell in cells for output in cell["outputs"])

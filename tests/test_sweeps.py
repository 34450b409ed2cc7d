"""Sweep files: what an agent would start is a run of ours, and what it would optimize is logged."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from wandb.sdk.launch.sweeps.utils import create_sweep_command_args

from gannorm.training.parser import Configuration
from gannorm.vocabulary import key_of

SWEEPS = sorted(Path("configs/sweeps").glob("*.yaml"))


def choices(parameter: dict[str, Any]) -> list[Any]:
    """Return values that an agent may be given: all that are listed, or both ends of a range."""
    if "value" in parameter:
        return [parameter["value"]]
    return parameter.get("values") or [parameter["min"], parameter["max"]]


def drawn(parameters: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield sets of parameters in which each value comes once, the others at their first."""
    first = {name: choices(parameter)[0] for name, parameter in parameters.items()}
    for name, parameter in parameters.items():
        for value in choices(parameter):
            yield {**first, name: value}


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_every_value_makes_a_run(path: Path) -> None:
    sweep = yaml.safe_load(path.read_text())
    assert sweep["program"] == "train.py"
    for chosen in drawn(sweep["parameters"]):
        arguments = create_sweep_command_args({"args": {name: {"value": value} for name, value in chosen.items()}})
        config = Configuration(["--quiet", *arguments["args"]]).plain()
        if "model.generator.norm" in chosen:
            assert config["model"]["generator"]["init_args"]["norm"] == chosen["model.generator.norm"]


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_what_is_optimized_is_logged(path: Path) -> None:
    assert key_of(yaml.safe_load(path.read_text())["metric"]["name"]) is not None


def test_there_are_sweeps() -> None:
    assert len(SWEEPS) >= 2

"""The table of keys: what runs log stands in it, what pages show comes from it."""

import csv
from pathlib import Path

import pytest

from gannorm.report.keys_page import page
from gannorm.report.run.curves import CURVES
from gannorm.report.run.layers import QUANTITIES
from gannorm.vocabulary import KEYS, key_of, unknown
from tests.test_training import folder_of, tiny_run

IMAGES = {"class_path": "gannorm.networks.DCGANGenerator", "init_args": {"width": 2, "num_classes": 10}}
CLASSES = {"width": 2, "num_classes": 10, "packing": 1}
JUDGES = {"class_path": "gannorm.networks.DCGANDiscriminator", "init_args": CLASSES}
RUNS = {
    "all instruments": {"evaluation.instruments": ["layers", "spectra", "covariate_shift"]},
    "classes": {"model.generator": IMAGES, "model.discriminator": JUDGES},
    "penalty and remedy": {
        "model.penalties": "r1",
        "model.remedies": "mode_seeking",
        "model.discriminator.norm": "layer",
    },
    "k-means cells": {"evaluation.cells": 4, "data.shares": [1] * 9 + [0]},
}


@pytest.mark.parametrize("options", RUNS.values(), ids=RUNS)
def test_every_column_of_a_run_has_its_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    folder = folder_of(tiny_run(tmp_path, **options), tmp_path)
    with (folder / "metrics.csv").open(newline="") as file:
        columns = next(csv.reader(file))
    assert unknown(columns) == []
    assert all(sum(key.fits(column) for key in KEYS) == 1 for column in columns)


def test_what_a_page_shows_stands_in_the_table() -> None:
    assert unknown(key for curves in CURVES for key in curves.lines) == []
    keys = [quantity.key.format(network="generator", layer="blocks.0") for quantity in QUANTITIES]
    assert unknown(keys) == []


def test_a_word_that_nobody_logs_has_no_row() -> None:
    assert key_of("coverage/covered") is None
    assert key_of("share/7/8") is None


def test_the_page_is_written_from_the_table() -> None:
    assert Path("docs/keys.md").read_text(encoding="utf-8") == page()

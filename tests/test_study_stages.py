"""Studies in stages: options that a screening chose for each cell, confirmed on seeds that chose nothing."""

from pathlib import Path

import pytest
import yaml

from benchmarks import study_norms
from gannorm.study import StudyError, read
from tests.test_study import STUDY, written

RATE = {"where": {"model.generator.norm": "batch"}, "options": {"model.generator_rate": 1e-3}}


def test_some_cells_have_options_of_their_own(tmp_path: Path) -> None:
    batch, layer = read(written(tmp_path, settings=[RATE], seeds=1)).jobs()
    assert batch.options == {"model.generator.norm": "batch", "model.generator_rate": 1e-3}
    assert layer.options == {"model.generator.norm": "layer"}
    assert {job.key for job in read(written(tmp_path, seeds=1)).jobs()} & {batch.key, layer.key} == {layer.key}


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"where": RATE["where"]}, "`where` and `options` are needed"),
        ({**RATE, "where": {"model.generator.norm": "btach"}}, "did you mean 'batch'"),
        ({**RATE, "options": {"model.generator.norm": "none"}}, "that no factor sets"),
        ({**RATE, "options": {"model": {}}}, "single options"),
        ({**RATE, "options": {"quiet": True}}, "the study's own business"),
    ],
)
def test_settings_that_cannot_be_had_are_refused(tmp_path: Path, setting: object, words: str) -> None:
    with pytest.raises(StudyError, match=words):
        read(written(tmp_path, settings=[setting]))


def test_the_second_stage_has_the_rates_that_were_best_and_seeds_that_chose_nothing() -> None:
    screening, second = read(study_norms.STUDY), read(study_norms.LONG)
    given = yaml.safe_load(study_norms.LONG.read_text())["settings"]
    assert given == study_norms.best_rates()
    assert not set(screening.seeds) & set(second.seeds)
    assert STUDY["name"] != second.name != screening.name

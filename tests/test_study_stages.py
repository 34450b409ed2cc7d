"""Studies in stages: options that a screening chose for each cell, confirmed on seeds that chose nothing."""

from pathlib import Path

import pytest
import torch
import wandb
import yaml

from benchmarks import study_norms
from gannorm.study import StudyError, read, worker
from gannorm.study.identify import tasks
from gannorm.study.journal import means_of, shifts_of
from gannorm.tracking import offline_runs
from tests import wandb_records
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


def test_the_second_stage_says_what_its_page_concludes() -> None:
    second = study_norms.told(study_norms.LONG)
    open_pairs = {effect.levels for effect in second.effects if not effect.shown}
    assert open_pairs == {("batch, joined", "layer"), ("none", "layer"), ("layer", "group")}
    means = {effect.factor: sorted(effect.means, key=effect.means.get, reverse=True) for effect in second.factors}
    assert means["norm of G"] == ["batch", "layer", "group", "none"]
    assert means["norm of D"] == ["group", "spectral", "none", "layer", "batch, joined"]
    healthy = [run for run in second.record.runs if run.healthy_at is not None]
    without = [run for run in healthy if run.cell["norm of G"] == "none"]
    lost, lost_without = (sum(run.collapsed_at is not None for run in runs) for runs in (healthy, without))
    page = " ".join(study_norms.PAGE.read_text().split())
    assert f"Of its healthy runs {lost_without} of {len(without)} collapsed" in page
    assert f"in the generator {lost - lost_without} of {len(healthy) - len(without)}." in page


def test_runs_of_a_study_are_a_group_of_jobs_of_one_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = torch.get_num_threads()
    for name in ("WANDB_RUN_GROUP", "WANDB_JOB_TYPE"):
        monkeypatch.setenv(name, "")  # so that both are as before when the test has ended
        monkeypatch.delenv(name)
    monkeypatch.setenv("WANDB_MODE", "offline")
    wandb.teardown()  # what it has read of the environment for another test
    worker.set_up(group="tiny")
    study = read(written(tmp_path, seeds=1, factors={"model.generator.norm": ["batch"]}))
    (task,) = tasks(study, study.jobs(), tmp_path)
    line = worker.perform(task)
    wandb.teardown()
    torch.set_num_threads(threads)
    assert line["status"] == "finished"
    (offline,) = offline_runs(Path(task.folder))
    run = wandb_records.of_type(offline, "run")[0]
    assert (run.run_group, run.job_type) == ("tiny", "study")
    assert "norm_g:batch" in run.tags


def test_a_journal_keeps_the_covariate_shift_of_each_look_and_its_mean(tmp_path: Path) -> None:
    assert shifts_of(tmp_path / "metrics.csv") == []
    (tmp_path / "metrics.csv").write_text(
        "images_seen,covariate_shift/generator/a/relative,covariate_shift/generator/a/cosine,"
        "covariate_shift/generator/b/relative,covariate_shift/discriminator/a/relative\n"
        "64,,,,\n128,0.5,9,1.5,4\n192,2,9,2,\n"
    )
    found = shifts_of(tmp_path / "metrics.csv")
    assert found == [[128, 1, 4], [192, 2, None]]
    assert means_of(found) == {"covariate_shift_generator": 1.5, "covariate_shift_discriminator": 4}
    assert means_of([]) == {}

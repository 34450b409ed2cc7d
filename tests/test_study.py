"""Studies: what a file makes of factors and seeds, that no run is lost or made twice, and what the page may say."""

import dataclasses
import datetime
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from wandb.sdk.launch.sweeps.utils import create_sweep_command_args

from gannorm import __version__, cli
from gannorm.report.study import StudyRecord, write
from gannorm.report.study.claims import by_seed, effects, factor_effects, sentences
from gannorm.report.study.maps import maps_of
from gannorm.report.study.record import Run, lifetimes, lines_of, waiting
from gannorm.report.study.told import Told
from gannorm.study import StudyError, read
from gannorm.study.estimate import different, seconds_of
from gannorm.study.identify import probes, tasks
from gannorm.study.worker import perform
from gannorm.training.parser import Configuration
from gannorm.training.run_folder import identity

CONFIG = {
    "images": 640,
    "log_every_images": 320,
    "data": {"class_path": "gannorm.data.MNIST", "init_args": {"batch_size": 64}},
    "model": {
        "generator": {"class_path": "gannorm.networks.MLPGenerator", "init_args": {"hidden": [8], "norm": None}},
        "discriminator": {"class_path": "gannorm.networks.MLPDiscriminator", "init_args": {"hidden": [8]}},
        "penalties": None,
        "ema_half_life": 0,
    },
    "evaluation": {"every_images": 320, "num_samples": 64, "final_samples": 64, "instruments": []},
}
SAME = ("status", "final", "looks")  # in lines of one run, however it was made
STUDY = {"name": "tiny", "config": CONFIG, "factors": {"model.generator.norm": ["batch", "layer"]}, "seeds": 2}


def written(folder: Path, **changes: object) -> Path:
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump({**STUDY, **changes}))
    return path


def command(path: Path, *options: str) -> list[str]:
    return ["study", str(path), "--folder", str(path.parent / "runs"), "--workers", "2", *options]


def journal(path: Path) -> list[dict]:
    return lines_of(path.parent / "runs" / "tiny" / "journal.jsonl")


@pytest.fixture(scope="module", autouse=True)
def _without_wandb() -> Iterator[None]:
    """Log nowhere: processes of a test that has used W&B share its service, where an id is in use after a kill."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_MODE", "disabled")
        yield


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of a study that has ended."""
    path = written(tmp_path_factory.mktemp("study"))
    assert cli.main(command(path)) == 0
    return path


def test_every_cell_has_a_run_of_every_seed_and_the_same_command_makes_none_again(ended: Path) -> None:
    lines = journal(ended)
    assert sorted((line["cell"]["model.generator.norm"], line["seed"]) for line in lines) == [
        ("batch", 0), ("batch", 1), ("layer", 0), ("layer", 1),
    ]  # fmt: skip
    assert all(line["status"] == "finished" and len(line["looks"]) == 2 for line in lines)
    assert all((ended.parent / "runs" / "tiny" / line["id"] / "results.json").is_file() for line in lines)
    assert cli.main(command(ended)) == 0
    assert journal(ended) == lines


def test_a_run_is_the_one_that_train_makes(ended: Path) -> None:
    line = next(
        line for line in journal(ended) if line["seed"] == 1 and line["cell"]["model.generator.norm"] == "layer"
    )
    alone = ended.parent / "alone.yaml"
    alone.write_text(yaml.safe_dump(CONFIG))
    options = ["--model.generator.norm=layer", "--seed_everything=1", "--name=tiny", "--quiet"]
    folder = ended.parent / "alone"
    assert cli.train([f"--config={alone}", f"--folder={folder}", *options]) == 0
    results = json.loads((folder / "tiny" / line["id"] / "results.json").read_text())
    assert results["evaluation"]["high_quality"] == pytest.approx(line["final"]["high_quality"], abs=1e-4)


def test_a_changed_file_is_refused_with_what_differs_and_old_runs_are_left_out(
    ended: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(ended.parent / "runs" / "tiny", tmp_path / "runs" / "tiny")
    path = written(tmp_path, config={**CONFIG, "images": 704})
    assert cli.main(command(path)) == 2
    assert "config: images" in capsys.readouterr().err
    assert cli.main(command(path, "--accept-changes")) == 0
    record = StudyRecord.read(tmp_path / "runs" / "tiny")
    assert (len(record.runs), record.others) == (4, 4)
    assert cli.main(command(path)) == 0  # what was accepted is not asked again
    assert {run.line["images"] for run in record.runs} == {704}


def test_a_journal_alone_tells_what_was_changed(
    ended: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "runs" / "tiny"
    own.mkdir(parents=True)
    shutil.copy(ended.parent / "runs" / "tiny" / "journal.jsonl", own)
    assert cli.main(command(written(tmp_path, config={**CONFIG, "images": 704}), "--dry-run")) == 2
    assert "changed are config: images;" in capsys.readouterr().err
    (own / "journal.jsonl").write_text("\n".join(map(json.dumps, journal(tmp_path / "tiny.yaml"))) + "\n")
    for factors, words in (
        ({"model.generator.norm": ["batch", "group"]}, "'model.generator.norm', which has no level 'layer' any more"),
        ({**STUDY["factors"], "model.loss": ["hinge"]}, "changed are factor 'model.loss', which is new;"),
        ({"norm": {"batch": {"model.generator.norm": "batch"}}}, "which is not there any more"),
    ):
        assert cli.main(command(written(tmp_path, factors=factors), "--dry-run")) == 2
        assert words in capsys.readouterr().err
    assert cli.main(command(written(tmp_path, seeds=[0]), "--dry-run")) == 0  # fewer seeds are no mistake


def test_what_is_the_default_anyway_changes_nothing(ended: Path, tmp_path: Path) -> None:
    shutil.copytree(ended.parent / "runs", tmp_path / "runs")
    path = written(tmp_path, config={**CONFIG, "compare_at": "images"})
    before = journal(path)
    assert cli.main(command(path)) == 0
    assert journal(path) == before
    record = StudyRecord.read(tmp_path / "runs" / "tiny")
    assert (len(record.runs), record.others) == (4, 0)


def test_runs_of_other_defaults_are_refused_with_both_ids_and_made_anew(
    ended: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "runs" / "tiny"
    own.mkdir(parents=True)
    lines = journal(ended)
    (own / "journal.jsonl").write_text("\n".join(map(json.dumps, [lines[0] | {"id": "0ld"}, *lines[1:]])) + "\n")
    path = written(tmp_path)
    assert cli.main(command(path)) == 2
    assert f"0ld was made, {lines[0]['id']} would be" in capsys.readouterr().err
    assert cli.main(command(path, "--accept-changes")) == 0
    (anew,) = journal(path)[4:]
    assert (anew["key"], anew["id"], anew["final"]) == (lines[0]["key"], lines[0]["id"], lines[0]["final"])


def test_kept_ids_are_not_believed_where_a_default_has_changed(ended: Path, tmp_path: Path) -> None:
    study = read(ended)
    expected = tasks(study, study.jobs(), tmp_path)
    kept = tmp_path / "tiny" / "ids.json"
    kept.parent.mkdir()
    kept.write_text(json.dumps({"gannorm": __version__, "ids": {task.key: f"0ld{task.key}" for task in expected}}))
    assert tasks(study, study.jobs(), tmp_path) == expected


def test_runs_that_another_journal_notes_are_not_made_twice_unnoticed(
    ended: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(ended.parent / "runs", tmp_path / "runs")
    path = written(tmp_path, journal="other.jsonl")
    assert cli.main(command(path, "--dry-run")) == 2
    assert f"are noted in {tmp_path / 'runs' / 'tiny' / 'journal.jsonl'}, and not in" in capsys.readouterr().err
    shutil.copy(tmp_path / "runs" / "tiny" / "journal.jsonl", tmp_path / "other.jsonl")
    assert cli.main(command(path)) == 0


def test_tables_of_something_else_are_not_written_over(
    ended: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = ["report", str(ended.parent / "runs" / "tiny"), "--output", str(tmp_path / "page.html")]
    (tmp_path / "summary.md").write_text("# Mine\n")
    assert cli.main(report) == 2
    assert "summary.md is there, and is not of this study" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["summary.md"]
    (tmp_path / "summary.md").unlink()
    assert (cli.main(report), cli.main(report)) == (0, 0)
    (tmp_path / "summary.csv").unlink()
    (tmp_path / "summary.csv").mkdir()
    assert cli.main(report) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_renamed_level_keeps_its_runs(ended: Path, tmp_path: Path) -> None:
    shutil.copytree(ended.parent / "runs" / "tiny", tmp_path / "runs" / "tiny")
    factors = {"norm": {"BN": {"model.generator.norm": "batch"}, "LN": {"model.generator.norm": "layer"}}}
    path = written(tmp_path, factors=factors)
    before = journal(path)
    assert cli.main(command(path)) == 0
    assert journal(path) == before
    assert {run.cell["norm"] for run in StudyRecord.read(tmp_path / "runs" / "tiny").runs} == {"BN", "LN"}


@pytest.mark.parametrize("whom", ["study", "worker"])
def test_nothing_is_lost_where_the_study_or_a_worker_is_killed(tmp_path: Path, whom: str) -> None:
    path = written(tmp_path, config={**CONFIG, "images": 6400})
    arguments = [sys.executable, "-m", "gannorm", *command(path)]
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not list((tmp_path / "runs" / "tiny").glob("*/metrics.csv")):
        time.sleep(0.02)
    if whom == "study":
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert subprocess.run(arguments, check=False, capture_output=True).returncode == 0
    else:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        spawned = [pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        os.kill(int(spawned[0]), signal.SIGKILL)
        assert process.wait() == 0
    lines = journal(path)
    assert len({line["key"] for line in lines}) == len(lines) == 4
    assert all(line["status"] == "finished" and line["images"] == 6400 for line in lines)


@pytest.mark.parametrize(("reason", "status"), [("collapse: few modes", "stopped"), ("SIGTERM", "finished")])
def test_a_run_that_was_stopped_is_trained_on_only_if_a_signal_stopped_it(
    ended: Path, tmp_path: Path, reason: str, status: str
) -> None:
    shutil.copytree(ended.parent / "runs", tmp_path / "runs")
    study = read(written(tmp_path))
    task = tasks(study, study.jobs(), tmp_path / "runs")[0]
    results = Path(task.folder) / "results.json"
    results.write_text(json.dumps(json.loads(results.read_text()) | {"status": "stopped", "reason": reason}))
    line = perform(task)
    assert (line["status"], line["reason"]) == (status, reason if status == "stopped" else "")


def test_a_run_whose_checkpoints_are_damaged_begins_again(ended: Path, tmp_path: Path) -> None:
    shutil.copytree(ended.parent / "runs", tmp_path / "runs")
    path = written(tmp_path)
    study = read(path)
    task = tasks(study, study.jobs(), tmp_path / "runs")[0]
    (before,) = (line for line in journal(path) if line["key"] == task.key)
    for checkpoint in Path(task.folder).glob("checkpoints/*.ckpt"):
        checkpoint.write_bytes(b"torn")
    (Path(task.folder) / "results.json").unlink()
    line = perform(task)
    assert {name: line.get(name) for name in SAME} == {name: before[name] for name in SAME}, line["reason"]
    assert Path(f"{task.folder}.damaged", "checkpoints", "last.ckpt").read_bytes() == b"torn"


def test_what_is_no_outcome_is_counted_and_run_again_only_if_asked(tmp_path: Path) -> None:
    path = written(tmp_path, factors={"norm": {"none": {}, "wrong": {"model.generator.norm": "instance"}}}, seeds=1)
    assert cli.main(command(path)) == 1
    assert [line["status"] for line in sorted(journal(path), key=lambda line: line["cell"]["norm"])] == [
        "finished", "failed",
    ]  # fmt: skip
    assert cli.main(command(path)) == 1
    assert len(journal(path)) == 2
    assert cli.main(command(path, "--retry-failed")) == 1
    assert len(journal(path)) == 3


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"factors": {}}, "an empty matrix"),
        ({"factors": ["a"]}, "factors: ['a']: a dict is needed"),
        ({"fctors": {}}, "did you mean 'factors'"),
        ({"seeds": 0}, "seeds: 0"),
        ({"name": "../evil"}, "letters, digits"),
        ({"leave_out": 3}, "a list is needed"),
        ({"leave_out": [{"norm": "x"}]}, "no factor 'norm'"),
        ({"outcome": "efective_modes"}, "did you mean 'effective_modes'"),
        ({"factors": {"model.generator.nrm": ["batch"]}}, "did you mean"),
        ({"factors": {"norm": {"a": {}, "b": {"model.generator.norm": "none"}}}}, "are the same run"),
        ({"factors": {"norm": {"a": {}, "b": {"model": {"generator": {"init_args": {"norm": "batch"}}}}}}}, "single"),
        ({"factors": {"a": {"x": {"images": 640}}, "b": {"y": {"images": 64}}}}, "'a' and 'b' both set images"),
        ({"factors": {"images": ["64", 64]}}, "a level is there twice"),
        ({"factors": {"seed_everything": [1, 2]}}, "seed_everything is the study's own business"),
        ({"config": {**CONFIG, "fresh": True}}, "fresh is the study's own business"),
        ({"config": {**CONFIG, "images": datetime.date(2026, 1, 1)}}, "values are numbers, texts, lists and mappings"),
        ({"config": {**CONFIG, "model": {"a": 1, 3: 4}}}, "texts and numbers are keys of one mapping"),
        ({"config": {**CONFIG, 3: 4}}, "3 names no option"),
        ({"factors": {"rate": {"low": {3: 4}}}}, "3 names no option"),
        ({"settings": [{"where": {"model.generator.norm": "batch"}, "options": {3: 4}}]}, "3 names no option"),
        ({"seeds": [1, 2**32]}, "whole numbers below 2^32"),
        ({"seeds": 10**12}, "seeds: 1000000000000: 100,000 at most"),
        ({"journal": "tiny.yaml"}, "a file of lines is needed, whose name ends in .jsonl"),
        ({"journal": "tiny.yaml/x.jsonl"}, "tiny.yaml cannot be made"),
        ({"config": {**CONFIG, "trainer": {"devices": 2}}}, "trainer.devices 2: runs of a study have one device each"),
        ({"factors": {"trainer.num_nodes": [1, 3]}}, "trainer.num_nodes 3: runs of a study have one device each"),
    ],
)
def test_bad_input_is_one_line_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, object], words: str
) -> None:
    assert cli.main(command(written(tmp_path, **changes))) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == [tmp_path / "tiny.yaml"]


def test_two_studies_do_not_write_to_one_folder_or_one_journal(
    ended: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from gannorm.study.folder import locked

    own = tmp_path / "runs" / "tiny"
    for place, kept in ((own, tmp_path / "other"), (tmp_path / "elsewhere", own / "journal.jsonl")):
        with locked(place, kept):
            assert cli.main(command(written(tmp_path))) == 2
            assert "another study is writing" in capsys.readouterr().err


def made(tmp_path: Path, values: dict[tuple[str, int], float | None]) -> StudyRecord:
    """Return a study of one factor with these outcomes; None is a run that diverged after a look of two modes."""
    levels = list(dict.fromkeys(level for level, _ in values))
    seeds = sorted({seed for _, seed in values})
    study = read(written(tmp_path, seeds=seeds, factors={"model.generator.norm": levels}))
    jobs = study.jobs()
    told = {"name": "made", "factors": study.factors, "outcome": "effective_modes", "journal": None}
    told["jobs"] = [[job.key, list(job.cell.values()), job.seed] for job in jobs]
    (tmp_path / "study.json").write_text(json.dumps(told))
    lines = []
    for job in jobs:
        value = values[job.cell["model.generator.norm"], job.seed]
        line = {"key": job.key, "cell": job.cell, "seed": job.seed, "images": 640}
        figures = {"effective_modes": value, "num_modes": 10, "high_quality": 0.9}
        ending = {"status": "finished", "final": figures, "looks": [[320, 9, 10, 0.9, ""], [640, value, 9, 0.9, ""]]}
        gone = {"status": "diverged", "looks": [[320, 2.0, 2, 0.9, ""]]}
        lines.append(json.dumps(line | (gone if value is None else ending)))
    (tmp_path / "journal.jsonl").write_text("\n".join(lines) + "\n")
    return StudyRecord.read(tmp_path)


def test_a_clear_difference_is_claimed_and_a_run_that_diverged_has_no_modes(tmp_path: Path) -> None:
    values: dict[tuple[str, int], float | None] = {}
    for seed in range(8):
        values |= {("batch", seed): 9.0 + 0.01 * seed, ("layer", seed): 4.0}
    record = made(tmp_path, values)
    (factor,) = factor_effects(record)
    (effect,) = effects(record, [factor])
    assert (effect.seeds, effect.cells, effect.p) == (8, 1, 2 / 2**8)
    matters, differs = sentences([factor], [effect], "modes")
    assert matters.startswith("model.generator.norm matters: mean modes batch 9.04, layer 4.00 (8 seeds")
    assert differs.startswith("model.generator.norm: batch has 5.04 more modes than layer")
    collapsed = [run for run in record.runs if run.collapsed_at is not None]
    assert {run.cell["model.generator.norm"] for run in collapsed} == {"layer"}
    record = made(tmp_path, values | {("batch", 0): None})
    gone = next(run for run in record.runs if run.status == "diverged")
    assert (gone.figure("effective_modes"), gone.healthy_at, gone.collapsed_at) == (0.0, None, None)


def test_too_few_seeds_conclude_nothing(tmp_path: Path) -> None:
    record = made(tmp_path, {("batch", 0): 9.0, ("batch", 1): 9.1, ("layer", 0): 1.0, ("layer", 1): 1.2})
    factors = factor_effects(record)
    unclear, told = sentences(factors, effects(record, factors), "modes")
    assert unclear == "model.generator.norm is not shown to matter: with so few seeds nothing could be."
    assert "too few seeds to be shown at all" in told
    assert "which takes 6 of the same cells" in told
    assert "more seeds" not in told  # of two seeds nobody can say how many are needed


def test_three_seeds_may_say_that_a_factor_matters_but_not_which_of_its_levels(tmp_path: Path) -> None:
    values: dict[tuple[str, int], float | None] = {}
    for seed in range(3):
        values |= {("batch", seed): 9.0, ("layer", seed): 5.0 + 0.1 * seed, ("group", seed): 4.0, ("none", seed): 1.0}
    record = made(tmp_path, values)
    factors = factor_effects(record)
    (factor,) = factors
    assert factor.p == pytest.approx(1 / 24**2)
    claims = sentences(factors, effects(record, factors), "modes")
    assert [claim.partition(" ")[2][:8] for claim in claims] == ["matters:", "shown ar"]


def test_a_run_that_was_stopped_has_what_its_last_look_had_and_has_collapsed(tmp_path: Path) -> None:
    made(tmp_path, {("batch", 0): 9.0, ("layer", 0): 9.0})
    line, _ = map(json.loads, (tmp_path / "journal.jsonl").read_text().splitlines())
    line |= {"status": "stopped", "final": {}}
    line["looks"][-1][1] = 6.0
    (tmp_path / "journal.jsonl").write_text(json.dumps(line) + "\n")
    (run,) = StudyRecord.read(tmp_path).runs
    assert (run.figure("effective_modes"), run.collapsed_at) == (6.0, 640.0)


def test_a_failed_run_costs_its_cell_and_not_its_seed(tmp_path: Path) -> None:
    record = made(tmp_path, {(norm, seed): 9.0 for norm in ("batch", "layer") for seed in range(3)})
    runs = []
    for run in record.runs:
        for width in ("1", "2"):
            cell = {**run.cell, "width": width}
            runs.append(dataclasses.replace(run, cell=cell))
    failing = dataclasses.replace(record, runs=runs[1:], factors={**record.factors, "width": {"1": {}, "2": {}}})
    values, cells = by_seed(failing, "model.generator.norm", ["batch", "layer"])
    assert (values.shape, len(cells)) == ((3, 2), 1)  # all seeds, of the cell that none lacks


def test_a_run_that_finished_without_the_outcome_has_failed(tmp_path: Path) -> None:
    made(tmp_path, {("batch", 0): 9.0, ("layer", 0): 9.0})
    lines = [json.loads(line) for line in (tmp_path / "journal.jsonl").read_text().splitlines()]
    lines[0]["final"] = {}
    damaged = ["[]", '{"key": [], "cell": 3, "seed": "x", "status": 1}', *map(json.dumps, lines)]
    (tmp_path / "journal.jsonl").write_text("\n".join(damaged) + "\n")
    record = StudyRecord.read(tmp_path)
    assert [line["reason"] for line in record.failed] == ["it has no effective_modes: nobody judged its samples"]
    assert len(record.runs) == 1


def test_a_map_of_one_factor_is_its_diagonal(tmp_path: Path) -> None:
    told = Told(made(tmp_path, {("batch", 0): 9.0, ("layer", 0): 4.0}))
    outcome, *others = maps_of(told)
    assert outcome.values == {("batch", "batch"): 9.0, ("layer", "layer"): 4.0}
    assert not any("best of the other factors" in one.title for one in others)  # there are none


def test_what_longer_runs_do_later_says_nothing_of_shorter_ones() -> None:
    looks = [[100, 9, 9, 0.9, ""], [200, 9, 9, 0.9, ""], [800, 1, 1, 0.9, ""]]
    run = Run({"a": "x"}, 0, "finished", {"looks": looks, "images": 800}, 10.0)
    assert lifetimes([run]) == ([700.0], [True], [0])
    assert lifetimes([run], until=300.0) == ([300.0], [False], [0])


def test_a_run_that_diverged_is_not_healthy_to_the_end() -> None:
    looks = [[100, 1, 1, 0.9, ""], [200, 9, 9, 0.9, ""], [800, 9, 9, 0.9, ""]]
    healthy = Run({"a": "x"}, 0, "finished", {"looks": looks, "images": 800}, 10.0)
    gone = Run({"a": "x"}, 1, "diverged", {"looks": looks[:1], "images": 130}, 10.0)
    assert waiting([healthy, gone]) == ([200.0, 800.0], [True, False], [0, 1])
    assert waiting([healthy, gone], until=150.0) == ([150.0, 150.0], [False, False], [0, 1])


def test_the_page_says_all_of_it_and_no_text_acts(ended: Path, tmp_path: Path) -> None:
    record = made(tmp_path, {("batch", 0): 9.0, ("batch", 1): 9.1, ("layer", 0): 1.0, ("layer", 1): 1.2})
    text = write(record.path).read_text()
    assert "cannot be shown" not in text
    assert "4 of 4 runs have ended" in text
    assert (tmp_path / "summary.csv").read_text().count("\n") == 3
    told = json.loads((tmp_path / "study.json").read_text())
    (tmp_path / "study.json").write_text(json.dumps(told).replace('"batch"', '"<script>alert(1)</script>"'))
    assert "<script>alert" not in write(tmp_path).read_text()
    assert "<img alt" in write(ended.parent / "runs" / "tiny").read_text()  # samples of the median seed


def test_an_estimate_is_of_the_runs_that_wait(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rates = {"low": {"model.generator_rate": 1e-4}, "high": {"model.generator_rate": 1e-3}}
    path = written(tmp_path, factors={**STUDY["factors"], "rate": rates}, seeds=3)
    study = read(path)
    seconds = {("batch", "low"): 2.0, ("batch", "high"): 6.0, ("layer", "low"): 20.0}  # but none of layer, high
    ended = [job for job in study.jobs() if job.seed < 2 and tuple(job.cell.values()) in seconds]
    come = {"status": "finished", "final": {"effective_modes": 1.0}}
    lines = ({"key": job.key, "cell": job.cell, "seed": job.seed, **come} for job in ended)
    told = (line | {"seconds": seconds[tuple(line["cell"].values())]} for line in lines)
    own = tmp_path / "runs" / "tiny"
    own.mkdir(parents=True)
    (own / "journal.jsonl").write_text("".join(json.dumps(line) + "\n" for line in told))
    assert cli.main(command(path, "--dry-run")) == 0
    left = (2 + 6 + 20 + 3 * 60) / 6  # seconds a run
    assert f"about {left:.1f} s a run (from 6 runs that have ended)" in capsys.readouterr().out
    assert cli.main(["study", str(path), "--folder", str(tmp_path / "runs"), "--launcher", "ray", "--dry-run"]) == 0
    assert "at a time" not in capsys.readouterr().out  # nobody knows how many a cluster has
    limited = read(written(tmp_path, config={**CONFIG, "minutes": 0.1}))
    assert seconds_of(limited, limited.jobs(), [(job.cell, 30.0) for job in limited.jobs()])[0] == [6.0] * 4


def test_short_runs_are_of_cells_that_differ(tmp_path: Path) -> None:
    factors = {"model.generator.norm": ["none", "batch", "layer"], "model.loss": ["hinge", "wasserstein"]}
    chosen = different(read(written(tmp_path, factors=factors, seeds=9)).jobs())
    cells = [tuple(job.cell.values()) for job in chosen]
    assert len(set(cells)) == len(cells) == 4
    assert {level for cell in cells for level in cell} == {*factors["model.generator.norm"], *factors["model.loss"]}


def test_an_agent_of_a_sweep_makes_the_runs_of_the_study(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(command(written(tmp_path), "--sweep")) == 0
    sweep = yaml.safe_load(capsys.readouterr().out)
    configs, seeds = (sweep["parameters"][name]["values"] for name in ("config", "seed_everything"))
    ids = set()
    for config, seed in itertools.product(configs, seeds):
        told = {"args": {"config": {"value": config}, "seed_everything": {"value": seed}}}
        ids.add(identity(Configuration(["--quiet", *create_sweep_command_args(told)["args"]]).plain()))
    study = read(written(tmp_path))
    assert ids == {Path(task.folder).name for task in tasks(study, study.jobs(), tmp_path)}


def test_ids_of_seeds_are_those_of_each_resolved_alone(tmp_path: Path) -> None:
    study = read(written(tmp_path))
    for task in tasks(study, study.jobs(), tmp_path):
        assert Path(task.folder).name == identity(Configuration(list(task.arguments)).plain())


def test_the_committed_journal_is_of_its_study(tmp_path: Path) -> None:
    study = read(Path("configs/studies/norms-mlp.yaml"))
    assert study.journal is not None
    keys = {job.key for job in study.jobs()}
    assert len(keys) == 864
    lines = lines_of(study.journal)
    assert lines
    assert {line["key"] for line in lines} <= keys
    some = probes(study.jobs())
    ids = {task.key: task.id for task in tasks(study, some, tmp_path)}
    assert {line["key"]: line["id"] for line in lines if line["key"] in ids} == ids


def test_a_study_without_a_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="cannot be read"):
        read(tmp_path / "none.yaml")

"""The journal of reproduced runs, the page about it, and the presets of papers."""

import json
import multiprocessing
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

import gannorm
from benchmarks.reproduction import command, journal, page, presets, training
from benchmarks.reproduction.comparing import groups
from benchmarks.reproduction.identity import check_options
from benchmarks.reproduction.journal import Curve, Entry, JournalError, spread
from benchmarks.reproduction.measuring import entry_of, runs_in
from benchmarks.reproduction.presets import PRESETS, PresetError, config_hash, config_of, config_path, full_steps
from gannorm.evaluation import score
from gannorm.protocols import protocol
from gannorm.records import RecordError
from gannorm.scorecard.measure import Card
from gannorm.scorecard.setting import setting_of
from gannorm.sources import open_source
from gannorm.training.parser import Configuration

POINTS = {
    "name": "ring-gan",
    "images": 640,
    "log_every_images": 640,
    "data": {"class_path": "gannorm.data.Mixture", "init_args": {"preset": "ring/pacgan", "batch_size": 64}},
    "model": {
        "ema_half_life": 0,
        "generator": {"class_path": "gannorm.networks.MLPGenerator", "init_args": {"shape": [2], "hidden": [8]}},
        "discriminator": {
            "class_path": "gannorm.networks.MLPDiscriminator",
            "init_args": {"shape": [2], "hidden": [8], "norm": "none"},
        },
    },
    "evaluation": {"every_images": 128, "num_samples": 200, "final_samples": 200},
}


def entry(name="ring-gan", seed=0, *, modes=7, kl=0.4, quality=98.0, steps=None, **options):
    steps = steps or full_steps(name)
    moments = tuple(range(1_000, 21_000, 1_000))
    fields = {
        "status": "finished",
        "steps": steps,
        "images": 100 * steps,
        "modes": modes,
        "kl": kl,
        "high_quality_percent": quality,
        "curve": Curve(images=moments, modes=(modes,) * 20, kl=(kl,) * 20, high_quality_percent=(quality,) * 20),
        "machine": "a processor",
    }
    made_by = {"torch": "2", "gannorm": "0", "config": config_hash(config_of(name))}
    share = steps / full_steps(name)
    facts = {"asked": steps, "share": share, "protocol": "ring/pacgan v1", "seconds": 9.0}
    return Entry(preset=name, seed=seed, **{**fields, **made_by, **facts, **options})


def flowing(entries):
    return " ".join(page.page(entries).split())


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """One preset, ten steps long; its file, journal and page are the test's own."""
    monkeypatch.setenv("WANDB_MODE", "disabled")
    monkeypatch.setattr(presets, "CONFIGS", tmp_path)
    monkeypatch.setattr(presets, "PRESETS", {"ring-gan": PRESETS["ring-gan"]})
    monkeypatch.setattr(command, "PRESETS", presets.PRESETS)
    monkeypatch.setattr(page, "PRESETS", presets.PRESETS)
    monkeypatch.setattr("benchmarks.reproduction.comparing.PRESETS", presets.PRESETS)
    monkeypatch.setattr(page, "FILE", tmp_path / "page.md")
    (tmp_path / "ring-gan.yaml").write_text(yaml.safe_dump(POINTS))
    return tmp_path


def tiny_run(folder, **options):
    results = gannorm.train(folder / "ring-gan.yaml", folder=str(folder / "runs"), quiet=True, **options)
    return folder / "runs" / "ring-gan" / results["id"]


# --------------------------------------------------------------------------------------------------------- the journal


def test_a_journal_gives_back_what_was_written_and_survives_a_line_that_was_cut_off(tmp_path):
    path = tmp_path / "journal.jsonl"
    runs = [entry(seed=seed, kl=None if seed else 0.25, machine="one\u2028line") for seed in range(3)]
    for run in runs[:2]:
        journal.append(run, path)
    with path.open("a") as file:
        file.write('{"preset": "ring-gan", "se')
    assert journal.read(path) == runs[:2]
    journal.append(runs[2], path)
    assert journal.read(path) == runs


def append_all(runs, path):
    for run in runs:
        journal.append(run, path)


def test_processes_that_end_together_lose_no_run_and_write_none_twice(tmp_path):
    path = tmp_path / "journal.jsonl"
    context = multiprocessing.get_context("fork")
    one = entry()
    parts = [[replace(one, seed=seed) for seed in (*range(start, start + 10), 100)] for start in (0, 10, 20)]
    processes = [context.Process(target=append_all, args=(runs, path)) for runs in parts]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert sorted(run.seed for run in journal.read(path)) == [*range(30), 100]
    assert [file.name for file in tmp_path.iterdir()] == ["journal.jsonl"]


def test_what_no_journal_may_be_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "journal.jsonl"
    path.write_text("no json\n")
    with pytest.raises(JournalError, match=r"journal\.jsonl, line 1 is no JSON"):
        journal.read(path)
    path.write_text('{"preset": "ring-gan"}\n')
    with pytest.raises(RecordError, match="line 1 lacks seed"):
        journal.read(path)
    path.write_bytes(b'{"preset": "\xff"}\n')
    with pytest.raises(JournalError, match=r"journal\.jsonl, line 1 is no JSON"):
        journal.read(path)
    path.unlink()
    monkeypatch.setattr(journal, "LARGEST", 1_500)
    journal.append(entry(), path)
    with pytest.raises(JournalError, match="larger than 1,500 bytes"):
        journal.append(entry(seed=1), path)
    assert journal.read(path) == [entry()]


def test_a_run_is_not_made_twice(tiny, monkeypatch, capsys):
    path = tiny / "journal.jsonl"
    asked = []
    monkeypatch.setattr(command, "trained", lambda jobs, *_: asked.extend(jobs) or [])
    arguments = ["ring-gan", "--seeds", "0", "1", "--journal", str(path)]
    journal.append(entry(seed=0), path)
    journal.append(entry(seed=1, steps=5), path)
    assert command.main(arguments) == 0
    assert [(job.seed, job.steps) for job in asked] == [(1, 10)]
    asked.clear()
    (tiny / "ring-gan.yaml").write_text(yaml.safe_dump(POINTS | {"evaluation": {}, "log_every_images": 64}))
    assert command.main([*arguments, "--share", "0.5"]) == 0
    assert [(job.seed, job.steps) for job in asked] == [(0, 5)]  # looks do not make another run
    asked.clear()
    (tiny / "ring-gan.yaml").write_text(yaml.safe_dump({**POINTS, "model": {**POINTS["model"], "loss": "hinge"}}))
    assert command.main(arguments) == 0
    assert len(asked) == 2  # another loss does
    assert command.main(["ring-gan", "--share", "0.001", "--journal", str(path)]) == 2
    assert "one step at least" in capsys.readouterr().err


def test_a_failed_run_stands_in_the_journal_under_the_length_that_was_asked_for(tmp_path):
    failed = entry(status="failed", reason="a loss is nan", steps=7, asked=full_steps("ring-gan"))
    assert failed.key == entry().key
    text = flowing([failed, replace(failed, seed=3, steps=9), entry(seed=1), entry(seed=2, modes=6)])
    assert "| 2 and 2 failed |" in text
    assert "**ring-gan**, 2 seeds and 2 failed, the paper's 400,000 steps." in text
    assert "Seed 0 failed after 7 steps: a loss is nan. Seed 3 failed after 9 steps: a loss is nan." in text


def test_the_page_says_of_how_many_seeds_a_figure_is():
    text = flowing([entry(seed=0), entry(seed=1), entry(seed=2, kl=None)])
    assert "KL, nats, of the 2 of 3 seeds that have it: published mean inside our interval" in text
    assert "Modes: published mean" in text


# ------------------------------------------------------------------------------------------------------ measuring runs


def test_a_run_folder_is_measured_as_its_protocol_counts(tiny, capsys):
    folder = tiny_run(tiny, seed_everything=3)
    found = entry_of(folder)
    assert (found.seed, found.asked, found.steps, found.images, found.share) == (3, 10, 10, 640, 1.0)
    assert (found.protocol, found.num_samples, found.generator) == ("ring/pacgan v1", 2500, "raw")
    assert found.curve.images == (128, 256, 384, 512, 640)
    printed = evaluated(folder, "ring/pacgan", seed=3)
    assert found.modes == printed["legacy"]["raw_modes"]
    assert found.high_quality_percent == pytest.approx(100 * printed["legacy"]["high_quality"])
    assert found.covered_modes == printed["covered_modes"]
    assert command.main(["--collect", str(tiny / "runs"), "--journal", str(tiny / "j.jsonl"), "--document"]) == 0
    assert command.main(["--collect", str(folder), "--machine", "elsewhere", "--journal", str(tiny / "j.jsonl")]) == 0
    assert "in the journal already" in capsys.readouterr().out
    assert journal.read(tiny / "j.jsonl") == [found]
    assert page.FILE.read_text() == page.page([found])


def evaluated(folder, data, seed):
    """What `gannorm evaluate` says, without the real data that it puts beside."""
    setting = setting_of(data)
    source = open_source(folder, expected_shape=setting.shape)
    found = score(source.chunks(setting.num_samples, seed=seed), setting.judge)
    return Card(source=source, setting=setting, scores=[found], real={}, seed=seed).evaluation()


def test_runs_of_other_options_and_unfinished_ones_are_not_taken(tiny, capsys):
    other = tiny_run(tiny, **{"model.generator_rate": 0.5})
    with pytest.raises(PresetError, match=r"no run of configs/papers/ring-gan\.yaml as it is now: .*generator_rate"):
        entry_of(other)
    assert command.main(["--collect", str(tiny / "runs"), "--journal", str(tiny / "j.jsonl")]) == 1
    assert not (tiny / "j.jsonl").exists()
    unfinished = tiny / "more" / "ring-gan" / "1234"
    shutil.copytree(other, unfinished)
    (unfinished / "results.json").unlink()
    assert runs_in(tiny / "more") == [unfinished]
    with pytest.raises(PresetError, match="no run that has ended"):
        entry_of(unfinished)
    assert command.main(["--collect", str(tiny / "nowhere")]) == 2
    assert "no run of ring-gan there" in capsys.readouterr().err


def test_a_run_that_nobody_can_measure_here_is_left_out_with_what_it_needs(tmp_path):
    config = config_of("sngan-cifar10") | {"seed_everything": 0}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    (tmp_path / "results.json").write_text('{"status": "finished"}')
    with pytest.raises(PresetError, match="what measures sngan-cifar10 needs CIFAR-10"):
        entry_of(tmp_path)


def test_a_run_of_older_code_is_one_of_the_preset_where_what_is_gone_had_no_effect():
    plain = Configuration([f"--config={config_path('ring-gan')}", "--seed_everything=4", "--images=100"]).plain()
    older = json.loads(json.dumps(plain))
    older["model"].pop("updates")
    with pytest.raises(PresetError, match=r"see its model\.updates"):
        check_options(older, "ring-gan", Path("run"))
    older["model"] |= {"updates": plain["model"]["updates"], "decay_from": 1.0}
    check_options(older, "ring-gan", Path("run"))
    older["model"]["decay_from"] = 0.5
    with pytest.raises(PresetError, match=r"see its model\.decay_from"):
        check_options(older, "ring-gan", Path("run"))


@pytest.mark.slow
def test_the_command_trains_in_processes_of_its_own(tiny, capsys):
    arguments = ["ring-gan", "--seeds", "0", "1", "--folder", str(tiny / "runs"), "--journal", str(tiny / "j.jsonl")]
    assert command.main(arguments) == 0
    assert sorted(run.seed for run in journal.read(tiny / "j.jsonl")) == [0, 1]
    assert command.main(arguments) == 0
    assert "0 runs" in capsys.readouterr().out


def test_jobs_take_turns_so_that_what_ends_early_is_balanced():
    made = training.jobs(["ring-gan", "ring-pacgan2"], [0, 1], share=0.5, steps=None)
    assert [(job.preset, job.seed, job.steps) for job in made] == [
        ("ring-gan", 0, 200_000),
        ("ring-pacgan2", 0, 200_000),
        ("ring-gan", 1, 200_000),
        ("ring-pacgan2", 1, 200_000),
    ]
    with pytest.raises(PresetError, match="needs CIFAR-10"):
        training.jobs(["sngan-cifar10"], [0], share=1.0, steps=None)
    with pytest.raises(PresetError, match="steps=0: a run has one step at least"):
        training.jobs(["ring-gan"], [0], share=1.0, steps=0)
    for share in (0.0, 1.5, float("nan")):
        with pytest.raises(PresetError, match=f"--share {share}: of the paper's length, more than 0 and at most 1"):
            training.jobs(["ring-gan"], [0], share=share, steps=None)
    assert len(training.jobs(["ring-gan", "ring-gan"], [3, 3], share=1.0, steps=None)) == 1


# ------------------------------------------------------------------------------------------------------------ the page


def test_the_page_says_inside_and_outside():
    inside = [entry(seed=seed, modes=modes) for seed, modes in enumerate([6, 7, 5, 7, 6])]
    outside = [entry("ring-pacgan2", seed=seed, modes=3 + seed % 2, kl=1.0) for seed in range(5)]
    text = flowing(inside + outside)
    assert "| 6.3 ± 0.5 (SE) | 6.20 [5.16, 7.24] | yes |" in text  # t(4) = 2.776, sd 0.837
    assert (
        "**ring-gan**, 5 seeds, the paper's 400,000 steps. Modes: published mean inside our interval: yes; "
        "the two means are not told apart (p = 0.88)." in text
    )
    assert "KL, nats: published mean inside our interval: no (every seed gave 0.4)" in text
    assert "| 7.9 ± 0.1 (SE) | 3.40 [2.72, 4.08] | no | < 0.001 |" in text
    assert "Modes: published mean inside our interval: no; the two means differ (p < 0.001)." in text
    assert "`python -m benchmarks reproduction ring-pacgan2`" not in text


def test_the_page_says_that_half_the_length_is_half_the_length():
    text = flowing([entry(seed=seed, modes=6 + seed, steps=200_000) for seed in range(2)])
    assert "the state at 50 % of the paper's length (200,000 of 400,000 steps)" in text
    assert "`python -m benchmarks reproduction ring-gan --seeds 0 1 --steps 200000`" in text
    assert "`python -m benchmarks reproduction ring-gan`" in text  # what is still to be run
    assert "| 20,000 | 6.5 | 6 to 7 | 0.400 |" in text
    assert "one seed has no interval" in flowing([entry()])


def test_the_page_says_what_is_left_where_the_judges_errors_are_taken_away():
    name = "stacked-pacdcgan2"
    runs = [
        entry(name, seed=seed, modes=1000, covered_modes=990 + 2 * seed, effective_modes=985.0) for seed in range(2)
    ]
    assert "As [we count](measuring.md): 991.0 covered modes (990 to 992), 985.00 effective ones." in flowing(runs)
    assert "we count" not in flowing([entry()])


def test_runs_of_a_preset_that_has_changed_are_not_on_the_page():
    old = replace(entry(), config="of another day")
    assert groups([old]) == []
    assert page.page([old]) == page.page([])


def test_the_page_is_what_the_journal_says():
    assert page.FILE.read_text(encoding="utf-8") == page.page(journal.read()), (
        f"write it anew: {page.COMMAND} --document"
    )
    assert not journal.FILE.exists() or journal.FILE.stat().st_size <= journal.LARGEST


def test_a_curve_is_thinned_evenly_and_keeps_its_end():
    assert spread(400, 20) == list(range(19, 400, 20))
    assert spread(3, 20) == [0, 1, 2]
    assert spread(0, 20) == []


# --------------------------------------------------------------------------------------------------------- the presets


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_stands_for_a_published_row_and_says_its_numbers(name):
    row, path = PRESETS[name].row, config_path(name)
    text = path.read_text(encoding="utf-8")
    assert yaml.safe_load(text)["name"] == name
    comment = " ".join(line.strip("# ") for line in text.splitlines() if line.startswith("#"))
    for figure in ("modes", "kl", "high_quality_percent", "fid", "inception"):
        value = getattr(row, figure)
        assert value is None or f"{value:g}" in comment.replace(",", ""), f"{path.name} does not say {figure} {value:g}"
    if not PRESETS[name].brings:
        assert protocol(PRESETS[name].protocol).num_samples or PRESETS[name].num_samples


def test_every_file_of_a_paper_is_a_preset():
    assert {path.stem for path in presets.CONFIGS.glob("*.yaml")} == set(PRESETS)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_a_configuration(name):
    configuration = Configuration([f"--config={config_path(name)}"])
    assert configuration.plain()["name"] == name
    if not PRESETS[name].brings:
        configuration.build()

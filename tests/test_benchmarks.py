"""The benchmarks run; what they measure is not tested, it depends on the machine."""

import subprocess
import sys

import numpy as np
import pytest

import benchmarks.__main__ as command
from benchmarks import (
    document,
    instruments,
    intervals,
    leakage,
    long_run,
    metrics,
    scaling,
    study_norms,
    study_norms_long,
    study_norms_ring,
)
from benchmarks import norms as benchmark
from gannorm import norms
from gannorm.report.study.record import Run


def test_every_norm_that_follows_a_layer_is_measured(monkeypatch, capsys):
    monkeypatch.setattr(benchmark, "SHAPE", (4, 8, 3, 3))
    monkeypatch.setattr(benchmark, "IMPORTS", {"torch": "import json", "gannorm.norms": "import json, fractions"})
    result = benchmark.run(rounds=1)
    names = [*norms.names(kind="activation"), *norms.names(kind="fused")]
    twice = [name for name in names if norms.describe(name).double_backward]
    measured = result["measured"]
    assert list(measured["backward, contiguous"]) == list(measured["backward, channels_last"]) == names
    assert list(measured["double_backward, contiguous"]) == list(measured["double_backward, channels_last"]) == twice
    assert all(cell["ratio"] > 0 and cell["seconds"] > 0 for column in measured.values() for cell in column.values())
    assert result["import"]["ratio"] > 0
    rows = capsys.readouterr().out.splitlines()
    assert [row.split()[0] for row in rows[3:-2]] == names


def test_the_benchmarks_are_a_table(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["benchmarks", "nothing"])
    with pytest.raises(SystemExit):
        command.main()
    errors = capsys.readouterr().err
    assert all(name in errors for name in command.BENCHMARKS)


def test_each_set_of_instruments_is_measured(monkeypatch, capsys):
    monkeypatch.setattr(instruments, "IMAGES", 1280)
    shares = instruments.run(rounds=1)["shares"]
    assert list(shares) == list(instruments.SETS)
    assert all(0 < share < 1 for (share,) in shares.values())
    assert len(capsys.readouterr().out.splitlines()) == len(shares)


def test_a_run_whose_memory_grows_is_seen():
    flat, growing = ([(1000 + slope * look, 4) for look in range(100)] for slope in (0, 1))
    assert long_run.summed_up(flat)["growth"] == 0
    assert long_run.summed_up(growing)["growth"] == pytest.approx(1094.5 / 1023 - 1, abs=0.01)


@pytest.mark.slow
def test_a_run_is_watched_from_outside(monkeypatch, capfd):
    result = long_run.run(rounds=1, steps=2000, every=0.2)
    assert result["rows of metrics.csv"] == 10
    assert result["bytes of report.html"] < 5_000_000
    assert 0 < result["fewest open files"] <= result["most open files"] < 20


# ------------------------------------------------------------------------------------------------------ simulations


def test_each_interval_of_each_generator_is_simulated(monkeypatch, capsys):
    monkeypatch.setattr(intervals, "SETTINGS", ((1, 300),))
    monkeypatch.setattr(intervals, "SIMULATIONS", 60)
    monkeypatch.setattr(intervals, "SIMULATIONS_OF_TV", {1: 10})
    (setting,) = intervals.run(rounds=1)["settings"]
    cells = setting["generators"]
    assert list(cells) == list(intervals.GENERATORS)
    assert all(list(row) == list(intervals.FIGURES) for row in cells.values())
    assert np.mean([cell["held"] for row in cells.values() for cell in row.values()]) > 0.9
    assert cells["perfect"]["kl"]["truth"] == pytest.approx(0)
    assert cells["half of the digits gone"]["covered_modes"]["truth"] == 5
    assert [cells["perfect"][name]["of"] for name in ("kl", "tv")] == [60, 10]
    rows = [line for line in capsys.readouterr().out.splitlines() if " · " in line]
    assert [row.split("|")[1].strip() for row in rows] == list(cells)


def test_an_interval_that_misses_the_truth_is_seen():
    missed = intervals.held(0.5, (np.zeros(100), np.where(np.arange(100) < 90, 1.0, 0.4)))
    assert (missed["held"], missed["width"]) == (0.9, pytest.approx(0.94))
    cell = dict.fromkeys(intervals.FIGURES, missed) | {"tv": missed | {"held": 0.98}, "kl": missed | {"held": 0.95}}
    setting = {"num_modes": 10, "num_samples": 300, "generators": {"some": cell}}
    page = intervals.markdown({"settings": [setting]})
    assert "5 intervals 1 held the truth in more than 97% (bold), 3 in less than 93% (!)" in " ".join(page.split())
    assert "| 90.0! · 0.94 " in page
    assert "| 95.0 · 0.94 " in page
    assert "| **98.0** · 0.94 " in page


def test_modes_are_found_where_the_classifier_errs(monkeypatch, capsys):
    for name, value in {"NUM_SAMPLES": 3_000, "TRUE": (10,), "ERRORS": (0.01,), "DRAWS": 2}.items():
        monkeypatch.setattr(leakage, name, value)
    result = leakage.run(rounds=1)
    assert [(cell["modes"], cell["kind"], cell["covered"]) for cell in result["known"]] == [
        (10, "even", 10),
        (10, "lumpy", 10),
    ]
    assert all(cell["raw"] > 20 and cell["effective"] > 11 for cell in result["known"])
    assert all(cell["misreading"] == pytest.approx(5, rel=0.4) for cell in result["misread"])
    (judged,) = result["real"]["judged"]
    assert judged == pytest.approx(result["real"]["expected"], abs=4 * result["real"]["expected_sd"])
    assert sum("| 10 " in line for line in capsys.readouterr().out.splitlines()) == 4


@pytest.mark.parametrize("kind", leakage.KINDS)
def test_a_confusion_errs_as_often_as_asked(kind):
    errors = leakage.KINDS[kind](0.02, np.random.default_rng(0))
    assert errors.sum(1) == pytest.approx(np.ones(10))
    assert 1 - np.diag(errors).mean() == pytest.approx(0.02)
    largest = (errors - np.diag(np.diag(errors))).max(1) / (1 - np.diag(errors))
    assert (largest.mean() > 0.4) == (kind == "lumpy")


def test_each_metric_is_measured(monkeypatch, capsys):
    monkeypatch.setattr(metrics, "SAMPLES", 60)
    monkeypatch.setattr(metrics, "evaluation", lambda: {"stacks": 26_000, "clock": 12.0, "processor": 20.0})
    result = metrics.run(rounds=1)
    assert all(min(cell.values()) >= 0 and cell["each"] > 0 for cell in result["seconds"].values())
    assert all(any(name in row for row in result["seconds"]) for name in [*metrics.FEATURES, "coverage", "judge"])
    printed = capsys.readouterr().out
    assert "stacked digits, from the command line to its figures: 20 s of the processor" in " ".join(printed.split())
    assert all(f"| {name} " in printed for name in result["seconds"])


def test_a_table_goes_between_its_markers(monkeypatch, tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# π\n\n<!-- a -->\nold\n<!-- /a -->\n\n<!-- b -->\n<!-- /b -->\n", encoding="utf-8")
    document.write("a", document.table(["x", "number"], [["long", "1"]]), page)
    written = page.read_text(encoding="utf-8")
    assert written == (
        "# π\n\n<!-- a -->\n\n| x    | number |\n| ---- | ------ |\n| long | 1      |\n\n<!-- /a -->\n\n"
        "<!-- b -->\n<!-- /b -->\n"
    )
    assert document.replaced(written, "a", "new") == document.replaced(document.replaced(written, "a", "x"), "a", "new")
    with pytest.raises(ValueError, match="has to have <!-- c --> and <!-- /c -->"):
        document.write("c", "", page)


def test_only_some_benchmarks_have_a_table_on_the_page(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["benchmarks", "norms", "--document"])
    with pytest.raises(SystemExit, match="2"):
        command.main()
    with_table = ", ".join(command.DOCUMENTED)
    assert f"norms has no table in docs/; {with_table} have one" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("study", [study_norms, study_norms_long, study_norms_ring])
def test_the_page_of_the_study_says_what_its_journals_say(monkeypatch, tmp_path, study):
    committed = study.TABLE
    monkeypatch.setattr(study, "TABLE", tmp_path / "table.csv")
    text = study.markdown(study.run(rounds=1))
    page = study.PAGE.read_text(encoding="utf-8")
    assert document.replaced(page, study.__name__.rpartition(".")[2], text, study.PAGE) == page
    assert (tmp_path / "table.csv").read_text() == committed.read_text()


def shifting(seed, ends, last):
    """A run that is healthy from 100 images on and has collapsed at 400, or not; its shift is 1, and then `last`."""
    looks = [[images, modes, 10, 0.9, ""] for images, modes in zip((100, 200, 300, 400), (9, 9, 9, ends), strict=True)]
    shifts = [[100, 1, 1], [200, 1, None], [300, last, 2], [400, 9, 9]]
    return Run({"a": "x"}, seed, "finished", {"looks": looks, "images": 400, "shifts": shifts}, 10.0)


def test_a_shift_that_rises_before_each_collapse_is_told():
    runs = [shifting(seed, 1, 3.0) for seed in range(6)] + [shifting(9, 9, 1.5)]
    told = study_norms_long.rise_of(runs[:6], runs, 1, "G")
    assert told.startswith("In G it was 3.00 times its mean since health at the last look before")
    assert "1.50 times, at the same images (6 seeds, p = 0.031)" in told
    assert "nothing can be told: 6 seeds" in study_norms_long.rise_of(runs[:5], runs, 1, "G")


def test_a_study_grows_as_the_table_says():
    one = {"images_per_second": 100.0, "seconds_per_run": 39.2, "between": 0.8, "first_start": 5.0}
    rows = scaling.rows({1: one, 2: one | {"images_per_second": 190.0}})
    assert rows[1] == ["2", "190", "1.90", "39.2", "0.80", "2.0 %", "5.0"]


@pytest.mark.slow
def test_the_command_writes_json(tmp_path):
    line = [sys.executable, "-m", "benchmarks", "limits", "--rounds", "1", "--json", f"{tmp_path}/x.json"]
    process = subprocess.run(line, capture_output=True, text=True, check=True)
    assert "of the ceiling" in process.stdout
    assert '"times_convolution"' in (tmp_path / "x.json").read_text()

"""The page of a run: what it says of good, collapsed, broken and foreign folders, and that no text of a run acts."""

import csv
import json
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from gannorm import cli
from gannorm.collapse import code
from gannorm.report.run import RunRecord, page, terminal, write
from gannorm.report.run.card import write_card


def run_folder(path: Path, modes: tuple[float, ...] = (9.0, 9.5, 9.8), **config: object) -> Path:
    """Write a run of looks with these effective modes, as `train.py` writes it."""
    (path / "samples").mkdir(parents=True)
    moments = [32_000 * (number + 1) for number in range(len(modes))]
    states = [code("healthy") if effective > 8 else code("severe") for effective in modes]
    rows = ["images_seen,train/discriminator_loss,coverage/num_modes,coverage/covered_modes,coverage/effective_modes,"]
    rows[0] += "coverage/effective_modes_low,coverage/effective_modes_high,coverage/high_quality,collapse/state"
    rows[0] += "".join(f",share/{mode}" for mode in range(10))
    for images, effective, state in zip(moments, modes, states, strict=True):
        shares = ",".join("0.1" for _ in range(10))
        rows.append(
            f"{images},1.3,10,{round(effective)},{effective},{effective - 0.1},{effective + 0.1},0.8,{state},{shares}"
        )
        Image.new("L", (120, 110), images // 1000).save(path / "samples" / f"{images:09d}.png")
    (path / "metrics.csv").write_text("\n".join(rows) + "\n")
    events = [
        {"images_seen": images, "state": "severe", "text": f"{images:,} images: severe"}
        for images, effective in zip(moments, modes, strict=True)
        if effective < 8
    ]
    (path / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    (path / "config.yaml").write_text(yaml.safe_dump({"name": "mnist", "seed_everything": 3, **config}))
    final = {"num_samples": 100, "num_modes": 10, "covered_modes": round(modes[-1]), "effective_modes": modes[-1]}
    final |= {"kl": 0.02, "high_quality": 0.8, "shares": [0.1] * 10, "covered": list(range(10))}
    results = {"name": config.get("name", "mnist"), "status": "finished", "images_seen": 96_000, "evaluation": final}
    results |= {"data": "mnist", "generator": {"norm": {"name": "batch"}}, "seconds": 60.0, "images_per_second": 1600.0}
    (path / "results.json").write_text(json.dumps({**results, "evaluation_seconds": 3.0}))
    return path


class Parts(HTMLParser):
    """Gather tags, text, and what is loaded from elsewhere."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text: list[str] = []
        self.labels: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        given = dict(attrs)
        self.labels += [given["aria-label"] or ""] if "aria-label" in given else []
        self.loaded += [given[key] or "" for key in ("src", "href") if key in given]
        if tag in ("svg", "img"):
            assert given.get("aria-label") or given.get("alt"), f"a picture without a text: {given}"

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_a_good_run_is_told_in_words_and_pictures_and_the_page_needs_nothing_else(tmp_path: Path) -> None:
    text = write([run_folder(tmp_path / "run")]).read_text()
    parts = Parts(text)
    said = " ".join(parts.text)
    assert "The run finished at 96,000 images. 10 of 10 modes are covered, 9.80 effective" in said
    assert "No event of severity warn or higher." in said
    assert any("effective from 9 to 9.8" in label for label in parts.labels)
    assert parts.tags.count("img") == 3
    assert all(link.startswith("data:") for link in parts.loaded)
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    assert len(text) < 5e6


def test_a_run_that_was_never_judged_is_not_told_as_good(tmp_path: Path) -> None:
    path = run_folder(tmp_path / "run")
    rows = [line.split(",") for line in (path / "metrics.csv").read_text().splitlines()]
    place = rows[0].index("collapse/state")
    rows[1:] = [[*row[:place], str(code("immature")), *row[place + 1 :]] for row in rows[1:]]
    (path / "metrics.csv").write_text("\n".join(map(",".join, rows)) + "\n")
    text = page([RunRecord.read(path)])
    assert 'class="verdict unknown"' in text
    assert "It never got out of immature" in text


def test_a_collapse_is_in_the_verdict_the_list_the_time_line_and_on_the_charts(tmp_path: Path) -> None:
    parts = Parts(page([RunRecord.read(run_folder(tmp_path / "run", (9.0, 4.0, 3.0)))]))
    said = " ".join(parts.text)
    assert "The worst event was severe at 64,000 images." in said
    assert "state at each look: healthy at 32,000 images, severe at 64,000 images" in parts.labels
    assert "64,000 images: severe" in parts.text


def test_text_of_a_run_never_acts(tmp_path: Path) -> None:
    name = "<script>alert(1)</script>"
    folder = run_folder(tmp_path / "run", name=name)
    (folder / "events.jsonl").write_text(json.dumps({"images_seen": 64, "state": name, "text": name}) + "\n")
    text = page([RunRecord.read(folder)])
    assert "<script>alert" not in text
    assert Parts(text).text[0].startswith(name)  # the title, as it was typed


@pytest.mark.parametrize("missing", ["config.yaml", "results.json", "metrics.csv", "events.jsonl", "samples"])
def test_what_is_missing_is_named_and_the_rest_is_shown(tmp_path: Path, missing: str) -> None:
    folder = run_folder(tmp_path / "run")
    shutil.rmtree(folder / missing) if missing == "samples" else (folder / missing).unlink()
    said = " ".join(Parts(page([RunRecord.read(folder)])).text)
    assert missing in said
    assert ("has not come to an end" in said) == (missing == "results.json")
    assert ("Samples" in said) == (missing != "samples")


@pytest.mark.parametrize("broken", ["config.yaml", "results.json", "metrics.csv", "events.jsonl"])
@pytest.mark.parametrize("content", ["{", "[1, 2]", "\x00", "a: : b"])
def test_a_broken_file_costs_its_own_part_only(tmp_path: Path, broken: str, content: str) -> None:
    folder = run_folder(tmp_path / "run")
    (folder / broken).write_text(content)
    assert "Samples" in page([RunRecord.read(folder)])


def test_a_run_of_another_version_is_shown_and_says_so(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run")
    results = json.loads((folder / "results.json").read_text())
    results |= {"versions": {"gannorm": "9.9"}, "evaluation": {"modes": 3}, "generator": "batch"}
    (folder / "results.json").write_text(json.dumps(results))
    said = " ".join(Parts(page([RunRecord.read(folder)])).text)
    assert "made by version 9.9" in said
    assert "This cannot be shown" in said
    assert "Samples" in said


def test_a_run_of_another_version_stands_beside_others(tmp_path: Path) -> None:
    folders = [run_folder(tmp_path / "a"), run_folder(tmp_path / "b")]
    results = json.loads((folders[1] / "results.json").read_text())
    results |= {"versions": None, "evaluation": {"modes": 3}, "generator": "batch"}
    (folders[1] / "results.json").write_text(json.dumps(results))
    said = page([RunRecord.read(folder) for folder in folders])
    assert "9.80" in said
    assert "<td>?</td>" in said


def test_several_runs_stand_side_by_side(tmp_path: Path) -> None:
    folders = [run_folder(tmp_path / "a"), run_folder(tmp_path / "b", (9.0, 4.0, 3.0))]
    target = write(folders, tmp_path / "both.html")
    parts = Parts(target.read_text())
    assert any("mnist a from 9 to 9.8; mnist b from 9 to 3" in label for label in parts.labels)
    assert "severe at 64,000" in parts.text


def test_a_page_stays_small_however_long_and_many_the_runs_are(tmp_path: Path) -> None:
    looks = tuple(9.0 + 0.5 * (number % 2) for number in range(3000))
    run = run_folder(tmp_path / "long", looks)
    for number in range(40):
        picture = Image.frombytes("L", (300, 300), np.random.default_rng(number).bytes(90_000))
        picture.save(run / "samples" / f"{number + 1}.png")
    record = RunRecord.read(run)
    assert 3_000_000 < len(page([record])) < 5_000_000
    many = page([record] * 20)
    assert len(many) < 5_000_000
    assert many.count('class="sheets"') > 3
    assert "gannorm report" in many  # how to get what has no room
    assert many.count("samples of mnist long at 96,000,000 images") == 20


def test_a_page_of_all_instruments_and_many_events_stays_small_and_has_both_ends(tmp_path: Path) -> None:
    run = run_folder(tmp_path / "deep", tuple(9.0 - 6.0 * (number % 2) for number in range(300)))
    rows = list(csv.DictReader((run / "metrics.csv").read_text().splitlines()))
    keys = {
        f"layer/{network}/block.{layer}/{place}/{name}"
        for network in ("generator", "discriminator_real", "discriminator_fake")
        for layer in range(12)
        for place in ("in", "out")
        for name in ("drift", "spread", "dead")
    }
    keys |= {
        f"spectrum/{network}/block.{layer}/{name}"
        for network in ("generator", "discriminator")
        for layer in range(12)
        for name in ("largest", "rank")
    }
    numbers = np.random.default_rng(0).random((len(rows), len(keys)))
    with (run / "metrics.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0], *sorted(keys)])
        writer.writeheader()
        writer.writerows(
            row | dict(zip(sorted(keys), some, strict=True)) for row, some in zip(rows, numbers, strict=True)
        )
    for number in range(80):
        picture = Image.frombytes("L", (300, 300), np.random.default_rng(number).bytes(90_000))
        picture.save(run / "samples" / f"{number + 1}.png")
    text = page([RunRecord.read(run)])
    assert len(text) < 5_000_000
    assert text.count("block.11") > 20
    assert 'data-images="1"' in text
    assert 'data-images="9,600,000"' in text
    assert "sheets are left out, for want of room" in text


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("results.json", '{"status": "finished", "evaluation": null, "versions": ["a"], "images_seen": "many"}'),
        ("results.json", '{"evaluation": {"covered_modes": null, "num_modes": "x"}, "real": 3}'),
        ("results.json", "[" * 100_000),
        ("metrics.csv", "images_seen,coverage/num_modes\nnan,10\n64,nan\n"),
        ("metrics.csv", "images_seen,a\n64," + "x" * 200_000),
        ("events.jsonl", '{"state": 3, "images_seen": "soon"}\n{"state": "\\u001b[31mred", "images_seen": 64}\n'),
        ("judge.json", '{"prior": "none"}'),
        ("samples/².png", ""),
    ],
)
def test_foreign_content_is_no_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], file: str, content: str
) -> None:
    folder = run_folder(tmp_path / "run")
    (folder / file).write_text(content)
    assert cli.main(["report", str(folder)]) == 0
    assert "Samples" in (folder / "report.html").read_text()
    capsys.readouterr()
    assert cli.main(["report", "--terminal", str(folder)]) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_a_folder_where_a_file_should_be_costs_its_own_part_only(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run")
    (folder / "events.jsonl").unlink()
    (folder / "events.jsonl").mkdir()
    assert "Samples" in page([RunRecord.read(folder)])


def test_a_run_that_goes_on_is_held_against_the_judges_frequencies(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run")
    (folder / "results.json").unlink()
    assert "mode 3 at 96,000 images: 1.00 times" in page([RunRecord.read(folder)])  # of an old folder: equal ones
    (folder / "judge.json").write_text(json.dumps({"prior": [0.08, 0.12] * 5}))
    assert "mode 3 at 96,000 images: 0.83 times" in page([RunRecord.read(folder)])


def test_a_failed_run_does_not_look_like_a_warning(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run", (9.0, 7.9, 9.0))
    (folder / "events.jsonl").write_text('{"images_seen": 64, "state": "partial", "text": "partial"}\n')
    results = json.loads((folder / "results.json").read_text()) | {"status": "failed", "reason": "a disk was full"}
    (folder / "results.json").write_text(json.dumps(results))
    assert 'class="verdict error"' in page([RunRecord.read(folder)])


def test_what_cannot_be_done_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = run_folder(tmp_path / "run")
    assert cli.main(["report", str(folder), "--output", str(tmp_path / "nowhere" / "page.html")]) == 2
    assert "cannot be written" in capsys.readouterr().err
    assert cli.main(["report", str(folder), "--terminal", "--output", "page.html"]) == 2
    assert "--terminal writes no page" in capsys.readouterr().err


def test_the_command_writes_the_page_or_plots(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = run_folder(tmp_path / "run")
    assert cli.main(["report", str(folder)]) == 0
    assert capsys.readouterr().out.strip() == str(folder / "report.html")
    assert cli.main(["report", "--terminal", str(folder)]) == 0
    assert "9.80 effective" in capsys.readouterr().out
    assert "•" in terminal(RunRecord.read(folder))


def test_the_card_has_the_measured_figures_where_hubs_read_them(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run", (9.0, 4.0, 3.0))
    write_card(folder)  # no generator was saved: nothing to describe
    (folder / "generator").mkdir()
    write_card(folder)
    _, front, text = (folder / "generator" / "README.md").read_text().split("---\n", 2)
    (result,) = yaml.safe_load(front)["model-index"][0]["results"]
    assert {metric["name"]: metric["value"] for metric in result["metrics"]}["effective modes"] == 3.0
    assert "the worst event was severe at 64,000 images" in text


def test_what_is_no_run_folder_is_one_line_and_exit_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["report", str(tmp_path / "nothing")]) == 2
    assert "is no folder" in capsys.readouterr().err
    run_folder(tmp_path / "runs" / "x")
    assert cli.main(["report", str(tmp_path / "runs")]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "is no run folder" in error
    assert str(tmp_path / "runs" / "x") in error  # the way out


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1200])
def test_a_browser_runs_the_page(tmp_path: Path, width: int) -> None:
    """The script fills in the slider's number, and nothing is wider than the window."""
    target = write([run_folder(tmp_path / "run", (9.0, 4.0, 3.0))])
    probe = "<script>document.title='wide '+document.documentElement.scrollWidth+' '+innerWidth</script></body>"
    target.write_text(target.read_text().replace("</body>", probe))
    command = [
        "chromium",
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        f"--window-size={width},900",
        "--dump-dom",
    ]
    found = subprocess.run([*command, target.as_uri()], capture_output=True, text=True, check=True, timeout=60).stdout
    assert "<output>96,000</output>" in found
    _, wide, inner = found.partition("<title>")[2].partition("</title>")[0].split()
    assert int(wide) <= int(inner)

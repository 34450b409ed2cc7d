"""A study that is killed at random moments comes to what one that never was comes to, and repeats next to nothing."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from gannorm import cli
from gannorm.training.run_folder import RunFolder
from tests.test_study import CONFIG, command, journal, written

pytestmark = pytest.mark.slow
LONG: dict[str, Any] = {
    **CONFIG,
    "images": 38_400,
    "log_every_images": 1600,
    "evaluation": {**CONFIG["evaluation"], "every_images": 3200},
}
KILLS = 5
SAME = ("id", "status", "images", "final", "raw", "looks", "events")


def sheets(folder: Path, until: int) -> dict[str, int]:
    """Return when each sheet of samples up to an image was written: a step that is taken again writes it again."""
    found = {path.name: path.stat().st_mtime_ns for path in (folder / "samples").glob("*.png")}
    return {name: written_at for name, written_at in found.items() if int(name.removesuffix(".png")) <= until}


def saved(runs: Path) -> dict[Path, int]:
    """Return how far the last checkpoint of each run is."""
    folders = [path.parents[1] for path in runs.glob("*/checkpoints/last.ckpt")]
    return {folder: RunFolder(folder).checkpoint(resume=True)[1] for folder in folders}


def killed(arguments: list[str], runs: Path, seconds: float) -> None:
    """Start a study, and kill it so long after something new was written."""
    before = traces(runs)
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while traces(runs) == before and process.poll() is None:
        time.sleep(0.02)
    time.sleep(seconds)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


def traces(runs: Path) -> list[tuple[str, int]]:
    """Return all metrics files as they are now."""
    return [(str(path), path.stat().st_mtime_ns) for path in sorted(runs.glob("*/metrics.csv"))]


def test_killed_at_random_moments_it_comes_to_the_same_and_repeats_only_what_was_not_saved(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    never, often = (tmp_path / name for name in ("never", "often"))
    for folder in (never, often):
        folder.mkdir()
        written(folder, config=LONG)
    runs = often / "runs" / "tiny"
    arguments = [sys.executable, "-m", "gannorm", *command(often / "tiny.yaml")]
    moments = random.Random(0)
    kept: list[tuple[Path, int, dict[str, int]]] = []
    for _ in range(KILLS):
        killed(arguments, runs, moments.uniform(0, 2))
        time.sleep(1)  # workers notice it
        kept += [(folder, images, sheets(folder, images)) for folder, images in saved(runs).items()]
    assert cli.main(command(often / "tiny.yaml")) == 0
    assert cli.main(command(never / "tiny.yaml")) == 0
    one, other = (
        {line["key"]: [line[name] for name in SAME] for line in journal(folder / "tiny.yaml")}
        for folder in (never, often)
    )
    assert one == other
    assert len(journal(often / "tiny.yaml")) == 4
    assert any(0 < images < LONG["images"] for _, images, _ in kept)  # some were killed on the way
    for folder, images, before in kept:
        assert len(before) == images // LONG["evaluation"]["every_images"]
        assert sheets(folder, images) == before

"""A blind judgment: plain sheets of many runs and moments, mixed and numbered, for somebody who sees pictures only."""

import csv
import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from benchmarks.collapse_runs.journal import WARN, entry
from gannorm.callbacks.sample_grid import sheet_name
from gannorm.collapse import STATES, Thresholds
from gannorm.statistics import share_interval

PER_PAGE, COLUMNS, SIDE = 12, 4, 280
MOMENTS = 2  # of each run: one of its first half after the warm-up, one of its second
VERDICTS: dict[str, tuple[str, ...]] = {
    "healthy": ("healthy", "recovered", "precursor", "imbalance", "immature"),
    "poor": ("immature", "never healthy", "diverging", "imbalance", "precursor"),
    "missing": ("partial", "mode dropped", "severe", "hopping", "intra-mode", "never healthy"),
    "few": ("intra-mode", "partial", "severe", "total", "hopping", "never healthy"),
    "one": ("total", "severe", "intra-mode", "never healthy", "diverging"),
    "noise": ("never healthy", "diverging", "total", "intra-mode", "immature"),
}
"""What a judge can say of a sheet, and with which states it agrees.

What never was healthy, or fell apart, may show few pictures too; and noise is often one picture."""

WIDENED: dict[str, tuple[str, ...]] = {
    "missing": ("never healthy",),
    "few": ("never healthy",),
    "one": ("never healthy", "diverging"),
    "noise": ("intra-mode",),
}
"""States that were added after the first judgment."""

SILENT = "immature"  # the detector makes no statement

ASKED = """healthy: all or nearly all digits, varied; some may be unreadable
poor: digits of many kinds, but most are half-formed or unreadable
missing: readable, but some digits are missing or a few kinds prevail
few: few kinds of pictures, again and again
one: hardly more than one picture
noise: no digits, whether they differ or not"""


def prepare(folders: Sequence[Path], output: Path, seed: int = 0) -> None:
    """Write pages of numbered sheets, what is asked, and apart from them the key."""
    choice = random.Random(seed)
    sheets = [(path, images) for path in folders for images in moments(path, choice)]
    choice.shuffle(sheets)
    output.mkdir(parents=True, exist_ok=True)
    for first in range(0, len(sheets), PER_PAGE):
        mosaic(sheets[first : first + PER_PAGE], first).save(output / f"page-{first // PER_PAGE + 1:02d}.png")
    (output / "what-is-asked.txt").write_text(ASKED + "\n")
    key = [{"sheet": number, **moment(path, images)} for number, (path, images) in enumerate(sheets, start=1)]
    (output / "key.json").write_text(json.dumps(key, indent=1) + "\n")


def moments(path: Path, choice: random.Random) -> list[int]:
    """Return images seen of the looks that are shown of a run, of those after which the detector may speak."""
    warm_up = Thresholds().warm_up_images
    looks = [look["images_seen"] for look in entry(path)["looks"] if look["images_seen"] >= warm_up]
    half = len(looks) // 2
    return [choice.choice(part) for part in (looks[:half], looks[half:])][:MOMENTS]


def moment(path: Path, images: int) -> dict[str, Any]:
    """Return which run and moment a sheet is of, and the detector's state there."""
    run = entry(path)
    state = next(look["state"] for look in run["looks"] if look["images_seen"] == images)
    return {"config": run["config"], "seed": run["seed"], "images_seen": images, "state": state}


def mosaic(sheets: Sequence[tuple[Path, int]], first: int) -> Image.Image:
    """Return one page of sheets with their numbers."""
    rows = -(-len(sheets) // COLUMNS)
    page = Image.new("L", (COLUMNS * (SIDE + 4), rows * (SIDE + 18)), 255)
    for place, (path, images) in enumerate(sheets):
        left, top = place % COLUMNS * (SIDE + 4), place // COLUMNS * (SIDE + 18)
        page.paste(Image.open(path / "plain" / sheet_name(images)), (left, top + 16))
        ImageDraw.Draw(page).text((left + 4, top + 2), str(first + place + 1), fill=0)
    return page


def agreement(key: Sequence[Mapping[str, Any]], verdicts: Mapping[int, str]) -> dict[str, Any]:
    """Return how often the judge agrees with the detector, with an interval, and what was called what.

    Example:
        >>> key = [{"sheet": 1, "state": "total"}, {"sheet": 2, "state": "healthy"}]
        >>> agreement(key, {1: "one", 2: "missing"})["share"]
        0.5
    """
    pairs = [(verdicts[sheet["sheet"]], sheet["state"]) for sheet in key]
    agreed = sum(state in VERDICTS[verdict] for verdict, state in pairs)
    spoken = [pair for pair in pairs if pair[1] != SILENT]
    warned = sum((STATES[state].level >= WARN) == (verdict not in ("healthy", "poor")) for verdict, state in pairs)
    low, high = share_interval(agreed, len(pairs))
    table = Counter(f"{verdict} / {state}" for verdict, state in pairs)
    return {
        "sheets": len(pairs),
        "agreed": agreed,
        "share": agreed / len(pairs),
        "low": low,
        "high": high,
        "warned_alike": warned / len(pairs),
        "spoken": len(spoken),
        "spoken_agreed": sum(state in VERDICTS[verdict] for verdict, state in spoken),
        "pairs": dict(sorted(table.items())),
    }


def read_verdicts(path: Path) -> dict[int, str]:
    """Return verdicts by the number of the sheet, from a CSV with the columns sheet and verdict.

    Raises:
        ValueError: A verdict that is none.
    """
    with path.open(newline="") as file:
        found = {int(row["sheet"]): row["verdict"].strip() for row in csv.DictReader(file)}
    if wrong := {verdict for verdict in found.values() if verdict not in VERDICTS}:
        raise ValueError(f"{path}: {', '.join(sorted(wrong))} is none of {', '.join(VERDICTS)}")
    return found

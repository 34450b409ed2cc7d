"""Sample sheets on a page: over time with a slider, or the last ones of several runs; as many as there is room for."""

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path

from gannorm.report.run.curves import is_bad
from gannorm.report.run.record import RunRecord

FRAME = 300  # letters around a picture


def samples(record: RunRecord, room: int) -> str:
    """Return a run's sample sheets over time with a slider; those of both ends and at events come first.

    Args:
        record: Of the run.
        room: Letters that the section may take.
    """
    if not record.sheets:
        return ""
    chosen = chosen_sheets(record, room)
    left_out = len(record.sheets) - len(chosen)
    note = f"<p>{left_out} of {len(record.sheets)} sheets are left out, for want of room.</p>" if left_out else ""
    if not chosen:
        return note
    pictures = "".join(
        picture(
            path,
            f"samples at {images:,} images, one row for each mode, rejected ones last",
            f' data-images="{images:,}"{"" if path == chosen[-1][1] else " hidden"}',
        )
        for images, path in chosen
    )
    return (
        '<div class="sheets"><label>images seen: <output></output>'
        f'<input type="range" min="0" max="{len(chosen) - 1}" value="{len(chosen) - 1}" '
        f'aria-label="moment of the sample sheet"></label>{pictures}</div>{note}'
    )


def last_sheets(records: Sequence[RunRecord], room: int) -> str:
    """Return the last sheet of each run side by side, as far as there is room; empty where no run has any.

    Args:
        records: Of the runs.
        room: Letters that the section may take.
    """
    figures, left_out = [], 0
    for record in (record for record in records if record.sheets):
        images, path = record.sheets[-1]
        room -= letters(path)
        if room < 0:
            left_out += 1
            continue
        said = f"{record.title} at {images:,} images"
        drawn = picture(path, f"samples of {said}, one row for each mode, rejected ones last")
        figures.append(f'<figure class="chart">{drawn}<figcaption>{escape(said)}</figcaption></figure>')
    note = f"<p>The last sheets of {left_out} more runs are left out, for want of room.</p>" if left_out else ""
    return f'<div class="charts side">{"".join(figures)}</div>{note}' if figures or note else ""


def picture(path: Path, said: str, more: str = "") -> str:
    """Return a picture with its text."""
    data = base64.b64encode(path.read_bytes()).decode()
    return f'<img{more} alt="{escape(said)}" src="data:image/png;base64,{data}">'


def letters(path: Path) -> int:
    """Return how many letters a picture takes in a page."""
    return FRAME + (path.stat().st_size + 2) // 3 * 4


def chosen_sheets(record: RunRecord, room: int) -> list[tuple[int, Path]]:
    """Return the sheets that there is room for."""
    told = {event["images_seen"] for event in record.events if is_bad(event["state"])}
    ranked = sorted(
        range(len(record.sheets)),
        key=lambda place: (
            place not in (0, len(record.sheets) - 1),
            record.sheets[place][0] not in told,
            -(place & -place),  # those at coarse steps before those between
        ),
    )
    chosen = []
    for place in ranked:
        if (needed := letters(record.sheets[place][1])) <= room:
            chosen.append(place)
            room -= needed
    return [record.sheets[place] for place in sorted(chosen)]

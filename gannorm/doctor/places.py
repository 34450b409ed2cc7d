"""Where runs go: whether that can be written to, and how much room there is."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile

from gannorm.doctor.finding import Finding, State

LITTLE = 2**30  # bytes; a study of small runs fills them


def runs_folder(folder: Path) -> Iterator[Finding]:
    """Write a file without a name where the folder is, or would be made, and ask how much room is left."""
    from gannorm.training.run_folder import ROOM

    there = folder.absolute()
    parent = next(path for path in (there, *there.parents) if path.exists())
    way_out = "choose another place with --folder"
    try:
        with TemporaryFile(dir=parent) as file:
            file.write(b"gannorm")
            file.flush()
        free = shutil.disk_usage(parent).free
    except OSError as error:
        yield Finding("runs folder", f"{parent} cannot be written to: {error.strerror}", "wrong", way_out)
        return
    told = f"{there}: can be written to, {free / 2**30:,.1f} GiB free"
    details = {"folder": str(there), "bytes_free": free}
    if free < LITTLE:
        state: State = "wrong" if free < ROOM else "warning"
        yield Finding("runs folder", told, state, f"make room, or {way_out}", details)
    else:
        yield Finding("runs folder", told, details=details)

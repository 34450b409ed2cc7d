"""Who writes to a run folder: one process at a time."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from gannorm import files
from gannorm.training.errors import RunFolderError

NAME = "run.lock"


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Be the only process that writes to a run folder, which is made, and remove what a killed one had half written.

    The lock ends with the process, however that ends, and children do not inherit it: `lockf`, not `flock`.

    Raises:
        RunFolderError: Another process writes there, or nobody can.
    """
    try:
        file = (files.folder(folder) / NAME).open("a")
    except files.NotWrittenError as error:
        raise RunFolderError(f"{error}; choose another --folder") from None
    except OSError as error:
        raise RunFolderError(f"{folder} cannot be written to: {error.strerror}; choose another --folder") from None
    with file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            raise RunFolderError(
                f"another process is writing to run {folder}; wait for it, or start beside it with --fresh"
            ) from None
        except OSError as error:
            raise RunFolderError(f"{file.name} cannot be locked: {error.strerror}; choose another --folder") from None
        for depth in ("", "*/"):
            for left_over in folder.glob(f"{depth}*{files.TEMPORARY}"):
                left_over.unlink(missing_ok=True)
        yield

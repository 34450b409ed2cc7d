"""Files that are whole or not there, whatever happens while they are written: a kill, a full disk, a power cut."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

TEMPORARY = ".tmp"  # ends the name of what is not yet in its place
BYTES = {"encoding": "utf-8", "errors": "replace"}


class NotWrittenError(OSError):
    """A file could not be written; what was there before is still there, as it was."""


@contextlib.contextmanager
def in_place_of(path: Path) -> Iterator[Path]:
    """Give the block a path beside a file to write to; then sync it and put it in the file's place.

    Args:
        path: Of the file; its folder is there. What the block writes is removed if the block fails.

    Raises:
        NotWrittenError: It could not be written; the file is what it was before.

    Example:
        >>> from tempfile import mkdtemp
        >>> path = Path(mkdtemp()) / "x.txt"
        >>> with in_place_of(path) as beside:
        ...     _ = beside.write_text("whole")
        >>> [file.name for file in path.parent.iterdir()]
        ['x.txt']
    """
    beside = path.with_name(path.name + TEMPORARY)
    try:
        yield beside
        sync(beside)
        os.replace(beside, path)
        sync(path.parent)
    except OSError as error:
        raise not_written(path, error) from error
    finally:
        with contextlib.suppress(OSError):  # there to be removed only if something went wrong
            beside.unlink(missing_ok=True)


def folder(path: Path) -> Path:
    """Make a folder if it is not there, with those around it, and return it.

    Raises:
        NotWrittenError: It could not be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_written(path, error) from error
    return path


def write(path: Path, content: str | bytes) -> None:
    """Write a file whole, or leave what was there.

    Args:
        path: Of the file; its folder is there.
        content: Text is written as UTF-8.

    Raises:
        NotWrittenError: It could not be written; the file is what it was before.

    Example:
        >>> from tempfile import mkdtemp
        >>> path = Path(mkdtemp()) / "x.txt"
        >>> write(path, "text")
        >>> path.read_text()
        'text'
    """
    with in_place_of(path) as beside:
        beside.write_bytes(content.encode(**BYTES) if isinstance(content, str) else content)


def append(path: Path, line: str) -> None:
    r"""Add a line to a file, synced: all of it or nothing. A last line that was torn by a kill is ended first.

    Args:
        path: Of the file; it may not be there yet, its folder is.
        line: Without the newline at its end.

    Raises:
        NotWrittenError: It could not be written; the file is what it was before.

    Example:
        >>> from tempfile import mkdtemp
        >>> path = Path(mkdtemp()) / "x.txt"
        >>> append(path, "a"), append(path, "b")
        (None, None)
        >>> path.read_text()
        'a\nb\n'
    """
    try:
        with path.open("a+b", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            torn = bool(size) and (file.seek(-1, os.SEEK_END), file.read(1))[1] != b"\n"
            try:
                write_all(file.fileno(), (b"\n" if torn else b"") + line.encode(**BYTES) + b"\n")
                os.fsync(file.fileno())
            except OSError:
                file.truncate(size)
                raise
    except OSError as error:
        raise not_written(path, error) from error


def write_all(descriptor: int, content: bytes) -> None:
    """Write all bytes: on a disk that fills up the system takes a part of them first, and refuses the next call."""
    while content:
        content = content[os.write(descriptor, content) :]


def sync(path: Path) -> None:
    """Wait until a file, or the list of a folder's files, is on the disk; not every file system can do the latter."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        if not path.is_dir():
            raise
    finally:
        os.close(descriptor)


def not_written(path: Path, error: OSError) -> NotWrittenError:
    """Return the error that names the file; one that names a file already stays as it is."""
    if isinstance(error, NotWrittenError):
        return error
    return NotWrittenError(f"{path} cannot be written: {error.strerror or error}")

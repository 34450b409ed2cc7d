"""What a person sees while a run goes on: one console that the progress bar shares."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console


@functools.cache
def console() -> Console:
    """Return the console on standard output."""
    return Console(highlight=False, soft_wrap=True)


@functools.cache
def errors() -> Console:
    """Return the console on standard error."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def say(line: str) -> None:
    """Print one line, above the progress bar if there is one; nothing after `quiet`."""
    console().print(line, markup=False)


def warn(line: str) -> None:
    """Print one line that somebody should act on, to standard error, `quiet` or not."""
    errors().print(f"warning: {line}", markup=False)


@contextmanager
def quiet(on: bool) -> Iterator[None]:
    """Keep standard output empty in the block; warnings and errors still come."""
    before, console().quiet = console().quiet, on
    try:
        yield
    finally:
        console().quiet = before

"""The page of a run that has come to an end, and the card of its generator."""

from pathlib import Path

from gannorm import screen
from gannorm.report.run.card import write_card
from gannorm.report.run.page import NAME, write


def write_page(folder: Path) -> None:
    """Write report.html and the generator's card; a run is not lost for want of them."""
    try:
        write_card(folder)
        write([folder])  # last: where it is, all is
    except Exception as error:  # the outcome is there already
        screen.warn(f"no {NAME}: {type(error).__name__}: {error}")


def complete_page(folder: Path) -> None:
    """Write them if a finished run has no page: it was killed after it had written its results."""
    if not (folder / NAME).exists():
        write_page(folder)

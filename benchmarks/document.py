"""Tables that benchmarks measured, as Markdown, and where they stand in the documentation.

A table stands between `<!-- name -->` and `<!-- /name -->`, and `python -m benchmarks name --document` writes it there:
no measured number is typed by hand.
"""

import os
import textwrap
from pathlib import Path

import torch

PAGE = Path(__file__).parents[1] / "docs" / "measuring.md"
SPEED = PAGE.with_name("speed.md")


def table(header: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table whose columns are as wide as what stands in them."""
    widths = [max(len(line[column]) for line in [header, *rows]) for column in range(len(header))]
    lines = [header, ["-" * width for width in widths], *rows]
    return "\n".join(
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))} |" for line in lines
    )


def paragraph(text: str) -> str:
    """Return a text in lines of 120 characters, as the page has them."""
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


def machine() -> str:
    """Return where seconds were measured, in words."""
    threads = torch.get_num_threads()
    return f"{os.cpu_count()} cores, {threads} thread{'s' * (threads > 1)}, no GPU, torch {torch.__version__}"


def replaced(text: str, name: str, block: str, page: Path = PAGE) -> str:
    """Return a page in which the block between the markers of this name is another.

    Raises:
        ValueError: The page has not both markers, once each and in order.
    """
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, opened, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not (opened and closed) or begin in after or end in before + after:
        raise ValueError(f"{page.name} has to have {begin} and {end} once each, in this order")
    return f"{before}{begin}\n\n{block}\n\n{end}{after}"


def write(name: str, block: str, page: Path = PAGE) -> None:
    """Put a block into a page."""
    page.write_text(replaced(page.read_text(encoding="utf-8"), name, block, page), encoding="utf-8")

"""A study in Markdown: what may be concluded, the maps, the tests, and the best cell of each field."""

from collections.abc import Sequence
from html import escape

from gannorm.report.study.claims import sentences
from gannorm.report.study.effects import factor_rows, outcome_rows, pair_rows
from gannorm.report.study.maps import Map, definitions, maps_of
from gannorm.report.study.sections import intervals, rows, state
from gannorm.report.study.told import Told


def markdown(told: Told) -> str:
    """Return a study as Markdown.

    Args:
        told: The study, with a run that ended or more.
    """
    claims = [state(told.record), *sentences(told.factors, told.effects, told.outcome)]
    parts = ["\n".join(f"- {plain(claim)}" for claim in claims), definitions()]
    parts += [f"**{plain(one.title)}**\n\n{matrix(one, told)}" for one in maps_of(told)]
    tables = {"Factors": factor_rows, "Pairs of levels": pair_rows, "Outcomes apart": outcome_rows}
    for heading, (head, body) in ((heading, rows_of(told)) for heading, rows_of in tables.items()):
        parts += [f"**{heading}**\n\n{table(head, body)}"] if body else []
    head, body = rows(told, list(told.best.values()))
    parts += [f"**The best cell of each field**\n\n{table(head, body)}", intervals()]
    return "\n\n".join(parts) + "\n"


def matrix(one: Map, told: Told) -> str:
    """Return a map as a table."""
    names, columns = (list(told.record.factors[factor]) for factor in told.pair)
    head = [f"{told.pair[0]} \\ {told.pair[1]}", *columns]
    body = [[name, *(one.texts.get((name, column), "") for column in columns)] for name in names]
    return table(head, body)


def table(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    r"""Return a table in Markdown.

    Example:
        >>> print(table(["a"], [["x|y"]]))
        | a |
        |---|
        | x\|y |
    """
    written = ["| " + " | ".join(plain(cell) for cell in line) + " |" for line in (head, *body)]
    return "\n".join([written[0], "|" + "---|" * len(head), *written[1:]])


def plain(text: str) -> str:
    """Return a text that is no more than a text in Markdown."""
    return escape(" ".join(text.split()), quote=False).replace("|", "\\|").replace("*", "\\*")

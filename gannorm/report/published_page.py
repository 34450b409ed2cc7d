"""The published numbers as a page of the documentation, written anew by `python -m gannorm.report.published_page`."""

from collections.abc import Callable

from gannorm.published import Published, benchmarks, left_out, published

PAGE = "docs/published.md"
REWRITE = f"python -m gannorm.report.published_page > {PAGE}"

INTRODUCTION = f"""# Published numbers

What papers report, as they print it. `gannorm.published` holds the rows, `gannorm evaluate ... --compare smnist` puts a
result among them. This page is written by

```
{REWRITE}
```

**Read** rows were seen in the paper, in a full copy of its text or in the authors' own picture of the table;
*remembered* ones were not, so check them before you quote them. **KL** is the printed one: KL(fake ‖ uniform) from
counts, without correction, natural logarithm unless the row says log10. **Effective** modes are derived, K e^(−KL) with
KL in nats: the number of equally likely modes with the same entropy. They say what a count of modes hides. **SD** is
derived too, the standard deviation of single runs, where the paper says enough; behind ± stands what it printed. Rows
are means over runs of one set-up, and no two papers' set-ups are the same: the protocol, a name of
`gannorm.protocols`, says how each counted."""


def page() -> str:
    """Return the page: a table for each benchmark, and what is missing.

    Example:
        >>> page().splitlines()[0]
        '# Published numbers'
    """
    missing = "\n".join(f"- {one}" for one in left_out())
    return "\n\n".join([INTRODUCTION, *map(section, benchmarks()), f"## Not here\n\n{missing}"])


def section(benchmark: str) -> str:
    """Return a benchmark's rows as a Markdown table; columns that no row fills are left out."""
    rows = published(benchmark)
    shown = {name: cell for name, cell in COLUMNS.items() if any(cell(row) for row in rows)}
    lines = [list(shown), ["---"] * len(shown), *([cell(row) for cell in shown.values()] for row in rows)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"## {benchmark}\n\n{benchmarks()[benchmark].title}.\n\n{table}"


def _figure(name: str) -> Callable[[Published], str]:
    """Return a cell with a printed figure and its ±."""

    def cell(row: Published) -> str:
        value, spread = getattr(row, name), getattr(row, f"{name.removesuffix('_percent')}_spread")
        return ("" if value is None else f"{value:g}") + ("" if spread is None else f" ± {spread:g}")

    return cell


def _kl(row: Published) -> str:
    return _figure("kl")(row) + (f" (log{row.log_base})" if row.log_base != "e" else "")


def _derived(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _source(row: Published) -> str:
    return ", ".join(filter(None, [f"{row.authors} {row.year} ({row.paper})", row.table]))


def _notes(row: Published) -> str:
    said = ["training failed" if row.failed else None, "stands here twice" if row.repeats else None, row.note]
    return "; ".join(filter(None, said))


COLUMNS: dict[str, Callable[[Published], str]] = {
    "method": lambda row: row.method,
    "modes": _figure("modes"),
    "SD": lambda row: _derived(row.modes_sd),
    "KL": _kl,
    "effective": lambda row: _derived(row.effective_modes),
    "high quality, %": _figure("high_quality_percent"),
    "IvOM": _figure("ivom"),
    "Inception Score": _figure("inception"),
    "FID": _figure("fid"),
    "±": lambda row: row.spread or "",
    "runs": lambda row: str(row.runs or ""),
    "N": lambda row: f"{row.num_samples:,}" if row.num_samples else "",
    "rule": lambda row: row.rule or "",
    "protocol": lambda row: f"`{row.protocol}`" if row.protocol else "",
    "source": _source,
    "evidence": lambda row: row.read if row.read == "read" else f"*{row.read}*",
    "notes": _notes,
}


if __name__ == "__main__":
    print(page())

"""The protocols as a page of the documentation, written anew by `python -m gannorm.report.protocols_page`.

It is the file as it stands; `gannorm.protocols`, which checks the file, stands above this room.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from gannorm import records

PAGE = "docs/protocols.md"
REWRITE = f"python -m gannorm.report.protocols_page > {PAGE}"
FILE = Path(__file__).parents[1] / "protocols.yaml"
UNSAID = "?"

Fields = dict[str, Any]

INTRODUCTION = f"""# Protocols

How results are measured, by name and version. `gannorm.protocols` holds the rules as data; a protocol makes its data
and its judge, and `Protocol.legacy` computes what the paper's code prints, faults included. This page is written by

```
{REWRITE}
```

**N** is the number of samples. **Counted** says which samples enter the modes and the KL: all, or those that the rule
accepts. **KL to** is the reference q of Σ p log(p / q) and the base of its logarithm. **{UNSAID}** stands where the
source does not say, a dash where the protocol has no such figure. **Read** protocols were seen in the paper or its
code; *remembered* ones were not, so check them before you quote them. The data and the judge are this package's, and
stand for the paper's; where that makes a difference, a note says so. [Published numbers](published.md) name the
protocol that they follow, [how to read a result](measuring.md) explains the figures."""


def page() -> str:
    """Return the page: a table of all protocols, then a section with the rule, the sources and the notes of each.

    Example:
        >>> page().splitlines()[0]
        '# Protocols'
    """
    content = records.read(FILE)["protocols"]
    lines = [list(COLUMNS), ["---"] * len(COLUMNS)]
    lines += [[cell(name, fields) for cell in COLUMNS.values()] for name, fields in content.items()]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return "\n\n".join([INTRODUCTION, table, *(section(name, fields) for name, fields in content.items())])


def section(name: str, fields: Fields) -> str:
    """Return what a table has no room for."""
    said = {title: fields.get(key) for key, title in SECTION.items()}
    lines = [f"- {title}: {text.rstrip('.')}." for title, text in said.items() if text]
    notes = [f"- {note.rstrip('.')}." for note in fields["notes"]]
    return f"## {name}\n\n{fields['title']}.\n\n" + "\n".join(lines + notes)


def link(name: str) -> str:
    """Return the anchor of a section, as Markdown pages make it of a title.

    Example:
        >>> link("smnist/veegan-pacgan")
        'smnistveegan-pacgan'
    """
    return "".join(letter for letter in name.lower() if letter.isalnum() or letter in "-_")


def _built(key: str) -> Callable[[str, Fields], str]:
    """Return a cell that says how an object is made."""

    def cell(_: str, fields: Fields) -> str:
        built = fields[key]
        options = ", ".join(f"{name}={value}" for name, value in built.get("init_args", {}).items())
        return f"`{built['class_path'].rpartition('.')[2]}({options})`"

    return cell


def _num_samples(_: str, fields: Fields) -> str:
    return UNSAID if fields["num_samples"] is None else f"{fields['num_samples']:,}"


def _counted(_: str, fields: Fields) -> str:
    """Return over which samples each reported figure is taken."""
    over = {"modes": fields["modes_over"] or UNSAID, "kl": fields["kl_over"] or UNSAID}
    counted = [f"{NAMES[figure]}: {over[figure]}" for figure in fields["reports"] if figure in over]
    return ", ".join(counted) or "–"


def _kl_to(_: str, fields: Fields) -> str:
    if "kl" not in fields["reports"]:
        return "–"
    base = {"e": "ln", "10": "log10", None: UNSAID}[fields["log_base"]]
    return f"{fields['kl_reference'] or UNSAID}, {base}"


def _runs(_: str, fields: Fields) -> str:
    return " ".join(filter(None, [str(fields.get("repeats") or ""), fields.get("spread") and f"± {fields['spread']}"]))


def _read(_: str, fields: Fields) -> str:
    return fields["read"] if fields["read"] == "read" else f"*{fields['read']}*"


NAMES = {"modes": "modes", "kl": "KL", "high_quality": "high quality"}
SECTION = {"rule": "Rule", "classifier": "The paper's classifier", "source": "Source", "code": "Code"}
COLUMNS: dict[str, Callable[[str, Fields], str]] = {
    "protocol": lambda name, _: f"[{name}](#{link(name)})",
    "version": lambda _, fields: str(fields["version"]),
    "data": _built("data"),
    "N": _num_samples,
    "judge": _built("judge"),
    "counted": _counted,
    "KL to": _kl_to,
    "runs": _runs,
    "source": lambda _, fields: fields["source"],
    "evidence": _read,
}


if __name__ == "__main__":
    print(page())

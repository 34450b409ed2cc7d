"""What the registry knows, as a table for people, as plain data for programs, and as a page of the documentation."""

import json
import re
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from functools import partial
from inspect import formatannotation
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gannorm import files, norms, screen
from gannorm.norms import NormInfo
from gannorm.norms.options import REQUIRED, Option
from gannorm.norms.plugins import import_path
from gannorm.report.cube import cubes_svg, drawable

WIDTH = 120  # of a table that is piped; on a terminal it is the terminal's
WIDEST = {"aliases": 12}  # in characters; a longer list goes on below
PAGE, FIGURE = "docs/norms.md", "docs/images/norm-cubes.svg"
REWRITE = f"gannorm norms --markdown > {PAGE} && gannorm norms --svg {FIGURE}"
REDUNDANT = {"redundant": "yes", "has an effect": "no", "": "–"}  # the rest depends on the number of groups
LETTERS = {"batch": "N", "reference": "ref", "channel": "C", "group": "C/G", "space": "HW"}
LEGEND = "axes that share one statistic: N batch, ref a reference batch, C channels, C/G a group of them, HW space"
YES_NO = {True: "yes", False: "no"}

COLUMNS: dict[str, Callable[[NormInfo], str]] = {
    "name": lambda info: info.name,
    "aliases": lambda info: ", ".join(info.aliases),
    "kind": lambda info: info.kind,
    "axes": lambda info: " ".join(LETTERS[axis] for axis in info.axes) or "–",
    "batch free": lambda info: YES_NO[not info.couples_samples],
    "eval differs": lambda info: YES_NO[bool(info.differs_in_eval)],
    "bias redundant": lambda info: REDUNDANT.get(info.bias_before, "if C = G"),
    "dims": lambda info: _range(info.dims) if info.kind != "weight" else "–",
    "twice diff.": lambda info: YES_NO[info.double_backward],
    "paper": lambda info: _authors(info.paper),
}

INTRODUCTION = f"""# Norms

Every norm that `gannorm.norms` makes by name. An activation norm follows a layer (`norms.create`), a fused one takes
the place of norm and activation, a conditional one takes γ and β from a condition (`norms.conditional`), a weight norm
changes what a layer computes its weight from (`norms.wrap`). `gannorm norms` prints the table, `gannorm norms NAME` one
section; both know the norms of installed plug-ins too. This page is written by

```
{REWRITE}
```

![Cubes of N samples, C channels and H × W positions: the entries that share their statistics](images/norm-cubes.svg)

In each cube, blue is what shares its statistics with the orange entry; greys alternate from one set of entries that
share statistics to the next.

**Axes**: what shares one statistic: N the batch, ref a reference batch, C the channels, C/G a group of them, HW space.
**Batch free**: a sample's output depends on that sample only. **Eval differs**: eval mode computes another function.
**Bias redundant**: a bias per channel just before the norm is subtracted again; C = G is one channel per group.
**Dims**: the numbers of spatial axes it works with, from 0, points (N, C), to 3, volumes. **Twice diff.**: a gradient
penalty can differentiate it twice."""

COST = """**What they cost.** `python -m benchmarks norms` times forward, backward and double backward of each norm
beside group norm on the same tensor, contiguous and channels last. torch's own layers are one operation each way. The
others are put together from operations of torch's that can be differentiated as often as a penalty asks, and each of
these reads and writes the tensor once. On a processor that makes more than twice group norm's time, forward and
backward, for

- `layer_channels`, `rms` and `pixel` on contiguous images, whose channels lie far apart; channels last
  `layer_channels` is faster than group norm;
- `batch_renorm` and `batch_instance`: batch norm, then a correction or a second norm;
- `virtual_batch`, which sends the reference batch through as well;
- `layer_instance`, two group norms, of which torch has no fast form for channels last;
- `filter_response` and `evonorm_s0`, whose activation is in it; `dynamic_tanh`, which is one; `global_response`.

A penalty's double backward costs most of them less than twice group norm's."""


def listing(name: str | None = None, *, form: str | None = None, svg: Path | None = None, **filters: Any) -> str:
    """Return what `gannorm norms` prints, about one norm or about all that pass the filters of `norms.names`.

    Args:
        name: The one; None for a list.
        form: A key of `FORMS`; None is for people.
        svg: Draw cubes into this file instead.
        filters: None where nothing is asked.

    Raises:
        UnknownNormError: No norm has this name.
        NormConflictError: A plug-in wants a name that is taken.
        NotWrittenError: The file cannot be written.
        ValueError: A name and a filter, or a file in a folder that is none.
    """
    asked = {key: value for key, value in filters.items() if value is not None}
    if name is not None and asked:
        flags = ", ".join(f"--{key.replace('_', '-')}" for key in asked)
        raise ValueError(f"gannorm norms {name} {flags}: a filter is for the list; leave out the filter or the name")
    with _warnings_as_lines():
        found = norms.describe(name) if name is not None else [norms.describe(one) for one in norms.names(**asked)]
    if svg is not None:
        return _draw([found.name] if isinstance(found, NormInfo) else _documented(found), svg)
    of_many, of_one = FORMS[form or "text"]
    return of_one(found) if isinstance(found, NormInfo) else of_many(found)


def table(infos: Sequence[NormInfo]) -> str:
    """Return one row for each norm, as wide as the terminal, or 120 columns where the output is piped."""
    if not infos:
        return "no norm is all of that"
    grid = Table(box=None, pad_edge=False, padding=(0, 1), header_style="bold")
    for header in COLUMNS:
        grid.add_column(header.replace(" ", "\n"), overflow="fold", max_width=WIDEST.get(header))
    for info in infos:
        grid.add_row(*(Text(cell(info)) for cell in COLUMNS.values()))
    console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)
    with console.capture() as captured:
        console.print(grid)
    return "\n".join([*(line.rstrip() for line in captured.get().splitlines()), "", LEGEND])


def data(info: NormInfo) -> dict[str, Any]:
    """Return everything that is known of a norm, as what JSON can hold.

    Example:
        >>> from gannorm import norms
        >>> facts = data(norms.describe("group"))
        >>> facts["axes"], facts["couples_samples"], facts["options"]["eps"]
        (['group', 'space'], False, {'default': 1e-05, 'type': 'float'})
    """
    properties = [name for name, value in vars(NormInfo).items() if isinstance(value, property) and name[0] != "_"]
    properties.remove("facts")  # the same, for people
    known = {name: getattr(info, name) for name in [*(one.name for one in fields(NormInfo)), *properties]}
    return {**_plain(known), "options": {option.name: _option(option) for option in info.options}}


def as_json(found: NormInfo | Sequence[NormInfo]) -> str:
    """Return one norm as an object, several as a list of objects."""
    content = data(found) if isinstance(found, NormInfo) else [data(info) for info in found]
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)


def page(infos: Sequence[NormInfo]) -> str:
    """Return the page of the documentation: gannorm's own norms as a table, then a section for each."""
    own = [norms.describe(name) for name in _documented(infos)]
    rows = [list(COLUMNS), ["---"] * len(COLUMNS)]
    rows += [[f"[{info.name}](#{info.name})", *(cell(info) for cell in list(COLUMNS.values())[1:])] for info in own]
    listed = "\n".join(f"| {' | '.join(text.replace('|', chr(92) + '|') for text in row)} |" for row in rows)
    return "\n\n".join([INTRODUCTION, listed, COST, *map(section, own)])


def section(info: NormInfo) -> str:
    """Return what is known of one norm as Markdown."""
    also = f" Also: {', '.join(f'`{alias}`' for alias in info.aliases)}." if info.aliases else ""
    facts = "\n".join(f"- {label}: {MARKUP.get(label, _linked)(value)}" for label, value in info.facts.items())
    return f"## {info.name}\n\n{info.summary}{also}\n\n{facts}"


@contextmanager
def _warnings_as_lines() -> Iterator[None]:
    """Say on one line each what the block warns of, such as a broken plug-in."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for warning in caught:
        screen.warn(str(warning.message))


def _documented(infos: Iterable[NormInfo]) -> list[str]:
    """Return the names of gannorm's own: files of this repository must not depend on what else is installed."""
    return [info.name for info in infos if info.origin == "gannorm"]


def _draw(names: list[str], path: Path) -> str:
    shown = names if len(names) == 1 else [name for name in names if name in drawable()]
    if not shown:
        raise ValueError(f"--svg {path}: none of these norms has a cube; leave out the filters")
    if not path.parent.is_dir():
        raise ValueError(f"--svg {path}: no such folder; give a file in a folder that exists")
    files.write(path, cubes_svg(shown))
    return f"{len(shown)} cubes in {path}" if len(shown) > 1 else f"the cube of {shown[0]} in {path}"


def _code(text: str) -> str:
    return f"`{text}`"


def _linked(text: str) -> str:
    return re.sub(r"arXiv:(\d{4}\.\d{4,5})", r"[arXiv:\1](https://arxiv.org/abs/\1)", text)


MARKUP = dict.fromkeys(("formula", "options", "made by", "first"), _code)


def _range(numbers: Sequence[int]) -> str:
    """Return whole numbers as a range, where they are one."""
    whole = list(numbers) == list(range(numbers[0], numbers[-1] + 1)) and len(numbers) > 1
    return f"{numbers[0]}–{numbers[-1]}" if whole else ", ".join(map(str, numbers))


def _authors(paper: str) -> str:
    """Return the authors and the year of a reference, without where to find it."""
    found = re.match(r"[^;]*?\b\d{4}\b", paper)
    return found.group() if found else paper.partition(",")[0]


def _option(option: Option) -> dict[str, Any]:
    hint = {} if option.annotation is REQUIRED else {"type": formatannotation(option.annotation)}
    return {**({} if option.default is REQUIRED else {"default": _plain(option.default)}), **hint}


def _plain(value: Any) -> Any:
    """Return a value as plain data: functions by their import path, the rest that JSON has no word for as text."""
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(entry) for entry in value]
    if value is None or isinstance(value, str | int) or (isinstance(value, float) and abs(value) < float("inf")):
        return value
    return import_path(value) if callable(value) or isinstance(value, partial) else str(value)


FORMS: dict[str, tuple[Callable[[Sequence[NormInfo]], str], Callable[[NormInfo], str]]] = {
    "text": (table, str),
    "json": (as_json, as_json),
    "markdown": (page, section),
}

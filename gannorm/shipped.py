"""The configurations and studies that ship with the package, by name: `group`, `collapse/control`, `studies/norms-mlp`.

They are those of `configs/` in the repository; an installed package carries them, and so there is one way to name them
that works anywhere. A file of the user's own always comes first.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from textwrap import shorten

from gannorm.import_path import hint

FOLDER = Path(__file__).parent / "configs"  # in a checkout a link to the folder beside the package
SUFFIX = ".yaml"
RUNS = ("", "collapse", "papers")
"""Folders of what `gannorm train` takes."""
STUDIES = ("studies",)
"""Folders of what `gannorm study` takes."""
WIDTH = 100  # of what the list says of each
NAME = re.compile(r"[\w./][\w./-]*")  # anything else is the configuration itself, or a path that no name looks like


class UnknownNameError(ValueError):
    """There is no such file, and nothing that ships is called so."""


def listing(folders: Sequence[str] = (*RUNS, *STUDIES)) -> dict[str, Path]:
    """Return what ships in these folders, by name.

    Example:
        >>> list(listing(("collapse",)))[:2]
        ['collapse/batch-norm-separate', 'collapse/control']
    """
    paths = [path for folder in folders for path in in_order(FOLDER / folder)]
    return {path.relative_to(FOLDER).with_suffix("").as_posix(): path.resolve() for path in paths}


def in_order(folder: Path) -> list[Path]:
    """Return the configurations in a folder, by name."""
    return sorted(folder.glob(f"*{SUFFIX}"), key=lambda path: path.stem)


def find(name: str, folders: Sequence[str] = (*RUNS, *STUDIES)) -> Path:
    """Return the file of a name, with or without its folders and suffix.

    Raises:
        UnknownNameError: Nothing is called so.

    Example:
        >>> find("group") == find("configs/group.yaml") == listing()["group"]
        True
        >>> find("rising-rates").name, find("grup")
        Traceback (most recent call last):
        gannorm.shipped.UnknownNameError: there is no file 'grup', and nothing that ships with gannorm is called so; \
did you mean 'group'? `gannorm configs` lists what there is
    """
    known = listing(folders)
    short = name.removeprefix("configs/").removesuffix(SUFFIX)
    for full, path in known.items():
        if full == short or full.endswith(f"/{short}"):
            return path
    last = short.rpartition("/")[2]
    near = hint(last, [full.rpartition("/")[2] for full in known])
    raise UnknownNameError(
        f"there is no file {name!r}, and nothing that ships with gannorm is called so"
        f"{near or ';'} `gannorm configs` lists what there is"
    )


def resolve(given: str, folders: Sequence[str] = RUNS) -> str:
    """Return the path of what ships under a name; what is a file, or can be no name, stays as it is.

    Raises:
        UnknownNameError: It is neither.

    Example:
        >>> resolve("images: 640"), resolve("configs/group.yaml") == str(find("group"))
        ('images: 640', False)
    """
    if not NAME.fullmatch(given) or (os.path.exists(given) and not os.path.isdir(given)):  # Path raises at long names
        return given
    return str(find(given, folders))


def is_installed(path: Path) -> bool:
    """Return whether a file is part of an installed package, whose folder is no place to write to.

    Example:
        >>> is_installed(Path("configs/group.yaml")), is_installed(Path(__file__))
        (False, True)
    """
    return path.resolve().is_relative_to(Path(__file__).resolve().parent)


def head(path: Path) -> str:
    """Return what the comment at the top of a file says, as one line.

    Example:
        >>> head(find("smoke"))
        'Every part once, in about 20 seconds; the samples are no digits yet.'
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    end = next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return " ".join(line.lstrip("# ") for line in lines[:end])


def table() -> str:
    """Return all that ships: name, and what its first line says.

    Example:
        >>> print(table())
        gannorm train --config NAME
          batch  Batch norm in both networks.
        ...
        gannorm study NAME
          studies/norms-mlp ...
    """
    lines = []
    for command, folders in (("gannorm train --config NAME", RUNS), ("gannorm study NAME", STUDIES)):
        known = listing(folders)
        width = max(map(len, known))
        told = {name: shorten(head(path), WIDTH, placeholder=" ...") for name, path in known.items()}
        lines += [command, *(f"  {name:<{width}}  {text}" for name, text in told.items()), ""]
    return "\n".join(lines[:-1])

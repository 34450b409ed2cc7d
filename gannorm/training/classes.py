"""Classes that files of others name: whoever loads a file must not run what it names."""

import re
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from torch import nn

from gannorm.training.errors import RunFolderError

OURS = ("gannorm", "torch")  # packages of which a file may name networks and layers
DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")


def network_class(path: str, *, named_by_user: bool) -> type[nn.Module]:
    """Return the class of a network; nothing is imported but our own unless the user's configuration names it.

    Args:
        path: Its import path, as a file has it.
        named_by_user: Whether the user's own configuration has it too; else it has to be imported already.

    Raises:
        RunFolderError: It is no network, or of a module that nobody has imported.

    Example:
        >>> network_class("torch.nn.Identity", named_by_user=False)
        <class 'torch.nn.modules.linear.Identity'>
        >>> network_class("os.system", named_by_user=True)
        Traceback (most recent call last):
        gannorm.training.errors.RunFolderError: 'os.system' is named as a network and is none
    """
    module, _, name = path.rpartition(".")
    if not (named_by_user or module.partition(".")[0] in OURS or module in sys.modules):
        raise RunFolderError(f"{path!r} is somebody's own class; import {module or 'it'} first, if you trust it")
    found = getattr(import_module(module), name, None) if module else None
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise RunFolderError(f"{path!r} is named as a network and is none")
    return found


def check_named(options: Any) -> None:
    """Make sure that whatever options of a network name, such as norms, are layers of ours or imported already.

    Raises:
        RunFolderError: They name something else.

    Example:
        >>> check_named({"norm": {"class_path": "torch.nn.BatchNorm2d"}, "width": 32})
    """
    if isinstance(options, str):
        if DOTTED.fullmatch(options):
            network_class(options, named_by_user=False)
    elif isinstance(options, Mapping):
        for value in options.values():
            check_named(value)
    elif isinstance(options, Sequence):
        for value in options:
            check_named(value)

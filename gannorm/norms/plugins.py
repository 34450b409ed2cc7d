"""Norms from other distributions: plug-ins, found by their entry points when a list or an unknown name is asked for.

A distribution offers norms in its pyproject.toml; the value is a module that calls `norms.register` when imported, or
a registered class or function in it:

    [project.entry-points."gannorm.norms"]
    acme = "acme_norms"
"""

import warnings
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from gannorm.norms.errors import NormConflictError

GROUP = "gannorm.norms"


class NormPluginWarning(UserWarning):
    """An installed plug-in gives no norm; the message names its distribution and the reason."""


class PlugIns:
    """The installed plug-ins: imported once, when `load` is called first.

    Args:
        taken: Has every name and alias as a key.
        constructors: Returns the constructor of each registered name.
        remove: Takes a name out of the table again.
    """

    def __init__(
        self,
        taken: Mapping[str, str],
        constructors: Callable[[], dict[str, Callable[..., Any]]],
        remove: Callable[[str], None],
    ) -> None:
        self._conflicts: list[NormConflictError] = []
        self._disputed: dict[str, NormConflictError] = {}  # names that nobody had before two plug-ins wanted them
        self._taken = taken
        self._constructors = constructors
        self._remove = remove
        self._started = False

    def load(self) -> None:
        """Import them; a broken one is one warning, one that wants a name that is taken is kept for `refuse`."""
        if self._started:
            return
        self._started = True  # before the first import: a plug-in may ask for the list itself
        before = set(self._taken)
        found = sorted(entry_points(group=GROUP), key=lambda entry_point: (distribution(entry_point), entry_point.name))
        problems = [f"{distribution(one)}: {problem}" for one in found if (problem := self._problem(one))]
        self._disputed = {error.name: error for error in self._conflicts if error.name not in before}
        for problem in problems:
            warnings.warn(f"plug-in {problem}; its norms are missing", NormPluginWarning, stacklevel=4)

    def refuse_conflicts(self) -> None:
        """Raise the first conflict, in each call again: a list without the plug-in would look complete."""
        for error in self._conflicts:
            raise error.with_traceback(None)

    def refuse_disputed(self, key: str) -> None:
        """Raise if two plug-ins want this name: which of them came first is an accident."""
        if key in self._disputed:
            raise self._disputed[key].with_traceback(None)

    def _problem(self, entry_point: EntryPoint) -> str | None:
        """Import one; afterwards it has all of its norms in the table, or none."""
        before = self._constructors().keys()
        package = package_of(entry_point)
        try:
            entry_point.load()
        except NormConflictError as error:
            self._conflicts.append(error)
            problem = None
        except (Exception, SystemExit) as error:  # a stranger's import can fail in any way
            problem = f"{entry_point.value} cannot be imported, {type(error).__name__}: {' '.join(str(error).split())}"
        else:
            return None if self._names_of(package) else f"{entry_point.value} registers no norm"
        for name in self._names_of(package) - before:
            self._remove(name)
        return problem

    def _names_of(self, package: str) -> set[str]:
        return {name for name, made in self._constructors().items() if top_package(import_path(made)) == package}


def origin(constructor: Callable[..., Any]) -> str:
    """Return who provides a norm: gannorm, a plug-in's distribution and version, or else the constructor's import path.

    Example:
        >>> from gannorm import norms
        >>> norms.describe("group").origin
        'gannorm'
    """
    path = import_path(constructor)
    if top_package(path) == top_package(__name__):
        return top_package(__name__)
    providers = (one for one in entry_points(group=GROUP) if package_of(one) == top_package(path))
    return next(map(distribution, providers), path)


def import_path(constructor: Callable[..., Any]) -> str:
    """Return where a class or function, or that of a partial, is defined."""
    inner = getattr(constructor, "func", constructor)
    return f"{inner.__module__}.{getattr(inner, '__qualname__', type(inner).__qualname__)}"


def top_package(path: str) -> str:
    """Return the first part of an import path."""
    return path.partition(".")[0]


def package_of(entry_point: EntryPoint) -> str:
    """Return the top package that an entry point's value, `package.module:object`, is in."""
    return top_package(entry_point.value.partition(":")[0].strip())


def distribution(entry_point: EntryPoint) -> str:
    """Return the name and version of what an entry point was installed with."""
    return f"{entry_point.dist.name} {entry_point.dist.version}" if entry_point.dist else entry_point.name

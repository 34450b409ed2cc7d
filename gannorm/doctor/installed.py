"""Versions: of Python, of gannorm, of what it needs, and of what it can use."""

import importlib.metadata
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gannorm._version import __version__
from gannorm.doctor.finding import Finding

if TYPE_CHECKING:
    from packaging.requirements import Requirement

NAME = "gannorm"
SHOWN = ("torch", "torchvision", "pytorch-lightning", "torchmetrics", "wandb")
EXTRAS = {"ray": ("ray", "studies on a cluster"), "wandb-workspaces": ("dashboards", "`gannorm dashboard`")}
"""Packages that are of use where they are there: the extra that brings each, and what for."""


def python(folder: Path) -> Iterator[Finding]:  # noqa: ARG001 (every check has it)
    """Say which Python this is, and whether gannorm is made for it."""
    from packaging.specifiers import SpecifierSet

    version = platform.python_version()
    told = f"{version}, {sys.executable}, {platform.platform()}"
    details = {"version": version, "executable": sys.executable, "system": platform.platform()}
    needed = about_gannorm().get("Requires-Python", "")
    if not SpecifierSet(needed).contains(version, prereleases=True):
        yield Finding("python", told, "wrong", f"make an environment with Python {needed}", details)
    elif platform.system() == "Windows":
        yield Finding("python", told, "warning", "gannorm is untested on Windows; Linux and macOS are tested", details)
    else:
        yield Finding("python", told, details=details)


def gannorm(folder: Path) -> Iterator[Finding]:  # noqa: ARG001
    """Say which gannorm this is, and from where."""
    place = str(Path(__file__).resolve().parents[1])
    known = about_gannorm().get("Version")
    details = {"version": __version__, "place": place}
    if known is None:
        yield Finding("gannorm", f"{__version__}, {place}, not installed", "warning", "pip install -e .", details)
    elif known != __version__:
        told = f"{__version__}, {place}, installed as {known}"
        yield Finding("gannorm", told, "warning", "install it again: what it needs may have changed", details)
    else:
        yield Finding("gannorm", f"{__version__}, {place}", details=details)


def packages(folder: Path) -> Iterator[Finding]:  # noqa: ARG001
    """Say the versions of what gannorm needs, and what is missing or does not fit."""
    found = {name: version_of(name) for name in needed()}
    shown = ", ".join(f"{name} {found.get(name) or version_of(name)}" for name in SHOWN)
    others = sum(name not in SHOWN and bool(version) for name, version in found.items())
    wrong = list(unfit(found))
    if not wrong:
        told = f"{shown}" + (f", and {others} others, all as gannorm needs them" if others else "")
        yield Finding("packages", told, details=found)
    for name, told in wrong:
        way_out = f"pip install {str(needed()[name])!r}"
        yield Finding("packages", f"{name} {told}", "wrong", way_out, {"name": name, "version": found[name]})


def extras(folder: Path) -> Iterator[Finding]:  # noqa: ARG001
    """Say which packages are there that nothing needs."""
    found = {name: version_of(name) for name in EXTRAS}
    told = [
        f"{name} {found[name]}" if found[name] else f"no {name} ({use}: pip install 'gannorm[{extra}]')"
        for name, (extra, use) in EXTRAS.items()
    ]
    yield Finding("extras", ", ".join(told), details=found)


def unfit(found: dict[str, str | None]) -> Iterator[tuple[str, str]]:
    """Yield each package that is missing or of a wrong version, with what is wrong."""
    for name, requirement in needed().items():
        version = found[name]
        if version is None:
            yield name, "is not installed"
        elif not requirement.specifier.contains(version, prereleases=True):
            yield name, f"{version} does not fit {requirement.specifier}"


def needed() -> "dict[str, Requirement]":
    """Return what the installed gannorm says that it needs, by name."""
    from packaging.requirements import Requirement

    try:
        requirements = [Requirement(text) for text in importlib.metadata.requires(NAME) or ()]
    except importlib.metadata.PackageNotFoundError:
        return {}
    return {one.name: one for one in requirements if one.marker is None or one.marker.evaluate({"extra": ""})}


def about_gannorm() -> dict[str, str]:
    """Return what the installer has noted of gannorm; empty where nobody has installed it."""
    try:
        found = importlib.metadata.metadata(NAME)
    except importlib.metadata.PackageNotFoundError:
        return {}
    return {key: found[key] for key in ("Version", "Requires-Python") if key in found}


def version_of(name: str) -> str | None:
    """Return the version of a package that is installed, without importing it."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None

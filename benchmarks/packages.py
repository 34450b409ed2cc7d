"""How large the packages are: the source distribution, the wheel that is made of it, and what is largest in them."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.document import table

ROOT = Path(__file__).parents[1]
HOOK = "import sys; from setuptools import build_meta; print(getattr(build_meta, sys.argv[1])(sys.argv[2]))"
SHOWN = 5  # files of each
MEGABYTE = 1e6  # bytes, as package indexes count


def run(rounds: int) -> dict[str, Any]:  # noqa: ARG001 (every benchmark has them; sizes are always the same)
    """Build both and return their sizes."""
    with TemporaryDirectory() as folder:
        result = {path.name: contents(path) for path in built(Path(folder))}
    print(markdown(result))
    return result


def markdown(result: dict[str, Any]) -> str:
    """Return the sizes as a table."""
    rows = []
    for name, found in result.items():
        largest = sorted(found["files"].items(), key=lambda item: -item[1])[:SHOWN]
        told = ", ".join(f"{Path(file).name} {size / MEGABYTE:.1f}" for file, size in largest)
        rows.append([name, f"{found['bytes'] / MEGABYTE:.1f}", str(len(found["files"])), told])
    return table(["package", "MB", "files", "the largest, MB"], rows)


def built(folder: Path) -> tuple[Path, Path]:
    """Build both into a folder and return them; the wheel is made of the source distribution alone.

    It is what `python -m build --no-isolation` does, by setuptools' own hooks.
    """
    with TemporaryDirectory() as place:  # a build leaves things where it is done, more of them if it is killed
        copied = shutil.copytree(ROOT, Path(place) / "copied", symlinks=True, ignore=not_of_the_repository())
        sdist = folder / hook("build_sdist", copied, folder)
        with tarfile.open(sdist) as archive:
            archive.extractall(Path(place) / "unpacked", filter="data")
        (unpacked,) = (Path(place) / "unpacked").iterdir()
        return sdist, folder / hook("build_wheel", unpacked, folder)


def not_of_the_repository() -> Callable[[Any, list[str]], set[str]]:
    """Return what leaves out git's own files and those that it ignores."""
    ignored = (ROOT / ".gitignore").read_text().split()
    return shutil.ignore_patterns(".git", *(name.rstrip("/") for name in ignored))


def hook(name: str, source: Path, folder: Path) -> str:
    """Run one of setuptools' hooks in a source tree, and return the name of the file that it made in the folder."""
    command = [sys.executable, "-c", HOOK, name, str(folder.resolve())]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"setuptools cannot {name.replace('_', ' a ')} of {source}: {done.stderr[-2000:]}")
    return done.stdout.split()[-1]


def contents(package: Path) -> dict[str, Any]:
    """Return the size of a package and of each file in it, as it is stored there."""
    if package.suffix == ".whl":
        with zipfile.ZipFile(package) as archive:
            files = {info.filename: info.file_size for info in archive.infolist() if not info.is_dir()}
    else:
        with tarfile.open(package) as archive:
            files = {member.name.partition("/")[2]: member.size for member in archive if member.isfile()}
    return {"bytes": package.stat().st_size, "files": files}

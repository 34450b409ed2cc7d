"""Samples in .npy and .npz files, read a block at a time.

An .npz member is read as a stream out of the archive, compressed or not, and an .npy likewise, so that a file may be
larger than the memory; pages of a memory map would count as the process's own memory while they are there. Arrays in
Fortran's order, which a transposed array is saved in, are loaded at once (an .npy of them is mapped): their samples do
not lie one after another.
Arrays of Python objects are refused from the header alone: nothing is ever unpickled.
"""

import math
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Int, Shaped
from numpy.lib import format as npy
from torch import Tensor

from gannorm.sources.errors import SourceError, first_line, some
from gannorm.sources.form import form_of
from gannorm.sources.layouts import mismatch
from gannorm.sources.request import Request
from gannorm.sources.source import FEWER, Source

BLOCK = 512  # samples read at once
LARGER = 4  # times as many numbers as a judge takes: such samples cannot be meant for it, whatever their layout
USUAL_KEYS = ("samples", "images", "arr_0", "fake", "fakes", "x", "points", "data")  # in this order
HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
NUMBERS = "buif"  # kinds of dtype: booleans, whole numbers, floats
DAMAGED = (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error, NotImplementedError)


@runtime_checkable
class Stream(Protocol):
    """What bytes are read from: a file, or a member of an archive."""

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes."""


Open = Callable[[], AbstractContextManager[Stream]]


@dataclass(frozen=True)
class Array:
    """An array on disk.

    Args:
        name: What to call it in messages.
        open: Returns a stream that starts at its header.
        load: Returns it whole.
        num_bytes: Returns how many it takes there, its header included.
    """

    name: str
    open: Open
    load: Callable[[], Any]
    num_bytes: Callable[[], int]

    def header(self, stream: Stream) -> tuple[tuple[int, ...], bool, np.dtype]:
        """Return shape, whether in Fortran's order, and type; the stream then stands at the first number.

        Raises:
            SourceError: It is no array of numbers with at least one sample.
        """
        version = npy.read_magic(stream)
        if version not in HEADERS:
            raise SourceError(f"{self.name} is a .npy of version {version}; 1.0 and 2.0 are known")
        shape, fortran, dtype = HEADERS[version](stream)
        if dtype.hasobject:
            raise SourceError(f"{self.name} holds pickled Python objects, which are never unpickled; save numbers")
        if dtype.kind not in NUMBERS:
            raise SourceError(f"{self.name} holds {dtype}, no real numbers")
        if len(shape) < 2 or not math.prod(shape):
            raise SourceError(f"{self.name} of shape {shape} holds no samples; (N, ...) is needed")
        if (told := math.prod(shape) * dtype.itemsize) > (held := self.num_bytes()):
            raise SourceError(f"{self.name} is damaged: its header tells of {told:,} bytes, and it has {held:,}")
        return shape, fortran, dtype

    def blocks(self, num: int) -> Iterator[Shaped[np.ndarray, "n ..."]]:
        """Yield `num` samples as they are stored, evenly spread: the first of a sorted file are of one class."""
        with damage_named(self.name), self.open() as stream:
            chosen = spread(num, self.header(stream)[0][0])
        for start, block in self.stored():
            first, last = np.searchsorted(chosen, (start, start + len(block)))
            if first < last:
                yield block[chosen[first:last] - start]

    def stored(self) -> Iterator[tuple[int, Shaped[np.ndarray, "n ..."]]]:
        """Yield all samples a block at a time, each with the number of its first."""
        with damage_named(self.name), self.open() as stream:
            shape, fortran, dtype = self.header(stream)
            starts = range(0, shape[0], BLOCK)
            if fortran:
                whole = self.load()
                yield from ((start, whole[start : start + BLOCK]) for start in starts)
                return
            size = math.prod(shape[1:]) * dtype.itemsize
            for start in starts:
                wanted = min(BLOCK, shape[0] - start)
                content = stream.read(wanted * size)
                if len(content) < wanted * size:
                    raise SourceError(f"{self.name} is damaged: it ends in sample {start + len(content) // size}")
                yield start, np.frombuffer(content, dtype).reshape(wanted, *shape[1:])


def open_npy(request: Request) -> Source:
    """Return the samples of an .npy file."""
    path = request.path
    array = Array(
        str(path),
        lambda: path.open("rb"),
        lambda: np.load(path, mmap_mode="r", allow_pickle=False),
        lambda: path.stat().st_size,
    )
    return source_of(array, request, kind=".npy file")


def open_npz(request: Request) -> Source:
    """Return the samples of one array of an .npz file.

    Raises:
        SourceError: It is damaged, or has no such array, or several with none of the usual names.
    """
    path = request.path
    with damage_named(str(path)), zipfile.ZipFile(path) as archive:
        names = [name.removesuffix(".npy") for name in archive.namelist()]
    key = chosen(names, request.key, path)
    array = Array(
        f"{path}[{key}]",
        lambda: member(path, key),
        lambda: np.load(path, allow_pickle=False)[key],
        lambda: unpacked_size(path, key),
    )
    return source_of(array, request, kind=f".npz file, array {key!r}", key=key)


def chosen(names: Sequence[str], key: str | None, path: Path) -> str:
    """Return the name of the array that holds the samples: the one that was asked for, the only one, or a usual one.

    Example:
        >>> chosen(["arr_1", "arr_0"], None, Path("x.npz"))
        'arr_0'
    """
    held = some(list(names), most=8) or "none"
    if key is not None and key not in names:
        raise SourceError(f"{path} has no array {key!r}; it has {held}")
    candidates = [name for name in (key, *(names if len(names) == 1 else USUAL_KEYS)) if name in names]
    if not candidates:
        raise SourceError(f"{path} has the arrays {held}; say with --key which one holds the samples")
    return str(candidates[0])


@contextmanager
def member(path: Path, key: str) -> Iterator[Stream]:
    """Open the stream of one array in an .npz."""
    with zipfile.ZipFile(path) as archive, archive.open(name_in(archive, key)) as stream:
        yield stream


def unpacked_size(path: Path, key: str) -> int:
    """Return how many bytes an array takes when it is unpacked."""
    with zipfile.ZipFile(path) as archive:
        return archive.getinfo(name_in(archive, key)).file_size


def name_in(archive: zipfile.ZipFile, key: str) -> str:
    """Return the name of an array's file in an archive."""
    return f"{key}.npy" if f"{key}.npy" in archive.namelist() else key


def source_of(array: Array, request: Request, *, kind: str, **details: Any) -> Source:
    """Return an array's samples as a source; range and layout are recognised from the first block."""
    with damage_named(array.name), array.open() as stream:
        shape, _, dtype = array.header(stream)
    if math.prod(shape[1:]) > LARGER * math.prod(request.expected_shape):  # said before any of it is read
        raise SourceError(f"{array.name}: {mismatch(shape[1:], request.expected_shape)}")
    _, some_samples = next(array.stored())
    try:
        form = form_of(some_samples, request.expected_shape, value_range=request.value_range, layout=request.layout)
    except SourceError as error:
        raise SourceError(f"{array.name}: {error}") from None

    def blocks(num: int, _: int) -> Iterator[Tensor]:
        return (as_floats(block) for block in array.blocks(num))

    return Source(
        kind=kind,
        path=request.path,
        num_samples=shape[0],
        form=form,
        blocks=blocks,
        notes=(f"stored as {dtype}", FEWER),
        details=(("dtype", str(dtype)), *details.items()),
    )


def spread(num: int, total: int) -> Int[np.ndarray, " n"]:
    """Return which `num` of `total` samples are taken: evenly spread over them, all if they are as many.

    Example:
        >>> spread(3, 9).tolist(), spread(3, 3).tolist()
        ([0, 3, 6], [0, 1, 2])
    """
    return np.arange(num) * total // num


def as_floats(block: Shaped[np.ndarray, "n ..."]) -> Tensor:
    """Return stored numbers as float32 of torch's own; what float32 cannot hold becomes infinite, and is refused."""
    with np.errstate(over="ignore"):
        return torch.from_numpy(block.astype(np.float32, order="C"))


@contextmanager
def damage_named(name: str) -> Iterator[None]:
    """Turn what a damaged file raises into one line that names it."""
    try:
        yield
    except SourceError:
        raise
    except DAMAGED as error:
        raise SourceError(f"{name} is damaged or no such file: {first_line(error)}") from error

"""Samples as PNG or JPEG pictures, in a folder or in a .zip, written by any program."""

import io
import math
import struct
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from gannorm.sources.errors import SourceError, first_line, some
from gannorm.sources.form import Form
from gannorm.sources.layouts import Shape, mismatch
from gannorm.sources.request import Request
from gannorm.sources.source import FEWER, Source

BLOCK = 512  # pictures read at once
SUFFIXES = (".png", ".jpg", ".jpeg")
PROBE = 32  # pictures that are looked at before all are read
# Pillow's modes, to the one that holds the same without loss. Alpha and 16 bits have none, and are refused.
PLAIN = {"L": "L", "1": "L", "RGB": "RGB", "P": "RGB"}
ROOM, LARGER = 2**20, 16  # bytes of a picture's file beside its pixels, and for each of these
UNREADABLE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    zipfile.BadZipFile,
)  # Pillow raises all of these


@dataclass(frozen=True)
class Pictures:
    """Pictures by name, and where they are read from.

    Args:
        path: Folder or archive.
        names: Of all pictures, sorted.
        others: How many files are none.
        read: Returns the bytes of one.
    """

    path: Path
    names: Sequence[str]
    others: int
    read: Callable[[str], bytes]

    def pixels(self, name: str, shape: Shape) -> UInt8[np.ndarray, "c h w"]:
        """Return a picture's pixels.

        Raises:
            SourceError: It has other sides or another number of channels than the judge takes, (C, H, W).
        """
        with opened(self.read(name), self.path / name, shape) as picture:
            if picture.mode not in PLAIN:
                raise SourceError(f"{self.path / name} is stored as {picture.mode}; save pictures as 8-bit grey or RGB")
            pixels = np.atleast_3d(np.asarray(picture.convert(PLAIN[picture.mode])))
        if pixels.shape[2] == 3 and shape[0] == 1:
            pixels = self.grey(pixels, name)
        if pixels.transpose(2, 0, 1).shape != shape:
            raise SourceError(f"{self.path / name}: {mismatch(pixels.transpose(2, 0, 1).shape, shape)}")
        return pixels.transpose(2, 0, 1)

    def grey(self, pixels: UInt8[np.ndarray, "h w 3"], name: str) -> UInt8[np.ndarray, "h w 1"]:
        """Return the one channel of an RGB picture that shows greys only, as torchvision's `save_image` writes it."""
        if (pixels != pixels[:, :, :1]).any():
            raise SourceError(f"{self.path / name} is in colour, 3 channels; the judge takes 1")
        return pixels[:, :, :1]

    def in_colour(self, name: str) -> bool:
        """Return whether a picture is stored with three channels; False where it cannot be read."""
        try:
            with Image.open(io.BytesIO(self.read(name))) as picture:
                return PLAIN.get(picture.mode) == "RGB"
        except (*UNREADABLE, Image.DecompressionBombError):
            return False

    def blocks(self, num: int, shape: Shape) -> Iterator[Tensor]:
        """Yield `num` pictures as they are stored, float32 (n, C, H, W).

        Raises:
            SourceError: Some cannot be read: all of these are counted, and the first named.
        """
        names = taken(self.names, num)
        for start in range(0, num, BLOCK):
            block = [self.readable(name, shape) for name in names[start : start + BLOCK]]
            if any(pixels is None for pixels in block):
                unreadable = [name for name in names[start:] if self.readable(name, shape) is None]
                raise SourceError(
                    f"{self.path}: {len(unreadable)} of {num} pictures cannot be read: "
                    f"{some(unreadable)}; make them anew"
                )
            yield torch.from_numpy(np.stack([pixels for pixels in block if pixels is not None]).astype(np.float32))

    def readable(self, name: str, shape: Shape) -> UInt8[np.ndarray, "c h w"] | None:
        """Return a picture's pixels, None where it is damaged."""
        try:
            return self.pixels(name, shape)
        except SourceError:
            raise
        except UNREADABLE:
            return None


def opened(content: bytes, path: Path, shape: Shape) -> Image.Image:
    """Return a picture whose header tells of the sides that the judge takes; nothing is decoded before that is known.

    Raises:
        SourceError: It tells of others.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(content))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise SourceError(f"{path} is too large to be meant: {first_line(error)}") from None
    if picture.size[::-1] != shape[1:]:
        raise SourceError(f"{path}: {mismatch((len(picture.getbands()), *picture.size[::-1]), shape)}")
    return picture


def taken(names: Sequence[str], num: int) -> list[str]:
    """Return `num` names evenly spread over all: the first would often be those of the first class alone.

    Example:
        >>> taken(["0/a.png", "0/b.png", "1/a.png", "1/b.png"], 2)
        ['0/a.png', '1/a.png']
    """
    return [names[number * len(names) // num] for number in range(num)]


def subfolders(names: Sequence[str]) -> int:
    """Return in how many different folders files are."""
    return len({PurePosixPath(name).parent for name in names})


def open_folder(request: Request) -> Source:
    """Return the pictures of a folder and its subfolders."""
    path = request.path
    files = [file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file()]
    return source_of(pictures_of(path, files, lambda name: (path / name).read_bytes()), request, "folder of pictures")


def open_zip(request: Request) -> Source:
    """Return the pictures of a .zip archive."""
    try:
        archive = zipfile.ZipFile(request.path)
    except (OSError, zipfile.BadZipFile) as error:
        raise SourceError(f"{request.path} is damaged: {first_line(error)}") from None
    files = [info.filename for info in archive.infolist() if not info.is_dir()]
    most = ROOM + LARGER * math.prod(request.expected_shape)

    def read(name: str) -> bytes:
        if (size := archive.getinfo(name).file_size) > most:
            raise SourceError(f"{request.path / name} is too large to be meant: {size:,} bytes when it is unpacked")
        return archive.read(name)

    return source_of(pictures_of(request.path, files, read), request, ".zip of pictures")


def pictures_of(path: Path, files: Sequence[str], read: Callable[[str], bytes]) -> Pictures:
    """Return the pictures among files, or say that there are none."""
    names = sorted(name for name in files if name.lower().endswith(SUFFIXES))
    if not names:
        held = f"it has {some(sorted(files))}" if files else "it is empty"
        raise SourceError(f"{path} holds no PNG or JPEG pictures: {held}")
    return Pictures(path, names, len(files) - len(names), read)


def source_of(pictures: Pictures, request: Request, kind: str) -> Source:
    """Return pictures as a source; the first is looked at now, a few for their channels, all when they are read."""
    shape, names = request.expected_shape, pictures.names
    if len(shape) != 3:
        raise SourceError(f"{pictures.path} holds pictures, and the judge takes points of shape {shape}")
    pictures.readable(names[0], shape)  # what does not fit is said before all are read
    in_colour = any(pictures.in_colour(name) for name in names[:: max(1, len(names) // PROBE)])
    folders = subfolders(names)
    notes = (
        *([f"in {folders} subfolders"] if folders > 1 else []),
        FEWER,
        *(["grey pictures stored as RGB"] if in_colour and shape[0] == 1 else []),
        *([f"other files left alone: {pictures.others}"] if pictures.others else []),
    )
    return Source(
        kind=kind,
        path=pictures.path,
        num_samples=len(names),
        form=Form(expected_shape=shape, layout="NCHW", range="0..255"),
        blocks=lambda num, _: pictures.blocks(num, shape),
        notes=notes,
    )

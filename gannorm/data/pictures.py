"""Pictures out of a folder or an archive, as pixels and classes; what cannot be read is named and counted."""

import itertools
import os
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int64, UInt8
from PIL import Image, ImageOps
from torch import Tensor

from gannorm import screen
from gannorm.data.idx import DataError

Pixels = UInt8[Tensor, "n c h w"]
Classes = Int64[Tensor, " n"] | None

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".ppm", ".pgm", ".tif", ".tiff"}
GREY = {"1", "L", "LA"}  # Pillow's modes that need one channel
COLOURED = {"RGB", "RGBA", "P", "CMYK", "YCbCr"}  # and three
IMAGE_KEYS = ("images", "samples", "x", "arr_0")
LABEL_KEYS = ("labels", "y")
NAMED = 3  # files in a message
MOST_PIXELS = 2**26  # of one picture, as its header tells; Pillow itself warns beyond a third more
# What Pillow raises of files that are cut off, damaged, no pictures, or too large to be meant.
DAMAGE = (OSError, SyntaxError, ValueError, struct.error, zlib.error, Image.DecompressionBombError)
# What NumPy and zipfile raise of archives that are cut off, damaged, encrypted, or none.
ARCHIVE_DAMAGE = (OSError, ValueError, EOFError, MemoryError, TypeError, RuntimeError, zipfile.BadZipFile, zlib.error)


def read_pictures(path: Path, size: int | None = None) -> tuple[Pixels, Classes]:
    """Return all pictures of a folder or an `.npz` file.

    A folder of folders is read as torchvision's ImageFolder does: each is a class, in alphabetical order. A folder of
    pictures has no classes. All pictures are grey or all become coloured; transparency is dropped.

    Args:
        path: The folder, or the file.
        size: Side of the square that each picture's middle is cut and resized to, by Pillow's bicubic filter; None =
            they all have one size.

    Returns:
        Pixels (N, C, H, W) in 0 to 255, and classes (N,) or None.

    Raises:
        DataError: Nothing there, something that cannot be read, or pictures of several sizes.
    """
    if size is not None and size < 1:
        raise DataError(f"size={size}: the side of a picture is at least 1 pixel")
    if not path.exists():
        raise DataError(f"path={path} is not there: name a folder of pictures, or an .npz file")
    if path.is_dir():
        files, classes = listed(path)
        return from_files(path, files, size), classes
    if path.suffix == ".npz":
        return from_archive(path, size)
    raise DataError(f"path={path} is neither a folder nor an .npz file")


def listed(folder: Path) -> tuple[list[Path], Classes]:
    """Return the pictures below a folder in alphabetical order, and the class of each.

    Raises:
        DataError: There are none, a class has none, or pictures lie beside folders of pictures.
    """
    flat = pictures_among(folder, folder.iterdir())
    classes = sorted(child for child in folder.iterdir() if child.is_dir() and not child.name.startswith("."))
    if not classes:
        if not flat:
            raise DataError(f"path={folder} holds no picture ({', '.join(sorted(SUFFIXES))})")
        return flat, None
    if flat:
        raise DataError(f"path={folder} holds both pictures, such as {flat[0].name}, and folders: move one sort away")
    files = [pictures_among(child, child.rglob("*")) for child in classes]
    if empty := [child.name for child, found in zip(classes, files, strict=True) if not found]:
        raise DataError(f"path={folder}: no picture of class {', '.join(empty[:NAMED])}: remove the empty folder")
    numbers = [torch.full((len(found),), number) for number, found in enumerate(files)]
    return list(itertools.chain(*files)), torch.cat(numbers)


def pictures_among(folder: Path, found: Iterable[Path]) -> list[Path]:
    """Return the pictures among the files, and say once if others are left out."""
    files = sorted(file for file in found if file.is_file() and not file.name.startswith("."))
    pictures = [file for file in files if file.suffix.lower() in SUFFIXES]
    if others := [file.name for file in files if file.suffix.lower() not in SUFFIXES]:
        screen.warn(f"{folder}: {len(others)} files are no pictures and are left out: {some(others)}")
    return pictures


def from_files(folder: Path, files: Sequence[Path], size: int | None) -> Pixels:
    """Return the pixels of files.

    Raises:
        DataError: Some cannot be read, or are of several sizes.
    """
    pictures, damaged = [], []
    for file in files:
        try:
            pictures.append(opened(file, size))
        except DAMAGE as error:
            reason = str(error).replace(repr(str(file)), "").strip() or type(error).__name__
            damaged.append(f"{file.relative_to(folder)} ({reason})")
    if damaged:
        number = f"{len(damaged)} of {len(files)} pictures cannot be read"
        raise DataError(f"path={folder}: {number}: {some(damaged)}; replace or remove them")
    check_sizes(folder, files, [picture.size for picture in pictures])
    mode = "L" if all(picture.mode == "L" for picture in pictures) else "RGB"
    arrays = [np.asarray(picture.convert(mode)) for picture in pictures]
    return channels_first(torch.from_numpy(np.stack(arrays)))


def opened(file: Path, size: int | None) -> Image.Image:
    """Return one picture as grey or RGB of 8 bits.

    Raises:
        OSError: It is cut off or no picture; Pillow has other errors for other damage.
        ValueError: It has another depth.
    """
    with Image.open(file) as picture:
        if picture.width * picture.height > MOST_PIXELS:
            raise ValueError(f"{picture.width}x{picture.height} pixels, too large to be meant")
        if picture.mode not in GREY | COLOURED:
            raise ValueError(f"of mode {picture.mode}, not of 8 bits")
        return resized(picture.convert("L" if picture.mode in GREY else "RGB"), size)


def resized(picture: Image.Image, size: int | None) -> Image.Image:
    """Return the middle square of a picture in this size; None = the picture as it is."""
    return picture if size is None else ImageOps.fit(picture, (size, size), Image.Resampling.BICUBIC)


def check_sizes(folder: Path, files: Sequence[Path], sizes: Sequence[tuple[int, int]]) -> None:
    """Raise DataError unless all pictures have one size."""
    counts = Counter(sizes)
    if len(counts) > 1:
        common = counts.most_common(1)[0][0]
        number = next(number for number, size in enumerate(sizes) if size != common)
        odd = f"{files[number].relative_to(folder)} has {sizes[number][0]}x{sizes[number][1]}"
        most = f"{counts[common]} of {len(sizes)} have {common[0]}x{common[1]}"
        raise DataError(f"path={folder}: pictures of {len(counts)} sizes ({most}, {odd}); size=N resizes all to NxN")


def from_archive(path: Path, size: int | None) -> tuple[Pixels, Classes]:
    """Return the pixels and classes of an `.npz` file.

    Raises:
        DataError: It is damaged, or its arrays are not what they should be.
    """
    try:
        with path.open("rb") as file, np.load(file) as archive:
            check_unpacked(archive.zip.infolist())
            keys = archive.files
            images = next((archive[key] for key in IMAGE_KEYS if key in keys), None)
            labels = next((archive[key] for key in LABEL_KEYS if key in keys), None)
    except ARCHIVE_DAMAGE as error:
        raise DataError(f"path={path} is damaged ({' '.join(str(error).split())}): write it again") from error
    if images is None:
        raise DataError(f"path={path} has {some(keys) or 'no array'}: name the images {', '.join(IMAGE_KEYS)}")
    pixels = checked_images(path, images)
    classes = None if labels is None else checked_labels(path, labels, len(pixels))
    if size is not None:
        pictures = [resized(to_picture(one), size) for one in pixels]
        pixels = channels_first(torch.from_numpy(np.stack([np.asarray(picture) for picture in pictures])))
    return pixels, classes


def check_unpacked(members: Iterable[zipfile.ZipInfo]) -> None:
    """Refuse an archive that would not fit into this machine's memory, before any of it is unpacked.

    Raises:
        ValueError: It would not.
    """
    size, memory = sum(member.file_size for member in members), os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if size > memory:
        raise ValueError(f"{size:,} bytes when it is unpacked, more than this machine's memory")


def checked_images(path: Path, images: np.ndarray) -> Pixels:
    """Return an array as pixels (N, C, H, W).

    Raises:
        DataError: It is not uint8, or has no axis of 1 or 3 channels.
    """
    given = f"path={path}: images are {images.dtype} {images.shape}"
    if images.dtype != np.uint8:
        raise DataError(f"{given}: save them as uint8, 0 to 255")
    if images.size == 0:
        raise DataError(f"{given}: there is none")
    if images.ndim == 3 or (images.ndim == 4 and images.shape[3] in (1, 3)):
        return channels_first(torch.from_numpy(images))
    if images.ndim == 4 and images.shape[1] in (1, 3):
        return torch.from_numpy(images)
    raise DataError(f"{given}: save them as (N, H, W, C) or (N, C, H, W), with 1 or 3 channels")


def checked_labels(path: Path, labels: np.ndarray, num: int) -> Int64[Tensor, " n"]:
    """Return an array as classes.

    Raises:
        DataError: Not one whole number for each image, or not numbered from 0 on.
    """
    if labels.shape != (num,) or labels.dtype.kind not in "iu":
        raise DataError(f"path={path}: labels are {labels.dtype} {labels.shape}: give {num} whole numbers")
    if labels.min() < 0 or labels.max() >= num:
        raise DataError(f"path={path}: labels from {labels.min()} to {labels.max()}: number the classes from 0 on")
    return torch.from_numpy(labels.astype(np.int64))


def channels_first(pixels: UInt8[Tensor, "n h w *c"]) -> Pixels:
    """Return (N, H, W) or (N, H, W, C) as (N, C, H, W)."""
    return pixels.unsqueeze(1) if pixels.ndim == 3 else pixels.permute(0, 3, 1, 2).contiguous()


def to_picture(pixels: UInt8[Tensor, "c h w"]) -> Image.Image:
    """Return pixels as a picture, grey or RGB."""
    return Image.fromarray(pixels[0].numpy() if len(pixels) == 1 else pixels.permute(1, 2, 0).numpy())


def some(names: Sequence[str]) -> str:
    """Return the first names of many."""
    return ", ".join(names[:NAMED]) + (", ..." if len(names) > NAMED else "")

"""The MNIST digits that ship with the package: four IDX files, each checked by its hash."""

import gzip
import hashlib
import zlib
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

FOLDER = Path(__file__).parent / "mnist"
HEADER_BYTES = {"images": 16, "labels": 8}
# SHA-256 of the uncompressed bytes.
FILES: dict[tuple[str, str], tuple[str, str]] = {
    ("train", "images"): (
        "train-images-idx3-ubyte.gz",
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    ("train", "labels"): (
        "train-labels-idx1-ubyte.gz",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    ("test", "images"): (
        "t10k-images-idx3-ubyte.gz",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    ("test", "labels"): (
        "t10k-labels-idx1-ubyte.gz",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
}


class DataError(ValueError):
    """A data file is missing or damaged, or the data do not fit what was asked for."""


def mnist(
    split: Literal["train", "test"], folder: Path | None = None
) -> tuple[UInt8[Tensor, "n 1 28 28"], Int64[Tensor, " n"]]:
    """Return the digits of one split; they are read and checked once per process.

    Args:
        split: "train" (60,000 digits) or "test" (10,000).
        folder: Where the four gzip-compressed IDX files are; None = those that ship with gannorm.

    Returns:
        Images (N, 1, 28, 28) in 0 to 255 and labels (N,). All callers share them: do not write to them.

    Raises:
        DataError: A file is missing or damaged.

    Example:
        >>> images, labels = mnist("test")
        >>> images.shape, labels[:5].tolist()
        (torch.Size([10000, 1, 28, 28]), [7, 2, 1, 0, 4])
    """
    return _read_split(split, (folder or FOLDER).resolve())


@cache
def _read_split(split: str, folder: Path) -> tuple[Tensor, Tensor]:
    images, labels = (_read(folder, split, part) for part in ("images", "labels"))
    return images.view(-1, 1, 28, 28), labels.long()


def _read(folder: Path, split: str, part: str) -> UInt8[Tensor, " bytes"]:
    """Return one file's payload, after its IDX header."""
    name, sha256 = FILES[split, part]
    path = folder / name
    way_out = f"reinstall gannorm, or fetch {name} again"
    try:
        content = gzip.decompress(path.read_bytes())
    except FileNotFoundError:
        raise DataError(f"the data file {path} is missing: {way_out}") from None
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"the data file {path} is damaged ({error}): {way_out}") from None
    if (found := hashlib.sha256(content).hexdigest()) != sha256:
        raise DataError(f"the data file {path} is damaged (SHA-256 {found[:8]}…, not {sha256[:8]}…): {way_out}")
    # The copy is writable memory of torch's own; from bytes alone torch would warn.
    return torch.from_numpy(np.frombuffer(content, np.uint8)[HEADER_BYTES[part] :].copy())

"""Images with classes that a classifier is trained and tested on, from whatever holds them."""

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

from gannorm import data
from gannorm.import_path import by_path

Pixels = tuple[UInt8[Tensor, "_ c h w"], Int64[Tensor, " _"]]  # N differs between sets
FEWEST = 10  # images of a class: one in ten is held out


@dataclass(frozen=True)
class Material:
    """Images as bytes and their classes, 0 to K - 1.

    Attributes:
        training: Images (N, C, H, W) in 0 to 255 and classes (N,).
        testing: The same, never trained on; None = a tenth of the training images will be.
        classes: Their K names.
        name: Where it is from, for the record.
    """

    training: Pixels
    testing: Pixels | None
    classes: tuple[str, ...]
    name: str


def material(source: Any) -> Material:
    """Return the images of a data module, or of anything with `images` uint8 (N, C, H, W) and `labels` (N,).

    Raises:
        ValueError: It has no labelled images, or a class has fewer than 10.

    Example:
        >>> found = material(data.MNIST())
        >>> found.training[0].shape, len(found.classes)
        (torch.Size([60000, 1, 28, 28]), 10)
    """
    name = str(getattr(source, "name", type(source).__name__))
    training, testing = _splits(source, name)
    num_modes = int(training[1].max()) + 1 if len(training[1]) else 0
    counts = torch.bincount(training[1].clamp_min(0), minlength=num_modes)
    if num_modes < 2 or int(training[1].min()) < 0:
        raise ValueError(f"data {name}: a classifier needs images of two classes or more, as numbers from 0")
    if int(counts.min()) < FEWEST:
        mode = int(counts.argmin())
        raise ValueError(
            f"data {name}: {int(counts[mode])} images of class {mode}; a classifier needs {FEWEST} of each"
        )
    classes = tuple(getattr(source, "classes", None) or map(str, range(num_modes)))
    return Material(training, testing, classes, name)


def named(what: str, folder: str | None = None) -> Material:
    """Return the images of a folder of classes, an `.npz`, a data set by name, or a class by import path.

    Args:
        what: A path, a `name` of `gannorm.data`, or `package.module.Class`.
        folder: Where a data set's files are, for those that ask for it.

    Raises:
        ValueError: There is no such thing, it asks for more, or it has no labelled images.
    """
    path = Path(what)
    if path.exists() or path.suffix == ".npz" or "/" in what:
        source = _made(what, SETS.get("image_files"), {"path": what, "batch_size": 1})
        found = material(source)
        names = tuple(sorted(child.name for child in path.iterdir() if _is_class(child))) if path.is_dir() else ()
        return Material(found.training, found.testing, names or found.classes, path.name)
    return material(_made(what, SETS.get(what) or _imported(what), {} if folder is None else {"folder": folder}))


def _splits(source: Any, name: str) -> tuple[Pixels, Pixels | None]:
    if hasattr(source, "training"):
        return source.training, source.testing
    if hasattr(source, "images") and hasattr(source, "labels"):
        return (torch.as_tensor(source.images), torch.as_tensor(source.labels).long()), None
    if hasattr(source, "train_dataloader") and hasattr(source, "held_out"):
        loader = source.train_dataloader()
        images, labels = source.held_out()
        return (loader.pixels, loader.labels), (data.to_pixels(images), labels)
    raise ValueError(f"data {name}: no labelled images; it has neither `training` nor `images` and `labels`")


def _made(what: str, kind: Any, options: dict[str, Any]) -> Any:
    if kind is None:
        raise ValueError(f"data {what!r} is no folder, no .npz file, no class, and none of {', '.join(SETS)}")
    try:
        inspect.signature(kind).bind(**options)
    except TypeError as error:
        way_out = "; name it with --folder" if "'folder'" in str(error) and "folder" not in options else ""
        raise ValueError(f"data {what}: {error}{way_out}") from None
    return kind(**options)


def _imported(path: str) -> Any:
    try:
        return by_path(path)
    except ValueError:
        return None  # then the error names the data sets, too


def _is_class(child: Path) -> bool:
    return child.is_dir() and not child.name.startswith(".")


SETS: dict[str, Any] = {
    name: kind
    for kind in vars(data).values()
    if inspect.isclass(kind) and isinstance(name := getattr(kind, "name", None), str)
}
"""The classes of `gannorm.data` by their names."""

"""What a path is, and who reads it."""

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gannorm.sources.arrays import open_npy, open_npz
from gannorm.sources.errors import SourceError
from gannorm.sources.exported import open_export, open_torchscript
from gannorm.sources.layouts import ImageLayout, Shape
from gannorm.sources.pictures import open_folder, open_zip
from gannorm.sources.ranges import ValueRange
from gannorm.sources.request import OPTIONS, Latent, Request
from gannorm.sources.runs import is_run, open_checkpoint, open_generator, open_run
from gannorm.sources.source import Source


@dataclass(frozen=True)
class Reader:
    """One kind of source.

    Args:
        kind: In words.
        recognises: Whether a path that exists is one.
        open: Makes the source.
        options: Attributes of a `Request` that mean something to it.
    """

    kind: str
    recognises: Callable[[Path], bool]
    open: Callable[[Request], Source]
    options: tuple[str, ...] = ()


def folder_with(*names: str) -> Callable[[Path], bool]:
    """Return what recognises a folder by what is in it."""
    return lambda path: all((path / name).exists() for name in names)


def named(suffix: str) -> Callable[[Path], bool]:
    """Return what recognises a file by its suffix."""
    return lambda path: path.suffix.lower() == suffix and path.is_file()


def archive_with(record: str) -> Callable[[Path], bool]:
    """Return what recognises a file of torch's by a record in it, whatever its suffix."""

    def recognises(path: Path) -> bool:
        if not path.is_file() or not zipfile.is_zipfile(path):
            return False
        with zipfile.ZipFile(path) as archive:
            return any(name.rpartition("/")[2] == record for name in archive.namelist())

    return recognises


STORED = ("value_range", "layout")
LATENT = ("latent_dim", "latent")
READERS: tuple[Reader, ...] = (
    Reader("a run folder", is_run, open_run),
    Reader("a generator folder", folder_with("config.json", "model.safetensors"), open_generator),
    Reader("a folder of PNG or JPEG pictures", Path.is_dir, open_folder),
    Reader("a .zip of pictures", named(".zip"), open_zip),
    Reader("an .npy file", named(".npy"), open_npy, STORED),
    Reader("an .npz file", named(".npz"), open_npz, (*STORED, "key")),
    Reader("a TorchScript generator", archive_with("constants.pkl"), open_torchscript, (*STORED, *LATENT)),
    Reader("a torch.export generator", archive_with("archive_format"), open_export, (*STORED, *LATENT)),
    Reader("a checkpoint of a run", archive_with("data.pkl"), open_checkpoint),
)
"""Every kind of source; the first that recognises a path reads it."""


def open_source(
    path: str | Path,
    *,
    expected_shape: Shape,
    value_range: ValueRange | None = None,
    layout: ImageLayout | None = None,
    key: str | None = None,
    latent_dim: int | None = None,
    latent: Latent | None = None,
) -> Source:
    """Return what a path holds or makes as samples, in the judge's range and layout.

    A run folder, a generator/ folder, a checkpoint of a run, a TorchScript or torch.export generator, an .npy or .npz
    file, or a folder (or .zip) of PNG and JPEG pictures. What is not known is recognised, stated by `Source.describe`,
    and can be overridden; what nobody can know is an error. Nothing is resized or converted between grey and colour.

    TorchScript and torch.export files execute code when they are opened: open only those that you trust.

    Args:
        path: Where it is.
        expected_shape: Of one sample as the judge takes it: (C, H, W), or (D,) for points.
        value_range: Range of the stored pixels; None = recognise it.
        layout: Order of the stored axes; None = recognise it.
        key: Name of the array in an .npz; None = the only one, or one of the usual names.
        latent_dim: Length of an exported generator's latent vectors; None = what the file says.
        latent: What these are drawn from: "normal", N(0, I), or "uniform" on [-1, 1]; None = "normal".

    Raises:
        SourceError: There is nothing, nothing of a known kind, nothing that fits, or an option that has no effect.

    Example:
        >>> import numpy as np, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.savez(f"{folder}/x.npz", arr_0=np.full((600, 28, 28, 1), 255, np.uint8))
        ...     source = open_source(f"{folder}/x.npz", expected_shape=(1, 28, 28))
        ...     source.num_samples, [tuple(chunk.shape) for chunk in source.chunks(None)]
        (600, [(512, 1, 28, 28), (88, 1, 28, 28)])
    """
    request = Request(
        path=Path(path),
        expected_shape=tuple(expected_shape),
        value_range=value_range,
        layout=layout,
        key=key,
        latent_dim=latent_dim,
        latent=latent,
    )
    return reader_for(request).open(request)


def reader_for(request: Request) -> Reader:
    """Return who reads what was asked for.

    Raises:
        SourceError: Nobody, or an option means nothing to them.
    """
    reader = reader_of(request.path)
    for option, spelling in OPTIONS.items():
        if (value := getattr(request, option)) is not None and option not in reader.options:
            raise SourceError(f"{spelling} {value} has no effect on {reader.kind}, which {request.path} is")
    return reader


def reader_of(path: Path) -> Reader:
    """Return who reads a path.

    Raises:
        SourceError: There is nothing, or nothing of a known kind.
    """
    if not path.exists():
        raise SourceError(f"{path} does not exist")
    for reader in READERS:
        if reader.recognises(path):
            return reader
    kinds = ", ".join(reader.kind for reader in READERS)
    raise SourceError(f"{path} is damaged or of no known kind; a source is {kinds}")

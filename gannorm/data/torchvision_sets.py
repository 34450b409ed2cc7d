"""torchvision's Fashion-MNIST and CIFAR-10, from a folder; fetched only where the user says so."""

import pickle
import zlib
from abc import abstractmethod
from http.client import HTTPException
from pathlib import Path
from typing import Any

import torch

from gannorm.data.idx import DataError
from gannorm.data.resident_images import LabelledImages, Loader, Pixels, Split

# What torchvision raises of files that are missing, cut off or of another kind, and without a connection.
WRONG = (
    AssertionError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    HTTPException,
    pickle.UnpicklingError,
    zlib.error,
)


class TorchvisionImages(LabelledImages):
    """One of torchvision's labelled sets; a subclass names it and its files.

    Args:
        folder: Torchvision's `root`: where its files are, or are to be put.
        download: Fetch the files if they are not there; nothing is fetched otherwise.
        batch_size: Images in each batch.
        seed: Of the order of the images; None = torch's own seed, which `seed_everything` sets.
        loader: "resident" or "dataloader"; see `MNIST`.
        shares: How often each class occurs, relative to the others; see `MNIST`.

    Raises:
        DataError: The files are missing, damaged or cannot be fetched, or an option does not fit.
    """

    files: str  # below the folder, for messages
    num_modes = 10

    def __init__(
        self,
        *,
        folder: str,
        download: bool = False,
        batch_size: int = 32,
        seed: int | None = None,
        loader: Loader = "resident",
        shares: list[float] | None = None,
    ) -> None:
        self.folder = Path(folder)
        self.download = download
        super().__init__(batch_size=batch_size, seed=seed, shares=shares, loader=loader)

    @abstractmethod
    def open(self, *, train: bool, download: bool) -> Any:
        """Return torchvision's data set."""

    def read(self, split: Split) -> Pixels:
        """Return pixels and classes of one split."""
        try:
            images = self.open(train=split == "train", download=self.download)
            pixels, classes = torch.as_tensor(images.data), torch.as_tensor(images.targets).long()
            if len(pixels) != len(classes) or classes.max() >= self.num_modes:
                raise ValueError(f"{len(pixels)} images have {len(classes)} labels up to {classes.max()}")
        except WRONG as error:
            raise DataError(self.what_is_wrong(error)) from error
        return pixels.unsqueeze(1) if pixels.ndim == 3 else pixels.permute(0, 3, 1, 2).contiguous(), classes

    def what_is_wrong(self, error: Exception) -> str:
        """Return what is wrong with the files, and the way out, on one line."""
        reason = " ".join(str(error).split()).removesuffix("You can use download=True to download it").strip(" .")
        reason = reason or type(error).__name__
        if self.download:
            return f"{self.name} could not be fetched to {self.folder} ({reason}): offline? put its {self.files} there"
        way_out = f"put its {self.files} there, or say download=true"
        return f"folder={self.folder}: no whole {self.name} there ({reason}); {way_out}"


class FashionMNIST(TorchvisionImages):
    """Fashion-MNIST: 70,000 grey pictures of ten sorts of clothes (Xiao 2017, arXiv:1708.07747); see `MNIST`.

    Args:
        folder: Where torchvision's `FashionMNIST/raw` is, or is to be put.
        download: Fetch the files if they are not there; nothing is fetched otherwise.
        batch_size: Images in each batch.
        seed: Of the order of the images; None = torch's own seed, which `seed_everything` sets.
        loader: "resident" keeps the set on the trainer's device and resumes in the middle of an epoch;
            "dataloader" is torch's ordinary DataLoader.
        shares: How often each class occurs, relative to the others, ten numbers; None = all alike.

    Raises:
        DataError: The files are missing, damaged or cannot be fetched, or an option does not fit.

    Example:
        >>> FashionMNIST(folder="data", download=True).image_shape  # doctest: +SKIP
        (1, 28, 28)
    """

    name = "fashion_mnist"
    files = "FashionMNIST/raw/*-ubyte"

    def open(self, *, train: bool, download: bool) -> Any:
        """Return torchvision's data set."""
        from torchvision.datasets import FashionMNIST  # here: its import takes long, and other data need none of it

        return FashionMNIST(self.folder, train=train, download=download)


class CIFAR10(TorchvisionImages):
    """CIFAR-10: 60,000 photographs of ten sorts of things, 3x32x32 (Krizhevsky 2009); see `MNIST`.

    Args:
        folder: Where torchvision's `cifar-10-batches-py` is, or is to be put.
        download: Fetch the files if they are not there; nothing is fetched otherwise.
        batch_size: Images in each batch.
        seed: Of the order of the images; None = torch's own seed, which `seed_everything` sets.
        loader: "resident" keeps the set on the trainer's device and resumes in the middle of an epoch;
            "dataloader" is torch's ordinary DataLoader.
        shares: How often each class occurs, relative to the others, ten numbers; None = all alike.

    Raises:
        DataError: The files are missing, damaged or cannot be fetched, or an option does not fit.

    Example:
        >>> CIFAR10(folder="data", download=True).image_shape  # doctest: +SKIP
        (3, 32, 32)
    """

    name = "cifar10"
    files = "cifar-10-batches-py/*_batch*"

    def open(self, *, train: bool, download: bool) -> Any:
        """Return torchvision's data set; it checks each file by its hash."""
        from torchvision.datasets import CIFAR10  # here: as above

        return CIFAR10(self.folder, train=train, download=download)

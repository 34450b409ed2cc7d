"""LightningDataModules: the bundled digits, and anybody's torch Dataset."""

from pathlib import Path
from typing import Any, Literal

import pytorch_lightning as pl
import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, TensorDataset

from gannorm import rng
from gannorm.data.idx import DataError, mnist
from gannorm.data.pixels import to_images
from gannorm.data.resident import ResidentLoader
from gannorm.data.resumable import ResumableDataModule


class MNIST(ResumableDataModule):
    """The handwritten digits that ship with gannorm; nothing is fetched.

    Args:
        batch_size: Images in each batch, 1 to 60,000.
        seed: Of the order of the images; None = torch's own seed, which `seed_everything` sets.
        folder: Where the four IDX files are; None = those in the package.
        loader: "resident" keeps the set on the trainer's device and resumes in the middle of an epoch;
            "dataloader" is torch's ordinary DataLoader.

    Raises:
        DataError: A file is missing or damaged, or `batch_size` does not fit.

    Example:
        >>> data = MNIST(batch_size=128, seed=0)
        >>> images, labels = next(iter(data.train_dataloader()))
        >>> images.shape, labels.shape, data.num_modes
        (torch.Size([128, 1, 28, 28]), torch.Size([128]), 10)
    """

    name = "mnist"
    image_shape = (1, 28, 28)
    num_modes = 10

    def __init__(
        self,
        *,
        batch_size: int = 32,
        seed: int | None = None,
        folder: str | None = None,
        loader: Literal["resident", "dataloader"] = "resident",
    ) -> None:
        super().__init__()
        self.folder = None if folder is None else Path(folder)
        self.batch_size = batch_size
        self.seed = seed
        self.loader = loader
        check_batch_size(batch_size, len(mnist("train", self.folder)[1]))

    @property
    def prior(self) -> Float[Tensor, " 10"]:
        """Share of each digit among the training images."""
        labels = mnist("train", self.folder)[1]
        return torch.bincount(labels, minlength=self.num_modes).float() / len(labels)

    def train_dataloader(self) -> "ResidentLoader | DataLoader[Any]":
        """Return the loader of the training digits, from the beginning."""
        pixels, labels = mnist("train", self.folder)
        if self.seed is None:
            self.seed = torch.initial_seed()
        if self.loader == "resident":
            if self.trainer and self.trainer.world_size > 1:
                raise DataError(f"{self.trainer.world_size} processes cannot share a resident set: loader=dataloader")
            device = self.trainer.strategy.root_device if self.trainer else "cpu"
            return ResidentLoader(pixels, labels, batch_size=self.batch_size, seed=self.seed, device=device)
        return shuffled(TensorDataset(to_images(pixels), labels), self.batch_size, self.seed)

    def held_out(self) -> tuple[Float[Tensor, "n 1 28 28"], Int64[Tensor, " n"]]:
        """Return the 10,000 test digits in [-1, 1] and their labels, on the CPU."""
        pixels, labels = mnist("test", self.folder)
        return to_images(pixels), labels

    def state_dict(self) -> dict[str, Any]:
        """Return the seed: a resumed run has to draw the same orders."""
        return {"seed": self.seed}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the seed of the run that goes on."""
        self.seed = state_dict["seed"]


class Images(pl.LightningDataModule):
    """Any torch Dataset of images, or of (image, label), through torch's ordinary DataLoader.

    Resuming starts an epoch anew: an ordinary DataLoader cannot stand in the middle of one.

    Args:
        dataset: Its images are floats (C, H, W) in [-1, 1]; the first batch is checked.
        batch_size: Images in each batch.
        num_workers: Processes that load images beside the training.
        seed: Of the order of the images; None = torch's own seed, which `seed_everything` sets.

    Raises:
        DataError: `batch_size` does not fit the dataset, or the first batch is not in [-1, 1].

    Example:
        >>> data = Images(TensorDataset(torch.zeros(10, 3, 32, 32)), batch_size=4)
        >>> data.image_shape, len(data.train_dataloader())
        ((3, 32, 32), 2)
    """

    name = "images"
    num_modes = None
    prior = None

    def __init__(
        self, dataset: Dataset[Any], *, batch_size: int = 64, num_workers: int = 0, seed: int | None = None
    ) -> None:
        super().__init__()
        self.dataset = dataset
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.seed = seed
        self._checked = False
        check_batch_size(batch_size, len(dataset))  # type: ignore[arg-type]

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Channels, height, width of the first image."""
        with rng.untouched():
            return tuple(first_of(self.dataset[0]).shape)

    def train_dataloader(self) -> DataLoader[Any]:
        """Return a shuffled DataLoader that leaves out a last batch that is not full."""
        if self.seed is None:
            self.seed = torch.initial_seed()
        return shuffled(self.dataset, self.batch_size, self.seed, self.num_workers)

    def on_before_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:  # noqa: ARG002 (Lightning's signature)
        """Check the first batch, and give a batch without labels the label -1."""
        images = first_of(batch)
        if not self._checked:
            check_range(images)
            self._checked = True
        has_labels = isinstance(batch, list | tuple) and len(batch) > 1
        return (images, batch[1] if has_labels else torch.full((len(images),), -1))


def shuffled(dataset: Dataset[Any], batch_size: int, seed: int, num_workers: int = 0) -> DataLoader[Any]:
    """Return torch's DataLoader with an order of its own, independent of the global random state."""
    generator = rng.generator(seed, "order")
    return DataLoader(dataset, batch_size, shuffle=True, drop_last=True, generator=generator, num_workers=num_workers)


def first_of(item: Any) -> Tensor:
    """Return the image(s) of what a dataset or loader yields."""
    return item[0] if isinstance(item, list | tuple) else item


def check_batch_size(batch_size: int, num_images: int) -> None:
    """Raise DataError if no full batch of this size can be made."""
    if not 1 <= batch_size <= num_images:
        raise DataError(f"batch_size={batch_size} does not fit: choose 1 to {num_images}, the number of images")


def check_range(images: Tensor) -> None:
    """Raise DataError unless the images are floats in [-1, 1] that use more than [0, 1]."""
    if not images.is_floating_point():
        raise DataError(f"images of type {images.dtype}: scale them to floats in [-1, 1]")
    low, high = images.min().item(), images.max().item()
    if not (low >= -1.001 and high <= 1.001):
        raise DataError(f"images from {low:.3g} to {high:.3g}: scale them to [-1, 1]")

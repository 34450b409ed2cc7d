"""Anybody's torch Dataset as a LightningDataModule."""

from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from gannorm import rng
from gannorm.data.idx import DataError
from gannorm.data.resumable import check_batch_size


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
        >>> from torch.utils.data import TensorDataset
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


def check_range(images: Tensor) -> None:
    """Raise DataError unless the images are floats in [-1, 1] that use more than [0, 1]."""
    if not images.is_floating_point():
        raise DataError(f"images of type {images.dtype}: scale them to floats in [-1, 1]")
    low, high = images.min().item(), images.max().item()
    if not (low >= -1.001 and high <= 1.001):
        raise DataError(f"images from {low:.3g} to {high:.3g}: scale them to [-1, 1]")

"""The base of every set of images that stays in memory: a new one is a subclass with a name and `read`."""

from abc import abstractmethod
from functools import cached_property
from typing import Any, Literal

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from gannorm.data.module import shuffled
from gannorm.data.pixels import to_images
from gannorm.data.resident import ResidentLoader
from gannorm.data.resumable import SeededDataModule, check_batch_size
from gannorm.data.shares import draw_modes, draw_of_modes, frequencies, subset

Split = Literal["train", "test"]
Loader = Literal["resident", "dataloader"]
Pixels = tuple[UInt8[Tensor, "n c h w"], Int64[Tensor, " n"]]
UNKNOWN = -1  # class of an image without classes


class ResidentImages(SeededDataModule):
    """Images as bytes in memory, with classes or without; a subclass has a name and reads one split.

    Args:
        batch_size: Images in each batch.
        seed: Of the order of the images; None = torch's own seed, which `seed_everything` sets.
        shares: How often each class occurs, relative to the others; None = as the data come. The training images are
            thinned to it, the same ones for every seed; `prior` and `real` follow.
        loader: "resident" keeps the set on the trainer's device and resumes in the middle of an epoch;
            "dataloader" is torch's ordinary DataLoader.

    Raises:
        DataError: A file is missing or damaged, or an option does not fit the data.
    """

    name: str
    num_modes: int | None

    def __init__(self, *, batch_size: int, seed: int | None, shares: list[float] | None, loader: Loader) -> None:
        super().__init__(batch_size=batch_size, seed=seed)
        self.shares = shares
        self.loader = loader
        check_batch_size(batch_size, len(self.training[1]))

    @abstractmethod
    def read(self, split: Split) -> Pixels:
        """Return pixels (N, C, H, W) in 0 to 255 and classes (N,) of the training or of the held-out images."""

    @cached_property
    def training(self) -> Pixels:
        """The training images, thinned to the shares."""
        pixels, labels = self.read("train")
        if self.shares is None:
            return pixels, labels
        kept = subset(labels, self.shares, self.num_modes or 0)
        return pixels[kept], labels[kept]

    @cached_property
    def testing(self) -> Pixels:
        """The held-out images; the shares do not thin them."""
        return self.read("test")

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        _, *shape = self.training[0].shape
        return shape[0], shape[1], shape[2]

    @property
    @abstractmethod
    def prior(self) -> Float[Tensor, " k"] | None:
        """Share of each class among the training images; None where there are no classes."""

    def train_dataloader(self) -> "ResidentLoader | DataLoader[Any]":
        """Return the loader of the training images, from the beginning."""
        pixels, labels = self.training
        seed = self.settled_seed()
        if self.loader == "resident":
            return ResidentLoader(pixels, labels, batch_size=self.batch_size, seed=seed, device=self.device())
        return shuffled(TensorDataset(to_images(pixels), labels), self.batch_size, seed)

    def held_out(self) -> tuple[Float[Tensor, "n c h w"], Int64[Tensor, " n"]]:
        """Return all held-out images in [-1, 1] and their classes, on the CPU; the shares do not thin them."""
        pixels, labels = self.testing
        return to_images(pixels), labels

    def real(self, num: int, rng: torch.Generator) -> tuple[Float[Tensor, "n c h w"], Int64[Tensor, " n"]]:
        """Return held-out images as a perfect generator would draw them: their classes as often as in training.

        No image comes a second time before all of its class have come.

        Args:
            num: N.
            rng: Whose random numbers.

        Returns:
            Images (N, C, H, W) in [-1, 1] and their classes (N,).

        Raises:
            DataError: No image of a drawn class is held out.
        """
        pixels, labels = self.testing
        modes = torch.full((num,), UNKNOWN) if self.prior is None else draw_modes(self.prior, num, rng)
        chosen = draw_of_modes(labels, modes, rng)
        return to_images(pixels[chosen]), modes


class LabelledImages(ResidentImages):
    """Images that all have classes: a subclass has a `name`, `num_modes`, and `read`; see `ResidentImages`."""

    num_modes: int

    @property
    def prior(self) -> Float[Tensor, " k"]:
        """Share of each class among the training images."""
        return frequencies(self.training[1], self.num_modes)

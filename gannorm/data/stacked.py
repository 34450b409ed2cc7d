"""Stacked MNIST: three digits as the channels of one image, a thousand modes (Metz 2017, arXiv:1611.02163)."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Literal

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor
from torch.nn.functional import pad

from gannorm import rng
from gannorm.data.idx import DataError, mnist
from gannorm.data.pixels import to_images
from gannorm.data.resident import Batch, EpochLoader
from gannorm.data.resumable import SeededDataModule, check_batch_size
from gannorm.data.shares import frequencies, subset

CHANNELS = 3
EPOCH = 60_000  # stacks, where they are drawn on the fly
BORDERS = {28: 0, 32: 2}  # black pixels on each side, by the side of the image
PLACES = torch.tensor([100, 10, 1])  # mode = 100·a + 10·b + c

Digits = tuple[UInt8[Tensor, "d h w"], Int64[Tensor, " d"]]
Triples = Int64[Tensor, "n 3"]


class StackedMNIST(SeededDataModule):
    """Stacks of three MNIST digits, drawn on the fly or a fixed set of them; only the digits are kept in memory.

    The papers' sets: 128,000 fixed stacks of all 70,000 digits (VEEGAN, PacGAN), 50,000 of them (Valkov), 60,000 of the
    training digits (PresGAN), on the fly (Unrolled GAN, MEG). The mode of a stack is 100·a + 10·b + c.

    Args:
        batch_size: Stacks in each batch.
        seed: Of the stacks, a fixed set's too; None = torch's own seed, which `seed_everything` sets.
        fixed: Number of stacks that are drawn once; None = fresh ones in every epoch of 60,000.
        with_test: Draw from the 10,000 test digits too, as VEEGAN and PacGAN did; then `real` shows digits that
            training has shown.
        size: Side of an image: 28, or 32 with a border of two black pixels.
        folder: Where MNIST's four IDX files are; None = those in the package.
        shares: How often each digit occurs in a channel, relative to the others, ten numbers; None = as in MNIST.

    Attributes:
        prior: (1000,) product of the frequencies of the digits that stacks are drawn from: of a fixed set what is to be
            expected, not what was drawn.

    Raises:
        DataError: A file is missing or damaged, or an option does not fit.

    Example:
        >>> data = StackedMNIST(batch_size=4, seed=0)
        >>> stacks, modes = next(iter(data.train_dataloader()))
        >>> stacks.shape, modes.tolist()
        (torch.Size([4, 3, 28, 28]), [29, 170, 141, 316])
        >>> round(data.prior[111].item() * 1000, 2), len(StackedMNIST(fixed=128_000, with_test=True).prior)
        (1.42, 1000)
    """

    name = "stacked_mnist"
    num_modes = 1000

    def __init__(
        self,
        *,
        batch_size: int = 32,
        seed: int | None = None,
        fixed: int | None = None,
        with_test: bool = False,
        size: Literal[28, 32] = 28,
        folder: str | None = None,
        shares: list[float] | None = None,
    ) -> None:
        super().__init__(batch_size=batch_size, seed=seed)
        if size not in BORDERS:
            raise DataError(f"size={size}: stacks are 28 pixels wide, or 32 with a black border")
        self.fixed = fixed
        self.with_test = with_test
        self.size = size
        self.folder = None if folder is None else Path(folder)
        self.shares = shares
        self.image_shape = (CHANNELS, size, size)
        check_batch_size(batch_size, EPOCH if fixed is None else fixed, "stacks")
        self.prior = product(self.digit_prior)

    @cached_property
    def digits(self) -> Digits:
        """The single digits that training draws from."""
        pixels, labels = mnist("train", self.folder)
        if self.with_test:
            more, more_labels = mnist("test", self.folder)
            pixels, labels = torch.cat([pixels, more]), torch.cat([labels, more_labels])
        kept = slice(None) if self.shares is None else subset(labels, self.shares, 10)
        return self.bordered(pixels[kept]), labels[kept]

    @property
    def digit_prior(self) -> Float[Tensor, " 10"]:
        """Share of each digit in a channel."""
        return frequencies(self.digits[1], 10)

    def bordered(self, pixels: UInt8[Tensor, "d 1 28 28"]) -> UInt8[Tensor, "d h w"]:
        """Return digits without their channel, in their black border."""
        return pad(pixels.squeeze(1), [BORDERS[self.size]] * 4)

    def train_dataloader(self) -> "StackLoader":
        """Return the loader of the stacks, from the beginning."""
        return StackLoader(
            *self.digits, fixed=self.fixed, batch_size=self.batch_size, seed=self.settled_seed(), device=self.device()
        )

    def real(self, num: int, rng: torch.Generator) -> tuple[Float[Tensor, "n 3 h w"], Int64[Tensor, " n"]]:
        """Return fresh stacks of test digits, each digit as often as in training.

        Args:
            num: N.
            rng: Whose random numbers.

        Returns:
            Stacks (N, 3, H, W) in [-1, 1] and their modes (N,).
        """
        pixels, labels = mnist("test", self.folder)
        weights = (self.digit_prior / torch.bincount(labels, minlength=10))[labels]
        triples = torch.multinomial(weights, CHANNELS * num, replacement=True, generator=rng).view(num, CHANNELS)
        return to_images(self.bordered(pixels)[triples]), mode_of(labels[triples])


class StackLoader(EpochLoader):
    """Stacks gathered from single digits, on the CPU or the GPU; their numbers are all that is drawn.

    Args:
        pixels: Of the digits, (D, H, W) in 0 to 255.
        labels: (D,), 0 to 9.
        fixed: Number of stacks that are drawn once; None = fresh ones in every epoch.
        batch_size: Stacks in each batch.
        seed: Of the stacks and their order.
        device: Where the digits are kept and batches appear.

    Yields:
        Stacks (batch_size, 3, H, W) in [-1, 1] and modes (batch_size,).
    """

    def __init__(
        self,
        pixels: UInt8[Tensor, "d h w"],
        labels: Int64[Tensor, " d"],
        *,
        fixed: int | None,
        batch_size: int,
        seed: int,
        device: torch.device | str = "cpu",
    ) -> None:
        super().__init__(EPOCH if fixed is None else fixed, batch_size=batch_size, seed=seed)
        self.pixels = pixels.to(device)
        self.labels = labels.to(device)
        self.fixed = None if fixed is None else self.drawn("fixed")

    def drawn(self, stream: int | str) -> Triples:
        """Return numbers of three independent digits for each stack of an epoch."""
        generator = rng.generator(self.seed, "stacks", stream)
        return torch.randint(len(self.labels), (self.num_samples, CHANNELS), generator=generator)

    def batches_from(self, epoch: int, first: int) -> Iterator[Batch]:
        """Yield stacks and modes: of a fixed set in the order of the epoch, else fresh ones."""
        triples = self.drawn(epoch) if self.fixed is None else self.fixed[self.order(epoch)]
        for chosen in self.in_batches(triples.to(self.labels.device), first):
            yield to_images(self.pixels[chosen]), mode_of(self.labels[chosen])


def mode_of(digits: Int64[Tensor, "n 3"]) -> Int64[Tensor, " n"]:
    """Return the mode of each triple of digits.

    Example:
        >>> mode_of(torch.tensor([[0, 0, 7], [4, 0, 2]])).tolist()
        [7, 402]
    """
    return (digits * PLACES.to(digits.device)).sum(dim=1)


def product(prior: Float[Tensor, " 10"]) -> Float[Tensor, " 1000"]:
    """Return the prior of stacks whose channels have this prior and are independent.

    Example:
        >>> product(torch.full((10,), 0.1)).unique().item()  # doctest: +ELLIPSIS
        0.001...
    """
    return (prior[:, None, None] * prior[:, None] * prior).flatten()

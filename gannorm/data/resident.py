"""Loaders for sets that fit in memory: no copies, no workers, and they resume in the middle of an epoch."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from gannorm import rng
from gannorm.data.pixels import to_images

Batch = tuple[Float[Tensor, "n ..."], Int64[Tensor, " n"]]


class EpochLoader(ABC):
    """Batches that are a function of seed, epoch and number, so that two integers are the whole state.

    A subclass says what the batches are. Lightning's rules, as of 2.6: it saves `state_dict()` in each checkpoint,
    tells `sampler.set_epoch` the epoch before it starts, and stops after `len` batches without asking for one more.

    Args:
        num_samples: In an epoch; a last batch that is not full is left out.
        batch_size: Samples in each batch.
        seed: Of order or samples.
    """

    def __init__(self, num_samples: int, *, batch_size: int, seed: int) -> None:
        self.num_samples = num_samples
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0
        self.batches = 0  # of this epoch that have been handed out
        self._continue = True

    @abstractmethod
    def batches_from(self, epoch: int, first: int) -> Iterator[Batch]:
        """Yield the batches of an epoch from number `first` on: samples, and a mode for each."""

    @property
    def sampler(self) -> "EpochLoader":
        """What Lightning calls `set_epoch` on."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Start at the beginning of an epoch, unless it is the one that `load_state_dict` left in the middle."""
        if epoch != self.epoch:
            self.epoch, self.batches, self._continue = epoch, 0, True

    def state_dict(self) -> dict[str, Any]:
        """Return where the loader stands; all of it belongs to epochs and batches, nothing to a random generator."""
        return {"epoch": self.epoch, "batches": self.batches}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Let the next iteration go on from where `state_dict` was taken."""
        self.epoch, self.batches, self._continue = int(state["epoch"]), int(state["batches"]), True

    def order(self, epoch: int) -> Int64[Tensor, " n"]:
        """Return a permutation of the samples; it is drawn on the CPU, so it is the same on every device."""
        return torch.randperm(self.num_samples, generator=rng.generator(self.seed, "order", epoch))

    def in_batches(self, samples: Tensor, first: int) -> Iterator[Tensor]:
        """Yield an epoch's numbers, or whatever stands for its samples, in full batches from number `first` on."""
        yield from samples[: len(self) * self.batch_size].split(self.batch_size)[first:]

    def __len__(self) -> int:
        return self.num_samples // self.batch_size

    def __iter__(self) -> Iterator[Batch]:
        # All of this runs at the first `next`: Lightning calls `iter` before it has told the epoch.
        if not self._continue or self.batches >= len(self):
            self.epoch, self.batches = self.epoch + 1, 0
        self._continue = False
        for batch in self.batches_from(self.epoch, self.batches):
            # Counted before it is handed out: whoever saves while working on this batch has seen it.
            self.batches += 1
            yield batch


class ResidentLoader(EpochLoader):
    """Shuffled batches from one uint8 tensor that stays where it is, on the CPU or the GPU.

    Args:
        pixels: The whole set, (N, C, H, W) in 0 to 255.
        labels: (N,).
        batch_size: Images in each batch.
        seed: Of the order.
        device: Where the set is kept and batches appear.

    Yields:
        Images (batch_size, C, H, W) in [-1, 1] and labels (batch_size,).

    Example:
        >>> loader = ResidentLoader(torch.zeros(10, 1, 2, 2, dtype=torch.uint8), torch.arange(10), batch_size=4, seed=0)
        >>> [labels.tolist() for _, labels in loader]
        [[0, 2, 6, 3], [5, 4, 7, 1]]
        >>> loader.state_dict()
        {'epoch': 0, 'batches': 2}
    """

    def __init__(
        self,
        pixels: UInt8[Tensor, "n c h w"],
        labels: Int64[Tensor, " n"],
        *,
        batch_size: int,
        seed: int,
        device: torch.device | str = "cpu",
    ) -> None:
        super().__init__(len(labels), batch_size=batch_size, seed=seed)
        self.pixels = pixels.to(device)
        self.labels = labels.to(device)

    def batches_from(self, epoch: int, first: int) -> Iterator[Batch]:
        """Yield images and labels in the order of the epoch."""
        order = self.order(epoch).to(self.labels.device)
        for chosen in self.in_batches(order, first):
            yield to_images(self.pixels[chosen]), self.labels[chosen]

"""When an observer looks: moments counted in real images shown to the discriminator."""

import time
from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
from torch import Tensor

from gannorm.gan import GAN


def num_images(batch: Any) -> int:
    """Return N of a batch, which is images, (images, ...) or a mapping of them.

    Example:
        >>> import torch
        >>> num_images((torch.zeros(5, 1, 28, 28), torch.zeros(5))), num_images({"image": torch.zeros(3, 2)})
        (5, 3)
    """
    if isinstance(batch, Mapping):
        batch = next(iter(batch.values()))
    return len(batch) if isinstance(batch, Tensor) else len(batch[0])


class EveryImages(pl.Callback):
    """A callback that acts each time another `every_images` images have been seen, in anybody's LightningModule.

    Args:
        every_images: 0 = never; of several, each counts.

    Attributes:
        seconds: Spent acting, in all attempts.
    """

    at_the_end = False  # whether to act where the run stops, too

    def __init__(self, *every_images: int) -> None:
        if any(interval < 0 for interval in every_images):
            raise ValueError(f"every_images={min(every_images)} is negative; 0 means never")
        self.intervals = [interval for interval in every_images if interval]
        self.images_seen = 0
        self.seconds = 0.0

    def act(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Do what this callback is for."""
        raise NotImplementedError

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *args: Any) -> None:
        """Count, and act where a moment has come."""
        before = self.images_seen
        of_all = num_images(args[1]) * trainer.world_size
        self.images_seen = pl_module.images_seen if isinstance(pl_module, GAN) else before + of_all
        if self.reached(before, self.images_seen) or (self.at_the_end and trainer.should_stop):
            start = time.perf_counter()
            self.act(trainer, pl_module)
            self.seconds += time.perf_counter() - start

    def reached(self, before: int, after: int) -> bool:
        """Return whether a moment comes between so many images and so many."""
        return any(after // interval > before // interval for interval in self.intervals)

    def state_dict(self) -> dict[str, Any]:
        """Return the count, so that a resumed run acts at the same moments."""
        return {"images_seen": self.images_seen, "seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on counting from there."""
        self.images_seen, self.seconds = state_dict["images_seen"], state_dict["seconds"]

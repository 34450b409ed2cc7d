"""When an observer looks: moments counted in real images shown to the discriminator."""

from collections.abc import Sequence
from typing import Any

import pytorch_lightning as pl
from torch import Tensor

from gannorm.gan import GAN


def num_images(batch: Tensor | Sequence[Any]) -> int:
    """Return N of a batch, which is images or (images, ...).

    Example:
        >>> import torch
        >>> num_images((torch.zeros(5, 1, 28, 28), torch.zeros(5)))
        5
    """
    return len(batch) if isinstance(batch, Tensor) else len(batch[0])


class EveryImages(pl.Callback):
    """A callback that acts each time another `every_images` images have been seen, in anybody's LightningModule.

    Args:
        every_images: 0 = never.
    """

    def __init__(self, every_images: int) -> None:
        if every_images < 0:
            raise ValueError(f"every_images={every_images} is negative; 0 means never")
        self.every_images = every_images
        self.images_seen = 0

    def act(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Do what this callback is for."""
        raise NotImplementedError

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *args: Any) -> None:
        """Count, and act where a moment has come."""
        before, batch = self.images_seen, args[1]
        self.images_seen = pl_module.images_seen if isinstance(pl_module, GAN) else before + num_images(batch)
        if self.every_images and self.images_seen // self.every_images > before // self.every_images:
            self.act(trainer, pl_module)

    def state_dict(self) -> dict[str, Any]:
        """Return the count, so that a resumed run acts at the same moments."""
        return {"images_seen": self.images_seen}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on counting from there."""
        self.images_seen = state_dict["images_seen"]

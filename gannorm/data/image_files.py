"""Anybody's image files as a LightningDataModule: a folder of pictures, a folder of classes, or an `.npz`."""

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from gannorm import rng
from gannorm.data.idx import DataError
from gannorm.data.pictures import read_pictures
from gannorm.data.resident_images import UNKNOWN, Loader, Pixels, ResidentImages, Split
from gannorm.data.shares import frequencies, split_by_class


class ImageFiles(ResidentImages):
    """Pictures of a folder or an `.npz` file, read once and kept in memory.

    A folder of folders has classes: each folder is one, in alphabetical order. A folder of pictures has none. An `.npz`
    has uint8 images under `images`, `samples`, `x` or `arr_0`, as (N, H, W, C), (N, C, H, W) or (N, H, W), and may have
    classes, whole numbers from 0 on, under `labels` or `y`.

    Args:
        path: The folder, or the file.
        size: Side of the square that each picture's middle is cut and resized to, by Pillow's bicubic filter; None =
            the pictures all have one size.
        held_out_share: Share of each class that is kept from training, for `held_out` and `real`.
        held_out_seed: Which ones; the same for every run, so that no run trains on what another one holds out.
        batch_size: Images in each batch.
        seed: Of the order of the images; None = torch's own seed, which `seed_everything` sets.
        loader: "resident" keeps the set on the trainer's device and resumes in the middle of an epoch;
            "dataloader" is torch's ordinary DataLoader.
        shares: How often each class occurs, relative to the others; see `MNIST`.

    Raises:
        DataError: Nothing there, files that cannot be read (named and counted), pictures of several sizes, or an
            option that does not fit.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> file = Path(tempfile.mkdtemp()) / "x.npz"
        >>> np.savez(file, images=np.zeros((20, 8, 8, 3), np.uint8), labels=np.arange(20) % 2)
        >>> data = ImageFiles(path=str(file), batch_size=6)
        >>> data.image_shape, data.num_modes, data.prior.tolist(), len(data.held_out()[0])
        ((3, 8, 8), 2, [0.5, 0.5], 2)
    """

    name = "image_files"

    def __init__(
        self,
        *,
        path: str,
        size: int | None = None,
        held_out_share: float = 0.1,
        held_out_seed: int = 0,
        batch_size: int = 32,
        seed: int | None = None,
        loader: Loader = "resident",
        shares: list[float] | None = None,
    ) -> None:
        if not 0 <= held_out_share < 1:
            raise DataError(f"held_out_share={held_out_share}: a share of the images, 0 or more and below 1")
        pixels, classes = read_pictures(Path(path), size)
        if classes is None and shares is not None:
            raise DataError(f"shares: the images of path={path} have no classes; put each class in a folder of its own")
        labels = torch.full((len(pixels),), UNKNOWN) if classes is None else classes
        held_out = split_by_class(labels, held_out_share, rng.generator(held_out_seed, "held out"))
        self.splits: dict[str, Pixels] = {
            "train": (pixels[~held_out], labels[~held_out]),
            "test": (pixels[held_out], labels[held_out]),
        }
        self.num_modes = None if classes is None else int(classes.max()) + 1
        super().__init__(batch_size=batch_size, seed=seed, shares=shares, loader=loader)

    def read(self, split: Split) -> Pixels:
        """Return pixels and classes of the images that are trained on, or are not."""
        return self.splits[split]

    @property
    def prior(self) -> Float[Tensor, " k"] | None:
        """Share of each class among the training images; None where there are no classes."""
        return None if self.num_modes is None else frequencies(self.training[1], self.num_modes)

"""MNIST as a LightningDataModule."""

from pathlib import Path

from gannorm.data.idx import mnist
from gannorm.data.resident_images import LabelledImages, Loader, Pixels, Split


class MNIST(LabelledImages):
    """The handwritten digits that ship with gannorm; nothing is fetched.

    Args:
        batch_size: Images in each batch, 1 to 60,000.
        seed: Of the order of the images; None = torch's own seed, which `seed_everything` sets.
        folder: Where the four IDX files are; None = those in the package.
        loader: "resident" keeps the set on the trainer's device and resumes in the middle of an epoch;
            "dataloader" is torch's ordinary DataLoader.
        shares: How often each digit occurs, relative to the others, ten numbers; None = as in MNIST. The training
            digits are thinned to it, the same ones for every seed; `prior` and `real` follow.

    Raises:
        DataError: A file is missing or damaged, or `batch_size` or `shares` do not fit.

    Example:
        >>> data = MNIST(batch_size=128, seed=0)
        >>> images, labels = next(iter(data.train_dataloader()))
        >>> images.shape, labels.shape, data.num_modes
        (torch.Size([128, 1, 28, 28]), torch.Size([128]), 10)
        >>> MNIST(shares=[1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0]).prior[[0, 1, 9]]
        tensor([0.2500, 0.2500, 0.5000])
    """

    name = "mnist"
    num_modes = 10

    def __init__(
        self,
        *,
        batch_size: int = 32,
        seed: int | None = None,
        folder: str | None = None,
        loader: Loader = "resident",
        shares: list[float] | None = None,
    ) -> None:
        self.folder = None if folder is None else Path(folder)
        super().__init__(batch_size=batch_size, seed=seed, shares=shares, loader=loader)

    def read(self, split: Split) -> Pixels:
        """Return pixels and labels of one split; they are read once per process."""
        return mnist(split, self.folder)

"""Before the first step: numbers that no run can have are refused, model and data are made ready for each other."""

from typing import Any

import pytorch_lightning as pl
import torch

from gannorm import rng
from gannorm.data.module import Images
from gannorm.data.resumable import SeededDataModule
from gannorm.gan import GAN
from gannorm.gan.fitting import check_fit, check_length
from gannorm.gan.labels import check_classes
from gannorm.training.errors import ConfigError
from gannorm.training.norm_check import check_norms


def check_numbers(config: Any) -> None:
    """Refuse numbers that no run can have, before anything is built or written.

    Raises:
        ConfigError: One is such a number.
    """
    options = config.evaluation
    for name, value in (
        ("images", config.images),
        ("log_every_images", config.log_every_images),
        ("evaluation.num_samples", options.num_samples),
        ("evaluation.final_samples", options.final_samples),
    ):
        if value < 1:
            raise ConfigError(f"{name}={value}: at least 1")
    if options.every_images < 0:
        raise ConfigError(f"evaluation.every_images={options.every_images} is negative; 0 means never")
    if options.cells < 0:
        raise ConfigError(f"evaluation.cells={options.cells} is negative; 0 means none")
    if config.minutes is not None and config.minutes <= 0:
        raise ConfigError(f"minutes={config.minutes}: more than 0, or leave it out")


def prepare(gan: GAN, data: pl.LightningDataModule, config: Any, total_images: int) -> None:
    """Give a model what belongs to a run: its length, a layout that convolutions are fast in; then check that all fits.

    Args:
        gan: Of the run.
        data: Of the run; they get its seed where they have none, and whole packs.
        config: Of the run.
        total_images: Its length.

    Raises:
        ValueError: Networks, options and data do not fit each other.
    """
    gan.total_images = total_images
    if getattr(data, "seed", 0) is None:
        setattr(data, "seed", config.seed_everything)  # noqa: B010 (not every module has one)
    check_classes(gan.num_classes, data)
    take_packs(data, gan.packing)
    num_processes = config.trainer.devices * config.trainer.num_nodes
    check_shares(getattr(data, "batch_size", None), gan.packing, num_processes)
    if gan.needs_data():
        with rng.untouched():
            gan.prepare(next(iter(data.train_dataloader())))
    gan.to(memory_format=torch.channels_last)
    shape, batch_size = getattr(data, "image_shape", None), getattr(data, "batch_size", None)
    check_length(gan, batch_size if isinstance(batch_size, int) else None)
    share = batch_size // num_processes if isinstance(batch_size, int) else None
    check_norms(
        gan, data, shape, share, precision=config.trainer.precision, num_processes=num_processes, allow=config.allow
    )
    if shape is not None:
        check_fit(gan, shape, share)


def take_packs(data: pl.LightningDataModule, packing: int) -> None:
    """Let a batch hold N packs of m images where it held N images.

    Raises:
        ConfigError: The data have no `batch_size` that could be made larger, or are not enough for one batch.
    """
    if packing == 1:
        return
    if not isinstance(size := getattr(data, "batch_size", None), int):
        raise ConfigError(f"packing={packing}: {type(data).__name__} has no batch_size; give it one, a number of packs")
    setattr(data, "batch_size", size * packing)  # noqa: B010 (not every module has one)
    if isinstance(data, Images | SeededDataModule):  # anybody's own may have nothing before Lightning sets it up
        with rng.untouched():
            num_batches = len(data.train_dataloader())
        if not num_batches:
            raise ConfigError(f"packing={packing} takes {size * packing} samples a batch; there are fewer")


def check_shares(batch_size: object, packing: int, num_processes: int) -> None:
    """Refuse a batch that processes cannot share evenly.

    Args:
        batch_size: Of the data, all members of packs counted; no number = not known.
        packing: m, of which each share has to have whole packs.
        num_processes: R.

    Raises:
        ConfigError: It is such a batch.

    Example:
        >>> check_shares(64, 1, 3)
        Traceback (most recent call last):
        gannorm.training.errors.ConfigError: data.batch_size=64 is not shared evenly by 3 processes; a multiple of 3 is
    """
    if isinstance(batch_size, int) and (batch_size // packing) % num_processes:
        raise ConfigError(
            f"data.batch_size={batch_size // packing} is not shared evenly by {num_processes} processes; "
            f"a multiple of {num_processes} is"
        )


def check_synchronized(gan: GAN, num_processes: int) -> None:
    """Refuse batch norm that is synchronized between processes where there are several.

    One of them looks at samples while the others wait, and in a look such a layer would wait for the others.

    Raises:
        ConfigError: There is one, and several processes train.
    """
    if num_processes > 1 and any(isinstance(module, torch.nn.SyncBatchNorm) for module in gan.modules()):
        raise ConfigError(
            f"norm 'sync_batch' in {num_processes} processes: one of them looks at samples alone, where it would wait "
            "for the others; use batch, whose running statistics are those of all, or a norm without a batch"
        )

"""Labels between data and networks with classes: whether they are there, and how often each is asked for."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from gannorm import rng

if TYPE_CHECKING:
    from gannorm.gan.module import GAN


def ask_for(gan: "GAN", class_shares: Sequence[float] | Tensor | None) -> None:
    """Let both generators of a GAN ask for each class so often; nothing happens where there are no classes.

    Args:
        gan: Whose.
        class_shares: (num_classes,) frequencies of the classes in the training data; None = all alike.

    Raises:
        ValueError: Frequencies of another number of classes.
    """
    if not gan.num_classes:
        return
    shares = None if class_shares is None else torch.as_tensor(class_shares).tolist()
    if shares is not None and len(shares) != gan.num_classes:
        raise ValueError(f"num_classes={gan.num_classes} and the data's prior has {len(shares)} numbers; one per class")
    averaged = [] if gan.averaged is None else [gan.averaged.network]
    for network in (gan.generator, *averaged):
        setattr(network, "class_shares", shares)  # noqa: B010 (anybody's network may be a generator)


def parts_of(batch: Tensor | Sequence[Tensor], num_classes: int) -> tuple[Tensor, ...]:
    """Return what a discriminator is shown of a batch: images, and labels where it has classes.

    Raises:
        ValueError: There are classes and no labels of them.
    """
    real, *labels = (batch,) if isinstance(batch, Tensor) else batch
    check_labels(num_classes, labels)
    return (real, labels[0]) if num_classes else (real,)


def check_labels(num_classes: int, labels: Sequence[Tensor]) -> None:
    """Make sure that a batch has labels where networks need them.

    Raises:
        ValueError: There are none, or one is no class.

    Example:
        >>> check_labels(10, [])
        Traceback (most recent call last):
        ValueError: num_classes=10: no labels from 0 to 9 in the data; take data with classes, or leave num_classes out
    """
    if num_classes and not (labels and bool(((labels[0] >= 0) & (labels[0] < num_classes)).all())):
        raise ValueError(
            f"num_classes={num_classes}: no labels from 0 to {num_classes - 1} in the data; take data with classes, or "
            "leave num_classes out"
        )


def check_classes(num_classes: int, data: Any) -> None:
    """Make sure that networks with classes have those of the data, before anything is trained.

    Args:
        num_classes: Of the networks; 0 = they take no labels.
        data: Of the run. Where it does not say how many classes there are, its first batch is looked at.

    Raises:
        ValueError: The data have no labels, or another number of classes.
    """
    if not num_classes:
        return
    if (num_modes := getattr(data, "num_modes", None)) is None:
        with rng.untouched():
            parts_of(next(iter(data.train_dataloader())), num_classes)
    elif num_modes != num_classes:
        name = getattr(data, "name", type(data).__name__)
        raise ValueError(
            f"num_classes={num_classes}: data {name!r} have {num_modes} classes; give both networks {num_modes}"
        )

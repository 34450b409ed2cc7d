"""DiffAugment: real and fake images are altered at random, with a gradient, before the discriminator sees them."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from gannorm.remedies.options import unknown
from gannorm.remedies.remedy import Moment, Remedy, Setting

TRANSLATION = 1 / 8  # most, of the height and of the width
CUTOUT = 1 / 2  # of the height and of the width


def color(images: Float[Tensor, "n c h w"], generator: torch.Generator) -> Float[Tensor, "n c h w"]:
    """Return images with another brightness, saturation and contrast, drawn for each.

    In this order: + U(−0.5, 0.5); the distance from the mean over channels × U(0, 2), no change with one channel; the
    distance from the mean over the whole image × U(0.5, 1.5). Values may leave [−1, 1].

    Args:
        images: In [−1, 1].
        generator: Source of random numbers, on the CPU.

    Example:
        >>> color(torch.zeros(2, 1, 4, 4), torch.Generator().manual_seed(0)).std((1, 2, 3))  # brightness alone is left
        tensor([0., 0.])
    """
    brightness, saturation, contrast = torch.rand(3, len(images), 1, 1, 1, generator=generator).to(images)
    images = images + brightness - 0.5
    images = images.lerp(images.mean(1, keepdim=True), 1 - 2 * saturation)
    return images.lerp(images.mean((1, 2, 3), keepdim=True), 0.5 - contrast)


def translation(images: Float[Tensor, "n c h w"], generator: torch.Generator) -> Float[Tensor, "n c h w"]:
    """Return images moved by up to an eighth of their height and width, by whole pixels, drawn for each; 0 fills up.

    Args:
        images: In [−1, 1].
        generator: Source of random numbers, on the CPU.

    Example:
        >>> translation(torch.ones(2, 1, 8, 8), torch.Generator().manual_seed(0)).sum((1, 2, 3))
        tensor([49., 49.])
    """
    num, channels, height, width = images.shape
    rows, rows_inside = _shifted(num, height, generator)
    columns, columns_inside = _shifted(num, width, generator)
    rows, columns = rows.to(images.device), columns.to(images.device)
    moved = images.gather(2, rows[:, None, :, None].expand(-1, channels, -1, width))
    moved = moved.gather(3, columns[:, None, None, :].expand(-1, channels, height, -1))
    return moved * _rectangles(rows_inside, columns_inside).to(images)


def cutout(images: Float[Tensor, "n c h w"], generator: torch.Generator) -> Float[Tensor, "n c h w"]:
    """Return images with a rectangle of half their height and width set to 0, its centre drawn for each.

    The centre may lie anywhere, so that at the border less is cut out.

    Args:
        images: In [−1, 1].
        generator: Source of random numbers, on the CPU.

    Example:
        >>> cutout(torch.ones(2, 1, 8, 8), torch.Generator().manual_seed(0)).sum((1, 2, 3))
        tensor([56., 56.])
    """
    rows = _covered(len(images), images.shape[2], generator)
    columns = _covered(len(images), images.shape[3], generator)
    return images * (~_rectangles(rows, columns)).to(images)


def _shifted(num: int, length: int, generator: torch.Generator) -> tuple[Int[Tensor, "n l"], Bool[Tensor, "n l"]]:
    """Return for each place along one side where it comes from, and whether that lies in the image."""
    most = int(length * TRANSLATION + 0.5)
    places = torch.arange(length) + torch.randint(-most, most + 1, (num, 1), generator=generator)
    return places.clamp(0, length - 1), (places >= 0) & (places < length)


def _covered(num: int, length: int, generator: torch.Generator) -> Bool[Tensor, "n l"]:
    """Return which places along one side lie in the rectangle."""
    size = int(length * CUTOUT + 0.5)
    start = torch.randint(0, length + 1 - size % 2, (num, 1), generator=generator) - size // 2
    places = torch.arange(length)
    return (places >= start) & (places < start + size)


def _rectangles(rows: Bool[Tensor, "n h"], columns: Bool[Tensor, "n w"]) -> Bool[Tensor, "n 1 h w"]:
    return (rows[:, :, None] & columns[:, None, :]).unsqueeze(1)


POLICIES: dict[str, Callable[[Tensor, torch.Generator], Tensor]] = {
    "color": color,
    "translation": translation,
    "cutout": cutout,
}


class DiffAugment(Remedy):
    """Alters what the discriminator sees by each policy in turn, real and fake images in both steps alike.

    Args:
        policy: Names of `POLICIES`, in their order of application; a list, or a text with commas.

    Raises:
        ValueError: There is no such policy, or none is given, or one twice; or (from `check`) the data are points.

    Source:
        Zhao et al., Differentiable augmentation for data-efficient GAN training, NeurIPS 2020, arXiv:2006.10738;
        strengths and order of the authors' code, whose "color" is brightness, saturation and contrast.

    Example:
        >>> DiffAugment(policy="translation,cutout").policy
        ('translation', 'cutout')
    """

    def __init__(self, *, policy: Any = ("color", "translation", "cutout")) -> None:
        listed = policy.split(",") if isinstance(policy, str) else policy if isinstance(policy, Sequence) else [policy]
        self.policy = tuple(str(part).strip() for part in listed)
        for name in self.policy:
            if name not in POLICIES:
                raise ValueError(unknown("policy of diff_augment", name, POLICIES))
        if not self.policy or len(set(self.policy)) < len(self.policy):
            raise ValueError(f"policy={policy!r} of diff_augment: name one or more of {', '.join(POLICIES)}, each once")

    def check(self, setting: Setting) -> None:
        """Refuse points: there is nothing to shift or to cut out."""
        if len(setting.shape) != 3:
            shape: Any = tuple(setting.shape)
            raise ValueError(f"diff_augment alters images (C, H, W), and the data are {shape}; leave it out for points")

    def see(self, images: Float[Tensor, "n c h w"], moment: Moment) -> Float[Tensor, "n c h w"]:
        """Return the images, altered."""
        for name in self.policy:
            images = POLICIES[name](images, moment.generator)
        return images

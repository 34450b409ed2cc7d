"""Pictures that are none of a data set's classes, made from the set's own images, whatever these show.

Each kind is a function (images, others, generator) -> pictures, where each of `others` is of another class than the
image at its place.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int64
from torch import Generator, Tensor
from torch.nn.functional import interpolate

from gannorm.classifier import noise, spoilt
from gannorm.classifier.noise import AnyImages, uniform_numbers

Kind = Callable[[AnyImages, AnyImages, Generator], AnyImages]
GREY_ENOUGH = 0.25  # mean of images, in [-1, 1], up to which inverting them may give images like them


def alone(kind: Callable[[AnyImages, Generator], AnyImages]) -> Kind:
    """Return a kind that needs no other images."""

    def made(images: AnyImages, others: AnyImages, generator: Generator) -> AnyImages:  # noqa: ARG001 (a kind)
        return kind(images, generator)

    return made


def flat(images: AnyImages, generator: Generator) -> AnyImages:
    """One colour everywhere."""
    colour = torch.rand(*images.shape[:2], 1, 1, generator=generator) * 2 - 1
    return colour.expand_as(images).clone()


def blended(images: AnyImages, others: AnyImages, generator: Generator) -> AnyImages:
    """35 to 65 % of an image, the rest of another class."""
    return images.lerp(others, uniform_numbers(len(images), 0.35, 0.65, generator))


def halves(images: AnyImages, others: AnyImages, generator: Generator) -> AnyImages:
    """One class above, another below, or side by side, slid a quarter along the cut: unslid ones may well be digits."""
    axis, along = (2, 3) if int(torch.randint(2, (), generator=generator)) else (3, 2)
    slide = (1 - 2 * int(torch.randint(2, (), generator=generator))) * max(1, images.shape[along] // 4)
    middle = images.shape[axis] // 2
    second = others.roll(slide, along).narrow(axis, middle, images.shape[axis] - middle)
    return torch.cat([images.narrow(axis, 0, middle), second], axis)


def faded(images: AnyImages, generator: Generator) -> AnyImages:
    """What is left of an image in an eighth of its pixels a side, or 2, and noise: what a generator draws early."""
    size = [max(2, side // 8) for side in images.shape[2:]]
    coarse = interpolate(interpolate(images, size, mode="area"), images.shape[2:], mode="bicubic")
    amount = uniform_numbers(len(images), 0.0, 0.3, generator)
    return (coarse + amount * torch.randn(images.shape, generator=generator)).clamp(-1, 1)


def patches_shuffled(images: AnyImages, generator: Generator) -> AnyImages:
    """An image cut into 2 x 2 or 4 x 4 patches that change places; all of the 4 do."""
    across = 2 + 2 * int(torch.randint(2, (), generator=generator))
    n, c, height, width = images.shape
    h, w = height // across, width // across
    inside = images[..., : h * across, : w * across].reshape(n, c, across, h, across, w)
    patches = inside.permute(0, 2, 4, 1, 3, 5).reshape(n, across**2, -1)
    if across == 2:  # a random order of four would leave many images whole
        order = (torch.arange(4) + torch.randint(1, 4, (n, 1), generator=generator)) % 4
    else:
        order = torch.rand(n, across**2, generator=generator).argsort(dim=1)
    moved = patches.gather(1, order[..., None].expand_as(patches)).view(n, across, across, c, h, w)
    result = images.clone()
    result[..., : h * across, : w * across] = moved.permute(0, 3, 1, 4, 2, 5).reshape(n, c, h * across, w * across)
    return result


TRAINED: dict[str, Kind] = {
    **{
        kind.__name__: alone(kind)
        for kind in (
            noise.uniform_noise,
            noise.gaussian_noise,
            noise.binary_noise,
            noise.salt_and_pepper,
            noise.smooth_noise,
            noise.constant,
            noise.blank,
            flat,
            faded,
            spoilt.pixelwise_noise,
            spoilt.mean_noise,
            spoilt.pixel_shuffled,
            patches_shuffled,
        )
    },
    "blended": blended,
    "halves": halves,
}
INVERTED: dict[str, Kind] = {"inverted": alone(spoilt.inverted)}
# They show whether the classifier has learned more than a list.
UNSEEN: dict[str, Kind] = {kind.__name__: alone(kind) for kind in (noise.laplace_noise, spoilt.rows_shuffled)}


def kinds_for(images: AnyImages) -> dict[str, Kind]:
    """Return the kinds to train on: inverted images only where images are dark or bright enough to tell these apart.

    Example:
        >>> "inverted" in kinds_for(torch.full((4, 1, 8, 8), -0.7)), "inverted" in kinds_for(torch.zeros(4, 3, 8, 8))
        (True, False)
    """
    return TRAINED | INVERTED if images.mean().abs() > GREY_ENOUGH else TRAINED


def of_other_classes(labels: Int64[Tensor, " n"], generator: Generator) -> Int64[Tensor, " n"]:
    """Return for each place another place, of another class wherever there is one.

    Example:
        >>> of_other_classes(torch.tensor([0, 0, 1]), torch.Generator().manual_seed(0)).tolist()[:2]
        [2, 2]
    """
    differs = (labels[:, None] != labels).float() + 1e-9
    return torch.multinomial(differs, 1, generator=generator).squeeze(1)


def negatives(
    images: AnyImages, labels: Int64[Tensor, " n"], kinds: dict[str, Kind], number: int, generator: Generator
) -> Float[Tensor, "n c h w"]:
    """Return as many pictures as images, of `number` kinds by chance."""
    names = list(kinds)
    others = images[of_other_classes(labels, generator)]
    chosen = torch.randperm(len(names), generator=generator)[:number].tolist()
    parts = zip(chosen, images.chunk(number), others.chunk(number), strict=False)  # few images make fewer chunks
    return torch.cat([kinds[names[kind]](part, other, generator) for kind, part, other in parts])

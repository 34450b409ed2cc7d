"""All kinds of pictures that are no digits: those that the classifier learns from, and those that only test it.

Each kind is a function (digits, generator) -> pictures of the same shape (N, 1, 28, 28), in [-1, 1].
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from gannorm.classifier import noise, spoilt, strokes

Images = Float[Tensor, "n 1 28 28"]
Kind = Callable[[Images, Generator], Images]


def named(*kinds: Kind) -> dict[str, Kind]:
    """Return the functions under their names."""
    return {kind.__name__: kind for kind in kinds}


TRAINED = named(
    noise.uniform_noise,
    noise.gaussian_noise,
    noise.binary_noise,
    noise.salt_and_pepper,
    noise.smooth_noise,
    noise.blobs,
    noise.stripes,
    noise.checkers,
    noise.constant,
    noise.blank,
    spoilt.pixelwise_noise,
    spoilt.mean_noise,
    spoilt.inverted,
    spoilt.pixel_shuffled,
    spoilt.patch_shuffled,
    spoilt.overlaid,
    spoilt.smeared,
    spoilt.chimera,
    spoilt.erased,
    spoilt.bordered,
    strokes.scribbles,
    strokes.sticks,
)
# They show whether the classifier has learned more than a list.
UNSEEN = named(
    noise.laplace_noise, noise.fractal_noise, noise.rings, spoilt.rows_shuffled, spoilt.tiled, strokes.letters
)


def negatives(digits: Images, kinds: int, generator: Generator) -> Images:
    """Return as many pictures as digits, of several kinds drawn from the trained ones."""
    names = list(TRAINED)
    chosen = torch.randperm(len(names), generator=generator)[:kinds].tolist()
    chunks = zip(chosen, digits.chunk(kinds), strict=True)
    return torch.cat([TRAINED[names[number]](chunk, generator) for number, chunk in chunks])

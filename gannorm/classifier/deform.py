"""Digits as they may also look: moved, bent, blurred, noisy, and still digits."""

import math

import torch
from jaxtyping import Float
from torch import Generator, Tensor
from torch.nn.functional import affine_grid, conv2d, grid_sample, interpolate, max_pool2d, pad

Images = Float[Tensor, "n 1 28 28"]
SIDE = 28
PIXEL = 2 / SIDE  # in the coordinates of `grid_sample`


def spread(n: int, reach: float, generator: Generator) -> Float[Tensor, " n"]:
    """Return one number per image, uniform in [-reach, reach]."""
    return (torch.rand(n, generator=generator) * 2 - 1) * reach


def blur(images: Images, size: tuple[int, int], sigma: float) -> Images:
    """Return images blurred by a Gaussian, `size` pixels high and wide; what is outside is black."""
    for number, length in enumerate(size):
        place = torch.arange(length) - length // 2
        weight = torch.softmax(-place.square() / (2 * sigma**2), 0)
        shape, border = ((-1, 1), (0, 0, length // 2, length // 2)) if number == 0 else ((1, -1), (length // 2,) * 2)
        images = conv2d(pad(images, border, value=-1.0), weight.view(1, 1, *shape))
    return images


def moved(images: Images, generator: Generator) -> Images:
    """Turn by up to 12°, scale by 0.87 to 1.13, slant, shift by up to 2 pixels and bend by about 0.5."""
    n = len(images)
    angle, slant = spread(n, math.radians(12), generator), spread(n, 0.15, generator)
    scale = 1 + spread(n, 0.13, generator)
    x, y = spread(n, 2 * PIXEL, generator), spread(n, 2 * PIXEL, generator)
    cosine, sine = angle.cos() * scale, angle.sin() * scale
    rows = [cosine, slant - sine, x, sine, cosine, y]
    grid = affine_grid(torch.stack(rows, dim=1).view(n, 2, 3), list(images.shape), align_corners=False)
    amount = torch.rand(n, 1, 1, 1, generator=generator) * PIXEL
    bend = interpolate(torch.randn(n, 2, 6, 6, generator=generator), SIDE, mode="bicubic") * amount
    # Shifted by one, so that the zeros outside are black.
    return grid_sample(images + 1, grid + bend.permute(0, 2, 3, 1), align_corners=False) - 1


def inked(images: Images, generator: Generator) -> Images:
    """Make half of the strokes thicker and softer in part, and dim the ink to 70 to 100 %."""
    n = len(images)

    def part(of: float) -> Tensor:
        return (torch.rand(n, 1, 1, 1, generator=generator) * 2 - 1).clamp_min(0) * of

    images = images.lerp(max_pool2d(images, 3, stride=1, padding=1), part(0.5))
    images = images.lerp(blur(images, (5, 5), sigma=1.2), part(1.0))
    return (images + 1) * (1 - part(0.3)) - 1


def noisy(images: Images, generator: Generator) -> Images:
    """Add Gaussian noise of up to 0.12 to two thirds of the images."""
    n = len(images)
    amount = (torch.rand(n, 1, 1, 1, generator=generator) * 0.18 - 0.06).clamp_min(0)
    return (images + amount * torch.randn(images.shape, generator=generator)).clamp(-1, 1)


def as_drawn(images: Images, generator: Generator) -> Images:
    """Return digits as another hand, or a good generator, might have drawn them."""
    return noisy(inked(moved(images, generator), generator), generator)


def noisy_border(images: Images, generator: Generator, low: float, high: float) -> Images:
    """Put noise around the digit: outside of its 20 pixel square, or of a circle that holds it.

    Half of the noise is uniform, half black and white.

    Args:
        images: The digits.
        generator: Of the noise.
        low: Least amplitude of the noise in a picture; 1 covers -1 to 1.
        high: Its most.
    """
    n = len(images)
    amplitude = torch.rand(n, 1, 1, 1, generator=generator) * (high - low) + low
    noise = torch.rand(images.shape, generator=generator)
    noise = torch.where(torch.rand(n, 1, 1, 1, generator=generator) < 0.5, noise, noise.round())
    axis = torch.arange(SIDE) - (SIDE - 1) / 2
    in_square = torch.maximum(axis.abs(), axis[:, None].abs()) < 10
    in_circle = (axis.square() + axis[:, None].square()).sqrt() < 12
    inside = torch.where(torch.rand(n, 1, 1, 1, generator=generator) < 0.5, in_square, in_circle)
    return torch.where(inside, images, noise * 2 * amplitude - 1)

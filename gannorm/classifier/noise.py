"""Pictures that have nothing to do with digits: noise, patterns, blanks.

Each kind is a function (digits, generator) -> pictures; of the digits only the number matters here.
"""

import math

import torch
from jaxtyping import Float
from torch import Generator, Tensor
from torch.nn.functional import interpolate

Images = Float[Tensor, "n 1 28 28"]
AnyImages = Float[Tensor, "n c h w"]  # of kinds that also serve other data than digits
SIDE = 28


def uniform_numbers(n: int, low: float, high: float, generator: Generator) -> Float[Tensor, "n 1 1 1"]:
    """Return one number per picture."""
    return torch.rand(n, 1, 1, 1, generator=generator) * (high - low) + low


def uniform_noise(digits: AnyImages, generator: Generator) -> AnyImages:
    """Independent pixels, uniform in a range of their picture's own: at least a third of [-1, 1]."""
    center = uniform_numbers(len(digits), -0.5, 0.5, generator)
    reach = uniform_numbers(len(digits), 0.33, 1.0, generator)
    noise = torch.rand(digits.shape, generator=generator) * 2 - 1
    return (center * (1 - reach) + reach * noise).clamp(-1, 1)


def gaussian_noise(digits: AnyImages, generator: Generator) -> AnyImages:
    """Independent Gaussian pixels, cut off at -1 and 1."""
    mean = uniform_numbers(len(digits), -1.0, 1.0, generator)
    deviation = uniform_numbers(len(digits), 0.2, 1.0, generator)
    return (mean + deviation * torch.randn(digits.shape, generator=generator)).clamp(-1, 1)


def laplace_noise(digits: AnyImages, generator: Generator) -> AnyImages:
    """Independent pixels with heavy tails."""
    draw = torch.rand(digits.shape, generator=generator).clamp(1e-6, 1 - 1e-6) - 0.5
    return (-0.4 * draw.sign() * (1 - 2 * draw.abs()).clamp_min(1e-6).log()).clamp(-1, 1)


def binary_noise(digits: AnyImages, generator: Generator) -> AnyImages:
    """Pixels that are black or white, 2 to 98 % of them white."""
    share = uniform_numbers(len(digits), 0.02, 0.98, generator)
    return (torch.rand(digits.shape, generator=generator) < share).float() * 2 - 1


def salt_and_pepper(digits: AnyImages, generator: Generator) -> AnyImages:
    """A grey picture with 2 to 50 % of its pixels black or white."""
    grey = uniform_numbers(len(digits), -1.0, 1.0, generator).expand_as(digits)
    share = uniform_numbers(len(digits), 0.02, 0.5, generator)
    salted = torch.rand(digits.shape, generator=generator) < share
    return torch.where(salted, binary_noise(digits, generator), grey)


def smooth_noise(digits: AnyImages, generator: Generator) -> AnyImages:
    """Noise of 3 to 9 pixels a side, enlarged."""
    size = int(torch.randint(3, 10, (), generator=generator))
    coarse = torch.randn(*digits.shape[:2], size, size, generator=generator)
    gain = uniform_numbers(len(digits), 0.3, 2.5, generator)
    offset = uniform_numbers(len(digits), -1.0, 0.5, generator)
    return (interpolate(coarse, digits.shape[2:], mode="bicubic") * gain + offset).clamp(-1, 1)


def fractal_noise(digits: Images, generator: Generator) -> Images:
    """Noise whose amplitude falls with frequency as 1/f, from -1 to 1."""
    frequency = torch.fft.fftfreq(SIDE).square()[:, None] + torch.fft.rfftfreq(SIDE).square()
    white = torch.fft.rfft2(torch.randn(digits.shape, generator=generator))
    pink = torch.fft.irfft2(white / frequency.clamp_min(SIDE**-2).sqrt(), s=(SIDE, SIDE))
    low, high = pink.amin((2, 3), keepdim=True), pink.amax((2, 3), keepdim=True)
    return (pink - low) / (high - low) * 2 - 1


def stripes(digits: Images, generator: Generator) -> Images:
    """Waves in one direction, soft or hard, 2 to 9 of them across."""
    return waves(digits, generator, directions=1)


def checkers(digits: Images, generator: Generator) -> Images:
    """The product of waves in two directions."""
    return waves(digits, generator, directions=2)


def rings(digits: Images, generator: Generator) -> Images:
    """Waves around a point."""
    axis = torch.linspace(-1, 1, SIDE)
    x, y = uniform_numbers(len(digits), -0.7, 0.7, generator), uniform_numbers(len(digits), -0.7, 0.7, generator)
    radius = ((axis - x).square() + (axis[:, None] - y).square()).sqrt()
    return (radius * uniform_numbers(len(digits), 4.0, 9.0, generator) * math.pi).sin()


def waves(digits: Images, generator: Generator, directions: int) -> Images:
    """Return a product of plane waves, made soft or hard by a gain."""
    n = len(digits)
    axis = torch.linspace(-1, 1, SIDE)
    angle = uniform_numbers(n, 0.0, math.pi, generator)
    result = torch.ones(n, 1, SIDE, SIDE)
    for number in range(directions):
        turned = angle + number * math.pi / 2
        place = turned.cos() * axis + turned.sin() * axis[:, None]
        phase = uniform_numbers(n, 0.0, 2 * math.pi, generator)
        result = result * (place * uniform_numbers(n, 2.0, 9.0, generator) * math.pi + phase).sin()
    return (result * uniform_numbers(n, 0.5, 8.0, generator)).clamp(-1, 1)


def constant(digits: AnyImages, generator: Generator) -> AnyImages:
    """One grey everywhere, at times with a little noise."""
    grey = uniform_numbers(len(digits), -1.0, 1.0, generator)
    noise = uniform_numbers(len(digits), -0.1, 0.1, generator).clamp_min(0)
    return (grey + noise * torch.randn(digits.shape, generator=generator)).clamp(-1, 1)


def blank(digits: AnyImages, generator: Generator) -> AnyImages:
    """Black, mid-grey or white everywhere."""
    return torch.randint(-1, 2, (len(digits), 1, 1, 1), generator=generator).float().expand_as(digits).clone()


def blobs(digits: Images, generator: Generator) -> Images:
    """One to four bright spots on black, soft or hard, half of them striped: where a generator puts its first ink."""
    n, spots = len(digits), int(torch.randint(1, 5, (), generator=generator))
    axis = torch.arange(SIDE)
    x, y = (torch.rand(n, spots, 1, 1, generator=generator) * 14 + 7 for _ in range(2))
    width, height = (torch.rand(n, spots, 1, 1, generator=generator) * 4 + 1.5 for _ in range(2))
    spot = (-((axis - x) / width).square() - ((axis[:, None] - y) / height).square()).exp().sum(1, keepdim=True)
    texture = waves(digits, generator, directions=1) / 2 + 0.5
    texture = torch.where(uniform_numbers(n, 0.0, 1.0, generator) < 0.5, texture, 1.0)
    return (spot * texture * uniform_numbers(n, 1.0, 6.0, generator) - 1).clamp(-1, 1)

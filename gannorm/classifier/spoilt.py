"""Pictures made from digits that are digits no longer: shuffled, overlaid, smeared, cut.

Each kind is a function (digits, generator) -> pictures.
"""

import torch
from jaxtyping import Float
from torch import Generator, Tensor
from torch.nn.functional import fold, interpolate, unfold

from gannorm.classifier.deform import blur, noisy_border
from gannorm.classifier.noise import AnyImages, uniform_numbers

Images = Float[Tensor, "n 1 28 28"]
SIDE = 28


def pixelwise_noise(digits: AnyImages, generator: Generator) -> AnyImages:
    """Each pixel from another digit: every pixel has the right distribution, the picture none."""
    donor = torch.randint(len(digits), digits.shape, generator=generator)
    return digits.gather(0, donor)


def mean_noise(digits: AnyImages, generator: Generator) -> AnyImages:
    """The average of several digits, with noise: what a generator draws first."""
    size = int(torch.randint(4, 17, (), generator=generator))
    chosen = torch.randint(len(digits), (len(digits), size), generator=generator)
    noise = uniform_numbers(len(digits), 0.0, 0.5, generator) * torch.randn(digits.shape, generator=generator)
    return (digits[chosen].mean(dim=1) + noise).clamp(-1, 1)


def inverted(digits: AnyImages, generator: Generator) -> AnyImages:  # noqa: ARG001
    """Black digits on white."""
    return -digits


def pixel_shuffled(digits: AnyImages, generator: Generator) -> AnyImages:
    """A digit's own pixels in random order."""
    pixels = digits.flatten(2)
    order = torch.rand(len(digits), pixels.shape[2], generator=generator).argsort(dim=1)
    return pixels.gather(2, order[:, None].expand_as(pixels)).view_as(digits)


def patch_shuffled(digits: Images, generator: Generator) -> Images:
    """A digit cut into 4, 7 or 14 pixel squares that change places."""
    patch = (4, 7, 14)[int(torch.randint(3, (), generator=generator))]
    patches = unfold(digits, patch, stride=patch)
    count = patches.shape[2]
    if patch == 14:  # a random order of four would leave many digits whole
        turns = torch.randint(1, count, (len(digits), 1), generator=generator)
        order = (torch.arange(count) + turns) % count
    else:
        order = torch.rand(len(digits), count, generator=generator).argsort(dim=1)
    return fold(patches.gather(2, order[:, None].expand_as(patches)), SIDE, patch, stride=patch)


def another(digits: Float[Tensor, "n 1 h w"], generator: Generator) -> Float[Tensor, "n 1 h w"]:
    """Return the batch turned by a random number of places, so that no digit stays where it was."""
    return digits.roll(int(torch.randint(1, max(len(digits), 2), (), generator=generator)), 0)


def overlaid(digits: Images, generator: Generator) -> Images:
    """Three digits on top of each other, the second lying on its side."""
    side = another(digits, generator).transpose(2, 3)
    return torch.maximum(torch.maximum(digits, side), another(digits, generator))


def smeared(digits: Images, generator: Generator) -> Images:
    """A digit blurred over 13 pixels and more, to a blob or a streak from side to side."""
    is_streak = bool(torch.randint(2, (), generator=generator))
    far = blur(digits, (5, 21) if is_streak else (13, 13), sigma=6.0)
    gain = uniform_numbers(len(digits), 1.0, 2.5, generator)
    return ((far + 1) * gain - 1).clamp(-1, 1)


def chimera(digits: Images, generator: Generator) -> Images:
    """The upper half of one digit over the lower half of another that has slid 6 to 9 pixels to a side."""
    sign = 1 - 2 * int(torch.randint(2, (), generator=generator))
    slide = sign * int(torch.randint(6, 10, (), generator=generator))
    other = another(digits, generator).roll(slide, 3)
    return torch.cat([digits[..., : SIDE // 2, :], other[..., SIDE // 2 :, :]], dim=2)


def erased(digits: Images, generator: Generator) -> Images:
    """A digit of which 4 pixel squares are kept by chance, 15 to 35 % of them."""
    share = uniform_numbers(len(digits), 0.15, 0.35, generator)
    kept = (torch.rand(len(digits), 1, 7, 7, generator=generator) < share).float()
    return (digits + 1) * kept.repeat_interleave(4, 2).repeat_interleave(4, 3) - 1


def bordered(digits: Images, generator: Generator) -> Images:
    """A digit in a frame of strong noise."""
    return noisy_border(digits, generator, 0.7, 1.0)


def rows_shuffled(digits: AnyImages, generator: Generator) -> AnyImages:
    """A digit's rows in random order."""
    order = torch.rand(len(digits), digits.shape[2], generator=generator).argsort(dim=1)
    return digits.gather(2, order[:, None, :, None].expand_as(digits))


def tiled(digits: Images, generator: Generator) -> Images:
    """Four small digits in one picture."""
    small = interpolate(digits, SIDE // 2, mode="area")
    quarters = [another(small, generator) for _ in range(3)]
    return torch.cat([torch.cat([small, quarters[0]], 3), torch.cat(quarters[1:], 3)], 2)

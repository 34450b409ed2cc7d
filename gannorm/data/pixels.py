"""Between stored pixels, 0 to 255, and what networks see, -1 to 1."""

from jaxtyping import Float, UInt8
from torch import Tensor


def to_images(pixels: UInt8[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Return images in [-1, 1]: x / 127.5 - 1.

    Example:
        >>> import torch
        >>> to_images(torch.tensor([0, 255], dtype=torch.uint8))
        tensor([-1.,  1.])
    """
    return pixels.float().div_(127.5).sub_(1)


def to_pixels(images: Float[Tensor, "..."]) -> UInt8[Tensor, "..."]:
    """Return pixels 0 to 255, rounded; what lies outside [-1, 1] is cut off.

    Example:
        >>> import torch
        >>> to_pixels(torch.tensor([-1.0, 0.0, 1.2]))
        tensor([  0, 128, 255], dtype=torch.uint8)
    """
    return images.add(1).mul_(127.5).round_().clamp_(0, 255).byte()

"""What a classifier takes: images of one shape in [-1, 1]. Anything else is one line, never a guess."""

from torch import Tensor

TOLERANCE = 1e-3  # how far outside [-1, 1] an image may lie
MANY = 16  # a batch of more images can be told to be in [0, 1]


def check_shape(images: Tensor, shape: tuple[int, ...]) -> None:
    """Raise ValueError unless each of the images has this shape (C, H, W).

    Example:
        >>> import torch
        >>> check_shape(torch.zeros(2, 28, 28, 1), (1, 28, 28))
        Traceback (most recent call last):
        ...
        ValueError: images (N, 28, 28, 1): the classifier takes (N, 1, 28, 28); channels last? permute(0, 3, 1, 2)
    """
    found = tuple(images.shape[1:])
    if found == shape:
        return
    channels_last = (*shape[1:], shape[0])
    hint = "; channels last? permute(0, 3, 1, 2)" if found == channels_last else ""
    raise ValueError(f"images {_shape(found)}: the classifier takes {_shape(shape)}{hint}")


def check_range(images: Tensor, *, is_dark: bool = True) -> None:
    """Raise ValueError unless the images are floats in [-1, 1]; one pass over them, two where none is negative.

    Images in [0, 1] are recognised in batches of more than 16 of which no value is negative: dark ones, such as digits,
    by their background, as more than half of the values are below 0.1; others by reaching from 0 to 1.

    Args:
        images: Of any shape.
        is_dark: Whether most of a real image is background.
    """
    if not images.is_floating_point():
        raise ValueError(f"images of type {images.dtype}: the classifier takes floats in [-1, 1]; x / 127.5 - 1?")
    low, high = (value.item() for value in images.aminmax()) if images.numel() else (-1.0, 1.0)
    if not (low >= -1 - TOLERANCE and high <= 1 + TOLERANCE):  # also where a value is NaN
        raise ValueError(f"{_wrong_values(images, low, high)}: the classifier takes images in [-1, 1]")
    if len(images) > MANY and low >= 0 and (_is_background(images, high) if is_dark else low < 0.05 and high > 0.95):
        raise ValueError(f"images from {low:.3g} to {high:.3g}: images in [0, 1]? scale to [-1, 1]")


def _is_background(images: Tensor, high: float) -> bool:
    # Counted, not by `median`: that sorts, which takes minutes for 100,000 images.
    return high > 0.5 and 2 * int((images < 0.1).sum()) > images.numel()


def _wrong_values(images: Tensor, low: float, high: float) -> str:
    finite = images.isfinite()
    if not finite.all():
        return f"{int((~finite.flatten(1).all(dim=1)).sum())} of {len(images)} images hold NaN or infinity"
    pixels = " (pixels? x / 127.5 - 1)" if low >= 0 and 2 < high <= 255 else ""
    return f"images from {low:.3g} to {high:.3g}{pixels}"


def _shape(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, ('N', *shape)))})"

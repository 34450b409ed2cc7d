"""A picture of what was judged: one row for each mode, and a last row of what belongs to none."""

import torch
from jaxtyping import Float, Int64, UInt8
from PIL import Image
from torch import Tensor

from gannorm.data import to_pixels

COLUMNS = 12
GAP = 2  # pixels between pictures
GREY = -0.4
MOST_ROWS = 32  # the rejected samples' row among them


def sheet(
    images: Float[Tensor, "n c h w"], kinds: Int64[Tensor, " n"], counts: Int64[Tensor, " k"], columns: int = COLUMNS
) -> UInt8[Tensor, "c rows_h columns_w"]:
    """Return the first images of each mode in a row of its own, then those that the judge rejects.

    An empty place is grey: a row with gaps is a mode with few samples. Of more than 31 modes only 31 have a row: the 16
    most frequent ones and the 15 least frequent, in that order.

    Args:
        images: In [-1, 1].
        kinds: The mode of each, K for one that is rejected.
        counts: How frequent each mode is among all samples.
        columns: Images in a row.
    """
    rows = [images[kinds == kind][:columns] for kind in [*shown(counts), len(counts)]]
    _, channels, height, width = images.shape
    picture = torch.full((channels, (height + GAP) * len(rows) - GAP, (width + GAP) * columns - GAP), GREY)
    for i, row in enumerate(rows):
        for j, image in enumerate(row):
            top, left = i * (height + GAP), j * (width + GAP)
            picture[:, top : top + height, left : left + width] = image
    return to_pixels(picture)


def shown(counts: Int64[Tensor, " k"]) -> list[int]:
    """Return the modes that have a row: all, or the most and the least frequent ones.

    Example:
        >>> counts = torch.zeros(40, dtype=torch.int64)
        >>> counts[5], counts[7] = 2, 1
        >>> shown(counts)[:3], len(shown(counts)), shown(counts[:3])
        ([5, 7, 0], 31, [0, 1, 2])
    """
    if len(counts) < MOST_ROWS:
        return list(range(len(counts)))
    order = counts.argsort(descending=True, stable=True).tolist()
    most = MOST_ROWS // 2
    return order[:most] + order[most + 1 - MOST_ROWS :]


def to_picture(pixels: UInt8[Tensor, "c h w"]) -> Image.Image:
    """Return pixels as a PIL picture, grey or RGB."""
    array = pixels.permute(1, 2, 0).cpu().numpy()
    return Image.fromarray(array.squeeze(2) if array.shape[2] == 1 else array)

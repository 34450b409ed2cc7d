"""Convolutions with TensorFlow's "SAME" padding: sides are divided or multiplied by the stride, whatever the kernel.

    out = ⌈side / stride⌉,   padding = max((out − 1)·stride + kernel − side, 0), half of it before, the rest after

so that an odd padding has its larger half at the right and lower edge, which torch's own `padding` cannot say. The
transposed convolution is the transpose of the convolution that goes back from its output to its input.
"""

from typing import Any

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import pad


def same_padding(side: int, kernel_size: int, stride: int) -> tuple[int, int]:
    """Return the padding before and after a side that a convolution divides by its stride.

    Example:
        >>> same_padding(28, 5, 2), same_padding(7, 5, 2), same_padding(28, 3, 1)
        ((1, 2), (2, 2), (1, 1))
    """
    out = -(-side // stride)
    padding = max((out - 1) * stride + kernel_size - side, 0)
    return padding // 2, padding - padding // 2


class SameConv2d(nn.Conv2d):
    """A convolution whose output is ⌈side / stride⌉ wide and high.

    Example:
        >>> import torch
        >>> SameConv2d(3, 8, 5, stride=2)(torch.zeros(2, 3, 7, 7)).shape
        torch.Size([2, 8, 4, 4])
    """

    def forward(self, x: Float[Tensor, "n i h w"]) -> Float[Tensor, "n o hh ww"]:
        """Return the feature maps."""
        sizes = zip(x.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1], strict=True)  # the last axis first
        return super().forward(pad(x, [edge for size in sizes for edge in same_padding(*size)]))


class SameConvTranspose2d(nn.ConvTranspose2d):
    """A transposed convolution whose output has a given side, of which its input's is ⌈side / stride⌉.

    Args:
        in_channels: Of the input.
        out_channels: Of the output.
        kernel_size: Of the square kernel, pixels; at least the stride.
        side: Of the output, pixels.
        stride: How many times larger the output is than the input, rounded up.
        options: Of `torch.nn.ConvTranspose2d`.

    Example:
        >>> import torch
        >>> SameConvTranspose2d(8, 3, 5, side=7, stride=2)(torch.zeros(2, 8, 4, 4)).shape
        torch.Size([2, 3, 7, 7])
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, *, side: int, stride: int, **options: Any
    ) -> None:
        before = same_padding(side, kernel_size, stride)[0]
        super().__init__(in_channels, out_channels, kernel_size, stride=stride, padding=before, **options)
        self.side = side

    def forward(self, x: Float[Tensor, "n i h w"], output_size: list[int] | None = None) -> Float[Tensor, "n o s s"]:
        """Return the feature maps; `output_size` is torch's."""
        # As much is cut off before as after; where less belongs to it after, a row and a column are left over, and
        # where more does, they are cut off here.
        return super().forward(x, output_size)[..., : self.side, : self.side]

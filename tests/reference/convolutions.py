"""Convolutions with TensorFlow's SAME padding, from their definition: no convolution of torch."""

import math

import torch
from torch import Tensor


def same_pad_before(side: int, kernel: int, stride: int) -> int:
    """Return `pad_top` of tensorflow.org/api_docs/python/tf/nn: the case of a remainder apart, as it stands there."""
    total = max(kernel - stride, 0) if side % stride == 0 else max(kernel - side % stride, 0)
    return total // 2


def places(side: int, kernel: int, stride: int):
    """Yield (row out, row in, row of the kernel) for every row that a SAME convolution reads."""
    before = same_pad_before(side, kernel, stride)
    for out in range(math.ceil(side / stride)):
        for k in range(kernel):
            if 0 <= (at := stride * out + k - before) < side:
                yield out, at, k


def conv2d_same(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    """tf.nn.conv2d of x (N, I, H, W) with weight (O, I, k, k)."""
    kernel, side = weight.shape[-1], math.ceil(x.shape[-1] / stride)
    y = torch.zeros(len(x), len(weight), side, side, dtype=x.dtype)
    for out_row, row, k in places(x.shape[2], kernel, stride):
        for out_column, column, m in places(x.shape[3], kernel, stride):
            y[:, :, out_row, out_column] += x[:, :, row, column] @ weight[:, :, k, m].T
    return y


def conv2d_transpose_same(x: Tensor, weight: Tensor, stride: int, side: int) -> Tensor:
    """tf.nn.conv2d_transpose of x (N, I, H, W) with weight (I, O, k, k) to (N, O, side, side).

    It is the gradient of the convolution from (N, O, side, side) to x: what that reads at a place is written there.
    """
    kernel = weight.shape[-1]
    y = torch.zeros(len(x), weight.shape[1], side, side, dtype=x.dtype)
    for small_row, row, k in places(side, kernel, stride):
        for small_column, column, m in places(side, kernel, stride):
            y[:, :, row, column] += x[:, :, small_row, small_column] @ weight[:, :, k, m]
    return y

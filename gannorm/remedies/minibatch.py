"""Layers that tell the discriminator how alike the samples of a batch are; they stand between features and logit."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gannorm.remedies.options import made, split_spec, unknown
from gannorm.remedies.remedy import whole

EPS = 1e-8  # under the root, of the variance: the authors'


class NoMinibatch(nn.Identity):
    """No layer at all, with the attributes of one.

    Args:
        num_features: D.

    Example:
        >>> NoMinibatch(8).num_features
        8
    """

    couples_samples = False

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features


def group_deviation(features: Float[Tensor, "n d"], group_size: int) -> Float[Tensor, "n 1"]:
    """Return for each sample how much its group differs: mean over D of √(variance over the group + 1e-8).

    The batch is cut in its order into as few groups of at most `group_size` as it takes, whose sizes differ by at most
    one: 8 by 4 are 4 and 4, 10 by 4 are 4, 3 and 3. The variance is the mean square around the group's mean. Where all
    are alike it is 1e-4, the root of 1e-8, with gradients that are finite twice.

    Args:
        features: One row per sample.
        group_size: Most samples of a group.

    Example:
        >>> group_deviation(torch.tensor([[0.0], [2.0], [5.0], [5.0]]), 2).T
        tensor([[1.0000e+00, 1.0000e+00, 1.0000e-04, 1.0000e-04]])
    """
    num_groups = max(1, math.ceil(len(features) / group_size))
    size, num_larger = divmod(len(features), num_groups)
    larger = features[: num_larger * (size + 1)].unflatten(0, (num_larger, size + 1))
    others = features[num_larger * (size + 1) :].unflatten(0, (num_groups - num_larger, size))
    return torch.cat([_deviation(groups) for groups in (larger, others)])


def _deviation(groups: Float[Tensor, "m g d"]) -> Float[Tensor, "m_g 1"]:
    variance = (groups - groups.mean(1, keepdim=True)).square().mean(1)
    return (variance + EPS).sqrt().mean(1).repeat_interleave(groups.shape[1]).unsqueeze(1)


def at_least_float32(values: Tensor) -> Tensor:
    """Return values in a precision that can be summed in: 1e-8, or 1 beside a sum over a batch, is not lost."""
    return values.float() if values.element_size() < 4 else values


class MinibatchStddev(nn.Module):
    """One more feature: how much the samples of a group differ (`group_deviation`).

    Args:
        num_features: D, of the input.
        group_size: Samples that are compared with each other.

    Shapes:
        (N, D) to (N, D + 1), any N.

    Raises:
        ValueError: A group of fewer than 2.

    Source:
        Karras et al., Progressive growing of GANs, ICLR 2018, arXiv:1710.10196, section 3. Deviations: here on flat
        features, where the paper adds a constant map before the last convolution; in groups, as in the authors' code
        (the paper: the whole batch); groups are neighbours in the batch, where the authors' code takes every (N/4)th,
        so that real and fake images in one joined batch are not compared with each other where groups divide N; a
        batch that groups do not divide is cut evenly and not refused.

    Example:
        >>> MinibatchStddev(3)(torch.zeros(8, 3)).shape
        torch.Size([8, 4])
    """

    couples_samples = True

    def __init__(self, num_features: int, *, group_size: int = 4) -> None:
        super().__init__()
        self.group_size = whole("minibatch_stddev", "group_size", group_size, least=2)
        self.num_features = num_features + 1

    def forward(self, features: Float[Tensor, "n d"]) -> Float[Tensor, "n more"]:
        """Return the features with one more."""
        more = group_deviation(at_least_float32(features), self.group_size)
        return torch.cat([features, more.to(features.dtype)], dim=1)

    def extra_repr(self) -> str:
        """Return what `print` shows."""
        return f"group_size={self.group_size}"


def closeness(features: Float[Tensor, "n d"], tensor: Float[Tensor, "d b c"]) -> Float[Tensor, "n b"]:
    """Return how close each sample is to the others, by each kernel: o(x_i)_b = Σ_{j≠i} exp(−‖M_ib − M_jb‖₁).

    M_i = x_i T is (B, C). The values lie between 0 (nobody near) and N − 1 (all alike). Memory of a training pass:
    4·N²·B·C bytes, 8 MB for N = 64 and 100 kernels of dimension 5.

    Args:
        features: One row per sample.
        tensor: T of the paper, (D, B, C).

    Example:
        >>> closeness(torch.tensor([[1.0], [1.0], [1.0]]), torch.ones(1, 1, 1)).T
        tensor([[2., 2., 2.]])
    """
    projected = at_least_float32(torch.einsum("nd,dbc->nbc", features, tensor))
    distance = (projected.unsqueeze(0) - projected.unsqueeze(1)).abs().sum(3)
    return (-distance).exp().sum(1) - 1  # of itself: exp(0)


class MinibatchDiscrimination(nn.Module):
    """B more features: how close a sample is to the others of its batch (`closeness`), by learned kernels.

    Args:
        num_features: D, of the input.
        num_kernels: B.
        kernel_dim: C.

    Shapes:
        (N, D) to (N, D + num_kernels).

    Raises:
        ValueError: No kernel, or one without dimensions.

    Source:
        Salimans et al., Improved techniques for training GANs, NeurIPS 2016, arXiv:1606.03498, section 3.2; the sizes
        are those of the authors' code. The paper names no initial T: here N(0, 1/D), so that features of size 1 give
        distances of a few units. The authors' code learns a scale and a bias besides, set by the first batch; the
        logit's own weights do that here.

    Example:
        >>> MinibatchDiscrimination(3, num_kernels=5)(torch.zeros(4, 3)).shape
        torch.Size([4, 8])
    """

    couples_samples = True

    def __init__(self, num_features: int, *, num_kernels: int = 100, kernel_dim: int = 5) -> None:
        super().__init__()
        whole("minibatch_discrimination", "num_kernels", num_kernels, least=1)
        whole("minibatch_discrimination", "kernel_dim", kernel_dim, least=1)
        self.tensor = nn.Parameter(torch.randn(num_features, num_kernels, kernel_dim) / math.sqrt(num_features))
        self.num_features = num_features + num_kernels

    def forward(self, features: Float[Tensor, "n d"]) -> Float[Tensor, "n more"]:
        """Return the features with one more per kernel."""
        return torch.cat([features, closeness(features, self.tensor).to(features.dtype)], dim=1)

    def extra_repr(self) -> str:
        """Return what `print` shows."""
        return "num_features={}, num_kernels={}, kernel_dim={}".format(*self.tensor.shape)


MINIBATCH_LAYERS: dict[str, Callable[..., nn.Module]] = {
    "stddev": MinibatchStddev,
    "discrimination": MinibatchDiscrimination,
}

MinibatchSpec = str | Mapping[str, Any] | None


def minibatch_layer(spec: MinibatchSpec, num_features: int) -> nn.Module:
    """Return the layer that was asked for: (N, D) to (N, D + extra), `num_features` of it being D + extra.

    Its attribute `couples_samples` says whether a sample's output depends on the other samples of its batch; penalties
    on the gradient of single samples do not fit such a layer.

    Args:
        spec: None, a name of `MINIBATCH_LAYERS`, or a mapping `{name: stddev, group_size: 8}`.
        num_features: D.

    Raises:
        ValueError: No such layer or option.

    Example:
        >>> minibatch_layer({"name": "stddev", "group_size": 8}, 16).num_features
        17
        >>> minibatch_layer(None, 16).couples_samples
        False
    """
    if spec is None:
        return NoMinibatch(num_features)
    name, options = split_spec("minibatch layer", spec)
    if name not in MINIBATCH_LAYERS:
        raise ValueError(unknown("minibatch layer", name, MINIBATCH_LAYERS))
    return made("minibatch layer", name, MINIBATCH_LAYERS[name], options, num_features)

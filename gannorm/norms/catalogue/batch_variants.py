"""Variants of batch norm that take other statistics of the batch in training.

Letters: N batch, C channels, μ and σ² mean and variance of a batch over N and space, M and S² their running averages, ε
`eps`, γ and β per channel. In eval mode each is batch norm: y = γ (x − M) / √(S² + ε) + β.
"""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.modules.batchnorm import _NormBase

from gannorm.norms.catalogue.affine import checked, like, options_text, per_channel
from gannorm.norms.errors import NormOptionError
from gannorm.norms.registry import register


class RunningStatistics(_NormBase):
    """Base of norms with batch norm's buffers, under torch's names; abstract.

    No `_BatchNorm` of torch: its converter to SyncBatchNorm would silently make another norm of them.

    Args:
        channels: C.
        dims: Number of spatial axes.
        eps: ε.
        momentum: Share of a new batch in the running averages.
        affine: Whether there are γ and β.
    """

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor
    momentum: float

    def __init__(self, channels: int, *, dims: int, eps: float, momentum: float, affine: bool) -> None:
        super().__init__(channels, eps, momentum, affine)
        self.channels = channels
        self.dims = dims

    def forward(self, x: Tensor) -> Tensor:
        """Return x normalized: in training by the batch, and what it says of all data is remembered."""
        h = checked(self, x)
        if self.training:
            y, mean, variance = self.by_batch(h)
            if self.track_running_stats:  # False in a block of `freeze_state`
                self.remember(mean, variance)
        else:
            y = self.by_running_statistics(h)
        return y.to(x.dtype)

    def by_batch(self, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the output by the batch's statistics, and the batch's mean and unbiased variance (C,)."""
        raise NotImplementedError

    def by_running_statistics(self, h: Tensor) -> Tensor:
        """Return the output of eval mode."""
        statistics = self.running_mean.to(h.dtype), self.running_var.to(h.dtype)
        return F.batch_norm(h, *statistics, like(self.weight, h), like(self.bias, h), False, 0.0, self.eps)

    def gamma_and_beta(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """Return γ and β (C,); 1 and 0 where there are none."""
        if self.weight is None or self.bias is None:
            return h.new_ones(self.channels), h.new_zeros(self.channels)
        return self.weight.to(h.dtype), self.bias.to(h.dtype)

    @torch.no_grad()
    def remember(self, mean: Tensor, variance: Tensor) -> None:
        """Let the running averages follow."""
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
        self.running_var.lerp_(variance.to(self.running_var.dtype), self.momentum)

    def extra_repr(self) -> str:
        """Return channels and options, as in torch's own layers."""
        return options_text(self)


def by_own_statistics(
    h: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Return γ (h − μ) / √(σ² + ε) + β per channel, μ, and the unbiased σ²; no gradient through the last two.

    Raises:
        ValueError: There is one value per channel.
    """
    mean, variance = h.new_zeros(h.shape[1]), h.new_zeros(h.shape[1])
    # With momentum 1 torch's running averages are those of this batch: they cost no pass of their own.
    return F.batch_norm(h, mean, variance, weight, bias, True, 1.0, eps), mean, variance


@register(
    "ghost_batch",
    aliases=("GBN",),
    axes=("batch", "space"),
    test_options={"ghost_size": 2},
    unproven={"depends_on_its_axes": "a part of the batch shares a statistic, not all of it"},
    formula="y = γ (x − μ) / √(σ² + ε) + β; μ, σ² of each part of the batch, of `ghost_size` samples",
    paper="Hoffer et al. 2017, arXiv:1705.08741, Algorithm 1",
    deviations="the running averages move once per batch, by the mean over its parts; the paper moves them once per "
    "part. Where ghost_size does not divide N all parts are a little larger, so that none has one sample only",
)
class GhostBatchNorm(RunningStatistics):
    """Per channel, over all positions and the samples of one part of the batch.

    Args:
        channels: C.
        dims: Number of spatial axes.
        ghost_size: Least number of samples of one part, if the batch has as many; at least 2.
        eps: ε.
        momentum: Share of a new batch in the running averages.
        affine: Whether there are γ and β.

    Raises:
        NormOptionError: `ghost_size` is below 2.

    Example:
        >>> x = torch.tensor([[1.0], [3.0], [10.0], [30.0]])
        >>> GhostBatchNorm(1, dims=0, ghost_size=2)(x).detach().round().flatten().tolist()
        [-1.0, 1.0, -1.0, 1.0]
    """

    def __init__(
        self,
        channels: int,
        *,
        dims: int,
        ghost_size: int = 32,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = True,
    ) -> None:
        if ghost_size < 2:
            raise NormOptionError(
                f"norm 'ghost_batch': ghost_size={ghost_size}: a part has at least 2 samples; for 1 use 'instance'",
                norm="ghost_batch", option="ghost_size", value=ghost_size, accepted={},
            )  # fmt: skip
        super().__init__(channels, dims=dims, eps=eps, momentum=momentum, affine=affine)
        self.ghost_size = ghost_size

    def by_batch(self, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Normalize each part by itself."""
        num_parts = max(1, len(h) // self.ghost_size)
        weight, bias = like(self.weight, h), like(self.bias, h)
        parts = [by_own_statistics(part, weight, bias, self.eps) for part in h.tensor_split(num_parts)]
        y, mean, variance = (list(column) for column in zip(*parts, strict=True))
        return torch.cat(y), torch.stack(mean).mean(0), torch.stack(variance).mean(0)


@register(
    "batch_renorm",
    axes=("batch", "space"),
    centers=False,  # once d opens: it holds the distance to the running mean, in which a bias before the norm shows
    variance=True,
    test_options={"start": 0, "r_batches": 1, "d_batches": 1},
    unproven={
        "can_be_differentiated_twice": "r and d carry no gradient, by design, so the gradient is that of the formula "
        "with r and d held"
    },
    formula="y = γ ((x − μ) / √(σ² + ε) · r + d) + β, r = √(σ² + ε) / √(S² + ε) in [1/r_max, r_max] and "
    "d = (μ − M) / √(S² + ε) in [−d_max, d_max], both without gradient",
    paper="Ioffe 2017, arXiv:1702.03275, Algorithm 1 and section 3",
    deviations="the running average is of the variance, as torch's batch norm keeps it; the paper averages σ. r_max "
    "and d_max grow linearly; the paper says gradually",
)
class BatchRenorm(RunningStatistics):
    """Per channel, by the batch, then corrected towards the running statistics that eval mode uses.

    For the first `start` batches it is batch norm (r = 1, d = 0); then the bounds widen to r_max, d_max. The number of
    batches is a buffer, `num_batches_tracked`; `norms.recalibrate` starts it anew.

    Args:
        channels: C.
        dims: Number of spatial axes.
        r_max: Largest r in the end.
        d_max: Largest |d| in the end.
        start: Batches before either widens.
        r_batches: Batches after which r has its bound.
        d_batches: Batches after which d has its bound.
        eps: ε.
        momentum: Share of a new batch in the running averages.
        affine: Whether there are γ and β.

    Example:
        >>> norm = BatchRenorm(1, dims=0, start=0, r_batches=1, d_batches=1, momentum=1.0)
        >>> x = torch.tensor([[1.0], [3.0]])
        >>> _ = norm(x)  # as batch norm
        >>> (norm(x) * norm.running_var.sqrt()).detach().round(decimals=3).flatten().tolist()  # as eval mode
        [-1.0, 1.0]
    """

    def __init__(
        self,
        channels: int,
        *,
        dims: int,
        r_max: float = 3.0,
        d_max: float = 5.0,
        start: int = 5_000,
        r_batches: int = 40_000,
        d_batches: int = 25_000,
        eps: float = 1e-5,
        momentum: float = 0.01,
        affine: bool = True,
    ) -> None:
        super().__init__(channels, dims=dims, eps=eps, momentum=momentum, affine=affine)
        self.r_max, self.d_max = r_max, d_max
        self.start, self.r_batches, self.d_batches = start, r_batches, d_batches

    def by_batch(self, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Normalize by the batch, then correct."""
        y, mean, variance = by_own_statistics(h, None, None, self.eps)
        r, d = self.correction(mean, variance, num_values=h.numel() // self.channels)
        gamma, beta = self.gamma_and_beta(h)
        y = torch.addcmul(per_channel(gamma * d + beta, self.dims), y, per_channel(gamma * r, self.dims))
        return y, mean, variance

    @torch.no_grad()
    def correction(self, mean: Tensor, variance: Tensor, num_values: int) -> tuple[Tensor, Tensor]:
        """Return r and d (C,) for a batch's mean and unbiased variance."""
        most_r = 1 + (self.r_max - 1) * self._widened(self.r_batches)
        most_d = self.d_max * self._widened(self.d_batches)
        deviation = (variance * (num_values - 1) / num_values + self.eps).sqrt()
        running_deviation = (self.running_var.to(mean.dtype) + self.eps).sqrt()
        r = (deviation / running_deviation).clamp(1 / most_r, most_r)
        d = ((mean - self.running_mean) / running_deviation).clamp(-most_d, most_d)
        return r, d

    def _widened(self, end: int) -> Tensor:
        """Return how far a bound has come, 0 to 1."""
        return ((self.num_batches_tracked - self.start) / max(1, end - self.start)).clamp(0, 1)

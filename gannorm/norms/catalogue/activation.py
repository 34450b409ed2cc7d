"""Norms of activations: torch's own layers, made from the number of channels and keyword options.

Letters: N batch, C channels, G groups, μ mean and σ² variance over the axes a norm declares, ε `eps`, γ and β learned
per channel (start: 1 and 0). The axes are the sets S_i of Wu & He 2018, arXiv:1803.08494, equations 3-5 and 7.
"""

from typing import Literal

from torch import nn

from gannorm.norms.errors import NormOptionError, NormShapeError
from gannorm.norms.registry import register

BATCH = {0: nn.BatchNorm1d, 1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
INSTANCE = {1: nn.InstanceNorm1d, 2: nn.InstanceNorm2d, 3: nn.InstanceNorm3d}
MOST_GROUPS, LEAST_GROUP_SIZE = 32, 4  # of num_groups="auto"


@register(
    "batch",
    aliases=("BN",),
    axes=("batch", "space"),
    formula="y = γ (x − μ) / √(σ² + ε) + β; in eval mode with running averages of μ and σ²",
    paper="Ioffe & Szegedy 2015, arXiv:1502.03167, Algorithm 1",
    deviations="the running variance is an exponential average, in the paper a plain average over batches",
)
def batch(
    channels: int,
    *,
    dims: int,
    eps: float = 1e-5,
    momentum: float | None = 0.1,
    affine: bool = True,
    track_running_stats: bool = True,
) -> nn.Module:
    """Per channel, over all samples of the batch and all positions."""
    return BATCH[dims](channels, eps=eps, momentum=momentum, affine=affine, track_running_stats=track_running_stats)


@register(
    "sync_batch",
    aliases=("SyncBN",),
    axes=("batch", "space"),
    double_backward=False,
    unproven={"declares_one_derivative": "in one process there are two; across processes not (pytorch/pytorch#61222)"},
    formula="y = γ (x − μ) / √(σ² + ε) + β; μ, σ² over the batches of all processes",
    paper="Peng et al. 2018 (MegDet), arXiv:1711.07240, section 3.2",
    deviations="torch synchronizes on accelerators only; in one process it is `batch`",
)
def sync_batch(channels: int, *, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True) -> nn.Module:
    """Per channel, over all samples of all processes' batches and all positions."""
    return nn.SyncBatchNorm(channels, eps=eps, momentum=momentum, affine=affine)


@register(
    "instance",
    aliases=("IN",),
    axes=("space",),
    dims=(1, 2, 3),
    keeps_channels_last=False,
    formula="y = γ (x − μ) / √(σ² + ε) + β",
    paper="Ulyanov et al. 2016, arXiv:1607.08022",
    deviations="γ and β by default (torch has none), so that a comparison of norms compares like with like",
)
def instance(channels: int, *, dims: int, eps: float = 1e-5, affine: bool = True) -> nn.Module:
    """Per sample and channel, over all positions."""
    return INSTANCE[dims](channels, eps=eps, affine=affine)


@register(
    "instance_plain",
    axes=("space",),
    dims=(1, 2, 3),
    keeps_channels_last=False,
    formula="y = (x − μ) / √(σ² + ε)",
    paper="Ulyanov et al. 2016, arXiv:1607.08022",
)
def instance_plain(channels: int, *, dims: int, eps: float = 1e-5) -> nn.Module:
    """Per sample and channel, over all positions; nothing is learned, as in torch's InstanceNorm and under AdaIN."""
    return INSTANCE[dims](channels, eps=eps)


def number_of_groups(
    channels: int, num_groups: int | str = "auto", group_size: int | None = None, *, norm: str = "group"
) -> int:
    """Return how many groups a number of channels is divided into.

    Args:
        channels: C.
        num_groups: G, or "auto": the largest divisor of C that is at most 32 and leaves at least 4 channels per group,
            else 1. So it never turns into instance norm by accident.
        group_size: C / G, instead of `num_groups`.
        norm: Whose groups they are, for messages.

    Raises:
        NormOptionError: Both were given.
        NormShapeError: No divisor of C; the message lists them.

    Example:
        >>> number_of_groups(64), number_of_groups(256), number_of_groups(6), number_of_groups(6, group_size=2)
        (16, 32, 1, 3)
    """
    divisors = [number for number in range(1, channels + 1) if channels % number == 0]
    if group_size is None and num_groups == "auto":
        return max(g for g in divisors if g == 1 or (g <= MOST_GROUPS and channels // g >= LEAST_GROUP_SIZE))
    if group_size is not None and num_groups != "auto":
        raise NormOptionError(
            f"norm {norm!r}: num_groups={num_groups!r} and group_size={group_size!r} exclude each other; give one",
            norm=norm, option="group_size", value=group_size, accepted={"num_groups": "auto", "group_size": None},
        )  # fmt: skip
    option, value = ("num_groups", num_groups) if group_size is None else ("group_size", group_size)
    if value not in divisors:
        raise NormShapeError(
            f"norm {norm!r}: {option}={value!r} does not divide {channels} channels; "
            f"use one of {', '.join(map(str, divisors))}",
            norm=norm, channels=channels, dims=None, divisors=divisors,
        )  # fmt: skip
    return int(value) if group_size is None else channels // int(value)


def groups_of(channels: int, num_groups: int | str = "auto", group_size: int | None = None, **_: object) -> int:
    """Return the number of groups that a norm with these options has; other options do not matter."""
    return number_of_groups(channels, num_groups, group_size)


@register(
    "group",
    aliases=("GN",),
    axes=("group", "space"),
    groups=groups_of,
    formula="y = γ (x − μ) / √(σ² + ε) + β",
    paper="Wu & He 2018, arXiv:1803.08494, equations 1-7",
    deviations="num_groups='auto' leaves at least 4 channels per group; the paper takes 32 groups",
)
def group(
    channels: int,
    *,
    num_groups: int | Literal["auto"] = "auto",
    group_size: int | None = None,
    eps: float = 1e-5,
    affine: bool = True,
) -> nn.Module:
    """Per sample and group of neighbouring channels, over the group and all positions."""
    return nn.GroupNorm(number_of_groups(channels, num_groups, group_size), channels, eps=eps, affine=affine)


@register(
    "layer",
    aliases=("LN",),
    axes=("channel", "space"),
    formula="y = γ (x − μ) / √(σ² + ε) + β",
    paper="Ba et al. 2016, arXiv:1607.06450, equations 3-4; for images Wu & He 2018, equation 4",
    deviations="γ and β per channel, not per element: no spatial size is needed. On sequences it averages over "
    "time too; the layer norm of an RNN is this one with dims=0 on each step",
)
def layer(channels: int, *, eps: float = 1e-5, affine: bool = True) -> nn.Module:
    """Per sample, over all channels and all positions."""
    return nn.GroupNorm(1, channels, eps=eps, affine=affine)


@register("none", aliases=("identity", "off", "no", "null"), centers=False, formula="y = x")
def none(channels: int) -> nn.Module:  # noqa: ARG001
    """No normalization."""
    return nn.Identity()

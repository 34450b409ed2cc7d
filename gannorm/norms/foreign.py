"""Norms of other libraries that compute what torch's own do, by the names of their classes."""

from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class Foreign:
    """Another library's layer that computes what torch's own does.

    Args:
        same_as: Torch's class.
        dims: It works over the channels of inputs with this many spatial axes; None = on the same axes as torch's.
        after: Attributes that it calls after the norm.
    """

    same_as: type[nn.Module]
    dims: int | None = None
    after: tuple[str, ...] = ()


# By name, so that nothing of these libraries is imported. Classes that are not here are not guessed at: a subclass may
# compute anything. The ones called Fp32 reduce in float32, which torch's own do too on half precision.
FOREIGN = {
    ("timm.layers.norm", "GroupNorm"): Foreign(nn.GroupNorm),
    ("timm.layers.norm", "GroupNorm1"): Foreign(nn.GroupNorm),
    ("timm.layers.norm", "LayerNorm"): Foreign(nn.LayerNorm),
    ("timm.layers.norm", "LayerNormFp32"): Foreign(nn.LayerNorm),
    ("timm.layers.norm", "LayerNorm2d"): Foreign(nn.LayerNorm, dims=2),
    ("timm.layers.norm", "LayerNorm2dFp32"): Foreign(nn.LayerNorm, dims=2),
    ("timm.layers.norm", "LayerNormExp2d"): Foreign(nn.LayerNorm, dims=2),
    ("timm.layers.norm", "RmsNorm"): Foreign(nn.RMSNorm),
    ("timm.layers.norm", "RmsNormFp32"): Foreign(nn.RMSNorm),
    ("timm.layers.norm", "RmsNorm2d"): Foreign(nn.RMSNorm, dims=2),
    ("timm.layers.norm", "RmsNorm2dFp32"): Foreign(nn.RMSNorm, dims=2),
    ("timm.layers.norm_act", "BatchNormAct2d"): Foreign(nn.BatchNorm2d, after=("drop", "act")),
    ("timm.layers.norm_act", "GroupNormAct"): Foreign(nn.GroupNorm, after=("drop", "act")),
    ("timm.layers.norm_act", "GroupNorm1Act"): Foreign(nn.GroupNorm, after=("drop", "act")),
    ("timm.layers.norm_act", "LayerNormAct2d"): Foreign(nn.LayerNorm, dims=2, after=("drop", "act")),
    ("timm.layers.norm_act", "LayerNormAct2dFp32"): Foreign(nn.LayerNorm, dims=2, after=("drop", "act")),
    ("torchvision.models.convnext", "LayerNorm2d"): Foreign(nn.LayerNorm, dims=2),
}

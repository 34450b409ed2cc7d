"""What a new norm takes over from the one it replaces: γ and β, statistics, hooks, its place and its mode."""

from collections.abc import Callable
from typing import Any

from torch import nn

from gannorm.norms.info import NormInfo
from gannorm.norms.lookup import tracks_statistics
from gannorm.norms.state import STATISTICS

LETTERS = {"weight": "γ", "bias": "β"}
HOOKS = (
    "_forward_hooks", "_forward_hooks_with_kwargs", "_forward_hooks_always_called", "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs", "_backward_hooks", "_backward_pre_hooks",
)  # fmt: skip
DROPPED = "running statistics dropped: outputs in eval mode change; fine-tune"
ANEW = "running statistics start anew: train, or norms.recalibrate(model, batches), before eval mode"
HOOKED = "its hooks went over to the new layer"
UNDONE = "no normalization: activations keep their scale; fine-tune"

Layer = Any  # a module with attributes that the type checker cannot know


def take_parameters(old: nn.Module, norm: nn.Module, *, keep: bool) -> str:
    """Let the new norm hold γ and β of the old one, the parameters themselves; return what becomes of them."""
    fates: dict[str, str] = {}
    for name, letter in LETTERS.items():
        had, has = old._parameters.get(name), norm._parameters.get(name)
        if keep and had is not None and has is not None and had.shape == has.shape:
            norm._parameters[name] = had
            fates[letter] = "kept"
        elif had is not None or has is not None:
            fates[letter] = "dropped" if has is None else "new"
    together = {fate: " ".join(k for k, v in fates.items() if v == fate) for fate in fates.values()}
    return ", ".join(f"{letters} {fate}" for fate, letters in together.items())


def take_statistics(
    old: nn.Module, before: NormInfo | None, norm: nn.Module, after: NormInfo | None, state: str
) -> tuple[str, ...]:
    """Copy running statistics where both norms average over the same axes; return what else becomes of them."""
    had, has = tracks_statistics(old), tracks_statistics(norm)
    alike = before is not None and after is not None and before.axes == after.axes
    if had and has and alike and state != "reset":
        for name in (*STATISTICS, "num_batches_tracked"):
            value = old._buffers[name]
            norm._buffers[name] = None if value is None else value.clone()
        return ()
    unnormalized = (UNDONE,) if isinstance(norm, nn.Identity) else ()
    return ((DROPPED,) if had else ()) + ((ANEW,) if has else ()) + unnormalized


def take_hooks(old: nn.Module, new: nn.Module) -> tuple[str, ...]:
    """Let the new layer call the old one's hooks; the same dictionaries, so that their handles remove them still."""
    hooked = any(vars(old)[name] for name in HOOKS)
    if hooked:
        for name in (*HOOKS, "_is_full_backward_hook"):
            vars(new)[name] = vars(old)[name]
    return (HOOKED,) if hooked else ()


FUNCTIONS: dict[type[nn.Module], Callable[[Layer], tuple[Any, ...]]] = {
    **dict.fromkeys(
        (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm),
        lambda layer: ("batch", layer.eps, layer.momentum, layer.track_running_stats),
    ),
    **dict.fromkeys(
        (nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d),
        lambda layer: ("instance", layer.momentum) if layer.track_running_stats else ("groups of", 1, layer.eps),
    ),
    nn.GroupNorm: lambda layer: ("groups of", layer.num_channels // layer.num_groups, layer.eps),
}  # fmt: skip


def same_function(one: nn.Module, other: nn.Module) -> bool:
    """Whether two norms compute the same: torch's are compared by what they reduce over, others by their settings."""
    parameters = [[name for name in LETTERS if layer._parameters.get(name) is not None] for layer in (one, other)]
    return parameters[0] == parameters[1] and _function(one) == _function(other)


def _function(layer: Layer) -> tuple[Any, ...]:
    plain = {name: value for name, value in vars(layer).items() if not name.startswith("_") and name != "training"}
    return FUNCTIONS.get(type(layer), lambda layer: (type(layer), plain))(layer)

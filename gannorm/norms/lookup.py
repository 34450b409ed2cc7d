"""From a layer back to the norm it is: the reverse of `create` and `wrap`, for layers of any origin."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import NoneType
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.parameter import is_lazy
from torch.nn.utils import parametrize

from gannorm.norms.errors import NormError, NormOptionError
from gannorm.norms.foreign import FOREIGN, Foreign
from gannorm.norms.info import NormInfo
from gannorm.norms.options import REQUIRED, signature
from gannorm.norms.registry import describe, names
from gannorm.norms.spec import NormSpec, resolve

CHANNELS = ("channels", "num_features", "num_channels", "normalized_shape")  # where a norm keeps its C
SPELLINGS = {"affine": "elementwise_affine"}  # our option -> torch's attribute, where they differ
LAST_AXIS = (nn.LayerNorm, nn.RMSNorm)
TORCH_NORMS = (_NormBase, nn.GroupNorm, nn.LayerNorm, nn.RMSNorm)
PLAIN = (bool, int, float, str, tuple, NoneType)  # settings of a layer are of these types
MISSING = object()


@dataclass(frozen=True)
class Recognized:
    """What a layer turned out to be.

    Args:
        spec: The registered norm with the layer's options.
        complete: Whether the spec says all: a layer made from it has the same settings, parameters and buffers.
        dims: Numbers of spatial axes that a layer of this class is made for.
        after: What the layer calls after the norm, by attribute, where it is norm and activation in one.
        last_axis: Whether it normalizes the last axis of its input, as torch's LayerNorm does, not the second.
    """

    spec: NormSpec
    complete: bool = True
    dims: tuple[int, ...] = (0, 1, 2, 3)
    after: Mapping[str, nn.Module] = field(default_factory=dict)
    last_axis: bool = False


def spec_of(layer: nn.Module) -> NormSpec | None:
    """Return the spec of a layer that normalizes activations, or None if it is none that is known.

    Known are torch's own classes, the registered ones, and those of timm and torchvision that are torch's under
    another name; never a subclass, which may compute something else. What a layer cannot tell: `GroupNorm(1, C)` is
    `layer`, also where it was made as `group` with one group; groups as many as "auto" gives are "auto"; an `Identity`
    may stand for anything and is None, unless `convert` left it; so is a layer with settings that no norm here has.

    Example:
        >>> from torch import nn
        >>> from gannorm import norms
        >>> norms.spec_of(nn.GroupNorm(4, 64)).to_dict(), norms.spec_of(nn.GroupNorm(1, 64)).to_dict()
        ({'name': 'group', 'num_groups': 4}, {'name': 'layer'})
        >>> print(norms.spec_of(nn.Linear(2, 2)))
        None
    """
    found = recognize(layer)
    return found.spec if found and found.complete and not found.after else None


def is_norm(layer: nn.Module) -> bool:
    """Whether a layer is a known norm, with whatever settings, alone or with an activation in the same layer.

    Example:
        >>> from torch import nn
        >>> from gannorm import norms
        >>> [norms.is_norm(layer) for layer in (nn.BatchNorm2d(4), nn.Identity(), nn.Conv2d(4, 4, 1))]
        [True, False, False]
    """
    return recognize(layer) is not None


def is_unknown_norm(layer: nn.Module) -> bool:
    """Whether a layer is derived from a norm of torch but is none that is known, so that it may compute anything."""
    return isinstance(layer, TORCH_NORMS) and not is_norm(layer)


def channels_of(layer: nn.Module) -> int | None:
    """Return the number of channels of a norm; None for a layer that has none, or that norms space with them.

    It is an attribute, or the length of a `weight` (C,) where no attribute says it; a single weight may be for all.

    Example:
        >>> from torch import nn
        >>> [channels_of(layer) for layer in (nn.BatchNorm2d(4), nn.LayerNorm(8), nn.LayerNorm((8, 4, 4)))]
        [4, 8, None]
    """
    stated = _stated_channels(layer)
    if stated is not None or "normalized_shape" in vars(layer):
        return stated
    weight = layer._parameters.get("weight", layer._buffers.get("weight"))
    return len(weight) if weight is not None and not is_lazy(weight) and weight.ndim == 1 and len(weight) > 1 else None


def _stated_channels(layer: nn.Module) -> int | None:
    """Return the number of channels that a layer keeps as an attribute."""
    for name in CHANNELS:
        value = vars(layer).get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, tuple) and len(value) == 1:
            return int(value[0])
    return None


def tracks_statistics(layer: nn.Module) -> bool:
    """Whether a layer keeps running statistics, so that eval mode is another function.

    Example:
        >>> from torch import nn
        >>> tracks_statistics(nn.BatchNorm2d(4)), tracks_statistics(nn.BatchNorm2d(4, track_running_stats=False))
        (True, False)
    """
    return getattr(layer, "running_mean", None) is not None


def recognize(layer: nn.Module) -> Recognized | None:
    """Return which registered norm a layer is, also where its spec cannot say everything; see `Recognized`."""
    foreign = FOREIGN.get((type(layer).__module__, type(layer).__qualname__), Foreign(type(layer)))
    if channels_of(layer) is None and not _may_be_own(layer, foreign):
        return None
    found = []
    for info in map(describe, names()):
        tried = _dims_to_try(info, layer, foreign)
        made_for = tuple(dims for dims in tried if _class_made(info.constructor, dims) is foreign.same_as)
        if made_for:
            found.append((*_compared(info, layer, made_for[0]), made_for))
    if not found:
        return None
    spec, complete, made_for = min(found, key=lambda match: (not match[1], len(match[0].options)))
    after = {name: getattr(layer, name) for name in foreign.after if hasattr(layer, name)}
    last_axis = foreign.same_as in LAST_AXIS and foreign.dims is None
    return Recognized(spec, complete, (foreign.dims,) if foreign.dims else made_for, after, last_axis)


def weight_spec_of(layer: nn.Module) -> NormSpec | None:
    """Return the spec of the weight norm of a layer, or None if it has none, several, or one that is not registered.

    Example:
        >>> import torch
        >>> from gannorm import norms
        >>> norms.weight_spec_of(norms.wrap("spectral", torch.nn.Linear(2, 2))).name
        'spectral'
    """
    if not parametrize.is_parametrized(layer, "weight"):
        return None
    steps = list(layer.parametrizations["weight"])  # type: ignore[index]
    for info in map(describe, names(kind="weight")):
        usual = _parametrizations(info.constructor)
        if [type(step) for step in steps] == [type(step) for step in usual]:
            return resolve(info.name, **_differing(info, steps[0], usual[0]))
    return None


def _may_be_own(layer: nn.Module, foreign: Foreign) -> bool:
    """Whether a norm may be of this class only, so that it tells the norm also where no number of channels is known.

    Torch's classes have other uses, and so may one that holds other layers, unless it is itself registered.
    """
    if foreign.same_as.__module__.startswith("torch."):
        return False
    return not layer._modules or any(info.constructor is type(layer) for info in map(describe, names()))


def _dims_to_try(info: NormInfo, layer: nn.Module, foreign: Foreign) -> tuple[int, ...]:
    if info.kind == "weight":
        return ()
    if foreign.dims is not None:  # over the channels of images what torch's class does to points
        return (0,) if {0, foreign.dims} <= set(info.dims) else ()
    own = vars(layer).get("dims", MISSING)
    return info.dims if own is MISSING else tuple(dims for dims in info.dims if dims == own)


def _make(constructor: Callable[..., nn.Module], channels: int, dims: int, **options: Any) -> nn.Module:
    """Return a layer to look at; random numbers it draws are given back."""
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        return constructor(channels, **({"dims": dims} if _takes_dims(constructor) else {}), **options)


@lru_cache(maxsize=512)
def _takes_dims(constructor: Callable[..., nn.Module]) -> bool:
    return "dims" in signature(constructor).parameters


@lru_cache(maxsize=512)
def _class_made(constructor: Callable[..., nn.Module], dims: int) -> type[nn.Module] | None:
    """Return the class of the layers that a constructor makes, if it makes any from the number of channels alone."""
    if isinstance(constructor, type):
        return constructor
    try:
        return type(_make(constructor, 64, dims))
    except (NormError, TypeError):  # TypeError: an argument without a default
        return None


@lru_cache(maxsize=64)
def _parametrizations(constructor: Callable[..., nn.Module]) -> list[nn.Module]:
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        layer: Any = constructor(nn.Linear(2, 2))
    return list(layer.parametrizations["weight"]) if parametrize.is_parametrized(layer, "weight") else []


def _compared(info: NormInfo, layer: nn.Module, dims: int) -> tuple[NormSpec, bool]:
    """Return the norm with the layer's options, and whether a layer made from that is the same.

    Where no other can be made to compare with, the options that can be read are all there is.
    """
    channels = _stated_channels(layer)
    if channels is None or any(option.default is REQUIRED for option in info.options) or info.kind == "conditional":
        found = {option.name: _attribute(layer, option.name) for option in info.options}
        return _spec(info, {name: value for name, value in found.items() if value is not MISSING}, found)
    usual = _make(info.constructor, channels, dims)
    spec, readable = _spec(info, _differing(info, layer, usual), {})
    twin = _make(info.constructor, channels, dims, **dict(spec.options))
    # A registered class keeps every option as an attribute; one that is missing cannot be compared.
    hidden = type(layer) is info.constructor and any(
        _attribute(layer, option.name) is MISSING for option in info.options
    )
    return spec, readable and not hidden and _same_settings(layer, twin)


def _spec(info: NormInfo, options: dict[str, Any], wanted: dict[str, Any]) -> tuple[NormSpec, bool]:
    try:
        return resolve(info.name, **options), all(value is not MISSING for value in wanted.values())
    except NormOptionError:  # a setting that this norm does not offer, such as torch's eps=None
        return NormSpec(info.name), False


def _differing(info: NormInfo, layer: nn.Module, usual: nn.Module) -> dict[str, Any]:
    """Return the options in which a layer differs from one made with none given."""
    values = {option.name: _attribute(layer, option.name) for option in info.options}
    return {
        name: value
        for name, value in values.items()
        if value is not MISSING and value != _attribute(usual, name)
    }  # fmt: skip


def _attribute(layer: nn.Module, option: str) -> Any:
    attributes = vars(layer)
    return attributes.get(option, attributes.get(SPELLINGS.get(option, option), MISSING))


def _same_settings(layer: nn.Module, twin: nn.Module) -> bool:
    """Whether all public plain attributes and the shapes of all tensors of a layer are those of its twin."""
    own, settings = vars(layer), vars(twin).keys() - {"training"}
    plain = [name for name in settings if not name.startswith("_") and isinstance(vars(twin)[name], PLAIN)]
    return _tensors(layer) == _tensors(twin) and all(own.get(name, MISSING) == vars(twin)[name] for name in plain)


def _tensors(layer: nn.Module) -> dict[str, torch.Size]:
    tensors = [*layer.named_parameters(recurse=False), *layer.named_buffers(recurse=False)]
    return {name: tensor.shape for name, tensor in tensors}

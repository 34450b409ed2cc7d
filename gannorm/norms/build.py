"""From a spec to a layer: `create` for activations, `wrap` for weights, `factory` for other libraries' networks."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn

from gannorm.norms.errors import NormKindError, NormOptionError, NormShapeError
from gannorm.norms.info import INPUTS, NormInfo
from gannorm.norms.registry import describe, names
from gannorm.norms.spec import NormLike, NormSpec, check_call, resolve

LAYER_MAKERS = ("activation", "fused")  # the kinds that `create` makes


def create(spec: NormLike, channels: int, *, dims: int = 2, **options: Any) -> nn.Module:
    """Return the layer that normalizes activations of a number of channels; torch's own class where torch has it.

    Args:
        spec: See `resolve`.
        channels: C of the (N, C, ...) activations.
        dims: Number of spatial axes: 0 points (N, C), 1 sequences (N, C, L), 2 images, 3 volumes.
        options: The norm's options by name; see `describe`.

    Raises:
        UnknownNormError: No norm has this name.
        NormOptionError: An option that the norm does not take, or a value of another type.
        NormShapeError: The norm cannot work with these channels or dims.
        NormKindError: It normalizes weights; use `wrap`.

    Example:
        >>> from gannorm import norms
        >>> norms.create("group", 64, num_groups=8)
        GroupNorm(8, 64, eps=1e-05, affine=True...)
        >>> norms.create({"name": "instance", "affine": False}, 64, dims=1)
        InstanceNorm1d(64, ...affine=False...track_running_stats=False)
        >>> norms.create(None, 64)
        Identity()
    """
    return _create(resolve(spec, **options), channels, dims)


def factory(spec: NormLike, *, dims: int = 2, **options: Any) -> Callable[[int], nn.Module]:
    """Return `channels -> layer`, checked now, made later: fits `norm_layer=` of torchvision and timm; picklable.

    Models of timm whose norm brings its activation (densenet, efficientnet, regnet, ...) refuse a norm alone; `convert`
    exchanges theirs.

    Raises:
        NormError: As `create`, except for what depends on the number of channels.

    Example:
        >>> from gannorm import norms
        >>> make = norms.factory("group", group_size=16)
        >>> make(64)
        GroupNorm(4, 64, eps=1e-05, affine=True...)
    """
    resolved = resolve(spec, **options)
    _check_kind(resolved)
    if resolved.info is not None:
        _check_dims(resolved.info, None, dims, dict(resolved.options))
    # A partial of keywords and a class: timm takes a function's for norm and activation in one, and leaves its own out.
    return partial(LayerOfSpec, spec=resolved, dims=dims)


class LayerOfSpec:
    """What `factory` calls: not a layer of this class, but the one that `create` returns comes out."""

    def __new__(  # type: ignore[misc]
        cls,
        channels: int,
        *,
        spec: NormLike,
        dims: int = 2,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        **options: Any,
    ) -> nn.Module:
        """Do as `create`, with the channels as the only argument by position; timm passes device and dtype too."""
        return create(spec, channels, dims=dims, **options).to(device=device, dtype=dtype)


def wrap(spec: NormLike, layer: nn.Module, **options: Any) -> nn.Module:
    """Return the layer with its weight normalized, in place; untouched for no norm.

    Args:
        spec: Name of a weight norm or any other form of `resolve`; a function takes and returns the layer.
        layer: A linear layer or convolution.
        options: The norm's options by name.

    Raises:
        NormKindError: The norm follows a layer; use `create`. Or the layer has this norm already.
        NormShapeError: The layer has no weight of the needed shape.

    Example:
        >>> import torch
        >>> from gannorm import norms
        >>> layer = norms.wrap("spectral", torch.nn.Linear(8, 8)).eval()
        >>> sigma = torch.linalg.matrix_norm(layer.weight, 2)
        >>> bool(0.9 < sigma < 1.1)
        True
    """
    resolved = resolve(spec, **options)
    info = resolved.info
    if info is None:
        check_call(resolved, layer)
        return _module(resolved, resolved.constructor(layer, **dict(resolved.options)))
    if info.name == "none":
        return layer
    if info.kind != "weight":
        raise _wrong_kind(info, "normalizes activations, not weights")
    return info.constructor(layer, **dict(resolved.options))


def bias_redundant(spec: NormLike, channels: int, **options: Any) -> bool:
    """Whether a bias per channel just before this norm is subtracted again exactly; see `NormInfo.bias_redundant`.

    A class or function of which nothing is known says False: a bias too many does no harm.

    Example:
        >>> from gannorm import norms
        >>> norms.bias_redundant("batch", 64), norms.bias_redundant("layer", 64), norms.bias_redundant(None, 64)
        (True, False, False)
    """
    resolved = resolve(spec, **options)
    _check_kind(resolved)
    return resolved.info is not None and resolved.info.bias_redundant(channels, **dict(resolved.options))


def activates(spec: NormLike) -> bool:
    """Whether a norm brings its own activation, so that none belongs after it.

    Example:
        >>> from gannorm import norms
        >>> norms.activates("filter_response"), norms.activates("batch")
        (True, False)
    """
    info = resolve(spec).info
    return info is not None and info.kind == "fused"


def _create(spec: NormSpec, channels: int, dims: int) -> nn.Module:
    if not isinstance(channels, int) or isinstance(channels, bool) or channels < 1:
        raise _no_shape(spec.name, f"channels={channels!r} is no positive whole number", channels, dims)
    info = spec.info
    if info is None:
        check_call(spec, channels)
        return _module(spec, spec.constructor(channels, **dict(spec.options)))
    _check_kind(spec)
    _check_dims(info, channels, dims, dict(spec.options))
    given = {"dims": dims} if info.takes_dims else {}
    return info.constructor(channels, **given, **dict(spec.options))


def _check_kind(spec: NormSpec) -> None:
    if spec.info is not None and spec.info.kind not in LAYER_MAKERS:
        raise _wrong_kind(spec.info, "does not follow a layer")


def _check_dims(info: NormInfo, channels: int | None, dims: int, options: dict[str, Any]) -> None:
    """Refuse numbers of spatial axes that the norm has nothing to normalize in; without channels as far as is known."""
    if dims not in INPUTS or isinstance(dims, bool):
        raise _no_shape(info.name, f"dims={dims!r} is none of 0 (points), 1, 2 (images), 3", channels, dims)
    if dims not in info.dims:
        alone = ", such as a step of an RNN: one value per statistic makes a constant output" if dims == 0 else ""
        problem = f"dims={dims}: it does not work on {INPUTS[dims]}{alone}"
    elif channels is not None and info.constant(channels, dims, **options):
        problem = f"dims={dims}, channels={channels}: one value per statistic makes a constant output"
    else:
        return
    others = [describe(name) for name in names(kind="activation", dims=dims)]
    fitting = [repr(one.name) for one in others if not one.needs_data and not one.constant(channels or 2, dims)]
    raise _no_shape(info.name, f"{problem}; use {', '.join(fitting)}", channels, dims)


def _no_shape(name: str, problem: str, channels: Any, dims: Any) -> NormShapeError:
    return NormShapeError(f"norm {name!r}: {problem}", norm=name, channels=channels, dims=dims, divisors=[])


def _wrong_kind(info: NormInfo, problem: str) -> NormKindError:
    return NormKindError(
        f"norm {info.name!r} {problem}; use {info.verb}", norm=info.name, kind=info.kind, use=info.verb
    )


def _module(spec: NormSpec, made: Any) -> nn.Module:
    if not isinstance(made, nn.Module):
        raise NormOptionError(
            f"norm {spec.name!r} returned {type(made).__name__}, not a torch.nn.Module",
            norm=spec.name, option=None, value=made, accepted={},
        )  # fmt: skip
    return made

"""One layer's norm for another: the new layer, with everything of the old one that it can take over."""

from collections import OrderedDict
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from gannorm.norms.build import LAYER_MAKERS, bias_redundant, create
from gannorm.norms.catalogue.modulation import without_affine
from gannorm.norms.conversion.surgery import residence
from gannorm.norms.conversion.takeover import same_function, take_hooks, take_parameters, take_statistics
from gannorm.norms.conversion.targets import Place, refused
from gannorm.norms.errors import NormShapeError
from gannorm.norms.lookup import LAST_AXIS, Recognized
from gannorm.norms.spec import NormSpec, resolve

Layer = Any  # a module with attributes that the type checker cannot know


@dataclass(frozen=True)
class Wanted:
    """What every layer is converted to: the norm, what is kept, and the number of spatial axes, if it was given."""

    spec: NormSpec
    state: str
    dims: int | None


@dataclass(frozen=True)
class Source:
    """A layer to be converted, and what is known of it."""

    place: Place
    found: Recognized
    channels: int
    dims: int | None
    is_guess: bool = False  # whether the dims are those of layers near it


@dataclass(frozen=True)
class Exchange:
    """A layer, the one that takes its place, and what is to be said about it."""

    source: Source
    spec: NormSpec
    new: nn.Module
    state: str
    notes: tuple[str, ...]

    @property
    def bias_was_redundant(self) -> bool:
        """Whether a bias before the old norm had no effect."""
        info = self.source.found.spec.info
        return info is not None and info.bias_redundant(self.source.channels, **dict(self.source.found.spec.options))

    @property
    def bias_is_redundant(self) -> bool:
        """Whether a bias before the new norm has no effect."""
        return bias_redundant(self.spec, self.source.channels)


def exchange(source: Source, wanted: Wanted) -> Exchange:
    """Return the new layer for a place; nothing is changed.

    Raises:
        NormConvertError: There is none that would be right.
    """
    old = source.place.layer
    _refuse_kinds(source, wanted.spec)
    spec = spec_for(source, wanted)
    norm = made(source, spec)
    _refuse_other_axis(source, norm, wanted)
    norm.to(**residence(old, source.place.holders)).train(old.training)
    if wanted.state == "exact" and not same_function(_in_our_words(source), norm):
        raise refused(
            _path(source), type(old).__name__,
            f"is not the same function as {text_of(spec)}; use state='affine' to keep γ and β only",
        )  # fmt: skip
    state = take_parameters(old, norm, keep=wanted.state != "reset")
    notes = _notes_on(source, spec) + take_statistics(old, source.found.spec.info, norm, spec.info, wanted.state)
    new = _with_what_follows(norm, source, spec)
    return Exchange(source, spec, new, state, (*notes, *take_hooks(old, new), *_key_notes(norm, new)))


def text_of(spec: NormSpec) -> str:
    """Return a spec as it is written in a report: `group(num_groups=8)`."""
    options = ", ".join(f"{name}={value!r}" for name, value in spec.options)
    return f"{spec.name}({options})" if options else spec.name


def _path(source: Source) -> str:
    return source.place.paths[0]


def _refuse_kinds(source: Source, spec: NormSpec) -> None:
    """Refuse conversions that would leave an activation too many or too few, or a layer without its condition."""
    old, info = source.found.spec.info, spec.info
    name = type(source.place.layer).__name__
    if old is not None and old.kind not in LAYER_MAKERS:
        raise refused(_path(source), name, f"takes a condition, which {spec.name!r} does not; leave it out with where=")
    was_fused = old is not None and old.kind == "fused"
    is_fused = info is not None and info.kind == "fused"
    if was_fused and not is_fused:
        raise refused(
            _path(source), name, f"is norm and activation in one, {spec.name!r} is not; build the network with both"
        )
    if is_fused and not was_fused and not _activation(source):
        raise refused(
            _path(source), name,
            f"has no activation of its own that {spec.name!r} could replace; build the network with that",
        )  # fmt: skip


def _activation(source: Source) -> bool:
    """Whether the layer itself ends in an activation."""
    last = list(source.found.after.values())[-1:]
    return bool(last) and not isinstance(last[0], nn.Identity)


def spec_for(source: Source, wanted: Wanted) -> NormSpec:
    """Return the norm that a layer gets; to keep its function, with its value of every option that was not given."""
    spec = without_affine(wanted.spec) if _is_conditioned(source) else wanted.spec
    if wanted.state != "exact" or spec.info is None:
        return spec
    affine = source.place.layer._parameters.get("weight") is not None
    old = {**source.found.spec.to_dict(defaults=True), "affine": affine}
    shared = {option.name: old[option.name] for option in spec.info.options if option.name in old}
    return resolve(spec, **{**shared, **dict(spec.options)})


def _is_conditioned(source: Source) -> bool:
    """Whether γ and β come from around the layer, so that it has none itself."""
    return any(getattr(holder, "takes_condition", False) for holder, _ in source.place.holders)


def made(source: Source, spec: NormSpec) -> Layer:
    """Return a new norm; random numbers that it draws are given back.

    Raises:
        NormConvertError: The norm does not fit the channels, or has to know the dims.
        NormError: As `create`.
    """
    dims = source.dims
    if dims is None:
        if spec.info is not None and spec.info.takes_dims:
            choices = ", ".join(map(str, source.found.dims))
            raise refused(
                _path(source), type(source.place.layer).__name__,
                f"may be for points, sequences or images, and {spec.name!r} has to know; give dims= ({choices})",
            )  # fmt: skip
        dims = max(source.found.dims)
    try:
        with torch.random.fork_rng(devices=[]), torch.device("cpu"):
            return create(spec, source.channels, dims=dims)
    except NormShapeError as error:
        raise refused(_path(source), type(source.place.layer).__name__, f"cannot be converted: {error}") from error


def _in_our_words(source: Source) -> nn.Module:
    """Return the layer itself, or what `create` makes of it, which is torch's own class where that is the same."""
    if not source.found.complete:
        return source.place.layer
    dims = max(source.found.dims) if source.dims is None else source.dims
    return create(source.found.spec, source.channels, dims=dims)


def _refuse_other_axis(source: Source, norm: nn.Module, wanted: Wanted) -> None:
    """Refuse a norm of the second axis where the last one was normalized, unless the input has these two only."""
    if source.found.last_axis and wanted.dims != 0 and type(norm) not in (*LAST_AXIS, nn.Identity):
        raise refused(
            _path(source), type(source.place.layer).__name__,
            f"normalizes the last axis, {wanted.spec.name!r} the second; give dims=0 if its inputs are points (N, C), "
            f"or leave it out: where=('*', '!{_path(source)}')",
        )  # fmt: skip


def _notes_on(source: Source, spec: NormSpec) -> tuple[str, ...]:
    """Return what the new norm depends on."""
    if spec.info is None:
        return ()
    guess = f"taken for dims={source.dims}, like the layers near it; give dims= if that is wrong"
    data = "needs a batch before its first use: norms.prepare(model, batch)"
    return (guess,) * (source.is_guess and spec.info.takes_dims) + (data,) * spec.info.needs_data


def _with_what_follows(norm: Layer, source: Source, spec: NormSpec) -> nn.Module:
    """Return the norm followed by what the old layer called after its own."""
    if isinstance(norm, nn.Identity):  # so that a later conversion knows what it stands for
        vars(norm).update(channels=source.channels, dims=source.dims)
    after = dict(source.found.after)
    if after and spec.info is not None and spec.info.kind == "fused":
        after.popitem()  # the activation, which the new norm brings
    after = {name: module for name, module in after.items() if not isinstance(module, nn.Identity)}
    if not after:
        return norm
    if isinstance(norm, nn.Identity):  # what works in place would now change the input of the whole layer
        after = {name: _out_of_place(module) for name, module in after.items()}
    whole = nn.Sequential(OrderedDict([("norm", norm), *after.items()]))
    whole.training = source.place.layer.training
    return whole


def _out_of_place(layer: nn.Module) -> nn.Module:
    if not vars(layer).get("inplace"):
        return layer
    other = copy(layer)
    vars(other)["inplace"] = False
    return other


def _key_notes(norm: nn.Module, new: nn.Module) -> tuple[str, ...]:
    return () if new is norm else ("its activation stays beside the new norm: keys of its state gain 'norm.'",)


def with_dims(source: Source, dims: int) -> Source:
    """Return a source for a given number of spatial axes.

    Raises:
        NormConvertError: The layer is made for others.
    """
    if dims not in source.found.dims:
        raise refused(
            _path(source), type(source.place.layer).__name__,
            f"works on dims={', '.join(map(str, source.found.dims))}, not on dims={dims}",
        )  # fmt: skip
    return replace(source, dims=dims, is_guess=False)

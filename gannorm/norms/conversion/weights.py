"""Weight norms of a whole model: which layers get one, or lose theirs."""

import copy
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import UninitializedParameter
from torch.nn.utils import parametrize

from gannorm.norms.build import wrap
from gannorm.norms.conversion.exchange import text_of
from gannorm.norms.conversion.report import Report, Row, optimizer_notes
from gannorm.norms.conversion.surgery import RenormWeight
from gannorm.norms.conversion.targets import Place, refused
from gannorm.norms.errors import NormKindError, NormShapeError
from gannorm.norms.lookup import weight_spec_of
from gannorm.norms.spec import NormSpec, resolve

NONE = resolve(None)
# Parameters that torch's norms from before parametrizations leave -> what takes them off.
OLD = {"weight_orig": "torch.nn.utils.remove_spectral_norm", "weight_g": "torch.nn.utils.remove_weight_norm"}


def plan_weights(model: nn.Module, spec: NormSpec, places: list[Place]) -> Report:
    """Return what putting a weight norm on every convolution and linear layer would do; `none` takes them off.

    Raises:
        NormConvertError: A layer's weight cannot be normalized, or its norm not be taken off, rightly.
        NormKindError: The norm does not normalize weights.
    """
    if spec.info is not None and spec.info.kind != "weight" and spec != NONE:
        raise NormKindError(
            f"norm {spec.name!r} does not normalize weights; leave kind='weight' out",
            norm=spec.name, kind=spec.info.kind, use="norms.convert(model, to=...)",
        )  # fmt: skip
    found = [place for place in places if _has_weight(place) and (spec != NONE or _has_norm(place))]
    if not found:
        wanted = "weight norm" if spec == NONE else "convolution or linear layer"
        raise refused("", type(model).__name__, f"has no {wanted} where it was looked for; see where=")
    for place in found:
        _refuse(place, _shared_weights(model))
    rows = {place: _row(place, spec) for place in found}
    changing = [place for place in found if rows[place].changes]
    trials = [_tried(place, spec) for place in changing]
    new = tuple(name for trial in trials for name in trial.new_parameters)
    return Report(
        f"convert weights to {text_of(spec)}",
        model,
        list(rows.values()),
        (*_key_notes(trials), *optimizer_notes(new)),
        new,
        _changes=[_change(place.layer, place, spec) for place in changing],
    )


@dataclass(frozen=True)
class _Trial:
    """What changing a layer's weight norm does to the names of its state, and which of its parameters are new."""

    keys_before: tuple[str, ...]
    keys_after: tuple[str, ...]
    new_parameters: tuple[str, ...]


def _tried(place: Place, spec: NormSpec) -> _Trial:
    """Change a copy of the layer."""
    layer, path = copy.deepcopy(place.layer), place.paths[0]
    before, old = _keys(layer, path), set(layer.parameters())
    try:
        with torch.random.fork_rng(devices=[]):
            _change(layer, place, spec).do()
    except NormShapeError as error:
        raise refused(
            path, type(layer).__name__, f"cannot be converted: {error}; or leave it out: where=('*', '!{path}')"
        ) from error
    _refuse_undefined(layer, place, spec)
    new = [name for name, parameter in layer.named_parameters(path) if parameter not in old]
    return _Trial(before, _keys(layer, path), tuple(new))


def _refuse_undefined(layer: Any, place: Place, spec: NormSpec) -> None:
    """Refuse a norm that divides by 0; the layer is a copy that has it already."""
    with torch.no_grad():
        weight = layer.weight
    if spec == NONE or weight.is_meta or weight.isfinite().all() or not _all_finite(place.layer):
        return
    path = place.paths[0]
    raise refused(
        path, type(place.layer).__name__,
        f"has an output whose weights are all 0, of which {spec.name!r} makes NaN; initialize it otherwise, or leave "
        f"it out: where=('*', '!{path}')",
    )  # fmt: skip


def _all_finite(layer: nn.Module) -> bool:
    return all(bool(parameter.isfinite().all()) for parameter in layer.parameters())


def _keys(layer: nn.Module, path: str) -> tuple[str, ...]:
    return tuple(f"{path}.{key}".lstrip(".") for key in layer.state_dict())


def _key_notes(trials: list[_Trial]) -> tuple[str, ...]:
    for trial in trials:
        gone = [key for key in trial.keys_before if key not in trial.keys_after]
        come = [key for key in trial.keys_after if key not in trial.keys_before]
        if gone or come:
            return (f"keys of the state change, as from {', '.join(gone)} to {', '.join(come)}",)
    return ()


def _has_weight(place: Place) -> bool:
    return isinstance(place.layer, nn.Linear | nn.modules.conv._ConvNd)


def _has_norm(place: Place) -> bool:
    return parametrize.is_parametrized(place.layer, "weight") or any(hasattr(place.layer, name) for name in OLD)


def _shared_weights(model: nn.Module) -> set[nn.Parameter]:
    """Return the parameters that several modules hold; a norm of one would leave the others with the raw weight."""
    held = Counter(parameter for module in model.modules() for parameter in set(module._parameters.values()))
    return {parameter for parameter, times in held.items() if parameter is not None and times > 1}


def _refuse(place: Place, shared: set[nn.Parameter]) -> None:
    """Refuse a layer whose weight cannot be exchanged, or brought back, as asked."""
    layer: Any = place.layer
    name, path = type(layer).__name__, place.paths[0]
    if place.chosen != place.paths:
        other = next(path for path in place.paths if path not in place.chosen)
        raise refused(path, name, f"is the same object as {other!r}, which where= leaves out; take both")
    for trace, remove in OLD.items():
        if hasattr(layer, trace):
            raise refused(path, name, f"has a norm of torch's old kind; take it off first: {remove}(layer)")
    if parametrize.is_parametrized(layer):
        if list(layer.parametrizations) != ["weight"] or weight_spec_of(layer) is None:
            raise refused(path, name, "has parametrizations that are no registered weight norm; take them off first")
        return
    if isinstance(layer.weight, UninitializedParameter):
        raise refused(path, name, "has no weight yet; run the model once first")
    if layer.weight in shared:
        raise refused(path, name, f"shares its weight with another layer; leave it out: where=('*', '!{path}')")


def _row(place: Place, spec: NormSpec) -> Row:
    before = weight_spec_of(place.layer) or NONE
    if before == spec:
        return Row(place.path, text_of(before), text_of(spec), changes=False)
    state = "the weight as it is computed now" if spec == NONE else "weight kept"
    return Row(place.path, text_of(before), text_of(spec), state)


def _change(layer: nn.Module, place: Place, spec: NormSpec) -> RenormWeight:
    return RenormWeight(layer, _has_norm(place), None if spec == NONE else partial(_put_on, spec, place))


def _put_on(spec: NormSpec, place: Place, layer: nn.Module) -> None:
    if wrap(spec, layer) is not layer:
        raise refused(place.paths[0], type(layer).__name__, f"was not wrapped in place by {spec.name!r}")

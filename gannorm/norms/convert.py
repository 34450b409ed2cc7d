"""Exchange the norms of any model: `plan` says what would be done, `convert` does it, its report can undo it."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Literal

from torch import nn

from gannorm.norms.errors import NormConvertError
from gannorm.norms.exchange import Exchange, Source, Wanted, dims_of, exchange, spec_for, text_of, with_dims
from gannorm.norms.info import Kind
from gannorm.norms.lookup import Recognized, channels_of, is_unknown_norm, recognize
from gannorm.norms.neighbours import SIZES, Biases, biases
from gannorm.norms.order import Order, order_of
from gannorm.norms.renorm import plan_weights
from gannorm.norms.report import Report, Row, carry_out, optimizer_notes
from gannorm.norms.spec import NormLike, resolve
from gannorm.norms.surgery import Replace
from gannorm.norms.targets import Place, names_its_layer, places, refused

State = Literal["affine", "exact", "reset"]
STATES = ("affine", "exact", "reset")


def convert(
    model: nn.Module,
    to: NormLike,
    *,
    where: str | Sequence[str] = "*",
    kind: Kind | None = None,
    state: State = "affine",
    dims: int | None = None,
    fix_bias: bool = True,
    **options: Any,
) -> Report:
    """Exchange a model's norms in place, all or none, and return a report that prints as a table and can undo it.

    Converted are torch's own norms, registered ones, and those of timm and torchvision that are torch's under another
    name; an activation in the same layer stays. Device, dtype, mode, hooks and shared layers are kept, and γ and β are
    the same parameters as before. A layer before a norm, that had no bias because the old norm would take it away, gets
    one of zeros if the new norm does not. What runs before a norm is read from a trace of the forward pass; where that
    is not certain, a note says so instead.

    Args:
        model: Any module, before it is compiled or wrapped. A model that is itself a norm comes back as `report.model`.
        to: The norm, in any form of `resolve`; None for none. Weight norms go onto convolutions and linear layers.
        where: Shell pattern of layer paths, such as "layer1.*", or several; "!..." leaves out. An `Identity` is taken
            for a missing norm if the pattern ends in its own name ("*.norm"), or if it was left by a conversion.
        kind: "weight" with `to=None`: take the weight norms off, leaving the weights that they compute.
        state: "affine" keeps γ and β; "exact" keeps the function, or is an error; "reset" starts anew.
        dims: Number of spatial axes, where it cannot be seen.
        fix_bias: Whether to add the bias that the new norm needs.
        options: Of the norm, by name.

    Raises:
        NormConvertError: A layer or model that cannot be converted rightly; nothing was changed.
        NormError: As `create`, for the norm that is asked for.

    Example:
        >>> from torch import nn
        >>> from gannorm import norms
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        >>> report = norms.convert(model, to="group")
        >>> model[1]
        GroupNorm(2, 8, eps=1e-05, affine=True...)
        >>> print(report)
        convert to group: 1 layer changed, 0 left as they are
        layer  from   to     state     bias of the layer before
        1      batch  group  γ β kept  added
        note: 1: running statistics dropped: outputs in eval mode change; fine-tune
        note: 1 new parameter (0.bias): an optimizer made before this does not hold them; make a new one
        >>> report.undo() is model, model[1]
        (True, BatchNorm2d(8, eps=1e-05, momentum=0.1, affine=True...))
    """
    return carry_out(
        plan(model, to, where=where, kind=kind, state=state, dims=dims, fix_bias=fix_bias, **options)
    )  # fmt: skip


def plan(
    model: nn.Module,
    to: NormLike,
    *,
    where: str | Sequence[str] = "*",
    kind: Kind | None = None,
    state: State = "affine",
    dims: int | None = None,
    fix_bias: bool = True,
    **options: Any,
) -> Report:
    """Return what `convert` would do, with the same arguments and errors, and touch nothing.

    Example:
        >>> from torch import nn
        >>> from gannorm import norms
        >>> model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU())
        >>> [(row.path, row.before, row.after) for row in norms.plan(model, to="layer").rows]
        [('1', 'batch', 'layer')]
    """
    spec = resolve(to, **options)
    if state not in STATES:
        raise NormConvertError(f"state={state!r} is none of {str(STATES)[1:-1]}", path="", layer=type(model).__name__)
    asked = kind or (spec.info.kind if spec.info is not None else "activation")
    if asked == "weight":
        return plan_weights(model, spec, places(model, where))
    return _plan_layers(model, places(model, where), Wanted(spec, state, dims), where, fix_bias)


def _plan_layers(
    model: nn.Module, found: list[Place], wanted: Wanted, where: str | Sequence[str], fix_bias: bool
) -> Report:
    @cache
    def order() -> Order:
        return order_of(model, {place.layer for place in found if _may_be_norm(place.layer)})

    sources = [source for place in found if (source := _source(model, place, wanted, where, order)) is not None]
    if not sources:
        raise _nothing_found(model, where)
    exchanges = [exchange(source, wanted) for source in sources if not _stays(source, wanted)]
    fixes = biases(exchanges, order) if fix_bias else Biases()
    rows = {one.source.place: _changed_row(one, fixes) for one in exchanges}
    rows |= {source.place: _unchanged_row(source) for source in sources if source.place not in rows}
    rows |= {place: _unlike_row(place) for place in found if place not in rows and _looks_like_norm(place.layer)}
    new_parameters = _new_parameters(model, exchanges, fixes)
    return Report(
        f"convert to {text_of(wanted.spec)}",
        model,
        [rows[place] for place in found if place in rows],
        optimizer_notes(new_parameters),
        new_parameters,
        _changes=[
            *(Replace(one.source.place.holders, one.source.place.layer, one.new) for one in exchanges),
            *fixes.changes.values(),
        ],
        _converted=next((one.new for one in exchanges if one.source.place.layer is model), None),
    )


def _may_be_norm(layer: nn.Module) -> bool:
    return isinstance(layer, nn.Identity) or recognize(layer) is not None


def _source(
    model: nn.Module, place: Place, wanted: Wanted, where: str | Sequence[str], order: Callable[[], Order]
) -> Source | None:
    """Return a layer with all that is known of it, or None if it is no norm.

    Raises:
        NormConvertError: It is a norm, but not one that can be converted rightly.
    """
    layer, path = place.layer, place.paths[0]
    if is_unknown_norm(layer):
        raise refused(
            path, type(layer).__name__,
            "is derived from a norm of torch and may compute anything, or has more axes than channels; "
            f"leave it out: where=('*', '!{path}'), or register its class",
        )  # fmt: skip
    found, channels = recognize(layer), channels_of(layer)
    if found is None and isinstance(layer, nn.Identity) and any(names_its_layer(where, path) for path in place.chosen):
        found, channels = Recognized(resolve(None)), _channels_before(place, order())
    if found is None or channels is None:
        return None
    if place.chosen != place.paths:
        other = next(path for path in place.paths if path not in place.chosen)
        raise refused(
            path, type(layer).__name__, f"is the same object as {other!r}, which where= leaves out; take both"
        )
    if wanted.dims is not None:
        return with_dims(Source(place, found, channels, None), wanted.dims)
    return Source(place, found, channels, dims_of(place, found, order, _ancestors(model, path)))


def _ancestors(model: nn.Module, path: str) -> list[nn.Module]:
    """Return the modules around a layer, the nearest first."""
    names = path.split(".")[:-1]
    return [model.get_submodule(".".join(names[:number])) for number in range(len(names), -1, -1)] if path else []


def _channels_before(place: Place, order: Order) -> int:
    """Return how many channels an `Identity` gets, from the layer that feeds it."""
    before = [layer for layer in order.before.get(place.layer, ()) if type(layer) in SIZES]
    sizes = {int(getattr(layer, SIZES[type(layer)])) for layer in before}
    if len(sizes) == 1:
        return sizes.pop()
    raise refused(
        place.paths[0], "Identity",
        "does not follow one convolution or linear layer, so its channels are not known; put norms.create(...) there",
    )  # fmt: skip


def _stays(source: Source, wanted: Wanted) -> bool:
    same = source.found.complete and source.found.spec == spec_for(source, wanted)
    return same and wanted.state != "reset"


def _changed_row(one: Exchange, fixes: Biases) -> Row:
    layer = one.source.place.layer
    return Row(
        one.source.place.path,
        _text_before(one.source),
        text_of(one.spec),
        one.state,
        fixes.words.get(layer, ""),
        (*one.notes, *fixes.notes.get(layer, ())),
    )


def _unchanged_row(source: Source) -> Row:
    text = _text_before(source)
    return Row(source.place.path, text, text, changes=False)


def _unlike_row(place: Place) -> Row:
    name = type(place.layer).__name__
    return Row(place.path, name, name, notes=("no norm that is known here, left as it is",), changes=False)


def _text_before(source: Source) -> str:
    """Return a layer's norm as text; the class too where the spec does not say all."""
    text = text_of(source.found.spec)
    plain = source.found.complete and not source.found.after
    return text if plain else f"{text} in {type(source.place.layer).__name__}"


def _looks_like_norm(layer: nn.Module) -> bool:
    """Whether a layer that is not known has a norm's name and tensors, so that it should not go unmentioned."""
    has_tensors = bool(layer._parameters) or bool(layer._buffers)
    return "norm" in type(layer).__name__.lower() and has_tensors and not layer._modules


def _new_parameters(model: nn.Module, exchanges: Sequence[Exchange], fixes: Biases) -> tuple[str, ...]:
    old = set(model.parameters())
    biased = [f"{path}.bias" for path, module in model.named_modules() if module in fixes.changes]
    fresh = [
        f"{one.source.place.paths[0]}.{name}".lstrip(".")
        for one in exchanges
        for name, parameter in one.new.named_parameters()
        if parameter not in old
    ]
    return (*biased, *fresh)


def _nothing_found(model: nn.Module, where: str | Sequence[str]) -> NormConvertError:
    return refused(
        "", type(model).__name__,
        f"has no norm where={where!r}; what is inside a layer is 'path.*', and an Identity counts where it is named",
    )  # fmt: skip

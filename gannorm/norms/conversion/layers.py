"""Norms of a model's activations: which layers are exchanged, for which, and what is said about each."""

from collections.abc import Callable, Sequence
from functools import cache

from torch import nn
from torch.nn.utils.parametrize import ParametrizationList

from gannorm.norms.conversion.exchange import Exchange, Source, Wanted, exchange, made, spec_for, text_of, with_dims
from gannorm.norms.conversion.neighbours import SIZES, Biases, biases, dims_of, in_place_notes
from gannorm.norms.conversion.order import Order, order_of
from gannorm.norms.conversion.report import Report, Row, optimizer_notes
from gannorm.norms.conversion.surgery import Replace
from gannorm.norms.conversion.targets import Place, names_its_layer, refused
from gannorm.norms.errors import NormConvertError
from gannorm.norms.lookup import Recognized, channels_of, is_unknown_norm, recognize
from gannorm.norms.spec import resolve


def plan_layers(
    model: nn.Module, found: list[Place], wanted: Wanted, where: str | Sequence[str], fix_bias: bool
) -> Report:
    """Return what exchanging the norms among these layers would do.

    Raises:
        NormConvertError: There are none, or one cannot be converted rightly.
    """

    @cache
    def order() -> Order:
        return order_of(model, {place.layer for place in found if _is_named(place, where) or recognize(place.layer)})

    sources = [source for place in found if (source := _source(model, place, wanted, where, order)) is not None]
    if not sources:
        raise _nothing_found(model, where)
    _refuse_read(sources, wanted)
    exchanges = [exchange(source, wanted) for source in sources if not _stays(source, wanted)]
    fixes = biases(exchanges, order) if fix_bias else Biases()
    rows = {one.source.place: _changed_row(one, fixes, in_place_notes(one, order)) for one in exchanges}
    rows |= {source.place: _unchanged_row(source) for source in sources if source.place not in rows}
    rows |= {place: _unlike_row(place) for place in found if place not in rows and _looks_like_norm(place)}
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


def _is_named(place: Place, where: str | Sequence[str]) -> bool:
    """Whether a layer is an `Identity` that is meant as a missing norm."""
    return isinstance(place.layer, nn.Identity) and any(names_its_layer(where, path) for path in place.chosen)


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
    if found is None and _is_named(place, where):
        found, channels = Recognized(resolve(None)), _channels_before(place, order())
    if found is None:
        return None
    if channels is None:
        raise refused(
            path, type(layer).__name__,
            f"is norm {text_of(found.spec)!r} of an unknown number of channels; keep it as attribute `channels`",
        )  # fmt: skip
    if place.chosen != place.paths:
        other = next(path for path in place.paths if path not in place.chosen)
        raise refused(
            path, type(layer).__name__, f"is the same object as {other!r}, which where= leaves out; take both"
        )
    if wanted.dims is not None:
        return with_dims(Source(place, found, channels, None), wanted.dims)
    return Source(place, found, channels, *dims_of(place, found, order, _ancestors(model, path)))


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


def _refuse_read(sources: Sequence[Source], wanted: Wanted) -> None:
    """Refuse norms that are not called: in eval mode torch's encoder layer reads them, and computes layer norm.

    Raises:
        NormConvertError: There are such; the way out names all of them.
    """
    read = [source.place for source in sources if _is_read(source.place) and not _stays_layer_norm(source, wanted)]
    if not read:
        return
    around = dict.fromkeys(path.rpartition(".")[0] for place in read for path in place.paths)
    ways = ("*", *(f"!{path}.*" if path else "!norm?" for path in around))
    raise refused(
        read[0].paths[0], type(read[0].layer).__name__,
        "is in a TransformerEncoderLayer, which in eval mode computes layer norm with the weights in it, whatever "
        f"norm it is; leave it out: where={ways}",
    )  # fmt: skip


def _is_read(place: Place) -> bool:
    return any(isinstance(holder, nn.TransformerEncoderLayer) for holder, _ in place.holders)


def _stays_layer_norm(source: Source, wanted: Wanted) -> bool:
    return _stays(source, wanted) or type(made(source, spec_for(source, wanted))) is nn.LayerNorm


def _changed_row(one: Exchange, fixes: Biases, notes: tuple[str, ...]) -> Row:
    layer = one.source.place.layer
    return Row(
        one.source.place.path,
        _text_before(one.source),
        text_of(one.spec),
        one.state,
        fixes.words.get(layer, ""),
        (*one.notes, *fixes.notes.get(layer, ()), *notes),
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


def _looks_like_norm(place: Place) -> bool:
    """Whether a layer that is not known has a norm's name and tensors, so that it should not go unmentioned."""
    layer = place.layer
    has_tensors = bool(layer._parameters) or bool(layer._buffers)
    of_a_weight = any(isinstance(holder, ParametrizationList) for holder, _ in place.holders)
    return "norm" in type(layer).__name__.lower() and has_tensors and not layer._modules and not of_a_weight


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

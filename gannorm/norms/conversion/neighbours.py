"""The layers around a norm: how many spatial axes they say, what bias they need, what writes over their input."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import nn
from torch.nn.utils import parametrize

from gannorm.norms.conversion.exchange import Exchange
from gannorm.norms.conversion.order import UNKNOWN, Order
from gannorm.norms.conversion.origins import holds_weights, is_affine
from gannorm.norms.conversion.surgery import AddBias
from gannorm.norms.conversion.targets import Place
from gannorm.norms.lookup import Recognized

# Torch's own: what a subclass does with a bias is its affair.
SIZES: dict[type[nn.Module], str] = {
    nn.Linear: "out_features",
    **dict.fromkeys((nn.Conv1d, nn.Conv2d, nn.Conv3d), "out_channels"),
    **dict.fromkeys((nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d), "out_channels"),
}
NOT_TRACED = "what runs before it cannot be traced, so no bias was added; give that layer one if it has none"
GOES_ELSEWHERE = "the layer before it has no bias, and got none, as its output goes elsewhere too"
THINGS_BETWEEN = "a layer before it has no bias, and got none, as something else runs between them; give it one"
IN_PLACE = "the activation after it writes over its input, now that of the norm; set inplace=False if others use that"
OF_ITS_OWN = "the layer before it has no bias, and got none, as its class is not torch's own; give it one"
# What is added to a channel of their input is added to that of their output.
COMMUTING = (
    *(nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d),
    *(nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d, nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d),
    *(nn.Upsample, nn.UpsamplingNearest2d, nn.UpsamplingBilinear2d),
)


def dims_of(
    place: Place, found: Recognized, order: Callable[[], Order], ancestors: list[nn.Module]
) -> tuple[int | None, bool]:
    """Return the number of spatial axes of a norm's input, and whether that is a guess.

    By its class, else by the layer that feeds it; else it is guessed from what is near.

    Args:
        place: The layer.
        found: What it is.
        order: Gives the order of execution, which takes a moment.
        ancestors: Its parent, the parent's parent and so on.
    """
    if len(found.dims) == 1:
        return found.dims[0], False
    possible = set(found.dims)
    fed = {_dims_of_layer(layer) for layer in order().before.get(place.layer, ())} & possible
    near = [{_dims_of_layer(layer) for layer in ancestor.modules()} & possible for ancestor in ancestors]
    # A network of images may end in linear layers: near a convolution they decide nothing.
    for seen in [fed, *(dims - {0} for dims in near), *near]:
        if seen:
            return (seen.pop() if len(seen) == 1 else None), seen is not fed
    return None, False


def _dims_of_layer(layer: Any) -> int | None:
    if isinstance(layer, nn.modules.conv._ConvNd):
        return len(layer.kernel_size)
    return 0 if isinstance(layer, nn.Linear) else None


@dataclass
class Biases:
    """What becomes of the biases before norms: for each norm a word and notes; for each layer that gets one, how."""

    words: dict[nn.Module, str] = field(default_factory=dict)
    notes: dict[nn.Module, tuple[str, ...]] = field(default_factory=dict)
    changes: dict[nn.Module, AddBias] = field(default_factory=dict)


def biases(exchanges: Sequence[Exchange], order: Callable[[], Order]) -> Biases:
    """Return which layers need a bias: those just before a norm that does not take it away, as the old one did.

    A layer that had no bias before a norm that would not have taken it away has none by choice, and gets none.
    """
    result = Biases()
    by_layer = {one.source.place.layer: one for one in exchanges}
    for norm, one in by_layer.items():
        if one.bias_was_redundant == one.bias_is_redundant:
            continue
        before = _just_before(norm, order()) if order().knows(norm) else {UNKNOWN}
        judge = _became_redundant if one.bias_is_redundant else _became_needed
        said = [judge(layer, by_layer, order(), result) for layer in before]
        if not one.bias_is_redundant:
            said += [_stays_without(layer) for layer in order().origins.get(norm, set()) - before]
        result.words[norm] = ", ".join(sorted({word for word, _ in said if word}))
        result.notes[norm] = tuple(sorted({note for _, note in said if note}))
    return result


def in_place_notes(one: Exchange, order: Callable[[], Order]) -> tuple[str, ...]:
    """Return a note where an activation would now write over what others may use: an `Identity` hands on its input."""
    norm = one.source.place.layer
    if not isinstance(one.new, nn.Identity):
        return ()
    writes = any(getattr(layer, "inplace", False) for layer in order().after.get(norm, ()))
    own = [is_affine(layer) and order().after[layer] == {norm} for layer in order().before.get(norm, ())]
    return (IN_PLACE,) if writes and not all(own) else ()


def _became_redundant(layer: Any, *_: Any) -> tuple[str, str]:
    has_bias = is_affine(layer) and layer.bias is not None
    return ("redundant now" if has_bias else ""), ""


def _became_needed(layer: Any, by_layer: Mapping[nn.Module, Exchange], order: Order, result: Biases) -> tuple[str, str]:
    """Return a word and a note about a layer before a norm, and plan the bias that it gets."""
    if not is_affine(layer):
        return ("not found", NOT_TRACED) if layer is UNKNOWN or holds_weights(layer) else ("", "")
    if layer.bias is not None:
        return "has one", ""
    takers = [by_layer.get(taker) for taker in _past_poolings(order.after, layer)]
    if any(taker is None or taker.bias_is_redundant for taker in takers):
        return "none", GOES_ELSEWHERE
    size = SIZES.get(parametrize.type_before_parametrizations(layer))
    if size is None:
        return "none", OF_ITS_OWN
    result.changes[layer] = AddBias(layer, getattr(layer, size))
    return "added", ""


def _stays_without(layer: Any) -> tuple[str, str]:
    """Return a word and a note about a layer that is before a norm, but not just before it."""
    if is_affine(layer):
        return ("none", THINGS_BETWEEN) if layer.bias is None else ("", "")
    return ("", "") if layer is None else ("not found", NOT_TRACED)


def _just_before(norm: nn.Module, order: Order) -> set[Any]:
    """Return what feeds a norm, at most poolings between; but a pooling may be over the outputs of a linear layer."""
    directly = order.before[norm]
    return {one for one in _past_poolings(order.before, norm) if one in directly or not isinstance(one, nn.Linear)}


def _past_poolings(neighbours: Mapping[nn.Module, set[Any]], layer: nn.Module) -> set[Any]:
    """Return a layer's neighbours on one side, those of poolings in their place."""
    found, coming = set(neighbours[layer]), list(neighbours[layer])
    passed: set[Any] = set()
    while coming:
        pooling = coming.pop()
        if pooling in passed or not _commutes(pooling):
            continue
        passed.add(pooling)
        found = (found | neighbours[pooling]) - passed
        coming += neighbours[pooling]
    return found


def _commutes(layer: Any) -> bool:
    """Whether a constant added before a layer, per channel, is one after it, exactly."""
    if type(layer) not in COMMUTING:
        return False
    padding = getattr(layer, "padding", 0)
    counts_padding = getattr(layer, "count_include_pad", False) and padding not in (0, (0,), (0, 0), (0, 0, 0))
    divides = getattr(layer, "divisor_override", None) is not None
    return not (counts_padding or divides or getattr(layer, "return_indices", False))

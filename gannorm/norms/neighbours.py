"""The bias of the layer before a norm: needed where the old norm took it away again and the new one does not."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import nn
from torch.nn.utils import parametrize

from gannorm.norms.exchange import Exchange
from gannorm.norms.order import UNKNOWN, Order
from gannorm.norms.surgery import AddBias

# Torch's own: what a subclass does with a bias is its affair.
SIZES: dict[type[nn.Module], str] = {
    nn.Linear: "out_features",
    **dict.fromkeys((nn.Conv1d, nn.Conv2d, nn.Conv3d), "out_channels"),
    **dict.fromkeys((nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d), "out_channels"),
}
NOT_TRACED = "what runs before it cannot be traced, so no bias was added; give that layer one if it has none"
GOES_ELSEWHERE = "the layer before it has no bias, and got none, as its output goes elsewhere too"
OF_ITS_OWN = "the layer before it has no bias, and got none, as its class is not torch's own; give it one"


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
        before = order().before[norm] if order().knows(norm) else {UNKNOWN}
        judge = _became_redundant if one.bias_is_redundant else _became_needed
        said = [judge(layer, by_layer, order(), result) for layer in before]
        result.words[norm] = ", ".join(sorted({word for word, _ in said if word}))
        result.notes[norm] = tuple(sorted({note for _, note in said if note}))
    return result


def _became_redundant(layer: Any, *_: Any) -> tuple[str, str]:
    has_bias = _is_affine(layer) and layer.bias is not None
    return ("redundant now" if has_bias else ""), ""


def _became_needed(layer: Any, by_layer: Mapping[nn.Module, Exchange], order: Order, result: Biases) -> tuple[str, str]:
    """Return a word and a note about a layer before a norm, and plan the bias that it gets."""
    if not _is_affine(layer):
        unclear = layer is UNKNOWN or (layer is not None and any(map(_is_affine, layer.modules())))
        return ("not found", NOT_TRACED) if unclear else ("", "")
    if layer.bias is not None:
        return "has one", ""
    takers = [by_layer.get(taker) for taker in order.after[layer]]
    if any(taker is None or taker.bias_is_redundant for taker in takers):
        return "none", GOES_ELSEWHERE
    size = SIZES.get(parametrize.type_before_parametrizations(layer))
    if size is None:
        return "none", OF_ITS_OWN
    result.changes[layer] = AddBias(layer, getattr(layer, size))
    return "added", ""


def _is_affine(layer: Any) -> bool:
    return isinstance(layer, nn.Linear | nn.modules.conv._ConvNd)

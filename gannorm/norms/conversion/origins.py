"""Which layers a norm's input comes from through others: past what may hand on a constant per channel.

A bias before a norm that takes it away is redundant also where a pooling, a reshape or a sum runs between the two.
"""

from collections.abc import Callable
from typing import Any

from torch import nn
from torch.nn.modules import activation

from gannorm.norms.lookup import recognize

ACTIVATIONS = {name.lower() for name in activation.__all__}
# Other functions after which a constant per channel is none: its effect depends on the values.
BENDING = ("abs", "clamp", "exp", "maximum", "minimum", "pow", "sqrt", "square", "where")
PRODUCTS = ("mul", "div", "truediv")
# Who only asks for these takes nothing from the values.
SHAPES = ("shape", "ndim", "dtype", "device", "size", "dim", "is_cuda")


def origins(node: Any, layer_of: Callable[[Any], nn.Module | None], asked: set[nn.Module], border: Any) -> set[Any]:
    """Return the layers with weights that a node's input comes from, up to activations and other norms.

    Args:
        node: Of a graph of `torch.fx`.
        layer_of: Gives the layer that a node calls, if it does.
        asked: Layers that are norms, whatever their class.
        border: What stands for that which feeds the graph.
    """
    found: set[Any] = set()
    seen: set[Any] = set()
    coming = list(node.all_input_nodes)
    while coming:
        giver = coming.pop()
        layer = layer_of(giver)
        if giver in seen or layer in asked or _ends(giver, layer):
            continue
        seen.add(giver)
        if giver.op == "placeholder" or holds_weights(layer):
            found.add(border if layer is None else layer)
        else:
            coming += giver.all_input_nodes
    return found


def is_affine(layer: Any) -> bool:
    """Whether a layer is a convolution or linear layer, or is derived from one."""
    return isinstance(layer, nn.Linear | nn.modules.conv._ConvNd)


def holds_weights(layer: nn.Module | None) -> bool:
    """Whether a layer is, or holds, a convolution or linear layer."""
    return layer is not None and any(map(is_affine, layer.modules()))


def asks_for_shape(node: Any) -> bool:
    """Whether a node takes nothing from the values of its input."""
    name = node.args[1] if node.target is getattr else node.target
    return name in SHAPES


def _ends(node: Any, layer: nn.Module | None) -> bool:
    """Whether a bias before this node is another thing than one after it: it bends, normalizes or multiplies."""
    if layer is not None:
        bends = type(layer).__module__ == activation.__name__ and not holds_weights(layer)
        return bends or recognize(layer) is not None
    name = getattr(node.target, "__name__", str(node.target)).strip("_")
    if name.removeprefix("i") in PRODUCTS:
        return sum(giver.op != "get_attr" for giver in node.all_input_nodes) > 1
    return asks_for_shape(node) or "norm" in name or name in BENDING or name.replace("_", "") in ACTIVATIONS

"""Which layer feeds which, by the order of execution: from a symbolic trace of the forward pass."""

import copy
import inspect
import warnings
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch
from torch import nn

from gannorm.norms.conversion.origins import asks_for_shape, is_affine, origins

# What another layer would be is not known; None stands for an operation, the model's input or its output.
UNKNOWN = object()
HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


@dataclass
class Order:
    """The direct neighbours of layers in execution.

    Args:
        before: For each layer that was seen to run, what its inputs come from: layers, None or `UNKNOWN`.
        after: What its output goes to, likewise.
        origins: For each layer that was asked for, the layers with weights that its input comes from, also through
            what is no layer; see there.
    """

    before: dict[nn.Module, set[Any]] = field(default_factory=dict)
    after: dict[nn.Module, set[Any]] = field(default_factory=dict)
    origins: dict[nn.Module, set[Any]] = field(default_factory=dict)

    def knows(self, layer: nn.Module) -> bool:
        """Whether a layer was seen to run, with all that comes before it."""
        return layer in self.before and UNKNOWN not in self.before[layer]


def order_of(model: nn.Module, layers: Collection[nn.Module]) -> Order:
    """Return the neighbours of layers, from traces of a copy of the model, in its present mode.

    Where the whole cannot be traced (loops over data, branches on values), its parts are: a layer at the border of a
    part has `UNKNOWN` neighbours. Nothing of the model is touched: the copy shares its parameters, which a trace does
    not compute with, and has buffers of its own, random numbers are given back, and hooks are not called.

    Example:
        >>> model = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.ReLU())
        >>> order = order_of(model, [model[1]])
        >>> order.before[model[1]] == {model[0]}
        True
    """
    order = Order()
    try:
        twin = _twin(model)
    except Exception:  # a model may hold anything, also what cannot be copied: then its order stays unknown
        return order
    asked = set(layers)
    leaves = {path for path, module in model.named_modules(remove_duplicate=False) if module in asked}
    with warnings.catch_warnings(), torch.random.fork_rng(devices=_devices()):
        warnings.simplefilter("ignore")
        traces = _traces(twin, "", set(leaves))
        for trace in traces:
            _record(order, model, asked, replace(trace, border=UNKNOWN if trace.path else None))
        # Layers that this pass does not reach, such as auxiliary heads in eval mode: by the part that holds them.
        missed = {path.rpartition(".")[0] for path in leaves if model.get_submodule(path) not in order.before}
        for path in sorted(missed):
            for trace in _traces(twin, path, set(leaves)):
                _record(order, model, asked, replace(trace, border=UNKNOWN))
    return order


@dataclass(frozen=True)
class _Trace:
    """A graph of the part of a model at `path`, and what its inputs and outputs are taken for."""

    path: str
    graph: Any
    border: Any = None


def _twin(model: nn.Module) -> nn.Module:
    """Return a copy that shares the parameters, and has no hooks, which might keep what they see."""
    held = [value for module in model.modules() for value in vars(module).values() if isinstance(value, torch.Tensor)]
    shared: dict[int, Any] = {id(tensor): tensor for tensor in (*model.parameters(), *held)}
    twin = copy.deepcopy(model, shared)
    for module in twin.modules():
        for name in HOOKS:
            vars(module)[name].clear()
    return twin


def _devices() -> list[int]:
    return list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []


def _traces(twin: nn.Module, path: str, opaque: set[str]) -> list[_Trace]:
    """Return traces that together cover a part: of the whole, else of its children, those that fail being opaque."""
    part = twin.get_submodule(path)
    graph = _graph(part, path, opaque)
    if graph is not None:
        return [_Trace(path, graph)]
    inside: dict[str, list[_Trace]] = {}
    for name, _ in part.named_children():
        child = f"{path}.{name}".lstrip(".")
        if child not in opaque:
            inside[child] = _traces(twin, child, opaque)
    if any(child in opaque for child in inside):
        graph = _graph(part, path, opaque)
    if graph is None:
        opaque.add(path)
        return [trace for traces in inside.values() for trace in traces]
    return [_Trace(path, graph), *(trace for child in inside if child in opaque for trace in inside[child])]


def _graph(part: nn.Module, path: str, opaque: set[str]) -> Any:
    """Return the graph of a module's forward pass, arguments that have a default at their default, or None."""
    from torch import fx  # here, so that only who converts pays for it

    class Tracer(fx.Tracer):
        def is_leaf_module(self, module: nn.Module, name: str) -> bool:
            opened = f"{path}.{name}".lstrip(".") in opaque
            return is_affine(module) or opened or super().is_leaf_module(module, name)

    parameters = inspect.signature(part.forward).parameters.values()
    given = {p.name: p.default for p in parameters if p.default is not p.empty}
    try:
        return Tracer().trace(part, concrete_args=given or None)
    except Exception:  # somebody's forward, run on symbols, may fail with anything
        return None


def _record(order: Order, model: nn.Module, layers: set[nn.Module], trace: _Trace) -> None:
    """Add the neighbours of each layer in a graph, looking through those that hand on their input."""
    layer_of = partial(_layer_of, model, trace.path)

    def found(nodes: list[Any], onwards: Callable[[Any], list[Any]]) -> set[Any]:
        seen: set[Any] = set()
        for node in nodes:
            layer = layer_of(node)
            if type(layer) is nn.Identity and layer not in layers:
                seen |= found(onwards(node), onwards)
            else:
                seen.add(trace.border if node.op in ("placeholder", "output") else layer)
        return seen

    for node in trace.graph.nodes:
        layer = layer_of(node)
        if layer is not None:
            order.before.setdefault(layer, set()).update(found(_givers(node), _givers))
            order.after.setdefault(layer, set()).update(found(_takers(node), _takers))
        if layer in layers:
            order.origins.setdefault(layer, set()).update(origins(node, layer_of, layers, trace.border))


def _layer_of(model: nn.Module, path: str, node: Any) -> nn.Module | None:
    """Return the layer of a model that a node in the graph of one of its parts calls, if it does."""
    return model.get_submodule(f"{path}.{node.target}".lstrip(".")) if node.op == "call_module" else None


def _givers(node: Any) -> list[Any]:
    return list(node.all_input_nodes)


def _takers(node: Any) -> list[Any]:
    return [user for user in node.users if not asks_for_shape(user)]

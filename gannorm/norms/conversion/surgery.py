"""Changes to a model that can be taken back, bit for bit: a layer replaced, a bias added, a weight renormed."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from gannorm.norms.state import freeze_state


class Change(ABC):
    """One change; `undo` is called at most once, after `do`, and only while `is_done`."""

    @abstractmethod
    def do(self) -> None:
        """Make it."""

    @abstractmethod
    def undo(self) -> None:
        """Take it back."""

    @abstractmethod
    def is_done(self) -> bool:
        """Whether the model is as `do` left it."""


def do_all(changes: Sequence[Change]) -> None:
    """Make all changes; if one fails, take back those before it and let the error pass."""
    done: list[Change] = []
    try:
        for change in changes:
            change.do()
            done.append(change)
    except BaseException:
        undo_all(done)
        raise


def undo_all(changes: Sequence[Change]) -> None:
    """Take all changes back, the last one first."""
    for change in reversed(changes):
        change.undo()


@dataclass
class Replace(Change):
    """Put a layer in the place of another, in every parent that holds it; the old one is kept as it is."""

    holders: Sequence[tuple[nn.Module, str]]
    old: nn.Module
    new: nn.Module
    _at: dict[str, Any] = field(default_factory=dict, init=False)

    def do(self) -> None:
        """Put the new layer in."""
        self._put(self.new)
        self._at = residence(self.new, self.holders)

    def undo(self) -> None:
        """Put the old layer back, in the mode of the new one, and where the model has been moved to since."""
        at = residence(self.new, self.holders)
        if at != self._at:
            self.old.to(**at)
        self.old.train(self.new.training)
        self._put(self.old)

    def is_done(self) -> bool:
        """Whether the new layer is still everywhere."""
        return all(parent._modules.get(name) is self.new for parent, name in self.holders)

    def _put(self, layer: nn.Module) -> None:
        for parent, name in self.holders:
            parent._modules[name] = layer


def residence(layer: nn.Module, holders: Sequence[tuple[nn.Module, str]]) -> dict[str, Any]:
    """Return the device and dtype of a layer, or of what holds it if it has no tensors; empty if that has none."""
    around = [*layer.parameters(), *layer.buffers()]
    for holder, _ in holders:
        around += holder.parameters()
    like = next((tensor for tensor in around if tensor.is_floating_point()), None)
    return {} if like is None else {"device": like.device, "dtype": like.dtype}


@dataclass
class AddBias(Change):
    """Give a layer that has none a bias of zeros."""

    layer: nn.Module
    channels: int

    def do(self) -> None:
        """Add it, on the device and of the dtype of the weight, trained if the weight is."""
        weight: Any = self.layer.weight
        zeros = torch.zeros(self.channels, device=weight.device, dtype=weight.dtype)
        self.layer._parameters["bias"] = nn.Parameter(zeros, requires_grad=any(_trained(self.layer)))

    def undo(self) -> None:
        """Take it away."""
        self.layer._parameters["bias"] = None

    def is_done(self) -> bool:
        """Whether it is there."""
        return self.layer._parameters.get("bias") is not None


def _trained(layer: nn.Module) -> list[bool]:
    return [parameter.requires_grad for parameter in layer.parameters()]


class RenormWeight(Change):
    """Take the weight norm off a layer, leaving the weight that it computes, and put on another one.

    Args:
        layer: Convolution or linear layer.
        take_off: Whether it has a weight norm.
        put_on: `layer -> None`, in place; None for no norm.
    """

    def __init__(self, layer: nn.Module, take_off: bool, put_on: Callable[[nn.Module], None] | None) -> None:
        self.layer, self.take_off, self.put_on = layer, take_off, put_on
        self._before: Layout | None = None
        self._after: Layout | None = None
        self._at: dict[str, Any] = {}

    def do(self) -> None:
        """Change the layer; if the new norm refuses it, the layer is as before."""
        self._before = Layout(self.layer)
        try:
            if self.take_off:
                _take_off(self.layer)
            if self.put_on is not None:
                self.put_on(self.layer)
                self.layer.train(self.layer.training)  # the parametrization too
        except BaseException:
            self._before.restore()
            raise
        self._after, self._at = Layout(self.layer), residence(self.layer, ())

    def undo(self) -> None:
        """Bring the layer's class, parameters and parametrizations back."""
        assert self._before is not None
        at = residence(self.layer, ())
        self._before.restore()
        if at != self._at:
            self.layer.to(**at)

    def is_done(self) -> bool:
        """Whether the layer's class and parametrizations are those that were made."""
        return self._after is not None and self._after.same_as(Layout(self.layer))


@dataclass
class Layout:
    """A layer's class and what it holds, without copies; `restore` also points its parameters at the same memory."""

    layer: nn.Module
    kind: type[nn.Module] = field(init=False)
    held: dict[str, dict[str, Any]] = field(init=False)
    memory: list[tuple[nn.Parameter, torch.Tensor]] = field(init=False)

    def __post_init__(self) -> None:
        self.kind = type(self.layer)
        self.held = {name: dict(vars(self.layer)[name]) for name in ("_parameters", "_buffers", "_modules")}
        self.memory = [(parameter, parameter.data) for parameter in self.layer.parameters()]

    def restore(self) -> None:
        """Make the layer as it was."""
        self.layer.__class__ = self.kind
        for name, contents in self.held.items():
            mapping = vars(self.layer)[name]
            mapping.clear()
            mapping.update(contents)
        for parameter, memory in self.memory:
            parameter.data = memory

    def same_as(self, other: "Layout") -> bool:
        """Whether another layout has the same class and holds the same objects."""
        own, others = ({n: {k: id(v) for k, v in d.items()} for n, d in x.held.items()} for x in (self, other))
        return self.kind is other.kind and own == others


def _take_off(layer: nn.Module) -> None:
    """Make the weight that a layer computes now its own parameter again; no state moves.

    Torch's `remove_parametrizations` overwrites the raw weight and the class, so that nothing could bring them back.
    """
    with torch.no_grad(), freeze_state(layer):
        weight: Any = layer.weight
        weight = weight.detach().clone()
    parameter = nn.Parameter(weight, requires_grad=any(_trained(layer.parametrizations)))  # type: ignore[arg-type]
    layer.__class__ = type(layer).__mro__[1]
    del layer._modules["parametrizations"]
    others = dict(layer._parameters)
    layer._parameters.clear()
    layer._parameters.update(weight=parameter, **others)

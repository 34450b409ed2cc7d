"""Where the norms of a model stand: what is before and after each, and what a sample looks like there."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm
from torch.nn.parameter import is_lazy

from gannorm.norms.build import create
from gannorm.norms.checking.sample import NormSampleError, Sample, bare, eagerly, samples_in, tensors, untouched
from gannorm.norms.info import NormInfo
from gannorm.norms.lookup import channels_of, recognize, tracks_statistics
from gannorm.norms.registry import describe

# A class derived from one of these may compute anything, but what it takes from torch it does: the closest is judged.
KIN: dict[type[nn.Module], str] = {
    _BatchNorm: "batch",
    _InstanceNorm: "instance",
    nn.GroupNorm: "group",
    nn.LayerNorm: "layer",
}
TRAILING = (nn.LayerNorm, nn.RMSNorm)  # these reduce over the last axes, wherever the channels are
CONVOLUTIONS = (nn.modules.conv._ConvNd,)


class Seen(NamedTuple):
    """An input that a norm had.

    Attributes:
        shape: (N, C, *space), N of the sample.
        as_convolved: Whether it is laid out as the last convolution's output was, so that axis 1 holds the channels.
    """

    shape: tuple[int, ...]
    as_convolved: bool


@dataclass(frozen=True)
class Place:
    """A norm of activations where it stands in a model.

    Args:
        path: Its name there.
        layer: The module.
        info: What is known of it, or of torch's class that it derives from.
        options: Of its own that are not the defaults.
        activates: Whether it brings an activation.
        before: The module that its input certainly comes from, if there is one.
        after: The module that its output certainly goes to, if there is one.
        frozen: Whether it is in eval mode in a model that is not.
        seen: Its inputs, if a sample was given.
    """

    path: str
    layer: nn.Module
    info: NormInfo
    options: dict[str, Any]
    activates: bool = False
    before: nn.Module | None = None
    after: nn.Module | None = None
    frozen: bool = False
    seen: list[Seen] = field(default_factory=list)

    @property
    def tracks(self) -> bool:
        """Whether it keeps running statistics."""
        return tracks_statistics(self.layer)

    @property
    def couples(self) -> bool:
        """Whether a sample's output depends on the other samples of its batch."""
        return self.info.couples_samples and not (self.frozen and self.tracks)

    @property
    def channels(self) -> int | None:
        """Its number of channels, if it has one for axis 1 of its input."""
        values = (vars(self.layer).get(name) for name in ("channels", "num_features", "num_channels"))
        return next((value for value in values if value), None)


class Network:
    """A model as `check` looks at it.

    Args:
        model: Any module; wrappers that only distribute or compile are taken off.
        sample: An input, or a tuple of several, that is sent through once.

    Raises:
        NormSampleError: The sample does not pass, and it is no norm that stops it.

    Example:
        >>> network = Network(nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)), torch.zeros(2, 1, 8, 8))
        >>> [(place.path, place.info.name, place.seen[0].shape) for place in network.places]
        [('1', 'batch', (2, 4, 6, 6))]
    """

    def __init__(self, model: nn.Module, sample: Sample | None = None) -> None:
        self.model, self.compiled = bare(model)
        self.num_samples = 0 if sample is None else samples_in(sample)
        self.places = [place for path, layer in self.model.named_modules() if (place := self._place(path, layer))]
        self.failed_at: str | None = None  # path of the norm that the sample did not pass
        self.failure: NormSampleError | None = None  # what to raise if no finding explains it
        if sample is not None:
            self._send(sample if isinstance(sample, tuple) else (sample,))

    @cached_property
    def neighbours(self) -> dict[nn.Module, tuple[nn.Module | None, nn.Module | None]]:
        """What stands before and after each module, where the order of execution is certain: in a Sequential."""
        found: dict[nn.Module, tuple[nn.Module | None, nn.Module | None]] = {}
        for sequential in filter(is_sequential, self.model.modules()):  # outer ones first: they see past inner ones
            chain = list(flat(sequential))
            for before, module, after in zip([None, *chain], chain, [*chain[1:], None], strict=False):
                found.setdefault(module, (before, after))
        return found

    def _place(self, path: str, layer: nn.Module) -> Place | None:
        own_activation: tuple[nn.Module, ...] = ()
        if found := recognize(layer):
            info, options = describe(found.spec.name), dict(found.spec.options)
            fused = info.kind == "fused" and not is_switched_off(info, layer)
            own_activation = (layer,) if fused else tuple(found.after.values())
        elif kin := next((name for kind, name in KIN.items() if isinstance(layer, kind)), None):
            info = describe(kin)
            options = {o.name: vars(layer)[o.name] for o in info.options if o.name in vars(layer)}
        else:
            return None
        activates = any(not isinstance(module, (nn.Identity, nn.Dropout)) for module in own_activation)
        before, after = self.neighbours.get(layer, (None, None))
        frozen = self.model.training and not layer.training
        return Place(path, layer, info, options, activates, before, after, frozen)

    def _send(self, sample: tuple[Any, ...]) -> None:
        """Send a sample through, and keep which shapes the norms get."""
        if any(is_lazy(tensor) for tensor in [*self.model.parameters(), *self.model.buffers()]):
            raise self._no_sample(sample, "it has layers without a shape yet; send a batch through it first")
        entered: list[str] = []
        try:
            with untouched(self.model), eagerly(self.compiled), self._watched(entered):
                self.model(*sample)
        except Exception as error:
            self.failure = self._no_sample(sample, f"{error}; give an input that its forward takes")
            if not entered:
                raise self.failure from error
            self.failed_at = entered[-1]

    @contextmanager
    def _watched(self, entered: list[str]) -> Iterator[None]:
        """Keep the inputs of norms in the block; `entered` holds those whose forward has not returned."""
        layout: list[tuple[Any, Any]] = [(None, None)]

        def convolved(_: nn.Module, __: Any, output: Any) -> None:
            layout[0] = (output.shape, output.stride()) if isinstance(output, Tensor) else (None, None)

        def enter(place: Place, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
            entered.append(place.path)
            for x in tensors((*arguments, *named.values()))[:1]:
                place.seen.append(Seen(tuple(x.shape), (x.shape, x.stride()) == layout[0]))

        def leave(*_: Any) -> None:
            entered.pop()

        with ExitStack() as hooks:
            for module in self.model.modules():
                if isinstance(module, CONVOLUTIONS):
                    hooks.callback(module.register_forward_hook(convolved).remove)
            for place in self.places:
                seeing = partial(lambda place, _, *given: enter(place, *given), place)
                hooks.callback(place.layer.register_forward_pre_hook(seeing, with_kwargs=True).remove)
                hooks.callback(place.layer.register_forward_hook(leave).remove)
            yield

    def _no_sample(self, sample: tuple[Any, ...], problem: str) -> NormSampleError:
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in tensors(sample))
        name = type(self.model).__name__
        return NormSampleError(
            f"check: the sample {shapes} does not pass through {name}: {' '.join(problem.split())}", model=name
        )


def is_switched_off(info: NormInfo, layer: nn.Module) -> bool:
    """Whether a norm with an activation was made without it: one that is made with no options has what this lacks."""
    if not isinstance(getattr(layer, "activation", None), nn.Identity):
        return False
    with torch.random.fork_rng(devices=[]):
        usual = create(info.name, channels_of(layer) or 64, dims=vars(layer).get("dims", info.dims[-1]))
    return not isinstance(getattr(usual, "activation", None), nn.Identity)


def is_sequential(module: nn.Module) -> bool:
    """Whether a module is its children one after the other."""
    return isinstance(module, nn.Sequential) and type(module).forward is nn.Sequential.forward


def flat(module: nn.Module) -> Iterator[nn.Module]:
    """Yield the modules of a Sequential in their order, those of inner ones too."""
    for child in module:  # type: ignore[attr-defined]
        if is_sequential(child):
            yield from flat(child)
        elif not isinstance(child, nn.Identity):
            yield child

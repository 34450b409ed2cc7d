"""State that forward passes move: running statistics and power iterations, and how to look without moving it."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.instancenorm import _InstanceNorm
from torch.nn.utils.parametrizations import _SpectralNorm
from torch.nn.utils.parametrize import ParametrizationList
from torch.nn.utils.spectral_norm import SpectralNorm as SpectralNormHook

from gannorm.norms.errors import NormError

STATISTICS = ("running_mean", "running_var")
REFERENCE = "reference_batch_"  # start of the names of buffers that hold a batch; see `prepare`
Policy = Literal["recompute", "copy", "none"]


class FrozenState:
    """Context in which forward passes move no buffer, while each norm computes what it would compute without it.

    Batch norm in training mode still normalizes by its batch, in eval mode by its running statistics; spectral norm
    divides by its last estimate. Make it once and enter it often: the modules are looked up when it is made, so a
    module that is replaced later is not seen. It can be nested, and restores everything after an exception. In the
    block leave the model's modes alone, and make no copy of it: the copy would stay frozen.

    Args:
        model: Any module.

    Example:
        >>> import torch
        >>> norm = torch.nn.BatchNorm1d(2)
        >>> with FrozenState(norm):
        ...     _ = norm(torch.ones(4, 2))
        >>> norm.running_mean, norm.num_batches_tracked
        (tensor([0., 0.]), tensor(0))
    """

    def __init__(self, model: nn.Module) -> None:
        modules = list(model.modules())
        # Switched through vars(): nn.Module's own assignment costs ten times as much, in every training step.
        self._switches = [(module, name) for module in modules if (name := _switch(module))]
        self._tracking_instances = [m for m in modules if isinstance(m, _InstanceNorm) and m.running_mean is not None]
        self._saved: list[list[Any]] = []

    def __enter__(self) -> None:
        self._saved.append(
            [
                [vars(module)[name] for module, name in self._switches],
                [dict(module._buffers) for module in self._tracking_instances],
            ]
        )
        for module, name in self._switches:
            vars(module)[name] = False
        # Instance norm has no such switch: in eval mode it would leave its running statistics. So copies are moved.
        for module in self._tracking_instances:
            module._buffers.update({name: buffer.clone() for name, buffer in module.named_buffers(recurse=False)})

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        values, buffers = self._saved.pop()
        for (module, name), value in zip(self._switches, values, strict=True):
            vars(module)[name] = value
        for module, originals in zip(self._tracking_instances, buffers, strict=True):
            module._buffers.update(originals)


def _switch(module: nn.Module) -> str | None:
    """Return the attribute that stops a module's state when it is False, if there is one."""
    if isinstance(module, _NormBase) and not isinstance(module, _InstanceNorm):
        return "track_running_stats"
    old_spectral_norm = any(isinstance(hook, SpectralNormHook) for hook in module._forward_pre_hooks.values())
    return "training" if isinstance(module, _SpectralNorm) or old_spectral_norm else None


def freeze_state(model: nn.Module) -> FrozenState:
    """Return a context in which forward passes move no buffer of the model; see `FrozenState`.

    Example:
        >>> import torch
        >>> from gannorm import norms
        >>> layer = norms.wrap("spectral", torch.nn.Linear(3, 3))
        >>> before = layer.parametrizations.weight[0]._u.clone()
        >>> with norms.freeze_state(layer):
        ...     _ = layer(torch.ones(1, 3))
        >>> torch.equal(before, layer.parametrizations.weight[0]._u)
        True
    """
    return FrozenState(model)


@contextmanager
def batch_statistics(model: nn.Module) -> Iterator[None]:
    """In the block, norms with running statistics use those of the batch; the rest is in eval mode, no buffer moves.

    Example:
        >>> import torch
        >>> from gannorm import norms
        >>> norm = torch.nn.BatchNorm1d(1).eval()
        >>> with norms.batch_statistics(norm):
        ...     norm(torch.tensor([[1.0], [3.0]])).round().tolist()
        [[-1.0], [1.0]]
    """
    with _modes(model), FrozenState(model):
        yield


def has_batch_statistics(model: nn.Module) -> bool:
    """Whether a module has running statistics, which `recalibrate` can compute anew.

    Example:
        >>> from gannorm import norms
        >>> has_batch_statistics(norms.create("batch", 4)), has_batch_statistics(norms.create("group", 4))
        (True, False)
    """
    return bool(_tracking(model))


def running_statistics(model: nn.Module) -> list[Tensor]:
    """Return the running means and variances of a module, the tensors themselves.

    Example:
        >>> from gannorm import norms
        >>> [len(statistic) for statistic in norms.running_statistics(norms.create("batch", 4))]
        [4, 4]
    """
    return [getattr(layer, name) for layer in _tracking(model) for name in STATISTICS]


def buffer_policy(model: nn.Module) -> dict[str, Policy]:
    """Return for each buffer what an average of the model's weights has to do with it.

    "recompute": running statistics belong to the weights they were measured with; averaged or copied ones made a
    generator with 9.4 modes look like one with 1.0 (see `recalibrate`). "none": a reference batch never changes.
    "copy": everything else; the average of spectral norm's unit vectors is no unit vector.

    Example:
        >>> from gannorm import norms
        >>> norms.buffer_policy(norms.create("batch", 4))
        {'running_mean': 'recompute', 'running_var': 'recompute', 'num_batches_tracked': 'copy'}
    """
    recompute = {id(getattr(layer, name)) for layer in _tracking(model) for name in STATISTICS}
    return {name: _policy(name, id(buffer) in recompute) for name, buffer in model.named_buffers()}


def _policy(name: str, is_statistic: bool) -> Policy:
    if is_statistic:
        return "recompute"
    return "none" if name.rpartition(".")[2].startswith(REFERENCE) else "copy"


def recalibrate(model: nn.Module, batches: Iterable[Tensor | Sequence[Tensor]]) -> None:
    """Compute the running statistics anew: the plain average over batches of their means and unbiased variances.

    Each layer sees what the layers before it make of the same batch by batch statistics, as in training. The average
    is of the quantities that training averages with exponential weights, so the result is what training's statistics
    tend to, without the delay; batches of a size used in training are therefore right. All batches weigh the same.
    (Called standing statistics by Brock et al. 2018, arXiv:1809.11096, who also draw random batch sizes.)

    Everything but the running statistics and their counter stays: other buffers, modes, momentum. No gradient, and no
    random numbers beyond those that `batches` or the model's own `forward` draw.

    Args:
        model: Any module. Without running statistics nothing happens and no batch is taken.
        batches: Inputs of the model, such as latent vectors of shape (N, Z); a tuple or list is several arguments.

    Raises:
        NormError: There are running statistics but no batches.

    Example:
        >>> import torch
        >>> from gannorm import norms
        >>> norm = norms.create("batch", 1, dims=0)
        >>> norms.recalibrate(norm, [torch.tensor([[1.0], [3.0]]), torch.tensor([[2.0], [2.0]])])
        >>> norm.running_mean, norm.running_var
        (tensor([2.]), tensor([1.]))
    """
    layers = _tracking(model)
    if not layers:
        return
    with torch.no_grad(), _modes(model), _restored_on_error(layers), _momentum_kept(layers):
        number = 0
        for layer in layers:
            layer.reset_running_stats()
        for number, batch in enumerate(batches, start=1):
            for layer in layers:
                layer.momentum = 1 / number
            model(batch) if isinstance(batch, Tensor) else model(*batch)
        if not number:
            raise NormError("recalibrate got no batches; give at least one batch of the model's inputs")


@torch.no_grad()
def settle_spectral_norm(network: nn.Module, num_iterations: int = 10) -> None:
    """Let the power iterations of all spectral norms converge to the weights as they are now.

    An average's weights are not those that its copied vectors were estimated for.
    """
    for module in network.modules():
        for parametrization in module if isinstance(module, ParametrizationList) else ():
            if isinstance(parametrization, _SpectralNorm):
                mode = parametrization.training
                parametrization.train()
                for _ in range(num_iterations):
                    parametrization(module.original)
                parametrization.train(mode)


def _tracking(model: nn.Module) -> list[_NormBase]:
    return [module for module in model.modules() if isinstance(module, _NormBase) and module.running_mean is not None]


@contextmanager
def _modes(model: nn.Module) -> Iterator[None]:
    """Training mode for norms with running statistics, eval mode for the rest; each module's own mode afterwards."""
    modes = [(module, module.training) for module in model.modules()]
    try:
        model.eval()
        for layer in _tracking(model):
            layer.training = True
        yield
    finally:
        for module, training in modes:
            module.training = training


@contextmanager
def _momentum_kept(layers: list[_NormBase]) -> Iterator[None]:
    momenta = [layer.momentum for layer in layers]
    try:
        yield
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum


@contextmanager
def _restored_on_error(layers: list[_NormBase]) -> Iterator[None]:
    buffers = [buffer for layer in layers for buffer in layer.buffers()]
    before = [buffer.clone() for buffer in buffers]
    try:
        yield
    except BaseException:
        for buffer, value in zip(buffers, before, strict=True):
            buffer.copy_(value)
        raise

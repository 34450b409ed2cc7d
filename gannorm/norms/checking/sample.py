"""A sample sent through a model without a trace: in eval mode, nothing compiled, everything as before afterwards."""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from gannorm.norms.errors import NormError

Sample = Tensor | tuple[Any, ...]

WRAPPERS = (nn.DataParallel, nn.parallel.DistributedDataParallel)


class NormSampleError(NormError):
    """A sample is none, or something else than a norm stops it. Attribute: `model`, the class, or None."""

    model: str | None


def tensors(sample: Sample) -> list[Tensor]:
    """Return the tensors of a sample."""
    parts = sample if isinstance(sample, tuple) else (sample,)
    return [part for part in parts if isinstance(part, Tensor)]


def samples_in(sample: Sample) -> int:
    """Return how many samples an input has.

    Raises:
        NormSampleError: It is no batch.
    """
    first = next((tensor for tensor in tensors(sample) if tensor.ndim and len(tensor)), None)
    if first is None:
        raise NormSampleError(
            f"check: sample={type(sample).__name__} holds no batch; give a tensor (N, ...) or a tuple of arguments",
            model=None,
        )
    return len(first)


def bare(model: nn.Module) -> tuple[nn.Module, bool]:
    """Return a model without its wrappers, and whether any of it was compiled.

    Raises:
        NormError: It is none.
    """
    if not isinstance(model, nn.Module):
        what = model.__name__ if isinstance(model, type) else type(model).__name__
        raise NormError(f"check: model={what} is no network; give a torch.nn.Module that is made")
    dynamo = sys.modules.get("torch._dynamo.eval_frame")  # a compiled model cannot be there without it
    compilers = (dynamo.OptimizedModule,) if dynamo else ()
    compiled = any(isinstance(m, compilers) or m._compiled_call_impl is not None for m in model.modules())
    while isinstance(model, WRAPPERS + compilers):
        model = model.module if isinstance(model, WRAPPERS) else model._orig_mod
    return model, compiled


def eagerly(compiled: bool) -> AbstractContextManager[Any]:
    """Return a context in which nothing is compiled: hooks have to see every layer, and nobody wants to wait."""
    return torch.compiler.set_stance("force_eager") if compiled else nullcontext()


@contextmanager
def untouched(model: nn.Module) -> Iterator[None]:
    """In the block the model is in eval mode; afterwards modes, buffers and the global random state are as before."""
    modes = [(module, module.training) for module in model.modules()]
    buffers = [(module, dict(module._buffers)) for module in model.modules()]
    values = [(buffer, buffer.clone()) for buffer in model.buffers()]
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    try:
        with torch.random.fork_rng(devices=devices), torch.no_grad():
            model.eval()
            yield
    finally:
        for module, training in modes:
            module.training = training
        for module, tensors_before in buffers:
            module._buffers.clear()
            module._buffers.update(tensors_before)
        with torch.no_grad():
            for buffer, value in values:
                if not torch.equal(buffer, value):  # writing without need would end a backward pass that is under way
                    buffer.copy_(value)

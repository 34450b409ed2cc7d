"""Virtual batch norm: every sample is normalized by a fixed reference batch and by itself.

A reference batch says something about a layer's input only after the layers before it had their say, so the network
holds it at its entrance and sends it through before each forward pass, with gradient:

    norms.prepare(network, batch)    the batch becomes a buffer of the network; a hook does the rest
    network(x)                       1. the reference batch, normalized by itself, leaves its moments in each layer
                                     2. each sample of x is normalized by them and by its own
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from gannorm.norms.catalogue.affine import ChannelAffine, checked, per_position
from gannorm.norms.errors import NormError
from gannorm.norms.registry import register
from gannorm.norms.state import REFERENCE, FrozenState


@register(
    "virtual_batch",
    aliases=("VBN",),
    axes=("reference", "space"),
    needs_data=True,
    differs_in_eval=False,
    formula="y = γ (x − μ) / √(σ² + ε) + β; μ, σ² of the reference batch (weight R / (R + 1)) and of the sample itself "
    "(weight 1 / (R + 1)), R the size of the reference batch",
    paper="Salimans et al. 2016, arXiv:1606.03498, section 3.5",
    deviations="the paper gives no weights: sample and each reference sample weigh the same",
)
class VirtualBatchNorm(ChannelAffine):
    """Per sample and channel, over all positions of the sample and of a fixed reference batch.

    Args:
        channels: C.
        dims: Number of spatial axes.
        eps: ε.
        affine: Whether there are γ and β.

    Raises:
        NormError: On use, if `norms.prepare` gave the network no reference batch.

    Example:
        >>> from gannorm import norms
        >>> norm = VirtualBatchNorm(1, dims=0, affine=False)
        >>> norms.prepare(norm, torch.tensor([[-1.0], [0.0], [1.0]]))
        >>> norm(torch.tensor([[0.0], [4.0]])).round(decimals=2)
        tensor([[0.0000],
                [1.6000]])
    """

    def __init__(self, channels: int, *, dims: int, eps: float = 1e-5, affine: bool = True) -> None:
        super().__init__(channels, dims=dims, affine=affine)
        self.eps = eps
        self.collecting = False
        self.moments: tuple[Tensor, Tensor, int] | None = None  # mean and variance (C,), size of the reference batch

    def forward(self, x: Tensor) -> Tensor:
        """Return x normalized; while the reference batch passes, by that batch alone."""
        h = checked(self, x)
        if self.collecting:
            variance, mean = torch.var_mean(h, dim=(0, *range(2, h.ndim)), correction=0)
            self.moments = mean, variance, len(h)
            mean, variance = mean[None], variance[None]
        else:
            mean, variance = self.combined(h)
        return self.scaled(h - per_position(mean, self.dims), (variance + self.eps).rsqrt()).to(x.dtype)

    def combined(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and variance (N, C) of the reference batch with each sample added to it."""
        if self.moments is None:
            raise NormError(
                "norm 'virtual_batch' has no reference batch: call norms.prepare(model, batch) once, with inputs of "
                "the whole model, before its first use; and call the module that was prepared, not a part of it",
                norm="virtual_batch",
            )
        reference_mean, reference_variance, size = (
            self.moments[0].to(h.dtype), self.moments[1].to(h.dtype), self.moments[2],
        )  # fmt: skip
        values = h.flatten(2) if self.dims else h[..., None]
        own_variance, own_mean = torch.var_mean(values, dim=2, correction=0)
        weight = 1 / (size + 1)
        mean = torch.lerp(reference_mean, own_mean, weight)
        # Not by E[x²] − μ², which loses all digits where the mean is large.
        within = torch.lerp(reference_variance, own_variance, weight)
        between = weight * (1 - weight) * (own_mean - reference_mean).square()
        return mean, within + between


def prepare(model: nn.Module, batch: Tensor | tuple[Tensor, ...]) -> None:
    """Show a model the batch that some of its norms need before their first use; nothing happens if none does.

    Call it once: after the model is built, before its weights are loaded and before its optimizer is made. The batch
    is kept in buffers of the model, so it is saved with it; a second call replaces it.

    Args:
        model: Any module.
        batch: Inputs of the model's `forward`, such as real images or latent vectors; a tuple is several arguments.

    Example:
        >>> from gannorm import norms
        >>> model = nn.Sequential(nn.Linear(2, 4), norms.create("virtual_batch", 4, dims=0))
        >>> norms.needs_data(model)
        True
        >>> norms.prepare(model, torch.randn(16, 2))
        >>> model(torch.randn(3, 2)).shape, norms.needs_data(model)
        (torch.Size([3, 4]), False)
    """
    if not virtual_norms(model):
        return
    unprepare(model)
    for number, tensor in enumerate(batch if isinstance(batch, tuple) else (batch,)):
        model.register_buffer(f"{REFERENCE}{number}", tensor.detach().clone())
    model.register_forward_pre_hook(_send_reference)
    model.register_forward_hook(_forget_moments, always_call=True)


def unprepare(model: nn.Module) -> None:
    """Take what `prepare` put on a module off it again."""
    for name in [name for name, _ in model.named_buffers(recurse=False) if name.startswith(REFERENCE)]:
        delattr(model, name)
    for hooks, own in ((model._forward_pre_hooks, _send_reference), (model._forward_hooks, _forget_moments)):
        for number in [number for number, hook in hooks.items() if hook is own]:
            del hooks[number]


def prepare_like(model: nn.Module, state_dict: Mapping[str, Tensor]) -> None:
    """Prepare a model, or parts of it, as the one was whose state this is, so that the state can be loaded."""
    batches: dict[str, dict[int, Tensor]] = {}
    for key, value in state_dict.items():
        path, _, name = key.rpartition(".")
        if name.startswith(REFERENCE):
            batches.setdefault(path, {})[int(name.removeprefix(REFERENCE))] = value
    for path, batch in batches.items():
        prepare(model.get_submodule(path), tuple(batch[number] for number in sorted(batch)))


def needs_data(model: nn.Module) -> bool:
    """Whether some norm of the model still needs `prepare`; see there."""
    ready = {norm for module in model.modules() if reference_of(module) for norm in virtual_norms(module)}
    return not ready.issuperset(virtual_norms(model))


def reference_of(model: nn.Module) -> tuple[Tensor, ...]:
    """Return the reference batch that a module was prepared with, as arguments of its `forward`."""
    return tuple(b for name, b in model.named_buffers(recurse=False) if name.startswith(REFERENCE))


def virtual_norms(model: nn.Module) -> list[VirtualBatchNorm]:
    """Return the layers that take a reference batch."""
    return [module for module in model.modules() if isinstance(module, VirtualBatchNorm)]


def _send_reference(model: nn.Module, _: Any) -> None:
    """Send the reference batch through, without moving other norms' state: they see it before every batch."""
    if not virtual_norms(model):  # all have been exchanged since
        return
    with _collecting(virtual_norms(model)), FrozenState(model):
        model.forward(*reference_of(model))


def _forget_moments(model: nn.Module, *_: Any) -> None:
    """Let go of the graph that the moments hang on; a copy of the model could not be made with it."""
    for norm in virtual_norms(model):
        norm.moments = None


@contextmanager
def _collecting(layers: list[VirtualBatchNorm]) -> Iterator[None]:
    for layer in layers:
        layer.collecting = True
    try:
        yield
    finally:
        for layer in layers:
            layer.collecting = False

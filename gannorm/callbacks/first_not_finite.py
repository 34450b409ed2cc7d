"""Which tensor was the first that is no number: data, then a loss, its gradients, the weights that they moved."""

from collections.abc import Iterable
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from gannorm.gan import GAN


class FoundError(ArithmeticError):
    """A tensor has NaN or infinite entries."""


class FirstNotFinite(pl.Callback):
    """End the training at the first tensor of a step that is not finite; each check makes the device wait.

    It is for steps that are taken again, because a run whose loss is no number knows only the mean of many steps.

    Raises:
        FoundError: There is one; its text says which, with what, and after how many images.
    """

    def __init__(self) -> None:
        self.loss: Tensor | None = None  # whose gradient has been asked for and not used yet

    def on_train_batch_start(
        self,
        trainer: pl.Trainer,  # noqa: ARG002 (Lightning's signatures)
        pl_module: pl.LightningModule,
        batch: Any,
        _: int,
    ) -> None:
        """Check the weights that the step before has moved, and the data."""
        self.check_weights(pl_module)
        for name, tensor in parts_of(batch):
            check(name, tensor, pl_module)

    def on_before_backward(self, trainer: pl.Trainer, pl_module: pl.LightningModule, loss: Tensor) -> None:  # noqa: ARG002
        """Check the weights, which another step may have moved, and keep the loss until it is known whose it is."""
        self.check_weights(pl_module)
        self.loss = loss.detach()

    def on_before_optimizer_step(
        self,
        trainer: pl.Trainer,  # noqa: ARG002
        pl_module: pl.LightningModule,
        optimizer: torch.optim.Optimizer,
    ) -> None:
        """Check the loss, then the gradients of one network."""
        own = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
        parameters = [(name, parameter) for name, parameter in pl_module.named_parameters() if id(parameter) in own]
        if self.loss is not None:
            check(f"the loss of the {parameters[0][0].partition('.')[0]}", self.loss, pl_module)
        for name, parameter in parameters:
            if parameter.grad is not None:
                check(f"the gradient of {name}", parameter.grad, pl_module)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Check the weights that the last step has moved."""
        self.check_weights(pl_module)

    def check_weights(self, module: pl.LightningModule) -> None:
        """Check all weights and what the norms remember."""
        for name, tensor in module.state_dict().items():
            check(name, tensor, module)


def parts_of(batch: Any) -> Iterable[tuple[str, Tensor]]:
    """Yield the tensors of a batch with their names.

    Example:
        >>> [name for name, _ in parts_of((torch.zeros(2), torch.zeros(2)))]
        ['the data', 'part 1 of the data']
    """
    parts = list(batch.values()) if isinstance(batch, dict) else [batch] if isinstance(batch, Tensor) else list(batch)
    for number, part in enumerate(parts):
        if isinstance(part, Tensor):
            yield (f"part {number} of the data" if number else "the data"), part


def check(name: str, tensor: Tensor, module: pl.LightningModule) -> None:
    """Raise FoundError where a tensor has an entry that is no number.

    Example:
        >>> check("x", torch.tensor([1.0, float("inf")]), pl.LightningModule())
        Traceback (most recent call last):
        gannorm.callbacks.first_not_finite.FoundError: x (1 of 2 entries, inf)
    """
    if not tensor.is_floating_point() or tensor.isfinite().all():
        return
    wrong = tensor[~tensor.isfinite()]
    moment = f" in the step after {module.images_seen:,} images" if isinstance(module, GAN) else ""
    raise FoundError(f"{name} ({len(wrong):,} of {tensor.numel():,} entries, {wrong[0].item()}){moment}")

"""How a class gets into a network: modules in a row that a condition passes through, and labels checked."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

EMBEDDED = 64  # length of a class embedding, which conditional norms take or a latent vector is lengthened by


def passes_condition(module: nn.Module) -> bool:
    """Whether a module's `forward` takes a condition after its input: a conditional norm, or what holds one."""
    return getattr(module, "takes_condition", False) or getattr(module, "passes_condition", False)


def through(module: nn.Module, x: Tensor, condition: Tensor | None) -> Tensor:
    """Return a module's output, with the condition where it takes one."""
    return module(x, condition) if passes_condition(module) else module(x)


class ConditionedSequential(nn.Sequential):
    """Modules one after the other, each with the same condition where it takes one.

    Weights have the names that they have in a `torch.nn.Sequential`.

    Example:
        >>> from gannorm import norms
        >>> row = ConditionedSequential(nn.Linear(2, 4), norms.conditional("layer", 4, 3, dims=0), nn.ReLU())
        >>> row(torch.zeros(5, 2), torch.zeros(5, 3)).shape
        torch.Size([5, 4])
    """

    passes_condition = True

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Return what the last module makes."""
        for module in self:
            x = through(module, x, condition)
        return x


def in_a_row(modules: Sequence[nn.Module] | dict[str, nn.Module]) -> nn.Sequential:
    """Return modules one after the other; torch's own Sequential where none takes a condition.

    Example:
        >>> type(in_a_row([nn.Linear(2, 4), nn.ReLU()]))
        <class 'torch.nn.modules.container.Sequential'>
    """
    named = modules if isinstance(modules, dict) else {str(i): module for i, module in enumerate(modules)}
    kind = ConditionedSequential if any(map(passes_condition, named.values())) else nn.Sequential
    return kind(OrderedDict(named))


def check_num_classes(num_classes: int) -> int:
    """Return a network's number of classes, 0 for none.

    Raises:
        ValueError: It is negative.
    """
    if num_classes < 0:
        raise ValueError(f"num_classes={num_classes}: a number of classes, or 0 for a network without labels")
    return num_classes


def checked_labels(network: Any, inputs: Tensor, labels: Tensor | None) -> Tensor | None:
    """Return the labels of a network's inputs: there if it has classes, None if not.

    On an accelerator the range is not looked at: reading it would make the device wait in every step.

    Args:
        network: Has `num_classes`.
        inputs: (N, ...).
        labels: (N,) int64, 0 to num_classes - 1.

    Raises:
        ValueError: Labels are missing or not expected, or they are not such numbers.

    Example:
        >>> class Pair:
        ...     num_classes = 2
        >>> checked_labels(Pair(), torch.zeros(3, 8), torch.tensor([0, 1, 2]))
        Traceback (most recent call last):
        ValueError: labels go from 0 to 2; this Pair has num_classes=2, that is 0 to 1
    """
    name, num_classes = type(network).__name__, network.num_classes
    if not num_classes:
        if labels is not None:
            raise ValueError(f"this {name} takes no labels and got some; set its num_classes, or leave them out")
        return None
    if labels is None:
        raise ValueError(f"this {name} has num_classes={num_classes} and got no labels; give one per sample")
    if labels.shape != inputs.shape[:1] or labels.dtype != torch.int64:
        raise ValueError(
            f"labels of shape {tuple(labels.shape)} and {labels.dtype} for {len(inputs)} samples; "
            f"this {name} takes one int64 per sample"
        )
    if labels.device.type == "cpu" and len(labels) and not 0 <= labels.min() <= labels.max() < num_classes:
        raise ValueError(
            f"labels go from {int(labels.min())} to {int(labels.max())}; this {name} has num_classes={num_classes}, "
            f"that is 0 to {num_classes - 1}"
        )
    return labels

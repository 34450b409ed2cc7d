"""Steps of torch's optimizers as formulas of parameter, gradient and state, so that a gradient can go through them."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import torch
from torch import Tensor

State: TypeAlias = dict[str, Any]
Rule: TypeAlias = Callable[[Tensor, Tensor, Mapping[str, Any], Mapping[str, Any]], tuple[Tensor, State]]


def adam(
    parameter: Tensor, gradient: Tensor, state: Mapping[str, Any], group: Mapping[str, Any]
) -> tuple[Tensor, State]:
    """Return parameter and state after one step of `torch.optim.Adam` or `AdamW`.

    Where the second moment is 0, so is the step, and its derivative is that of m / eps: the root there has none.

    Args:
        parameter: θ.
        gradient: Of the loss in θ.
        state: `step`, `exp_avg`, `exp_avg_sq`; empty before the first step.
        group: The optimizer's options for θ.

    Source:
        Kingma & Ba, Adam, ICLR 2015, arXiv:1412.6980, algorithm 1, with eps added after the correction, as in torch.

    Example:
        >>> group = dict(torch.optim.Adam([torch.ones(1)], lr=0.1).param_groups[0])
        >>> adam(torch.ones(1), torch.full((1,), 3.0), {}, group)[0]
        tensor([0.9000])
    """
    (beta1, beta2), rate = group["betas"], group["lr"]
    if group.get("decoupled_weight_decay"):
        parameter = parameter * (1 - rate * group["weight_decay"])
    elif group["weight_decay"]:
        gradient = gradient + group["weight_decay"] * parameter
    step = _exact(state.get("step", 0)) + 1
    mean = beta1 * state.get("exp_avg", 0) + (1 - beta1) * gradient
    square = beta2 * state.get("exp_avg_sq", 0) + (1 - beta2) * gradient.square()
    correction = (1 - beta2**step) ** 0.5
    denominator = _root(square) / correction + group["eps"]
    parameter = parameter - rate / (1 - beta1**step) * mean / denominator
    return parameter, {"step": step, "exp_avg": mean, "exp_avg_sq": square}


def sgd(
    parameter: Tensor, gradient: Tensor, state: Mapping[str, Any], group: Mapping[str, Any]
) -> tuple[Tensor, State]:
    """Return parameter and state after one step of `torch.optim.SGD`, with momentum of either kind.

    Args:
        parameter: θ.
        gradient: Of the loss in θ.
        state: `momentum_buffer`; empty or None before the first step.
        group: The optimizer's options for θ.

    Example:
        >>> group = dict(torch.optim.SGD([torch.ones(1)], lr=0.1).param_groups[0])
        >>> sgd(torch.ones(1), torch.full((1,), 3.0), {}, group)[0]
        tensor([0.7000])
    """
    if group["weight_decay"]:
        gradient = gradient + group["weight_decay"] * parameter
    momentum, buffer = group["momentum"], state.get("momentum_buffer")
    if not momentum:
        return parameter - group["lr"] * gradient, {}
    buffer = gradient if buffer is None else momentum * buffer + (1 - group["dampening"]) * gradient
    direction = gradient + momentum * buffer if group["nesterov"] else buffer
    return parameter - group["lr"] * direction, {"momentum_buffer": buffer}


RULES: dict[type, Rule] = {torch.optim.Adam: adam, torch.optim.AdamW: adam, torch.optim.SGD: sgd}
UNSUPPORTED = ("amsgrad", "maximize")


def differentiable_step(optimizer: Any) -> Callable[[Tensor, Tensor, Mapping[str, Any], Tensor], tuple[Tensor, State]]:
    """Return a function of (parameter, gradient, state, original) that steps as an optimizer steps the original.

    Args:
        optimizer: One of torch's, or Lightning's wrapper of one.

    Raises:
        ValueError: There is no formula for it here.

    Example:
        >>> parameter = torch.ones(1)
        >>> step = differentiable_step(torch.optim.SGD([parameter], lr=0.1))
        >>> step(parameter, torch.ones(1), {}, parameter)[0]
        tensor([0.9000])
    """
    optimizer = unwrapped(optimizer)
    known = ", ".join(rule.__name__ for rule in RULES)
    if type(optimizer) not in RULES:
        raise ValueError(f"unrolling cannot go through steps of {type(optimizer).__name__}; it can of {known}")
    for option in UNSUPPORTED:
        if any(group.get(option) for group in optimizer.param_groups):
            raise ValueError(f"unrolling cannot go through {type(optimizer).__name__} with {option}; leave it off")
    rule = RULES[type(optimizer)]
    groups = {id(parameter): group for group in optimizer.param_groups for parameter in group["params"]}

    def step(parameter: Tensor, gradient: Tensor, state: Mapping[str, Any], original: Tensor) -> tuple[Tensor, State]:
        return rule(parameter, gradient, state, groups[id(original)])

    return step


def unwrapped(optimizer: Any) -> Any:
    """Return the optimizer in Lightning's wrapper, or the optimizer itself."""
    return getattr(optimizer, "optimizer", optimizer)


def _exact(step: Any) -> Any:
    """Return a count of steps in double precision, where 1 − 0.999 is exact enough; CUDA is not made to wait for it."""
    return step.double() if isinstance(step, Tensor) and step.is_cuda else float(step)


def _root(square: Tensor) -> Tensor:
    """Return the square root, with derivative 0 at 0 in place of infinity."""
    positive = square > 0
    return square.where(positive, 1.0).sqrt().where(positive, 0.0)

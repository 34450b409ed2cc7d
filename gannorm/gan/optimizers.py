"""Optimizers of the two networks: Adam, or any of torch's by class path, with rates and betas that may be schedules."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import nn

from gannorm import schedules
from gannorm.import_path import by_path
from gannorm.penalties import lazy_rate_and_betas
from gannorm.schedules import Schedule, ScheduleLike

OptimizerSpec = str | Mapping[str, Any] | None


@dataclass(frozen=True)
class Plan:
    """How one network is optimized over a run.

    Args:
        network: "generator" or "discriminator", for messages.
        spec: None = Adam; else a class path, or `{class_path: torch.optim.RMSprop, init_args: {alpha: 0.9}}`, without
            its rate.
        rate: Learning rate.
        betas: Of Adam; another optimizer has those of its `init_args`.
        interval: From one lazy penalty to the next; 1 = there is none.

    Raises:
        ValueError: No such optimizer, a rate in `init_args`, a rate below 0, or betas that are none.

    Example:
        >>> plan = Plan.of("generator", None, 2e-3, (0.0, 0.99))
        >>> type(plan.build([nn.Parameter(torch.zeros(1))])).__name__
        'Adam'
    """

    network: str
    spec: OptimizerSpec
    rate: Schedule
    betas: tuple[Schedule, Schedule]
    interval: int = 1
    changes: bool = field(init=False)

    @classmethod
    def of(
        cls, network: str, spec: OptimizerSpec, rate: ScheduleLike, betas: Sequence[ScheduleLike], interval: int = 1
    ) -> "Plan":
        """Return the plan for options as they stand in a config."""
        if len(betas) != 2:
            raise ValueError(f"betas={list(betas)}: Adam takes two numbers, 0 or more and below 1")
        first, second = (schedules.resolve(beta) for beta in betas)
        return cls(network, spec, schedules.resolve(rate), (first, second), interval)

    def __post_init__(self) -> None:
        if min(self.rate.start, self.rate.end) < 0:
            rate = self.rate.start if self.rate.constant else self.rate
            raise ValueError(f"{self.network}_rate={rate}: a rate is 0 or more")
        if not all(0 <= number < 1 for beta in self.betas for number in (beta.start, beta.end)):
            betas = [beta.start for beta in self.betas]
            raise ValueError(f"betas={betas}: Adam takes two numbers, 0 or more and below 1")
        object.__setattr__(self, "changes", not all(value.constant for value in (self.rate, *self.betas)))
        self.build([nn.Parameter(torch.zeros(1))])  # options that it does not have are refused now

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Return the optimizer at the beginning of a run."""
        rate, betas = self.at(0, None)
        if self.spec is None:
            return torch.optim.Adam(parameters, lr=rate, betas=betas, fused=True)
        make = optimizer_class(self.network, self.spec)
        try:
            return make(parameters, lr=rate)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{self.network}_optimizer {self.spec!r}: {error}") from error

    def at(self, images_seen: int, total_images: int | None) -> tuple[float, tuple[float, float]]:
        """Return rate and betas of a moment, as the lazy penalty has them."""
        first, second = (beta.at(images_seen, total_images) for beta in self.betas)
        return lazy_rate_and_betas(self.rate.at(images_seen, total_images), (first, second), self.interval)

    def follow(self, optimizer: Any, images_seen: int, total_images: int | None) -> None:
        """Set rate and betas of a moment, where they change at all."""
        if not self.changes:
            return
        rate, betas = self.at(images_seen, total_images)
        for group in optimizer.param_groups:
            group["lr"] = rate
            if self.spec is None:
                group["betas"] = betas


def optimizer_class(network: str, spec: str | Mapping[str, Any]) -> Any:
    """Return what makes an optimizer of parameters and `lr`.

    Raises:
        ValueError: There is no such class, or its options hold the rate.
    """
    described: dict[str, Any] = {"class_path": spec} if isinstance(spec, str) else dict(spec)
    if "class_path" not in described or not described.keys() <= {"class_path", "init_args"}:
        raise ValueError(f"{network}_optimizer {spec!r} needs 'class_path', with 'init_args' beside it if it has any")
    options = dict(described.get("init_args") or {})
    if "lr" in options:
        raise ValueError(f"{network}_optimizer: lr={options['lr']} stands in its init_args; set {network}_rate")
    try:
        found = by_path(described["class_path"])
    except ValueError as error:
        raise ValueError(f"{network}_optimizer: {error}") from None
    if not (isinstance(found, type) and issubclass(found, torch.optim.Optimizer)):
        raise ValueError(f"{network}_optimizer {described['class_path']!r} is no torch.optim.Optimizer")
    return partial(found, **options)

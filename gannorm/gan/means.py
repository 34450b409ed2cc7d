"""Means of what a training step yields, added up on the device: reading a number makes the device wait."""

from typing import Any

import torch
from torch import Tensor


class Means:
    """Sums of named numbers and how many were added, until they are taken.

    Example:
        >>> means = Means()
        >>> means.add(loss=torch.tensor(1.0)), means.add(loss=torch.tensor(3.0), penalty=torch.tensor(5.0))
        (None, None)
        >>> means.values()
        {'loss': 2.0, 'penalty': 5.0}
    """

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}
        self.counts: dict[str, int] = {}

    def add(self, **numbers: Tensor) -> None:
        """Add one number under each name."""
        for name, number in numbers.items():
            number = number.detach()
            self.sums[name] = self.sums[name].to(number.device) + number if name in self.sums else number
            self.counts[name] = self.counts.get(name, 0) + 1

    def values(self) -> dict[str, float]:
        """Return the means since they were last cleared, all read at once."""
        if not self.sums:
            return {}
        sums = torch.stack(list(self.sums.values())).tolist()
        return {name: total / self.counts[name] for name, total in zip(self.sums, sums, strict=True)}

    def clear(self) -> None:
        """Start anew."""
        self.sums, self.counts = {}, {}

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        return {"sums": dict(self.sums), "counts": dict(self.counts)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on adding from there."""
        self.sums, self.counts = dict(state["sums"]), dict(state["counts"])

"""Features of a stream that a metric has to keep: all of them up to a cap, a random choice of them beyond it."""

from typing import Any, ClassVar

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from gannorm import rng
from gannorm.metrics.frechet import check_features

CAP = 10_000  # samples; at 96 features 4 MB


class Held(Metric):
    """A Metric that keeps features in float32, and modes if given; a subclass computes something from `held()`.

    Each sample draws a number from a random stream of its own; the `cap` smallest numbers stay. So a stream that comes
    in the order of its classes is thinned evenly, and parts of a stream can be merged.

    Args:
        num_features: D.
        cap: Most samples kept.
        seed: Of the choice beyond the cap.
        options: Of every torchmetrics Metric.

    Raises:
        ValueError: A cap below 2.
    """

    is_differentiable = False
    full_state_update = False
    # Of the states' names: torchmetrics merges metrics of a collection whose states have equal names and values.
    prefix: ClassVar[str] = "held"

    def __init__(self, num_features: int, *, cap: int = CAP, seed: int = 0, **options: Any) -> None:
        super().__init__(**options)
        if cap < 2:
            raise ValueError(f"cap={cap}: keep 2 samples or more")
        self.num_features = num_features
        self.cap = cap
        self.seed = seed
        for column in ("features", "modes", "draws"):
            self.add_state(f"{self.prefix}_{column}", [], dist_reduce_fx="cat")

    def hold(self, features: Float[Tensor, "n d"], modes: Int64[Tensor, " n"] | None = None) -> None:
        """Take samples in.

        Raises:
            ValueError: Another number of features than the reference's, or one that is not finite.
        """
        check_features(features, self.num_features)
        # What stands in a batch names its stream: then batches of two processes draw different numbers.
        stream = rng.generator(self.seed, "held", repr(features[:1].tolist()))
        draws = torch.rand(len(features), generator=stream, dtype=torch.float64)
        modes = torch.zeros(len(features), dtype=torch.int64) if modes is None else modes
        new = (features.detach().float(), modes.to(features.device), draws.to(features.device))
        for column, values in zip(self._columns(), new, strict=True):
            column.append(values)
        if sum(map(len, self._columns()[2])) > 2 * self.cap:  # seldom, so that a long stream costs no sorting
            self._thin()

    def held(self, most: int | None = None) -> tuple[Float[Tensor, "n d"], Int64[Tensor, " n"]]:
        """Return the features kept and their modes, on the CPU; of more than `most` a random choice."""
        features, modes, draws = self._columns()
        if not len(features):
            return torch.zeros(0, self.num_features), torch.zeros(0, dtype=torch.int64)
        kept = smallest(dim_zero_cat(draws).cpu(), self.cap if most is None else min(most, self.cap))
        return dim_zero_cat(features).cpu()[kept], dim_zero_cat(modes).cpu()[kept]

    def _columns(self) -> tuple[Any, Any, Any]:
        features, modes, draws = (getattr(self, f"{self.prefix}_{name}") for name in ("features", "modes", "draws"))
        return features, modes, draws

    def _thin(self) -> None:
        columns = self._columns()
        kept = smallest(dim_zero_cat(columns[2]), self.cap)
        for column in columns:
            column[:] = [dim_zero_cat(column)[kept]]


def smallest(draws: Float64[Tensor, " n"], num: int) -> Int64[Tensor, " m"]:
    """Return where the `num` smallest numbers stand, in the order of the stream.

    Example:
        >>> smallest(torch.tensor([0.9, 0.1, 0.5]).double(), 2).tolist()
        [1, 2]
    """
    if len(draws) <= num:
        return torch.arange(len(draws), device=draws.device)
    return draws.topk(num, largest=False).indices.sort().values

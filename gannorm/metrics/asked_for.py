"""Whether samples are of the class that was asked for: figures of a class-conditional generator.

N_k samples were asked for as class k. A_k of them were accepted by the judge, and R_k of these are of class k as it
says.
"""

from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor
from torchmetrics import Metric

from gannorm.statistics import share_interval

LISTED = 100  # classes, up to which each has a figure of its own


def asked_for(
    right: Int[Tensor, " k"], accepted: Int[Tensor, " k"], asked: Int[Tensor, " k"]
) -> dict[str, float | list[float | None] | None]:
    """Return how often samples are of the class that was asked for, as plain Python numbers, ready for JSON.

        asked_for = Σ R_k / Σ A_k,   asked_for_all = Σ R_k / Σ N_k,   asked_for_by_class = R_k / A_k

    `asked_for` is over accepted samples, with `_low` and `_high`, the limits of Wilson's 95 % interval; in
    `asked_for_all` a rejected sample is not what was asked for. Up to 100 classes are listed. None stands where no
    sample was accepted. A generator that ignores its labels gets Σ π_k p_k, 1 / K where classes are equally frequent.

    Args:
        right: R, accepted samples that are of the class asked for, by this class.
        accepted: A, accepted samples.
        asked: N, all samples.

    Raises:
        ValueError: No samples, or counts that cannot be: R above A, or A above N.

    Example:
        >>> figures = asked_for(torch.tensor([40, 0]), torch.tensor([40, 40]), torch.tensor([50, 50]))
        >>> figures["asked_for"], figures["asked_for_all"], figures["asked_for_by_class"]
        (0.5, 0.4, [1.0, 0.0])
    """
    if not bool((right >= 0).all() and (right <= accepted).all() and (accepted <= asked).all()):
        raise ValueError("counts cannot be: of each class right ≤ accepted ≤ asked, and none below 0")
    num_right, num_accepted, num_asked = (int(counts.sum()) for counts in (right, accepted, asked))
    if not num_asked:
        raise ValueError("asked sums to 0: figures of labels need at least one sample")
    low, high = share_interval(num_right, num_accepted) if num_accepted else (None, None)
    by_class = [r / a if a else None for r, a in zip(right.tolist(), accepted.tolist(), strict=True)]
    return {
        "asked_for": num_right / num_accepted if num_accepted else None,
        "asked_for_low": low,
        "asked_for_high": high,
        "asked_for_all": num_right / num_asked,
        **({"asked_for_by_class": by_class} if len(by_class) <= LISTED else {}),
    }


class AskedFor(Metric):
    """Count samples that are of the class that was asked for; `compute()` returns the figures of `asked_for`.

    Args:
        num_classes: K.
        options: Of every torchmetrics Metric.

    Example:
        >>> metric = AskedFor(num_classes=2)
        >>> every = torch.tensor([True, True, True, False])
        >>> metric.update(modes=torch.tensor([0, 1, 1, 1]), accepted=every, labels=torch.tensor([0, 1, 0, 1]))
        >>> figures = metric.compute()
        >>> round(figures["asked_for"], 3), figures["asked_for_all"], figures["asked_for_by_class"]
        (0.667, 0.5, [0.5, 1.0])
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    asked_counts: Tensor

    def __init__(self, num_classes: int, **options: Any) -> None:
        super().__init__(**options)
        if num_classes < 1:
            raise ValueError(f"num_classes={num_classes}: there has to be at least one class")
        self.num_classes = num_classes
        # Rows: right, accepted, asked.
        self.add_state("asked_counts", torch.zeros(3, num_classes, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, modes: Int[Tensor, " n"], accepted: Bool[Tensor, " n"], labels: Int[Tensor, " m"]) -> None:
        """Count samples.

        Args:
            modes: The class of each as the judge says; what stands there for a rejected sample does not matter.
            accepted: Whether the judge says that the sample is of any class at all.
            labels: The class that was asked for in each, 0 to K − 1.

        Raises:
            ValueError: Not one label per sample, or one that is no class.
        """
        if len(labels) != len(modes):
            raise ValueError(f"{len(labels)} labels for {len(modes)} samples; give one per sample")
        if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < self.num_classes:
            wrong = int(labels.min()) if int(labels.min()) < 0 else int(labels.max())
            raise ValueError(
                f"labels has {wrong}; with num_classes={self.num_classes} they are 0 to {self.num_classes - 1}"
            )
        rows = (accepted & (modes == labels), accepted, torch.ones_like(accepted))
        self.asked_counts += torch.stack([torch.bincount(labels[row], minlength=self.num_classes) for row in rows])

    def compute(self) -> dict[str, Any]:
        """Return the figures of all samples since the last reset; see `asked_for`."""
        return asked_for(*self.asked_counts.cpu())

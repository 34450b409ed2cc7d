"""What a judge is: it maps samples to features, a mode and a confidence, and can say "none of these"."""

from typing import Protocol, runtime_checkable

from jaxtyping import Bool, Float
from torch import Tensor

from gannorm.classifier import Judged


@runtime_checkable
class Judge(Protocol):
    """What an evaluation asks about samples: images (N, C, H, W) in [-1, 1], or points (N, D).

    The judges of this package also say how good they are, which anybody's own may:

    - `ceiling`: share of real data that they accept; None where nobody knows.
    - `confusion_counts`, (d, d): how many accepted held-out real samples of each class (row) are called each class.
    - `confusion`, (d, d): P(called a | is i) from these, each row with sum 1.
    - `sample_shape`: of the samples it takes, (C, H, W) or (D,).
    - `modes_are_classes`: False where its modes are not the classes that the data's labels name, such as cells of
      features; then nobody asks whether samples are of the class that was asked for.
    - `channels`: how many such classes make a mode: 1, or 3 for stacks, where K = d³ and mode = d²·a + d·b + c.

    Attributes:
        num_modes: K; modes are 0 to K - 1.
        prior: (K,) frequencies of the modes in the real data.
        threshold: A sample whose confidence is below belongs to no mode.
        sha256: Which weights, or which parameters, judge; for the record.
    """

    num_modes: int
    prior: Float[Tensor, " k"]
    threshold: float
    sha256: str

    def __call__(self, samples: Tensor, /) -> Judged:
        """Return features (N, D), mode (N,) and confidence (N,) of samples."""


def judges_labels(judge: Judge, num_classes: int) -> bool:
    """Return whether a judge can say if samples are of the class that was asked for: its modes are those classes.

    Example:
        >>> import torch
        >>> from gannorm.judges import MixtureJudge
        >>> judge = MixtureJudge(torch.tensor([[0.0, 0.0], [1.0, 0.0]]), 0.01)
        >>> judges_labels(judge, 2), judges_labels(judge, 0)
        (True, False)
    """
    return getattr(judge, "modes_are_classes", True) and judge.num_modes == num_classes


def accepted(judge: Judge, judged: Judged) -> Bool[Tensor, " n"]:
    """Return which samples the judge takes for one of its modes: those whose confidence reaches its threshold.

    Example:
        >>> import torch
        >>> from gannorm.judges import MixtureJudge
        >>> judge = MixtureJudge(torch.tensor([[0.0, 0.0], [1.0, 0.0]]), 0.01)
        >>> accepted(judge, judge(torch.tensor([[0.02, 0.0], [0.5, 0.0]]))).tolist()
        [True, False]
    """
    return judged.confidence >= judge.threshold

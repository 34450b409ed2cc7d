"""Judges: what a sample is. Each maps images to features, a mode and a confidence, and can say "none of these"."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from jaxtyping import Bool, Float
from torch import Tensor

from gannorm import classifier
from gannorm.classifier import Judged as Judged
from gannorm.data import MNIST


@runtime_checkable
class Judge(Protocol):
    """What an evaluation asks about samples.

    Attributes:
        num_modes: K; modes are 0 to K - 1.
        prior: (K,) frequencies of the modes in the real data.
        threshold: A sample whose confidence is below belongs to no mode.
        sha256: Which weights judge, for the record.
    """

    num_modes: int
    prior: Float[Tensor, " k"]
    threshold: float
    sha256: str

    def __call__(self, images: Tensor) -> Judged:
        """Return features (N, D), mode (N,) and confidence (N,) of images in [-1, 1]."""


class DigitJudge:
    """The shipped digit classifier as a judge of 28x28 digits, with its reject rule.

    Example:
        >>> import torch
        >>> judge = DigitJudge()
        >>> blank = judge(torch.full((1, 1, 28, 28), -1.0))
        >>> accepted(judge, blank).item()
        False
    """

    num_modes = 10

    def __init__(self) -> None:
        self.classifier = classifier.load()
        self.prior = MNIST().prior
        self.threshold = self.classifier.threshold
        self.sha256 = self.classifier.sha256

    def __call__(self, images: Float[Tensor, "n 1 28 28"]) -> Judged:
        """Return features, digit and confidence of each image.

        Raises:
            ValueError: The images are not in [-1, 1] or not finite.
        """
        return self.classifier.judge(images.cpu())


def accepted(judge: Judge, judged: Judged) -> Bool[Tensor, " n"]:
    """Return which samples the judge takes for one of its modes."""
    return judged.confidence >= judge.threshold


JUDGES: dict[str, Callable[[], Judge]] = {"mnist": DigitJudge}
"""The judge of each data set by the data set's name."""


def judge_of(data: str) -> Judge:
    """Return the judge of a data set.

    Raises:
        ValueError: There is none for it.
    """
    if data not in JUDGES:
        raise ValueError(f"data={data!r} has no judge; there is one for {', '.join(JUDGES)}")
    return JUDGES[data]()

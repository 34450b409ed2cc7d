"""Judges: what a sample is. Each maps samples to features, a mode and a confidence, and can say "none of these"."""

from collections.abc import Callable

from gannorm.classifier import Judged as Judged
from gannorm.judges.cells import CellJudge as CellJudge
from gannorm.judges.classified import ClassifierJudge as ClassifierJudge
from gannorm.judges.digits import DigitJudge as DigitJudge
from gannorm.judges.digits import StackedDigitJudge as StackedDigitJudge
from gannorm.judges.judge import Judge as Judge
from gannorm.judges.judge import accepted as accepted
from gannorm.judges.mixtures import MixtureJudge as MixtureJudge
from gannorm.judges.own import OwnJudge as OwnJudge
from gannorm.judges.own import own_judge as own_judge

JUDGES: dict[str, Callable[[], Judge]] = {"mnist": DigitJudge, "stacked_mnist": StackedDigitJudge}
"""The judge of each data set by the data set's name."""


def judge_of(data: str) -> Judge:
    """Return the judge of a data set.

    Raises:
        ValueError: There is none for it.

    Example:
        >>> judge_of("stacked_mnist").num_modes
        1000
    """
    if data not in JUDGES:
        raise ValueError(f"data={data!r} has no judge; there is one for {', '.join(JUDGES)}")
    return JUDGES[data]()

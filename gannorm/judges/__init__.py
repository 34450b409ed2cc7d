"""Judges: what a sample is. Each maps samples to features, a mode and a confidence, and can say "none of these"."""

from gannorm.classifier import Judged as Judged
from gannorm.judges.cells import CellJudge as CellJudge
from gannorm.judges.classified import ClassifierJudge as ClassifierJudge
from gannorm.judges.digits import DigitJudge as DigitJudge
from gannorm.judges.digits import StackedDigitJudge as StackedDigitJudge
from gannorm.judges.judge import Judge as Judge
from gannorm.judges.judge import accepted as accepted
from gannorm.judges.judge import judges_labels as judges_labels
from gannorm.judges.mixtures import MixtureJudge as MixtureJudge
from gannorm.judges.own import OwnJudge as OwnJudge
from gannorm.judges.own import own_judge as own_judge

"""A digit classifier that can say "not a digit", its shipped weights, and how they were made."""

from gannorm.classifier.judge import DigitClassifier as DigitClassifier
from gannorm.classifier.judge import Judged as Judged
from gannorm.classifier.judge import WeightsError as WeightsError
from gannorm.classifier.judge import load as load

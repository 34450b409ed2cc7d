"""Sample once, judge once, all metrics: a short look while training, a full score of anything."""

from gannorm.evaluation.look import Evaluation as Evaluation
from gannorm.evaluation.look import evaluate as evaluate
from gannorm.evaluation.look import look as look
from gannorm.evaluation.look import measured as measured
from gannorm.evaluation.look import yardstick as yardstick
from gannorm.evaluation.reference import Reference as Reference
from gannorm.evaluation.reference import reference_of as reference_of
from gannorm.evaluation.score import Score as Score
from gannorm.evaluation.score import score as score
from gannorm.evaluation.score import score_again as score_again

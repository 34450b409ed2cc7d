"""Many runs: a matrix of factors and seeds, who runs them, and the journal that is kept of them."""

from gannorm.study.errors import StudyError as StudyError
from gannorm.study.matrix import Study as Study
from gannorm.study.run import Outcome as Outcome
from gannorm.study.run import run as run
from gannorm.study.study_file import read as read

"""The page of a study: what its journal says of each cell, each factor, and of what may be concluded."""

from gannorm.report.study.page import write as write
from gannorm.report.study.record import StudyRecord as StudyRecord
from gannorm.report.study.record import is_study as is_study

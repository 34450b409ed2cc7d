"""Run folders -> one page that needs nothing else: reads files only, trains and imports no network."""

from gannorm.report.run.page import page as page
from gannorm.report.run.page import write as write
from gannorm.report.run.record import RunRecord as RunRecord
from gannorm.report.run.terminal import terminal as terminal

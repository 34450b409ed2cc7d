"""`gannorm doctor`: what is installed, what the machine is good for, what is intact, and a run of a few seconds."""

from gannorm.doctor.finding import Finding as Finding
from gannorm.doctor.table import CHECKS as CHECKS
from gannorm.doctor.table import examine as examine

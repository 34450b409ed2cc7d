"""Observers of a run: they look at moments counted in images seen and leave no trace in what is trained."""

from gannorm.callbacks.checkpoints import Checkpoints as Checkpoints
from gannorm.callbacks.event_file import EventFile as EventFile
from gannorm.callbacks.every import EveryImages as EveryImages
from gannorm.callbacks.instruments import Instruments as Instruments
from gannorm.callbacks.interrupts import Interrupts as Interrupts
from gannorm.callbacks.kept import KeptCheckpoints as KeptCheckpoints
from gannorm.callbacks.losses import Losses as Losses
from gannorm.callbacks.losses import NotFiniteError as NotFiniteError
from gannorm.callbacks.mode_coverage import ModeCoverage as ModeCoverage
from gannorm.callbacks.progress import ProgressBar as ProgressBar
from gannorm.callbacks.sample_grid import SampleGrid as SampleGrid
from gannorm.callbacks.signals import Signals as Signals
from gannorm.callbacks.speed import Speed as Speed
from gannorm.callbacks.stop_at import StopAt as StopAt
from gannorm.callbacks.stop_together import StopTogether as StopTogether

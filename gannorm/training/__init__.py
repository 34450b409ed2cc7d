"""Build and run one configuration."""

from gannorm.training.errors import ConfigError as ConfigError
from gannorm.training.errors import RunFolderError as RunFolderError
from gannorm.training.outcome import Outcome as Outcome
from gannorm.training.run import run as run
from gannorm.training.run import train as train
from gannorm.training.saving import load as load

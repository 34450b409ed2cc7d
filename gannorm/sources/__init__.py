"""Anything that holds or makes samples, as samples: run folders, checkpoints, exported generators, arrays, pictures."""

from gannorm.sources.errors import SourceError as SourceError
from gannorm.sources.opening import open_source as open_source
from gannorm.sources.source import Source as Source

"""Remedies against mode collapse."""

from gannorm.remedies.packing import pack as pack
from gannorm.remedies.packing import unpack as unpack

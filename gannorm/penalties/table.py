"""The penalties by name."""

from gannorm.penalties.gradients import R1, R2, WGANGP, ZeroCentredGP
from gannorm.penalties.penalty import Penalty
from gannorm.penalties.weights import SpectralRegularization, WeightClipping

ROWS: tuple[type[Penalty], ...] = (R1, R2, WGANGP, ZeroCentredGP, WeightClipping, SpectralRegularization)

PENALTIES: dict[str, type[Penalty]] = {row.name: row for row in ROWS}
"""The penalties by name; the options of each are the arguments of its class."""

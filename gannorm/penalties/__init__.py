"""Penalties of the discriminator: of its gradients at images, of its weights; a row of a table each."""

from gannorm.penalties.gradients import R1 as R1
from gannorm.penalties.gradients import R2 as R2
from gannorm.penalties.gradients import WGANGP as WGANGP
from gannorm.penalties.gradients import ZeroCentredGP as ZeroCentredGP
from gannorm.penalties.lazy import lazy_rate_and_betas as lazy_rate_and_betas
from gannorm.penalties.lazy import lazy_warning as lazy_warning
from gannorm.penalties.lookup import PenaltiesLike as PenaltiesLike
from gannorm.penalties.lookup import resolve as resolve
from gannorm.penalties.penalty import Discriminator as Discriminator
from gannorm.penalties.penalty import Penalty as Penalty
from gannorm.penalties.table import PENALTIES as PENALTIES
from gannorm.penalties.weights import SpectralRegularization as SpectralRegularization
from gannorm.penalties.weights import WeightClipping as WeightClipping

"""A generator to be sampled: a copy with the statistics that it is to have, so that looking leaves no trace."""

import copy
from typing import TYPE_CHECKING

from torch import nn

from gannorm import norms, rng
from gannorm.gan.options import Which
from gannorm.sampling import latent_batches

if TYPE_CHECKING:
    from gannorm.gan.module import GAN


def snapshot_of(gan: "GAN", which: Which) -> nn.Module:
    """Return a copy of the averaged or of the raw generator in eval mode; see `GAN.snapshot`."""
    averaged = which == "averaged" and gan.averaged is not None
    # The average never took part in a training pass: it can be copied where a layer of the generator cannot.
    network = copy.deepcopy(gan.generator if gan.averaged is None else gan.averaged.network)
    if averaged:
        norms.settle_spectral_norm(network)
    else:
        network.load_state_dict(gan.generator.state_dict())
    if gan.statistics_of(which) == "standing":
        generator = rng.generator(gan.seed, "standing", gan.images_seen)
        norms.recalibrate(network, latent_batches(network, gan.batch_size, generator))
    return network.eval().requires_grad_(False)

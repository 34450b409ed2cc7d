"""The batch that some norms have to see before their first use, such as virtual batch norm's reference batch."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from gannorm import norms, rng
from gannorm.gan.labels import parts_of
from gannorm.remedies import pack
from gannorm.sampling import inputs

if TYPE_CHECKING:
    from gannorm.gan.module import GAN


def prepare(gan: "GAN", batch: Tensor | Sequence[Tensor]) -> None:
    """Show both networks a batch: real images, and latent vectors; nothing happens where no norm needs it.

    Args:
        gan: Whose networks they are.
        batch: (N, ...) images in [-1, 1], or these with labels (N,), which networks with classes need.

    Raises:
        ValueError: There are classes and no labels.
    """
    real, *labels = parts_of(batch, gan.num_classes)
    latent = inputs(gan.generator, len(real) // gan.packing, rng.generator(gan.seed, "reference"))
    norms.prepare(gan.generator, latent)
    norms.prepare(gan.discriminator, (pack(real, gan.packing), *labels))
    if gan.averaged is not None:
        norms.prepare(gan.averaged.network, latent)

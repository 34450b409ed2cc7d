"""One small pair of each family of networks, all for the same images."""

from functools import partial

from gannorm.networks import (
    DCGANDiscriminator,
    DCGANGenerator,
    MLPDiscriminator,
    MLPGenerator,
    ResidualDiscriminator,
    ResidualGenerator,
    SNGANDiscriminator,
    SNGANGenerator,
    StridedDiscriminator,
    StridedGenerator,
)

SHAPE = (1, 28, 28)
IMAGES = {"size": 28, "channels": 1}
GENERATORS = {
    "dcgan": partial(DCGANGenerator, width=8, **IMAGES),
    "mlp": partial(MLPGenerator, hidden=[16, 16]),
    "strided": partial(StridedGenerator, sides=[4, 7, 14, 28], maps=[16, 8, 8], channels=1),
    "residual": partial(ResidualGenerator, width=8, group_size=4, **IMAGES),
    "sngan": partial(SNGANGenerator, width=8, **IMAGES),
}
DISCRIMINATORS = {
    "dcgan": partial(DCGANDiscriminator, width=8, **IMAGES),
    "mlp": partial(MLPDiscriminator, hidden=[16, 16]),
    "strided": partial(StridedDiscriminator, maps=[8, 8, 16], **IMAGES),
    "residual": partial(ResidualDiscriminator, width=8, group_size=4, **IMAGES),
    "sngan": partial(SNGANDiscriminator, width=8, **IMAGES),
}
FAMILIES = list(GENERATORS)
NORMS = ["batch", "instance", "group", "layer", "none"]

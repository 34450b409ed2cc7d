"""Small networks, data and runs that many tests share."""

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, TensorDataset

from gannorm import norms
from gannorm.data import MNIST
from gannorm.gan import GAN
from gannorm.networks import DCGANDiscriminator, DCGANGenerator, MLPDiscriminator, MLPGenerator

POINTS = (2,)
TINY_RUN = {
    "images": 640,
    "evaluation.every_images": 320,
    "evaluation.num_samples": 128,
    "evaluation.final_samples": 128,
    "log_every_images": 128,
    "data.batch_size": 64,
    "model.generator": {
        "class_path": "gannorm.networks.MLPGenerator",
        "init_args": {"hidden": [16], "latent_dim": 8},
    },
    "model.discriminator": {"class_path": "gannorm.networks.MLPDiscriminator", "init_args": {"hidden": [16]}},
}


def gan(norm="batch", d_norm=None, d_weight_norm=None, **options):
    torch.manual_seed(0)
    generator = MLPGenerator(shape=POINTS, hidden=(16, 16), latent_dim=4, norm=norm)
    discriminator = MLPDiscriminator(shape=POINTS, hidden=(16, 16), norm=d_norm, weight_norm=d_weight_norm)
    return GAN(generator, discriminator, **options)


def batches(number, size=8, shape=POINTS):
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(size, *shape, generator=generator).tanh() for _ in range(number)]


def loader(number, size=8, shape=POINTS):
    return DataLoader(TensorDataset(torch.cat(batches(number, size, shape))), batch_size=size)


def image_gan(norm="group", packing=1, **options):
    """Image networks with one norm, of whatever kind, in each network that can have it."""
    torch.manual_seed(0)
    conditional, weight = norm in norms.names(kind="conditional"), norm in norms.names(kind="weight")
    common = {"width": 4, "weight_norm": norm if weight else None, "num_classes": 3 if conditional else 0}
    generator = DCGANGenerator(latent_dim=4, norm="none" if weight else norm, **common)
    discriminator = DCGANDiscriminator(norm="none" if weight or conditional else norm, packing=packing, **common)
    return GAN(generator, discriminator, **options)


def image_batches(model, number, size=16, dtype=torch.float32):
    """Return batches of images, with labels for networks with classes."""
    images = [batch.to(dtype) for batch in batches(number, size, (1, 28, 28))]
    return [(batch, torch.arange(size) % 3) for batch in images] if model.num_classes else images


def fit(model, data, *callbacks, **options):
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=list(callbacks),
        **options,
    )
    trainer.fit(model, data)
    return trainer


def same_state(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


class RealDigits(torch.nn.Module):
    """A generator that a judge accepts: it returns real digits, whatever its one weight is."""

    latent_dim = 2

    def __init__(self):
        super().__init__()
        self.digits = MNIST().real(512, torch.Generator().manual_seed(0))[0]
        self.weight = torch.nn.Parameter(torch.zeros(()))

    def forward(self, z):
        return self.digits[(z[:, 0].abs() * 1e4).long() % len(self.digits)] + self.weight * 0

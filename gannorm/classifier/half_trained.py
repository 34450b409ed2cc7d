"""Pictures of GANs that are not there yet, or never will be: what the classifier has to call "not a digit".

`python -m gannorm.classifier.half_trained` trains small GANs for a few steps each and stores their samples. Everything
is written out here, so that the pictures do not change when the package's networks do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn.functional import softplus

from gannorm import rng
from gannorm.data.idx import mnist
from gannorm.data.pixels import to_images, to_pixels

STORED = Path(__file__).parent / "assets" / "half_trained.npz"
LATENT = 64
BATCH = 64


@dataclass(frozen=True)
class Failure:
    """One GAN and the steps after which its samples are kept."""

    network: Literal["dcgan", "mlp"]
    rate: float
    steps: tuple[int, ...]
    generator_norm: bool = True
    discriminator_norm: bool = True
    joined: bool = False  # real and fake images in one batch of the discriminator
    samples: int = 48  # kept at each of the steps


# Chosen by looking at the samples: none of these shows a digit at these steps.
FAILURES = (
    Failure("dcgan", 2e-4, (5, 20, 50, 80)),
    Failure("dcgan", 2e-4, (10, 30, 60), discriminator_norm=False),
    Failure("dcgan", 2e-3, (10, 20, 30)),
    Failure("dcgan", 5e-4, (40, 60, 80)),
    Failure("dcgan", 1e-3, (20, 35, 50), discriminator_norm=False),
    Failure("dcgan", 1e-3, (25, 50), generator_norm=False),
    Failure("dcgan", 1e-2, (10, 20, 40)),
    Failure("dcgan", 1e-2, (10, 30), generator_norm=False, discriminator_norm=False),
    Failure("dcgan", 2e-3, (20, 40), joined=True),
    Failure("dcgan", 2e-4, (20, 60), generator_norm=False, discriminator_norm=False),
    Failure("mlp", 2e-4, (50, 150, 300)),
    Failure("mlp", 2e-3, (30, 150, 400, 800)),
    Failure("mlp", 1e-2, (30, 150, 400)),
    Failure("mlp", 2e-4, (100, 300, 600), joined=True),
    Failure("mlp", 2e-3, (30, 150, 300), joined=True),
    Failure("mlp", 2e-4, (20, 100, 200), generator_norm=False, discriminator_norm=False),
    Failure("mlp", 1e-2, (50, 100), generator_norm=False, discriminator_norm=False),
    Failure("mlp", 2e-3, (20, 60), discriminator_norm=False),
)
# Never trained on.
HELD_OUT = (
    Failure("dcgan", 5e-4, (15, 40), samples=24),
    Failure("dcgan", 5e-3, (10, 30), discriminator_norm=False, samples=24),
    Failure("mlp", 5e-4, (200, 500), samples=24),
    Failure("mlp", 5e-3, (100, 500), samples=24),
    Failure("mlp", 5e-4, (30, 90), generator_norm=False, discriminator_norm=False, samples=24),
)
LEVELS = 16  # of grey that are stored: enough for these, and half the size


def dcgan(generator_norm: bool, discriminator_norm: bool, width: int = 24) -> tuple[nn.Module, nn.Module]:
    """Return a convolutional generator and discriminator (Radford 2016, arXiv:1511.06434), smaller."""

    def norm(wanted: bool, channels: int) -> nn.Module:
        return nn.BatchNorm2d(channels) if wanted else nn.Identity()

    generator = nn.Sequential(
        nn.Linear(LATENT, 2 * width * 49),
        nn.Unflatten(1, (2 * width, 7, 7)),
        norm(generator_norm, 2 * width),
        nn.ReLU(),
        nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1),
        norm(generator_norm, width),
        nn.ReLU(),
        nn.ConvTranspose2d(width, 1, 4, stride=2, padding=1),
        nn.Tanh(),
    )
    discriminator = nn.Sequential(
        nn.Conv2d(1, width, 4, stride=2, padding=1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(width, 2 * width, 4, stride=2, padding=1),
        norm(discriminator_norm, 2 * width),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(2 * width * 49, 1),
    )
    return generator, discriminator


def mlp(generator_norm: bool, discriminator_norm: bool, width: int = 256) -> tuple[nn.Module, nn.Module]:
    """Return a generator and a discriminator of linear layers, norms in all hidden ones."""

    def hidden(wanted: bool, before: int) -> list[nn.Module]:
        return [nn.Linear(before, width), nn.BatchNorm1d(width) if wanted else nn.Identity(), nn.LeakyReLU(0.2)]

    generator = nn.Sequential(
        *hidden(generator_norm, LATENT),
        *hidden(generator_norm, width),
        nn.Linear(width, 784),
        nn.Tanh(),
        nn.Unflatten(1, (1, 28, 28)),
    )
    discriminator = nn.Sequential(
        nn.Flatten(), *hidden(discriminator_norm, 784), *hidden(discriminator_norm, width), nn.Linear(width, 1)
    )
    return generator, discriminator


def samples_of(failure: Failure, seed: int) -> list[Float[Tensor, "n 1 28 28"]]:
    """Train one GAN with the non-saturating loss and Adam, and return its samples at each of the steps."""
    with rng.untouched():
        torch.manual_seed(seed)
        generator, discriminator = (dcgan if failure.network == "dcgan" else mlp)(
            failure.generator_norm, failure.discriminator_norm
        )
    draw = rng.generator(seed, "half trained")
    optimizers = [torch.optim.Adam(part.parameters(), failure.rate, (0.5, 0.99)) for part in (generator, discriminator)]
    pixels, _ = mnist("train")
    kept = []
    for step in range(1, max(failure.steps) + 1):
        real = to_images(pixels[torch.randint(len(pixels), (BATCH,), generator=draw)])
        fake = generator(torch.randn(BATCH, LATENT, generator=draw))
        _update(optimizers[1], _discriminator_loss(discriminator, real, fake.detach(), failure.joined))
        _update(optimizers[0], softplus(-discriminator(fake)).mean())
        if step in failure.steps:
            with torch.no_grad():
                kept.append(generator(torch.randn(BATCH, LATENT, generator=draw))[: failure.samples])
    return kept


def _discriminator_loss(discriminator: nn.Module, real: Tensor, fake: Tensor, joined: bool) -> Tensor:
    if joined:
        on_real, on_fake = discriminator(torch.cat([real, fake])).chunk(2)
    else:
        on_real, on_fake = discriminator(real), discriminator(fake)
    return softplus(-on_real).mean() + softplus(on_fake).mean()


def _update(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def pictures(failures: Sequence[Failure], seed: int) -> UInt8[Tensor, "n 28 28"]:
    """Train these GANs and return their samples in `LEVELS` greys."""
    batches = chain.from_iterable(samples_of(failure, seed + number) for number, failure in enumerate(failures))
    greys = to_pixels(torch.cat(list(batches))).squeeze(1) // (256 // LEVELS)
    return greys * (255 // (LEVELS - 1))


def make(output: Path = STORED, seed: int = 0) -> None:
    """Train all the GANs and store their samples as uint8 (N, 28, 28)."""
    output.parent.mkdir(parents=True, exist_ok=True)
    trained, held_out = pictures(FAILURES, seed), pictures(HELD_OUT, seed + 1000)
    np.savez_compressed(output, trained=trained.numpy(), held_out=held_out.numpy())


def stored(part: Literal["trained", "held_out"], path: Path = STORED) -> Float[Tensor, "n 1 28 28"]:
    """Return the stored samples, in [-1, 1].

    Example:
        >>> stored("held_out").shape
        torch.Size([240, 1, 28, 28])
    """
    with np.load(path) as file:
        return to_images(torch.from_numpy(file[part])).unsqueeze(1)


if __name__ == "__main__":
    make()

"""One GAN trained by several loops: as little PyTorch as possible, as most people write it, and Lightning's recipe."""

import gzip
import os
import tempfile
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
import torchvision
from pytorch_lightning.loggers import CSVLogger
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, softplus
from torch.utils.data import DataLoader, TensorDataset

import gannorm.data
from gannorm import rng
from gannorm.data import to_images
from gannorm.data.idx import mnist
from gannorm.ema import GeneratorEMA

BATCH, RATE, BETAS = 64, 2e-3, (0.0, 0.99)
PRINT_EVERY = 50  # steps, of the loop as most people write it
RAW = "MNIST/raw"  # where torchvision looks for its files


# ------------------------------------------------------------------------------------------------------------- data


@cache
def idx_folder() -> str:
    """Return a folder with the digits' files unpacked, as torchvision wants them; it lasts as long as the process."""
    place = tempfile.TemporaryDirectory()
    FOLDERS.append(place)
    raw = Path(place.name) / RAW
    raw.mkdir(parents=True)
    for packed in (Path(gannorm.data.__file__).parent / "mnist").glob("*.gz"):
        (raw / packed.stem).write_bytes(gzip.decompress(packed.read_bytes()))
    return place.name


FOLDERS: list[tempfile.TemporaryDirectory[str]] = []


def usual_loader(workers: int) -> DataLoader[Any]:
    """Return the digits as in most tutorials: a picture for each item, made a tensor and scaled by transforms."""
    transform = torchvision.transforms.Compose(
        [torchvision.transforms.ToTensor(), torchvision.transforms.Normalize((0.5,), (0.5,))]
    )
    digits = torchvision.datasets.MNIST(idx_folder(), transform=transform)
    return DataLoader(digits, batch_size=BATCH, shuffle=True, num_workers=workers, drop_last=True)


def tensor_loader() -> DataLoader[Any]:
    """Return the digits as floats in memory, through torch's DataLoader."""
    pixels, labels = mnist("train", None)
    return DataLoader(TensorDataset(to_images(pixels), labels), batch_size=BATCH, shuffle=True, drop_last=True)


# ------------------------------------------------------------------------------------------------------------ loops


def bare(generator: nn.Module, discriminator: nn.Module, batches: Iterable[Any], *, seed: int, half_life: int) -> Any:
    """Train with as little around the step as there can be, and return the average of the generator, if there is one.

    It is the step of `gannorm.gan` bit for bit: one batch of fakes, no gradient in D from G's step, fused Adam.
    """
    averaged, images_seen = GeneratorEMA(generator, half_life) if half_life else None, 0
    d_optimizer = torch.optim.Adam(discriminator.parameters(), lr=RATE, betas=BETAS, fused=True)
    g_optimizer = torch.optim.Adam(generator.parameters(), lr=RATE, betas=BETAS, fused=True)
    latent_dim: Any = generator.latent_dim
    for step, (real, _) in enumerate(batches):
        z = torch.randn(len(real), latent_dim, generator=rng.generator(seed, "noise", "discriminator", step))
        fake = generator(z)
        d_loss = (softplus(-discriminator(real)) + softplus(discriminator(fake.detach()))).mean()
        take(d_optimizer, d_loss)
        discriminator.requires_grad_(False)
        take(g_optimizer, softplus(-discriminator(fake)).mean())
        discriminator.requires_grad_(True)
        images_seen += len(real)
        if averaged is not None:
            averaged.update(generator, num_images=len(real), images_seen=images_seen)
    return averaged


def take(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    """Minimize."""
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def usual(generator: nn.Module, discriminator: nn.Module, batches: Iterable[Any]) -> None:
    """Train as PyTorch's DCGAN tutorial does: two backward passes of D, `item` at every step, Adam as it comes."""
    latent_dim: Any = generator.latent_dim
    d_optimizer = torch.optim.Adam(discriminator.parameters(), lr=RATE, betas=BETAS)
    g_optimizer = torch.optim.Adam(generator.parameters(), lr=RATE, betas=BETAS)
    g_losses, d_losses = [], []
    for step, (real, _) in enumerate(batches):
        discriminator.zero_grad()
        label = torch.full((len(real),), 1.0)
        output = discriminator(real)
        real_loss = binary_cross_entropy_with_logits(output, label)
        real_loss.backward()
        d_x = output.sigmoid().mean().item()
        fake = generator(torch.randn(len(real), latent_dim))
        label.fill_(0.0)
        output = discriminator(fake.detach())
        fake_loss = binary_cross_entropy_with_logits(output, label)
        fake_loss.backward()
        d_g_z1 = output.sigmoid().mean().item()
        d_loss = real_loss + fake_loss
        d_optimizer.step()
        generator.zero_grad()
        label.fill_(1.0)
        output = discriminator(fake)
        g_loss = binary_cross_entropy_with_logits(output, label)
        g_loss.backward()
        d_g_z2 = output.sigmoid().mean().item()
        g_optimizer.step()
        if step % PRINT_EVERY == 0:
            print(f"[{step}] Loss_D: {d_loss.item():.4f} Loss_G: {g_loss.item():.4f} {d_x:.4f} {d_g_z1} {d_g_z2}")
        g_losses.append(g_loss.item())
        d_losses.append(d_loss.item())


class Recipe(pl.LightningModule):
    """Lightning's GAN example: manual optimization, fresh fakes for each network, each loss logged at each step.

    Args:
        generator: Has a `latent_dim`.
        discriminator: To logits.
    """

    def __init__(self, generator: nn.Module, discriminator: nn.Module) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.generator, self.discriminator = generator, discriminator
        self.latent_dim: Any = generator.latent_dim

    def forward(self, z: Tensor) -> Tensor:
        """Return fakes."""
        return self.generator(z)

    def training_step(self, batch: Any) -> None:
        """Step the generator, then the discriminator."""
        real, _ = batch
        g_optimizer, d_optimizer = self.optimizers()
        z = torch.randn(len(real), self.latent_dim).type_as(real)
        valid, invalid = torch.ones(len(real)).type_as(real), torch.zeros(len(real)).type_as(real)
        self.minimize("g_loss", g_optimizer, lambda: binary_cross_entropy_with_logits(self.judge(self(z)), valid))

        def d_loss() -> Tensor:
            real_loss = binary_cross_entropy_with_logits(self.judge(real), valid)
            return (real_loss + binary_cross_entropy_with_logits(self.judge(self(z).detach()), invalid)) / 2

        self.minimize("d_loss", d_optimizer, d_loss)

    def judge(self, x: Tensor) -> Tensor:
        """Return logits."""
        return self.discriminator(x)

    def minimize(self, name: str, optimizer: Any, loss_of: Callable[[], Tensor]) -> None:
        """Take a step as the example does."""
        self.toggle_optimizer(optimizer)
        loss = loss_of()
        self.log(name, loss, prog_bar=True)
        self.manual_backward(loss)
        optimizer.step()
        optimizer.zero_grad()
        self.untoggle_optimizer(optimizer)

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        """Return Adam for each, as it comes."""
        networks = (self.generator, self.discriminator)
        return [torch.optim.Adam(network.parameters(), lr=RATE, betas=BETAS) for network in networks]


def lightning(generator: nn.Module, discriminator: nn.Module, batches: Iterable[Any], folder: str) -> None:
    """Train with the recipe, and Lightning's defaults: a logger, a progress bar, checkpoints."""
    trainer = pl.Trainer(accelerator="cpu", max_epochs=1, logger=CSVLogger(folder), default_root_dir=folder)
    trainer.fit(Recipe(generator, discriminator), batches)


def workers() -> int:
    """Return how many processes load in Lightning's example: half the processors."""
    return (os.cpu_count() or 1) // 2

"""The trainers of other GAN packages, with our networks in them.

    pip install -e '.[bench]'
    pip install --no-deps torch-mimicry && pip install tensorboard scikit-image

The second is not in the extra: it asks for tensorflow, which its metrics need and its trainer does not.
"""

import sys
import types
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks import timing
from benchmarks.loops import BETAS, RATE


def torchgan(generator: nn.Module, discriminator: nn.Module, batches: Iterable[Any], folder: str) -> None:
    """Train with torchgan's `Trainer`, losses and loggers as they come; TensorBoard is off without tensorboardX.

    Raises:
        ImportError: It is not installed.
    """
    from torchgan.losses import MinimaxDiscriminatorLoss, MinimaxGeneratorLoss
    from torchgan.models import Discriminator, Generator
    from torchgan.trainer import Trainer

    class TheirGenerator(Generator):
        def __init__(self) -> None:
            super().__init__(encoding_dims=generator.latent_dim)
            self.network = generator

        def forward(self, z: Tensor) -> Tensor:
            return self.network(z)

    class TheirDiscriminator(Discriminator):
        def __init__(self) -> None:
            super().__init__(input_dims=1)
            self.network = discriminator

        def forward(self, x: Tensor) -> Tensor:
            return self.network(x)

    adam = {"name": torch.optim.Adam, "args": {"lr": RATE, "betas": BETAS}}
    trainer = Trainer(
        {
            "generator": {"name": TheirGenerator, "optimizer": adam},
            "discriminator": {"name": TheirDiscriminator, "optimizer": adam},
        },
        [MinimaxGeneratorLoss(), MinimaxDiscriminatorLoss()],
        device=torch.device("cpu"),
        epochs=1,
        checkpoints=f"{folder}/model/gan",
        recon=f"{folder}/images",
    )
    trainer.logger.logger_end_epoch.clear()  # pictures after the last step, with an option that torchvision has dropped
    trainer(batches)


def mimicry(generator: nn.Module, discriminator: nn.Module, batches: Iterable[Any], folder: str) -> None:
    """Train with torch-mimicry's `Trainer` as it comes: it prints at every step, and writes summaries at every 50th.

    Raises:
        ImportError: It is not installed, or what its trainer needs is not.
    """
    without_metrics()
    from torch_mimicry.nets.gan import gan
    from torch_mimicry.training.trainer import Trainer

    class TheirGenerator(gan.BaseGenerator):
        def __init__(self) -> None:
            super().__init__(nz=generator.latent_dim, ngf=1, bottom_width=1, loss_type="ns")
            self.network = generator

        def forward(self, z: Tensor) -> Tensor:
            return self.network(z)

    class TheirDiscriminator(gan.BaseDiscriminator):
        def __init__(self) -> None:
            super().__init__(ndf=1, loss_type="ns")
            self.network = discriminator

        def forward(self, x: Tensor) -> Tensor:
            return self.network(x)[:, None]

    their_g, their_d = TheirGenerator(), TheirDiscriminator()
    optimizers = [torch.optim.Adam(network.parameters(), lr=RATE, betas=BETAS) for network in (their_d, their_g)]
    Trainer(
        netD=their_d,
        netG=their_g,
        optD=optimizers[0],
        optG=optimizers[1],
        dataloader=batches,
        num_steps=timing.WARM_UP + timing.STEPS,
        log_dir=str(Path(folder) / "log"),
        device=torch.device("cpu"),
    ).train()


def without_metrics() -> None:
    """Let parts of torch-mimicry be imported without its front door, which asks for tensorflow.

    Raises:
        ImportError: It is not installed.
    """
    if "torch_mimicry" in sys.modules:
        return
    spec = find_spec("torch_mimicry")
    if spec is None or spec.submodule_search_locations is None:
        raise ImportError("torch-mimicry is not installed")
    package = types.ModuleType("torch_mimicry")
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules["torch_mimicry"] = package


PEERS: dict[str, Callable[..., None]] = {"torchgan": torchgan, "torch-mimicry": mimicry}
"""By the name that pip knows."""

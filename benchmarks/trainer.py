"""Our training step beside the same step in plain PyTorch, in turn, in one process.

What is compared has the same networks, batches and noise and ends with the same weights, so the ratio is what the
framework costs.
"""

import copy
import statistics
import time
from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl
import torch

from gannorm.data import MNIST
from gannorm.gan import GAN
from gannorm.training.quiet import quiet_lightning
from tests.reference import loop

STEPS = 100


def framework(gan: GAN, data: MNIST) -> None:
    """Take STEPS steps with Lightning."""
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=1,
        limit_train_batches=STEPS,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(gan, data)


def plain(gan: GAN, data: MNIST) -> None:
    """Take the same steps in a bare loop."""
    batches = (images for (images, _), _ in zip(data.train_dataloader(), range(STEPS), strict=False))
    options = {"mode": gan.discriminator_batches, "seed": gan.seed, "rates": (2e-3, 2e-3), "betas": (0.0, 0.99)}
    loop.train(gan.generator, gan.discriminator, batches, **options)


def seconds_of(steps: Callable[[GAN, MNIST], None], gan: GAN) -> float:
    """Return how long STEPS steps take, on a copy."""
    gan, data = copy.deepcopy(gan), MNIST(seed=0)
    start = time.perf_counter()
    steps(gan, data)
    return time.perf_counter() - start


def run(rounds: int) -> dict[str, Any]:
    """Measure and print a table."""
    quiet_lightning()
    gan = GAN(ema_half_life=0).to(memory_format=torch.channels_last)
    times: dict[str, list[float]] = {"framework": [], "plain": []}
    for number in range(rounds + 1):
        for name, steps in (("framework", framework), ("plain", plain)):
            seconds = seconds_of(steps, gan)
            if number:  # the first round warms up
                times[name].append(seconds / STEPS)
    ratio = statistics.median(a / b for a, b in zip(times["framework"], times["plain"], strict=True))
    for name, values in times.items():
        low, middle, high = min(values), statistics.median(values), max(values)
        print(f"{name:<10}{1e3 * middle:8.2f} ms a step   ({1e3 * low:.2f} to {1e3 * high:.2f})")
    print(f"{'ratio':<10}{ratio:8.3f}")
    return {"seconds_per_step": times, "ratio": ratio}

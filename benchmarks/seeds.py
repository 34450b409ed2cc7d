"""Many seeds of one MLP GAN in one process, as one batched model, beside one seed after the other.

The parameters of all seeds are stacked and `torch.func.vmap` runs all networks at once; each seed has its own noise and
data. It takes the steps that each would take alone, to rounding. `docs/speed.md` says whether it pays.
"""

import copy
import statistics
import time
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.functional import softplus

from benchmarks import document, loops
from benchmarks.timing import in_turn, said, where
from gannorm.gan import GAN
from gannorm.networks import MLPDiscriminator, MLPGenerator

PAGE = document.SPEED
SEEDS = 8
STEPS = 10  # timed at once
BATCHES = (4, 16, 64)
NORMS: dict[str, tuple[str | None, str | None]] = {"none, none": (None, None), "batch, layer": ("batch", "layer")}
HEAD = ["norm of G, of D", "batch", "ms a step, one seed alone", "ms a step and seed, together", "alone / together"]


class Stacked:
    """Networks of one architecture with their parameters stacked, run at once.

    Args:
        networks: One for each seed; they are not changed.
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        self.parameters, self.buffers = stack_module_state([copy.deepcopy(network) for network in networks])
        skeleton = copy.deepcopy(networks[0]).to("meta")
        self.call = vmap(lambda parameters, buffers, x: functional_call(skeleton, (parameters, buffers), (x,)))

    def __call__(self, x: Tensor, *, frozen: bool = False) -> Tensor:
        """Return what each network makes of its own x (S, N, ...); frozen parameters take no gradient."""
        parameters = {name: value.detach() if frozen else value for name, value in self.parameters.items()}
        return self.call(parameters, self.buffers, x)

    def of_seed(self, number: int) -> dict[str, Tensor]:
        """Return the parameters of one seed."""
        return {name: value[number].detach() for name, value in self.parameters.items()}


class Many:
    """S GANs that train at once, with the step of the bare loop.

    Args:
        generators: One for each seed.
        discriminators: Likewise.
    """

    def __init__(self, generators: Sequence[nn.Module], discriminators: Sequence[nn.Module]) -> None:
        self.generator, self.discriminator = Stacked(generators), Stacked(discriminators)
        self.optimizers = [
            torch.optim.Adam(stacked.parameters.values(), lr=loops.RATE, betas=loops.BETAS, fused=True)
            for stacked in (self.discriminator, self.generator)
        ]

    def step(self, real: Tensor, z: Tensor) -> None:
        """Step all discriminators, then all generators, on (S, N, ...) real samples and (S, N, Z) noise."""
        fake = self.generator(z)
        d_loss = softplus(-self.discriminator(real)) + softplus(self.discriminator(fake.detach()))
        loops.take(self.optimizers[0], d_loss.mean(1).sum())  # a sum over seeds: each has the gradient it has alone
        loops.take(self.optimizers[1], softplus(-self.discriminator(fake, frozen=True)).mean(1).sum())


def networks(norm: tuple[str | None, str | None], seed: int) -> tuple[nn.Module, nn.Module]:
    """Return generator and discriminator of the study of norms."""
    torch.manual_seed(seed)
    return MLPGenerator(norm=norm[0]), MLPDiscriminator(norm=norm[1])


def measured(norm: tuple[str | None, str | None], batch: int, rounds: int) -> dict[str, list[float]]:
    """Return seconds of a step: of one seed alone, and of each of several together."""
    pairs = [networks(norm, seed) for seed in range(SEEDS)]
    many = Many(*zip(*pairs, strict=True))
    real = torch.rand(SEEDS, batch, 1, 28, 28) * 2 - 1
    generator, discriminator = pairs[0]
    gan = GAN(generator, discriminator, ema_half_life=0)

    def together() -> float:
        start = time.perf_counter()
        for _ in range(STEPS):
            many.step(real, torch.randn(SEEDS, batch, generator.latent_dim))
        return (time.perf_counter() - start) / STEPS / SEEDS

    def alone() -> float:
        batches = [(real[0], None)] * STEPS * SEEDS
        start = time.perf_counter()
        loops.bare(gan.generator, gan.discriminator, batches, seed=0, half_life=0)
        return (time.perf_counter() - start) / STEPS / SEEDS

    return in_turn({"alone": alone, "together": together}, rounds, warm_up=1)


def run(rounds: int) -> dict[str, Any]:
    """Measure each pair of norms and each batch size on one thread, as a study runs."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        cells = [
            {"norms": name, "batch": batch, **measured(norm, batch, rounds)}
            for name, norm in NORMS.items()
            for batch in BATCHES
        ]
        result = {"seeds": SEEDS, "rounds": rounds, "cells": cells, "where": where()}
    finally:
        torch.set_num_threads(threads)
    result["gain"] = max(gain(cell) for cell in cells)
    print(markdown(result))
    return result


def gain(cell: dict[str, Any]) -> float:
    """Return how many times as fast seeds together are as seeds one after the other."""
    return statistics.median(one / each for one, each in zip(cell["alone"], cell["together"], strict=True))


def markdown(result: dict[str, Any]) -> str:
    """Return the table of the documentation."""
    rows = [
        [cell["norms"], str(cell["batch"])]
        + [f"{1e3 * statistics.median(cell[name]):.2f}" for name in ("alone", "together")]
        + [f"{gain(cell):.2f}"]
        for cell in result["cells"]
    ]
    told = f"{result['seeds']} seeds, medians of {result['rounds']} rounds in turn; {said(result['where'])}."
    return f"{document.table(HEAD, rows)}\n\n{document.paragraph(told)}"

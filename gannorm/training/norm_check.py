"""What can go wrong with norms and penalties of a run, before its first step: errors are refused, the rest said."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from functools import partial
from typing import Literal

import pytorch_lightning as pl
import torch
from torch.nn.utils.parametrize import is_parametrized

from gannorm import norms, screen
from gannorm.gan import GAN
from gannorm.losses import LOSSES
from gannorm.penalties import lazy_warning
from gannorm.remedies import pack
from gannorm.sampling import latent_dim
from gannorm.training.errors import ConfigError

NUM_SAMPLES = 2  # sent through once, to know the sizes at each norm


def check_norms(
    gan: GAN,
    data: pl.LightningDataModule,
    shape: Sequence[int] | None,
    batch_size: int | None,
    *,
    precision: Literal["32-true", "bf16-mixed"],
    num_processes: int,
    allow: Collection[str],
) -> None:
    """Check generator and discriminator with the settings of the run.

    Args:
        gan: Of the run.
        data: Of the run.
        shape: Of one real image; None = the data do not say, and sizes are not checked.
        batch_size: Of what each process trains with; None = not known.
        precision: Of the training.
        num_processes: That train.
        allow: Codes of findings that are wanted.

    Raises:
        ConfigError: A finding is an error; the first one is named.
        UnknownPitfallError: A code in `allow` is none.
    """
    check = partial(
        norms.check,
        batch_size=batch_size,
        world_size=num_processes,
        precision=precision,
        channels_last=True,  # as `preparation.prepare` lays the networks out
        allow=allow,
    )
    average: Literal["recompute"] | None = None if gan.averaged is None else "recompute"
    labels = [torch.zeros(NUM_SAMPLES, dtype=torch.int64)] if gan.num_classes else []
    latent = None if shape is None else (torch.zeros(NUM_SAMPLES, latent_dim(gan.generator)), *labels)
    images = None if shape is None else (pack(torch.zeros(NUM_SAMPLES * gan.packing, *shape), gan.packing), *labels)
    # A sample that something else than a norm stops is not our matter: `check_fit` says what is wrong.
    with suppress(norms.NormSampleError):
        report("generator", check(gan.generator, role="generator", sample=latent, ema=average))
    with suppress(norms.NormSampleError):
        batches, penalty = gan.discriminator_batches, penalty_of(gan)
        found = check(
            gan.discriminator, role="discriminator", sample=images, discriminator_batches=batches, penalty=penalty
        )
        report("discriminator", found)
    warn_of_penalties(gan, getattr(data, "name", ""))


def penalty_of(gan: GAN) -> str | None:
    """Return the name of a penalty on the gradient of each sample, which not every norm can have beside it."""
    return next((penalty.name for penalty in gan.regularizer.penalties if penalty.of_gradient), None)


def warn_of_penalties(gan: GAN, data_name: str) -> None:
    """Say what a penalty is known to do, or not to do, with such data and such a discriminator."""
    if (sentence := lazy_warning(gan.regularizer.penalties, data_name)) is not None:
        screen.warn(sentence)
    limited = gan.regularizer.penalties or any(map(is_parametrized, gan.discriminator.modules()))
    if gan.loss is LOSSES["wasserstein"] and not limited:
        screen.warn(
            "loss 'wasserstein' has no bound, and nothing limits the discriminator: set model.penalties to wgan_gp or "
            "weight_clipping, or model.discriminator.weight_norm to spectral"
        )
    coupled = [type(module).__name__ for module in gan.discriminator.modules() if getattr(module, "couples_samples", 0)]
    if coupled and (penalty := penalty_of(gan)) is not None:
        screen.warn(
            f"penalty {penalty!r} is of each sample, and {coupled[0]} couples the samples of a batch: the gradient of "
            "one logit is then that of all of them; leave out one of the two for a penalty as its paper has it"
        )


def report(network: str, findings: norms.Findings) -> None:
    """Refuse errors and say warnings; notes are for those who ask `norms.check`.

    Raises:
        ConfigError: There is an error.
    """
    for finding in findings.errors:
        raise ConfigError(f"{line(network, finding)}; or --allow {finding.code}")
    for finding in findings.warnings:
        screen.warn(line(network, finding))


def line(network: str, finding: norms.Finding) -> str:
    """Return a finding as one line that names the network."""
    where = f"{network}.{finding.where}" if finding.where else network
    return f"{finding.code} {where}: {finding.message}; {finding.fix}"

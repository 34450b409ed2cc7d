"""What stands in results.json."""

import importlib.metadata
import platform
from collections.abc import Mapping
from typing import Any

from torch import nn

from gannorm import norms
from gannorm._version import __version__
from gannorm.callbacks.mode_coverage import ModeCoverage
from gannorm.gan import GAN

PACKAGES = ("torch", "torchvision", "pytorch-lightning", "torchmetrics", "wandb")


def results_of(
    gan: GAN,
    config: Mapping[str, Any],
    *,
    status: str,
    reason: str,
    id: str,
    data: str,
    training_seconds: float,
    looking_seconds: float,
    instrument_seconds: float,
    final_seconds: float,
    coverage: ModeCoverage | None,
    figures: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the results of a run as plain data.

    Args:
        gan: What was trained.
        config: The resolved configuration.
        status: "finished", "stopped" or "failed".
        reason: Why, where it is not finished.
        id: Of the run folder.
        data: Name of the data.
        training_seconds: All attempts, from the first step to the last, looks included.
        looking_seconds: Of these, what observers took: samples, metrics, sheets, checkpoints.
        instrument_seconds: Of these, what reading the layers took.
        final_seconds: What came after the last step.
        coverage: The callback that counted modes, if there was one.
        figures: Of the final evaluation, by name.
    """
    return {
        "status": status,
        "reason": reason,
        "name": config["name"],
        "id": id,
        "seed": gan.seed,
        "data": data,
        "precision": config["trainer"]["precision"],
        **of_processes(gan),
        **{key: summary_of(getattr(gan, key)) for key in ("generator", "discriminator")},
        "images_seen": gan.images_seen,
        "g_steps": gan.g_steps,
        "d_steps": gan.d_steps,
        "seconds": training_seconds + final_seconds,
        "evaluation_seconds": looking_seconds + final_seconds,
        "instrument_seconds": instrument_seconds,
        "images_per_second": gan.images_seen / max(training_seconds - looking_seconds, 1e-9),
        **figures,
        "events": [] if coverage is None else coverage.events,
        "versions": versions(),
        **({} if coverage is None else {"classifier_sha256": coverage.judge.sha256}),
    }


def of_processes(gan: GAN) -> dict[str, Any]:
    """Return how many processes trained and over how many samples each took batch statistics; nothing of a single one.

    Running statistics are the mean of all processes'; `sync_batch` has those of the whole batch.
    """
    return {} if gan.ranks.size == 1 else {"processes": gan.ranks.size, "samples_per_process": gan.batch_size}


def summary_of(network: nn.Module) -> dict[str, Any]:
    """Return a network's norm, weight norm and number of parameters; norms only where the network says them."""
    arguments = getattr(network, "hparams", {})
    summary: dict[str, Any] = {}
    for kind in ("norm", "weight_norm"):
        if kind in arguments:
            spec = norms.resolve(arguments[kind]).to_dict(defaults=True)
            summary[kind] = None if spec == {"name": "none"} else spec
    return summary | {"parameters": sum(parameter.numel() for parameter in network.parameters())}


def versions() -> dict[str, str]:
    """Return what the numbers were made with."""
    own = {"gannorm": __version__, "python": platform.python_version()}
    return own | {package: importlib.metadata.version(package) for package in PACKAGES}

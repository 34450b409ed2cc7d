"""Which preset stands for which published row, and how long its paper trained."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gannorm import records
from gannorm.published import Published, published

CONFIGS = Path(__file__).parents[2] / "configs" / "papers"
OBSERVING = ("evaluation", "log_every_images", "minutes", "name", "folder", "images", "seed_everything")
"""Options that change where a run is, how long it is or who looks at it, not what a step of it computes."""


class PresetError(ValueError):
    """No such preset, or one that does not fit."""


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A file in configs/papers and what it is to reproduce.

    Attributes:
        benchmark: Of the published row; see `gannorm.published`.
        paper: Who printed it.
        method: As the table calls it.
        among: What the row's note begins with, where a table has the method more than once.
        protocol: What a run is measured under.
        num_samples: N where the protocol does not say.
        note: What one has to know to compare the two.
        brings: What a user has to bring; then a run cannot be started or measured from here.
    """

    benchmark: str
    paper: str
    method: str
    protocol: str
    among: str = ""
    num_samples: int | None = None
    note: str = ""
    brings: str = ""

    @property
    def row(self) -> Published:
        """The published row.

        Raises:
            PresetError: There is none.
        """
        for row in published(self.benchmark):
            if (row.paper, row.method) == (self.paper, self.method) and (row.note or "").startswith(self.among):
                return row
        raise PresetError(f"{self.benchmark}, {self.paper} has no row {self.method!r}; see docs/published.md")


UNSTATED = "The paper states neither N nor protocol nor its small networks: ours are a guess, the order is what counts."
PRESETS: dict[str, Preset] = {
    "ring-gan": Preset(benchmark="ring", paper="PacGAN", method="GAN", protocol="ring/pacgan"),
    "ring-pacgan2": Preset(benchmark="ring", paper="PacGAN", method="PacGAN2", protocol="ring/pacgan"),
    "ring-pacgan4": Preset(benchmark="ring", paper="PacGAN", method="PacGAN4", protocol="ring/pacgan"),
    "grid-gan": Preset(benchmark="grid", paper="PacGAN", method="GAN", protocol="grid/pacgan"),
    "grid-pacgan2": Preset(benchmark="grid", paper="PacGAN", method="PacGAN2", protocol="grid/pacgan"),
    "grid-pacgan4": Preset(benchmark="grid", paper="PacGAN", method="PacGAN4", protocol="grid/pacgan"),
    "unrolled-ring": Preset(
        benchmark="ring",
        paper="VEEGAN",
        method="Unrolled GAN (5)",
        protocol="ring/unrolled-paper",
        num_samples=2500,
        note="Metz et al. 2017 print pictures of this ring and no number; the row is VEEGAN's, of its own ring.",
    ),
    "stacked-dcgan": Preset(benchmark="smnist", paper="PacGAN", method="DCGAN", protocol="smnist/veegan-pacgan"),
    "stacked-pacdcgan2": Preset(
        benchmark="smnist", paper="PacGAN", method="PacDCGAN2", protocol="smnist/veegan-pacgan"
    ),
    "stacked-quarter-dcgan": Preset(
        benchmark="smnist/unrolled-quarter", paper="PacGAN", method="DCGAN", protocol="smnist/unrolled-quarter"
    ),
    "stacked-resnet-rpgan-r1-r2": Preset(
        benchmark="smnist", paper="R3GAN", method="RpGAN + R1 + R2", protocol="smnist/veegan-pacgan", note=UNSTATED
    ),
    "stacked-resnet-gan-r1-r2": Preset(
        benchmark="smnist", paper="R3GAN", method="GAN + R1 + R2", protocol="smnist/veegan-pacgan", note=UNSTATED
    ),
    "sngan-cifar10": Preset(
        benchmark="sngan-cifar10",
        paper="SN-GAN",
        method="spectral norm, hinge",
        among="ResNet",
        protocol="",
        brings="CIFAR-10 (--data.init_args.folder) and the weights of an Inception network (gannorm evaluate)",
    ),
}
"""By the name of the file."""


def preset(name: str) -> Preset:
    """Return a preset by name.

    Raises:
        RecordError: There is none of this name; the nearest one is given.
    """
    return records.choose(PRESETS, name, "preset")


def config_path(name: str) -> Path:
    """Return the file of a preset."""
    return CONFIGS / f"{name}.yaml"


def config_of(name: str) -> dict[str, Any]:
    """Return what stands in the file of a preset."""
    return records.read(config_path(name))


def packs_per_step(config: Mapping[str, Any]) -> int:
    """Return by how much `images` grows with a step of the discriminator.

    With packing m a step sees N·m images of N packs; `images` counts packs where runs are compared at equal steps.
    """
    arguments = config["model"]["discriminator"].get("init_args", {})
    members = 1 if config.get("compare_at") == "steps" else int(arguments.get("packing", 1))
    return members * int(config["data"]["init_args"]["batch_size"])


def full_steps(name: str) -> int:
    """Return how many steps of the discriminator the paper took."""
    config = config_of(name)
    return int(config["images"]) // packs_per_step(config)


def config_hash(config: Mapping[str, Any]) -> str:
    """Return the SHA-256 of what a step computes: comments, looks, length and seed do not count.

    Example:
        >>> one = {"model": {"loss": "hinge"}, "evaluation": {"num_samples": 9}}
        >>> config_hash(one) == config_hash({"model": {"loss": "hinge"}, "images": 640})
        True
    """
    part = {key: value for key, value in config.items() if key not in OBSERVING}
    return hashlib.sha256(json.dumps(part, sort_keys=True).encode()).hexdigest()

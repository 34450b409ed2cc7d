"""How far a GAN is: what a checkpoint has of it beside weights and optimizers."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gannorm.gan.labels import ask_for

if TYPE_CHECKING:
    from gannorm.gan.module import GAN

COUNTERS = ("images_seen", "averaged_at", "d_steps", "g_steps", "batch_size")


def of(gan: "GAN") -> dict[str, Any]:
    """Return the counters, the sums of the losses, and how often each class is asked for."""
    saved = {name: getattr(gan, name) for name in COUNTERS} | {"means": gan.sums.state_dict()}
    return saved | ({"class_shares": getattr(gan.generator, "class_shares", None)} if gan.num_classes else {})


def restore(gan: "GAN", saved: Mapping[str, Any]) -> None:
    """Go on counting from what was saved."""
    for name in COUNTERS:
        setattr(gan, name, saved[name])
    gan.sums.load_state_dict(saved["means"])
    ask_for(gan, saved.get("class_shares"))

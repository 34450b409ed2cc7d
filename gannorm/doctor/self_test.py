"""A run of a few seconds in a folder that is gone afterwards, by the path that every run takes."""

import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from gannorm.doctor.finding import Finding

NETWORK = {"class_path": "gannorm.networks.MLPGenerator", "init_args": {"norm": "batch", "hidden": [64, 64]}}
CRITIC = {"class_path": "gannorm.networks.MLPDiscriminator", "init_args": {"norm": "group", "hidden": [64, 64]}}
OPTIONS: dict[str, Any] = {
    "images": 1280,
    "model.generator": NETWORK,
    "model.discriminator": CRITIC,
    "evaluation.every_images": 1280,
    "evaluation.num_samples": 256,
    "evaluation.final_samples": 256,
    "quiet": True,
}
JUDGED = 500  # real digits, of which the judge accepts 99 in 100
FEWEST_ACCEPTED = 0.95
LONGEST = 5.0  # seconds


def self_test(folder: Path) -> Iterator[Finding]:  # noqa: ARG001
    """Train, look, save, read again, and let the judge look at real digits."""
    began = time.perf_counter()
    seen = real_digits()
    if seen["covered_modes"] < seen["num_modes"] or seen["high_quality"] < FEWEST_ACCEPTED:
        told = f"the judge finds {seen['covered_modes']} of 10 digits in real ones, {seen['high_quality']:.0%} accepted"
        yield Finding("self-test", told, "wrong", "install torch again: it computes something else here", seen)
        return
    with TemporaryDirectory(prefix="gannorm-doctor-") as place:
        results, read_again = short_run(Path(place))
    seconds = time.perf_counter() - began
    told = (
        f"{results['g_steps']} steps with batch and group norm, {results['images_per_second']:,.0f} images/s; "
        f"{seen['high_quality']:.1%} of {JUDGED} real digits accepted, 10 of 10 found; "
        f"a checkpoint written and read; {seconds:.1f} s"
    )
    details = {"seconds": seconds, "images_per_second": results["images_per_second"], "real": seen}
    if read_again != results["images_seen"]:
        told = f"the checkpoint says {read_again} images, the run {results['images_seen']}"
        yield Finding("self-test", told, "wrong", "look at the disk: what is written is not what is read", details)
    elif seconds > LONGEST:
        yield Finding(
            "self-test", told, "warning", f"more than {LONGEST:g} s: is the machine at something else?", details
        )
    else:
        yield Finding("self-test", told, details=details)


def short_run(place: Path) -> tuple[dict[str, Any], int]:
    """Train with the options above, and return the results and the images seen that its checkpoint says.

    Raises:
        ValueError: The checkpoint cannot be read.
        RunFailedError: The run has failed.
    """
    from gannorm import training
    from gannorm.training.parser import arguments_of
    from gannorm.training.saving import load
    from gannorm.variables import environment

    with environment({"WANDB_MODE": "disabled"}):
        outcome = training.run(arguments_of(None, OPTIONS | {"folder": str(place)}))
    _, images_seen = outcome.folder.checkpoint(resume=True)
    load(outcome.folder.path)
    return outcome.results, images_seen


def real_digits() -> dict[str, Any]:
    """Return the figures of real digits, judged now."""
    import torch

    from gannorm.data import MNIST
    from gannorm.evaluation import evaluate

    images = MNIST().held_out()[0]
    return evaluate(lambda n, rng: images[torch.randperm(len(images), generator=rng)[:n]], num_samples=JUDGED)

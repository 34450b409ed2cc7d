"""Pictures out of a finished run: `gannorm sample`."""

from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from gannorm import files, rng
from gannorm.data import to_pixels
from gannorm.evaluation.sheet import to_picture
from gannorm.sampling import ConditionalSampler
from gannorm.training.errors import ConfigError
from gannorm.training.saving import load_sampler


def write_samples(run: Path, number: int, output: Path, seed: int = 0, label: int | None = None) -> Path:
    """Write samples of a run's generator, and return where.

    Args:
        run: The run folder.
        number: How many.
        output: A folder for PNGs named by their number, or a file `x.npz` for an array `samples`, uint8
            (N, H, W, C) of images, float32 (N, D) of points.
        seed: Of the latent vectors.
        label: The only class to ask a class-conditional generator for; None = all, each as often as in training. The
            array `labels` of an .npz says which class was asked for in each sample.

    Raises:
        NotWrittenError: They could not be written.
        ValueError: No such run, less than one sample, points that were to be pictures, or a label that nobody can ask
            for.
    """
    if number < 1:
        raise ConfigError(f"--number {number}: at least one sample")
    samples, labels = drawn(run, number, seed, label)
    are_images = samples.ndim == 4
    if output.suffix == ".npz":
        array = to_pixels(samples).permute(0, 2, 3, 1) if are_images else samples
        arrays: dict[str, Any] = {"samples": array.numpy()} | ({} if labels is None else {"labels": labels.numpy()})
        files.folder(output.parent)
        with files.in_place_of(output) as beside, beside.open("wb") as file:
            np.savez_compressed(file, **arrays)
        return output
    if not are_images:
        raise ConfigError(f"{run} makes points, no pictures; write them with --output x.npz")
    files.folder(output)
    for index, pixels in enumerate(to_pixels(samples)):
        with files.in_place_of(output / f"{index:06d}.png") as beside:
            to_picture(pixels).save(beside, format="PNG")
    return output


def drawn(run: Path, number: int, seed: int, label: int | None) -> tuple[Tensor, Tensor | None]:
    """Return samples, and the class that was asked for in each where classes can be asked for."""
    sample, generator = load_sampler(run), rng.generator(seed, "sample")
    if isinstance(sample, ConditionalSampler):
        return sample.labelled(number, generator, label=label)
    if label is not None:
        raise ConfigError(f"--label {label}: the generator of {run} has no classes; leave it out")
    return sample(number, generator), None

"""Pictures out of a finished run: `gannorm sample`."""

from pathlib import Path

import numpy as np

from gannorm import rng
from gannorm.data import to_pixels
from gannorm.evaluation.sheet import to_picture
from gannorm.training.errors import ConfigError
from gannorm.training.saving import load_sampler


def write_samples(run: Path, number: int, output: Path, seed: int = 0) -> Path:
    """Write samples of a run's generator, and return where.

    Args:
        run: The run folder.
        number: How many.
        output: A folder for PNGs named by their number, or a file `x.npz` for an array `samples`, uint8
            (N, H, W, C) of images, float32 (N, D) of points.
        seed: Of the latent vectors.

    Raises:
        ValueError: No such run, less than one sample, or points that were to be pictures.
    """
    if number < 1:
        raise ConfigError(f"--number {number}: at least one sample")
    samples = load_sampler(run)(number, rng.generator(seed, "sample"))
    are_images = samples.ndim == 4
    if output.suffix == ".npz":
        output.parent.mkdir(parents=True, exist_ok=True)
        array = to_pixels(samples).permute(0, 2, 3, 1) if are_images else samples
        np.savez_compressed(output, samples=array.numpy())
        return output
    if not are_images:
        raise ConfigError(f"{run} makes points, no pictures; write them with --output x.npz")
    output.mkdir(parents=True, exist_ok=True)
    for index, pixels in enumerate(to_pixels(samples)):
        to_picture(pixels).save(output / f"{index:06d}.png")
    return output

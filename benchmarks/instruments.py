"""What reading the layers costs in the main job: readings of each set of instruments, as a share of the run's time."""

import statistics
import tempfile
from typing import Any

import gannorm
from gannorm.callbacks.instruments import INSTRUMENTS
from gannorm.training.quiet import quiet_lightning

SETS = {"default": ["layers", "spectra"], "all": list(INSTRUMENTS)}
IMAGES, READINGS = 20_000, 4  # of a short run, read more often than the main job
MAIN_JOB = 80_000  # images between two readings of the main job


def share(names: list[str], seed: int) -> float:
    """Return what part of the main job's time reading takes, from a short run that reads more often."""
    options = {"evaluation.every_images": IMAGES // READINGS, "evaluation.num_samples": 64}
    options |= {"evaluation.final_samples": 64, "evaluation.instruments": names, "seed_everything": seed}
    options["trainer.logger"] = False
    with tempfile.TemporaryDirectory() as folder:
        results = gannorm.train(None, images=IMAGES, quiet=True, folder=folder, **options)
    each = results["instrument_seconds"] / READINGS
    return each / (each + MAIN_JOB / results["images_per_second"])


def run(rounds: int) -> dict[str, Any]:
    """Measure and print a table."""
    quiet_lightning()
    shares: dict[str, list[float]] = {name: [] for name in SETS}
    for seed in range(rounds):
        for name, names in SETS.items():
            shares[name].append(share(names, seed))
    for name, values in shares.items():
        low, middle, high = min(values), statistics.median(values), max(values)
        print(f"{name:<14}{100 * middle:6.2f} % of the time   ({100 * low:.2f} to {100 * high:.2f})")
    return {"every_images": MAIN_JOB, "shares": shares}

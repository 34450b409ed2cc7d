"""How long a study will take: from runs that have ended, or from a few short ones."""

import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

from gannorm.report.study.record import ENDED
from gannorm.study.errors import StudyError
from gannorm.study.identify import arguments
from gannorm.study.journal import Journal
from gannorm.study.matrix import Job, Study
from gannorm.study.worker import set_up

SHORT = 24  # a calibration is as long as a run divided by this
CALIBRATED = 4  # jobs that are tried, spread over the cells


def seconds_per_run(study: Study, jobs: Sequence[Job], journal: Journal) -> tuple[float, str]:
    """Return the mean time of a run, and what it was taken from."""
    known = [line["seconds"] for line in journal.lines.values() if line["status"] in ENDED and line.get("seconds")]
    if known:
        return statistics.fmean(known), f"the mean of {len(known)} runs that have ended"
    chosen = [jobs[place * (len(jobs) - 1) // max(CALIBRATED - 1, 1)] for place in range(CALIBRATED)]
    tried = list({job.key: job for job in chosen}.values())
    return statistics.fmean(calibrated(study, job) for job in tried), f"{len(tried)} short runs"


def calibrated(study: Study, job: Job) -> float:
    """Return how long a run will take, from a short one with the same networks: training and one look."""
    from gannorm import training
    from gannorm.training.parser import Configuration

    set_up()
    with tempfile.TemporaryDirectory() as folder:
        full = Configuration(list(arguments(study, job, Path(folder)))).config
        images, every = full.images, full.evaluation.every_images
        short = {"images": max(images // SHORT, 1), "evaluation.every_images": max(images // SHORT, 1) if every else 0}
        options = (f"--{key}={value}" for key, value in short.items())
        try:
            results = training.run([*arguments(study, job, Path(folder)), *options])
        except (ValueError, ArithmeticError, RuntimeError) as error:
            raise StudyError(f"study {study.name}, {job}: {error}") from error
    looks = images // every if every else 0
    return float(images / results.results["images_per_second"] + looks * results.results["evaluation_seconds"] / 2)

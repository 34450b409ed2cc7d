"""All checks, in the order in which they are said; each is a function of the folder that runs go to."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from gannorm.doctor import device, installed, intact, places, self_test, tracked
from gannorm.doctor.finding import Finding

Check = Callable[[Path], Iterator[Finding]]

CHECKS: dict[str, Check] = {
    "python": installed.python,
    "gannorm": installed.gannorm,
    "packages": installed.packages,
    "extras": installed.extras,
    "processor": device.processor,
    "gpu": device.gpu,
    "precision": device.precision,
    "wandb": tracked.wandb,
    "digits": intact.digits,
    "judge": intact.judge,
    "runs folder": places.runs_folder,
    "self-test": self_test.self_test,
}


def examine(folder: Path) -> Iterator[tuple[Finding, float]]:
    """Yield what each check finds as soon as it is known, and the seconds that it took.

    A check that cannot be done, such as one that needs what is not installed, is wrong itself.
    """
    for subject, check in CHECKS.items():
        began = time.perf_counter()
        try:
            for finding in check(folder):
                yield finding, time.perf_counter() - began
        except Exception as error:  # whatever a broken installation brings about
            told = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
            way_out = "mend what is wrong above; else install gannorm again"
            yield Finding(subject, told, "wrong", way_out), time.perf_counter() - began

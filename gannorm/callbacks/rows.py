"""The row of statistics that the detector gets of one look: counts, copies among the samples, churn."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from gannorm import rng
from gannorm.collapse import Row
from gannorm.evaluation import Evaluation, look
from gannorm.judges import Judge, accepted
from gannorm.metrics import Copies, Yardsticks, churn, spread_ratio
from gannorm.metrics.coverage import fewest_samples
from gannorm.metrics.leakage import leakage_test
from gannorm.sampling import Sample

REAL = 2048  # samples of the yardsticks
BANK = 256  # latent vectors of the noise bank
FEW = 25  # samples of a mode in a look, below which copies within modes are not sought


class RowMaker:
    """Make rows of looks, with yardsticks of real samples.

    Args:
        judge: Says what samples are.
        data: Has `real(num, rng)`; None = no real samples are there to compare with.
        seed: Of the yardsticks and the noise bank.
    """

    def __init__(self, judge: Judge, data: Any = None, *, seed: int = 0) -> None:
        self.judge = judge
        self.data = data
        self.seed = seed
        self.real: Tensor | None = None
        self.samples: Yardsticks | None = None
        self.modes: list[Yardsticks] = []
        self.bank: Int64[Tensor, " b"] | None = None  # modes of the noise bank at the look before

    def row(self, evaluation: Evaluation, images_seen: int, signals: Mapping[str, float | None]) -> Row:
        """Return the row of one look."""
        if self.real is None and self.data is not None:
            self.take_real()
        modes = evaluation.judged.mode.cpu()
        kept = evaluation.accepted.cpu()
        counts = torch.bincount(modes[kept], minlength=self.judge.num_modes)
        figures: dict[str, Any] = {**self.copies(evaluation.images), **signals}
        figures |= self.copies_of_modes(evaluation.judged.features.cpu(), modes, kept)
        return Row(
            images_seen=images_seen,
            num_samples=len(modes),
            counts=counts.tolist(),
            covered=evaluation.metrics["covered"],
            leaked=self.leaked(counts, len(modes)),
            **figures,
        )

    def take_real(self) -> None:
        """Draw the real samples, and judge those of them that each mode is compared with."""
        drawn = self.data.real(REAL, rng.generator(self.seed, "real", "yardstick"))[0].cpu()
        self.real, self.samples = drawn, Yardsticks(drawn.flatten(1), seed=self.seed)
        if float(self.judge.prior.max()) * REAL < FEW:
            return
        with torch.no_grad():
            judged = self.judge(drawn)
        kept = accepted(self.judge, judged)
        features, modes = judged.features[kept].cpu(), judged.mode[kept].cpu()
        self.modes = [Yardsticks(features[modes == mode], seed=self.seed) for mode in range(self.judge.num_modes)]

    def leaked(self, counts: Int64[Tensor, " k"], num_samples: int) -> list[float] | None:
        """Return how many samples of other modes the judge is expected to misread as each; None if it says nothing."""
        if (confusion := getattr(self.judge, "confusion", None)) is None or not int(counts.sum()):
            return None
        fewest = fewest_samples(num_samples, self.judge.prior.double())
        return leakage_test(counts, fewest, confusion).leaked.tolist()

    def copies(self, samples: Float[Tensor, "n ..."]) -> dict[str, float | None]:
        """Return what needs no judge: how much the samples vary, and how often they repeat each other."""
        if self.samples is None or self.real is None:
            return {}
        flat = samples.cpu().flatten(1)
        found = self.samples.measure(flat)
        several: dict[str, float | None] = {"spread": spread_ratio(flat, self.real.flatten(1))}
        if found is not None:
            several |= {"kinds": found.kinds, "near_duplicates": found.near_duplicates}
            several |= {"near_duplicates_real": found.near_duplicates_real, "kinds_real": found.kinds_real}
        return several

    def copies_of_modes(
        self, features: Float[Tensor, "n d"], modes: Int64[Tensor, " n"], kept: Bool[Tensor, " n"]
    ) -> dict[str, list[float | None]]:
        """Return how often the accepted samples of each mode repeat each other."""
        if not self.modes:
            return {}
        found = [yardsticks.measure(features[kept & (modes == mode)]) for mode, yardsticks in enumerate(self.modes)]
        return {
            "class_rke": listed(found, "kinds_ratio_high"),
            "class_duplicates": listed(found, "near_duplicates"),
            "class_duplicates_real": listed(found, "near_duplicates_real"),
        }

    def churn(self, sample: Sample) -> float | None:
        """Return how many samples of the fixed noise bank have another mode than at the look before."""
        evaluation = look(sample, self.judge, num_samples=BANK, seed=self.seed, stream="noise bank")
        before, self.bank = self.bank, torch.where(evaluation.accepted, evaluation.judged.mode, -1).cpu()
        return None if before is None else churn(before, self.bank)

    def state_dict(self) -> dict[str, Any]:
        """Return what the next row needs."""
        return {"bank": None if self.bank is None else self.bank.tolist()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        self.bank = None if state["bank"] is None else torch.from_numpy(np.array(state["bank"], dtype=np.int64))


def listed(found: list[Copies | None], name: str) -> list[float | None]:
    """Return one figure of each mode."""
    return [None if copies is None else getattr(copies, name) for copies in found]

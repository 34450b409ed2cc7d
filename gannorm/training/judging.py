"""Who judges a run's samples, and what real samples they are compared with."""

from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from gannorm import rng, screen
from gannorm.judges import CellJudge, Judge
from gannorm.protocols import judge_of, names, protocol

CELLED = 10_000  # training samples that cells are made of, at most


class TrainingSamples:
    """Some of a data set's training samples, for data that hold none back.

    Args:
        samples: (N, ...).
    """

    def __init__(self, samples: Tensor) -> None:
        self.samples = samples

    def real(self, num: int, generator: torch.Generator) -> tuple[Tensor, None]:
        """Return `num` of them in random order, fewer where there are not so many."""
        return self.samples[torch.randperm(len(self.samples), generator=generator)[:num]], None


def judge_and_real(data: pl.LightningDataModule, cells: int, seed: int) -> tuple[Judge | None, Any]:
    """Return the judge of a data module, and what has `real(num, rng)` of it; None for what there is not.

    Args:
        data: Of the run.
        cells: Of k-means, over pixels or points, where no protocol has a judge for these data; 0 = none.
        seed: Of the cells.

    Raises:
        ValueError: Fewer training samples than so many cells need.
    """
    real = data if hasattr(data, "real") else None
    if (judge := judge_of(data)) is not None:
        return judge, real
    if not cells:
        name, shares = getattr(data, "name", type(data).__name__), getattr(data, "shares", None)
        named = f"{name!r} with shares {shares}" if shares else repr(name)
        screen.warn(
            f"data {named} has no judge: modes are not counted; --evaluation.cells 50 takes k-means cells for modes, "
            "`gannorm evaluate --help` lists what has a judge"
        )
        return None, real
    samples = training_samples(data)
    return CellJudge(samples, num_cells=cells, seed=seed), TrainingSamples(samples)


def training_samples(data: pl.LightningDataModule) -> Tensor:
    """Return up to `CELLED` training samples, without a trace in any random state."""
    parts, number = [], 0
    with rng.untouched():
        for batch in data.train_dataloader():
            parts.append((batch if isinstance(batch, Tensor) else batch[0]).cpu())
            number += len(parts[-1])
            if number >= CELLED:
                break
    return torch.cat(parts)[:CELLED]


def label_of(data: Any, judge: Judge) -> str:
    """Return what a score says it was measured by: the protocol and its version, or the cells."""
    if isinstance(judge, CellJudge):
        return f"{judge.num_modes} k-means cells"
    assert data.name in names()
    return protocol(str(data.name)).label

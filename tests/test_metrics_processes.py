"""Metrics that hold features, over two processes: each reads half of a stream, both know the figures of the whole."""

import pytest
import torch
from torch import multiprocessing

from gannorm import rng
from gannorm.metrics import ClassDiversity, NeighbourScores

REAL, FAKE = torch.randn(2, 600, 4, generator=rng.generator(0, "processes"))
MODES = torch.arange(600) % 2


def metrics():
    return NeighbourScores(REAL), ClassDiversity(REAL, MODES, num_modes=2)


def measured(part):
    neighbours, diversity = metrics()
    neighbours.update(FAKE[part])
    diversity.update(FAKE[part], MODES[part])
    return neighbours.compute() | diversity.compute()


def measure_in_process(rank, folder):
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    torch.save(measured(slice(300 * rank, 300 * rank + 300)), folder / f"{rank}.pt")
    torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_two_processes_hold_one_stream(tmp_path):
    multiprocessing.spawn(measure_in_process, (tmp_path,), nprocs=2)
    for rank in range(2):
        assert torch.load(tmp_path / f"{rank}.pt") == measured(slice(None))

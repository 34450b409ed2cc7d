"""Kernel distance: its meaning, against the plain double loop, in parts, and how often its interval holds the truth."""

import math

import pytest
import torch
from torch import multiprocessing
from torchmetrics import MetricCollection

from gannorm import rng
from gannorm.metrics import FrechetDistance, KernelDistance, NeighbourScores, kernel_distance, kernel_scores
from tests.reference import features as reference


def gaussian(num, dims, seed=0):
    return torch.randn(num, dims, generator=rng.generator(seed, "gaussian"))


def clusters(num, dims=16, kinds=10, seed=0):
    """Real data of ten kinds, and which kind each sample is."""
    centres = 3 * gaussian(kinds, dims, seed=99)
    labels = torch.arange(num) % kinds
    return centres[labels] + gaussian(num, dims, seed=seed), labels


def test_a_perfect_generator():
    result = kernel_scores(clusters(1000, seed=1)[0], clusters(1000, seed=2)[0])
    assert result["kernel_low"] == 0.0 <= result["kernel_high"]
    assert result["kernel"] <= result["kernel_high"]


def test_the_more_kinds_are_missing_the_farther():
    real, _ = clusters(1000, seed=2)
    fakes, labels = clusters(1000, seed=1)
    half, one = (kernel_scores(fakes[labels < kinds], real) for kinds in (5, 1))
    assert 0 < half["kernel_low"] < half["kernel_high"] < one["kernel_low"]


def test_equals_the_double_loop():
    fake, real = gaussian(23, 3, seed=1) + 0.5, gaussian(17, 3, seed=2)
    expected = reference.kernel_distance(fake.double().numpy(), real.double().numpy())
    assert kernel_distance(fake, real) == pytest.approx(expected, rel=1e-9)
    assert kernel_scores(fake, real)["kernel"] == pytest.approx(expected, rel=1e-9)
    assert kernel_distance(real, fake) == pytest.approx(expected, rel=1e-9)


def test_blocks_make_the_whole():
    fake, real = gaussian(700, 3, seed=1), gaussian(517, 3, seed=2)  # neither a multiple of a block
    values = lambda a, b: (a.double() @ b.double().T / 3 + 1) ** 3  # noqa: E731
    within = lambda a: (values(a, a).sum() - values(a, a).trace()) / (len(a) * (len(a) - 1))  # noqa: E731
    expected = within(fake) + within(real) - 2 * values(fake, real).mean()
    assert kernel_distance(fake, real) == pytest.approx(float(expected), rel=1e-9)


def truth_of(dims, shift, scale):
    mean, cov = torch.full((dims,), shift).double().numpy(), (torch.eye(dims).double() * scale**2).numpy()
    return reference.kernel_truth(mean, cov, 0 * mean, torch.eye(dims).double().numpy())


def test_it_has_no_bias():
    draws = [kernel_distance(gaussian(60, 2, seed=s) + 0.5, gaussian(60, 2, seed=s + 1000)) for s in range(200)]
    draws = torch.tensor(draws)
    assert float(draws.mean()) == pytest.approx(truth_of(2, 0.5, 1), abs=4 * float(draws.std()) / 200**0.5)


def coverage(num, dims, shift, scale, repeats):
    truth, hits = truth_of(dims, shift, scale), 0
    for seed in range(repeats):
        fake, real = gaussian(num, dims, seed=seed) * scale + shift, gaussian(num, dims, seed=seed + 10**6)
        result = kernel_scores(fake, real)
        hits += result["kernel_low"] - 1e-12 <= truth <= result["kernel_high"] + 1e-12
    return hits / repeats


@pytest.mark.parametrize(("shift", "scale"), [(0, 1), (0.1, 1), (0.5, 1), (0, 0.8)])
def test_the_interval_holds_the_truth(shift, scale):
    assert coverage(200, 4, shift, scale, 100) >= 0.88  # 0.93, less two standard errors of 100 draws


@pytest.mark.slow
@pytest.mark.parametrize(("num", "dims", "repeats"), [(200, 2, 400), (1000, 16, 100), (1000, 96, 60)])
@pytest.mark.parametrize(("shift", "scale"), [(0, 1), (0.03, 1), (0.1, 1), (0.3, 1), (1, 1), (0, 0.8)])
def test_the_interval_holds_the_truth_in_many_draws(num, dims, repeats, shift, scale):
    assert coverage(num, dims, shift, scale, repeats) >= 0.93 - 2 * math.sqrt(0.07 * 0.93 / repeats)


def test_parts_make_the_whole():
    fake, real = gaussian(500, 4, seed=1), gaussian(300, 4, seed=2)
    one, other = KernelDistance(real), KernelDistance(real)
    for part in fake[:301].split([100, 0, 201]):
        one.update(part)
    other.update(fake[301:])
    one.merge_state(other)
    assert one.compute() == pytest.approx(kernel_scores(fake, real), rel=1e-10)
    one.reset()
    one.update(fake[:2])
    assert one.compute() == {"kernel": None, "kernel_low": None, "kernel_high": None}


def test_beyond_the_cap_a_random_choice_stays():
    real, ordered = gaussian(100, 2), torch.arange(1000.0)[:, None].repeat(1, 2)
    metric = KernelDistance(real, cap=100)
    for part in ordered.split(70):
        metric.update(part)
    kept, _ = metric.held()
    assert len(kept) == 100
    # Of a stream in the order of its classes each tenth keeps about 10: between 1 and 25 in all but one case of 10⁴.
    assert all(1 <= int(((kept[:, 0] >= low) & (kept[:, 0] < low + 100)).sum()) <= 25 for low in range(0, 1000, 100))
    assert sum(map(len, metric.kernel_features)) <= 200
    again = KernelDistance(real, cap=100)
    for part in ordered.split(70):
        again.update(part)
    assert torch.equal(again.held()[0], kept)


def test_a_collection_is_each_alone():
    real, fake = gaussian(100, 4, seed=1), gaussian(90, 4, seed=2)
    kinds = [FrechetDistance, KernelDistance, NeighbourScores]
    together = MetricCollection([kind(real) for kind in kinds])
    alone = [kind(real) for kind in kinds]
    for part in fake.split(30):
        together.update(features=part)
        for metric in alone:
            metric.update(part)
    expected = {name: value for metric in alone for name, value in metric.compute().items()}
    assert together.compute() == pytest.approx(expected)


def test_random_state_stays():
    before = torch.get_rng_state()
    metric = KernelDistance(gaussian(30, 2), cap=10)
    metric.update(gaussian(100, 2))
    metric.compute()
    assert torch.equal(before, torch.get_rng_state())


def test_a_user_gets_one_line():
    with pytest.raises(ValueError, match="fake has 3 features, real 4: use the same judge"):
        kernel_distance(torch.zeros(5, 3), torch.zeros(5, 4))
    with pytest.raises(ValueError, match="fake has 1 samples; they have to be 2 or more"):
        kernel_distance(torch.zeros(1, 3), torch.zeros(5, 3))
    with pytest.raises(ValueError, match="real has 2 samples; they have to be 3 or more"):
        KernelDistance(torch.zeros(2, 3))
    with pytest.raises(ValueError, match="cap=1: keep 2 samples or more"):
        KernelDistance(torch.zeros(5, 3), cap=1)
    with pytest.raises(ValueError, match="features of sample 0 are not finite"):
        KernelDistance(torch.zeros(5, 3)).update(torch.full((1, 3), math.inf))


def measure_in_process(rank, folder):
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    metric = KernelDistance(gaussian(100, 3))
    metric.update(gaussian(400, 3, seed=1)[rank * 100 : rank * 300 + 100])
    torch.save(metric.compute(), folder / f"{rank}.pt")
    torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_two_processes_measure_once(tmp_path):
    multiprocessing.spawn(measure_in_process, (tmp_path,), nprocs=2)
    expected = kernel_scores(gaussian(400, 3, seed=1), gaussian(100, 3))
    for rank in range(2):
        assert torch.load(tmp_path / f"{rank}.pt") == pytest.approx(expected, rel=1e-10)

"""Signals of collapse: on copies, on variety, on what lies between, and against loops over pairs."""

import numpy as np
import pytest
import torch
from torch import nn

from gannorm import norms, rng
from gannorm.metrics import (
    Yardstick,
    Yardsticks,
    churn,
    deviation_ratio,
    effective_rank,
    feature_rank,
    input_gradients,
    mean_rank,
    spread_ratio,
    statistics_gap,
    weight_ranks,
)
from gannorm.metrics.copies import deviation
from gannorm.metrics.diversity import rke
from tests.reference import signals


@pytest.fixture(scope="module")
def real() -> torch.Tensor:
    return torch.randn(2000, 6, generator=rng.generator(0))


@pytest.fixture(scope="module")
def fresh() -> torch.Tensor:
    return torch.randn(512, 6, generator=rng.generator(1))


def test_copies_are_told_from_variety(real: torch.Tensor, fresh: torch.Tensor) -> None:
    yardsticks = Yardsticks(real)
    one, ten, all_different = (
        yardsticks.measure(s) for s in (fresh[:1].repeat(512, 1), fresh[:10].repeat(52, 1), fresh)
    )
    assert one is not None
    assert ten is not None
    assert all_different is not None
    assert (one.near_duplicates, one.kinds) == (1.0, pytest.approx(1.0))
    assert ten.near_duplicates == 1.0
    assert ten.kinds == pytest.approx(10, rel=0.05)
    assert ten.kinds_ratio_high < 0.2
    assert all_different.near_duplicates < 3 * all_different.near_duplicates_real
    assert all_different.kinds_ratio_high > 0.9


def test_copies_equal_loops_over_pairs(real: torch.Tensor, fresh: torch.Tensor) -> None:
    yardstick = Yardstick.of(real, 50)
    assert yardstick is not None
    samples = torch.cat([fresh[:30], fresh[:20] + 0.01])
    scale = min(deviation(samples) / yardstick.deviation, 1.0)
    copies, plain = yardstick.measure(samples), samples.double().numpy() / scale
    assert copies.near_duplicates == signals.near_duplicates(plain, yardstick.threshold)
    assert copies.kinds == pytest.approx(signals.kinds(plain, yardstick.bandwidth))
    with_itself = 50 / (1 + 49 / copies.kinds)
    assert rke(samples / scale, yardstick.bandwidth) == pytest.approx(with_itself)


def test_the_limit_of_the_entropy_is_above_the_truth_in_99_of_100_draws(real: torch.Tensor) -> None:
    yardstick = Yardstick.of(real, 200)
    assert yardstick is not None
    draws = [torch.randn(200, 6, generator=rng.generator(seed)) for seed in range(300)]
    assert np.mean([yardstick.measure(draw).kinds_ratio_high >= 1 for draw in draws]) >= 0.97


def test_too_few_samples_say_nothing_and_equal_real_ones_neither(real: torch.Tensor) -> None:
    assert Yardsticks(real).measure(real[:20]) is None
    assert Yardsticks(torch.zeros(100, 2)).measure(real[:, :2]) is None


def test_the_spread_of_all_numbers() -> None:
    real = torch.randn(4000, 1, 4, 4, generator=rng.generator(0))
    assert spread_ratio(torch.zeros(9, 1, 4, 4), real) == 0
    assert spread_ratio(real / 2 + 3, real) == pytest.approx(0.5)
    assert spread_ratio(real, torch.zeros(2, 1, 4, 4)) is None


def test_effective_rank_and_its_reference() -> None:
    matrix = torch.randn(7, 4, generator=rng.generator(0))
    assert effective_rank(matrix) == pytest.approx(signals.effective_rank(matrix.double().numpy()))
    assert effective_rank(torch.zeros(3, 3)) == 0
    assert feature_rank(matrix[:1].repeat(7, 1)) == pytest.approx(0)


@pytest.mark.parametrize("weight_norm", ["none", "spectral", "weight"])
def test_ranks_of_weights_are_those_of_the_plain_weight_and_move_nothing(weight_norm: str) -> None:
    layers = [nn.Linear(6, 5), nn.Conv2d(3, 4, 3), nn.ConvTranspose2d(3, 8, 2)]
    with torch.no_grad():
        layers[0].weight.copy_(torch.outer(torch.arange(1.0, 6), torch.arange(1.0, 7)))
    network = nn.Sequential(*(norms.wrap(weight_norm, layer) for layer in layers))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    ranks = weight_ranks(network)
    assert ranks["0"] == pytest.approx(1 / 5)
    assert 0.5 < ranks["1"] <= 1
    assert 0.5 < ranks["2"] <= 1
    assert mean_rank(ranks) == pytest.approx(np.prod(list(ranks.values())) ** (1 / 3))
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_gradients_of_inputs_equal_a_hand_computation_and_leave_no_gradient_behind() -> None:
    discriminator = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 1), nn.Flatten(0))
    samples = torch.randn(6, 5, generator=rng.generator(0))
    first, last = discriminator[0], discriminator[2]
    slope = 1 - torch.tanh(first(samples)) ** 2
    gradients = ((slope * last.weight) @ first.weight).detach().double().numpy()
    norm, cosine = input_gradients(discriminator, samples)
    assert norm == pytest.approx(float(np.linalg.norm(gradients, axis=1).mean()), rel=1e-5)
    assert cosine == pytest.approx(signals.mean_cosine(gradients), abs=1e-5)
    assert all(parameter.grad is None for parameter in discriminator.parameters())
    assert input_gradients(lambda x: 0 * x.sum(1), samples) == (0.0, None)


def test_deviations_gaps_and_churn() -> None:
    real = torch.randn(500, 3, generator=rng.generator(0))
    assert deviation_ratio(real[:1].repeat(9, 1), real) == 0
    assert deviation_ratio(real * 0.5, real) == pytest.approx(0.5)
    mean, variance = torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0])
    assert statistics_gap(mean, variance, mean, variance) == 0
    assert statistics_gap(mean + 2, variance, mean, variance) == pytest.approx((2 / 1 + 2 / 2) / 2)
    assert churn(torch.tensor([0, 1]), torch.tensor([0, 1])) == 0

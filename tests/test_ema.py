"""The averaged generator, and why its running statistics are computed anew."""

import copy

import pytest
import torch
from torch import nn

from gannorm import norms, rng
from gannorm.ema import RAMP, GeneratorEMA
from gannorm.networks import MLPGenerator
from gannorm.sampling import sampler
from tests import tiny


def test_the_average_is_the_formula():
    generator = nn.Linear(1, 1, bias=False)
    ema = GeneratorEMA(generator, half_life=100)
    expected, seen = generator.weight.item(), 0
    for value in (1.0, -2.0, 5.0):
        nn.init.constant_(generator.weight, value)
        seen += 50
        half_life = min(100, RAMP * seen)
        expected += (1 - 0.5 ** (50 / half_life)) * (value - expected)
        ema.update(generator, num_images=50, images_seen=seen)
    assert ema.network.weight.item() == pytest.approx(expected, rel=1e-6)


def test_buffers_are_treated_as_their_policy_says_and_the_average_takes_no_gradient():
    generator = MLPGenerator(shape=(2,), hidden=(8,), weight_norm="spectral")
    ema = GeneratorEMA(generator, half_life=10)
    before = {name: buffer.clone() for name, buffer in ema.network.named_buffers()}
    generator(torch.randn(16, 64))
    ema.update(generator, num_images=16, images_seen=16)
    policy = norms.buffer_policy(generator)
    assert set(policy.values()) == {"recompute", "copy"}
    for name, buffer in ema.network.named_buffers():
        assert torch.equal(buffer, generator.get_buffer(name) if policy[name] == "copy" else before[name]), name
    assert not any(p.requires_grad for p in ema.parameters())


def statistics_gap(network, reference):
    pairs = zip(network.named_buffers(), reference.buffers(), strict=True)
    return max((a - b).abs().max().item() for (name, a), b in pairs if "running" in name)


def with_buffers(network, buffers):
    other = copy.deepcopy(network)
    for name, value in buffers.items():
        other.get_buffer(name).copy_(value)
    return other


def test_copied_and_averaged_statistics_are_wrong_for_averaged_weights_and_recomputed_ones_right():
    """Early in a run the weights move fast: the raw generator's statistics say nothing about the average's."""
    torch.manual_seed(0)
    generator = MLPGenerator(shape=(2,), hidden=(32,), latent_dim=4)
    ema = GeneratorEMA(generator, half_life=10_000)
    averaged = {name: buffer.clone() for name, buffer in generator.named_buffers() if "running" in name}
    for step in range(1, 51):
        with torch.no_grad():
            for parameter in generator.parameters():
                parameter += 0.05 * torch.randn_like(parameter) + 0.02
        generator(torch.randn(64, 4))
        weight = 1 - 0.5 ** (64 / min(10_000, RAMP * 64 * step))  # as the weights are averaged
        for name, value in averaged.items():
            value.lerp_(generator.get_buffer(name), weight)
        ema.update(generator, num_images=64, images_seen=64 * step)
    truth = copy.deepcopy(ema.network)
    norms.recalibrate(truth, [torch.randn(64, 4) for _ in range(500)])
    recomputed = copy.deepcopy(ema.network)
    norms.recalibrate(recomputed, [torch.randn(64, 4) for _ in range(100)])
    gap = statistics_gap(recomputed, truth)
    for wrong in (dict(generator.named_buffers()), averaged):
        assert gap < statistics_gap(with_buffers(ema.network, wrong), truth) / 5


def test_a_snapshot_of_the_average_has_statistics_of_its_own_and_leaves_no_trace():
    gan = tiny.gan()
    tiny.fit(gan, tiny.loader(5))
    before = copy.deepcopy(gan.state_dict())
    snapshot = gan.snapshot("averaged")
    assert tiny.same_state(before, gan.state_dict())
    assert not snapshot.training
    running = [name for name, _ in snapshot.named_buffers() if "running" in name]
    assert running
    assert any(not torch.equal(snapshot.get_buffer(n), gan.averaged.network.get_buffer(n)) for n in running)
    assert tiny.same_state(dict(gan.generator.named_buffers()), dict(gan.snapshot("raw").named_buffers()))


def test_a_snapshot_with_spectral_norm_has_spectral_norm_one():
    gan = tiny.gan(norm=None)
    gan.generator.blocks[0].layer = norms.wrap("spectral", gan.generator.blocks[0].layer)
    gan.averaged = GeneratorEMA(gan.generator, half_life=1000)
    with torch.no_grad():
        gan.averaged.network.blocks[0].layer.parametrizations.weight.original.add_(torch.randn(16, 4))
    weight = gan.snapshot().blocks[0].layer.weight
    assert torch.linalg.matrix_norm(weight, 2).item() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("statistics", ["running", "batch", "standing"])
def test_each_way_to_sample_is_deterministic_and_its_own(statistics):
    gan = tiny.gan(statistics=statistics)
    tiny.fit(gan, tiny.loader(5))
    draw = gan.sample("raw")
    assert torch.equal(draw(20, rng.generator(1)), draw(20, rng.generator(1)))
    running = sampler(gan.snapshot("raw"), batch_size=gan.batch_size)(20, rng.generator(1))
    assert torch.equal(draw(20, rng.generator(1)), running) == (statistics != "batch")
    raw = sampler(copy.deepcopy(gan.generator).eval(), batch_size=gan.batch_size)(20, rng.generator(1))
    assert torch.equal(draw(20, rng.generator(1)), raw) == (statistics == "running")

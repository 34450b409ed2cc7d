"""The loops that are timed train as they say; what they take is tested only as ratios, and only when asked."""

import copy
import doctest
import json

import pytest
import torch
from torch import nn

from benchmarks import budget, costs, graph, limits, loops, ours, peers, seeds, step, timing, tried, whole_run
from benchmarks.__main__ import BENCHMARKS, SPEED
from gannorm import rng
from gannorm.gan import GAN
from gannorm.networks import DCGANDiscriminator, DCGANGenerator
from tests import tiny

PLACE = {"processor": "ACME 1", "cores": 2, "threads": 1, "gpu": None, "versions": {"torch": "2.14"}}


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(timing, "WARM_UP", 1)
    monkeypatch.setattr(timing, "STEPS", 2)


def small() -> GAN:
    torch.manual_seed(0)
    return GAN(DCGANGenerator(width=4), DCGANDiscriminator(width=4), ema_half_life=0)


@pytest.mark.parametrize("module", [timing, limits, budget])
def test_examples_are_true(module):
    found = doctest.testmod(module)
    assert found.attempted
    assert not found.failed


# ------------------------------------------------------------------------------------------------------------ loops


def test_the_bare_loop_is_our_step_bit_for_bit():
    gan = tiny.gan(d_norm="layer", ema_half_life=40_000)
    generator, discriminator = copy.deepcopy((gan.generator, gan.discriminator))
    tiny.fit(gan, tiny.loader(20))
    batches = ((real, None) for real in tiny.batches(20))
    averaged = loops.bare(generator, discriminator, batches, seed=0, half_life=40_000)
    assert tiny.same_state(gan.generator.state_dict(), generator.state_dict())
    assert tiny.same_state(gan.discriminator.state_dict(), discriminator.state_dict())
    assert tiny.same_state(gan.averaged.network.state_dict(), averaged.network.state_dict())


@pytest.mark.parametrize(
    "name", [step.OURS, step.HALF, step.BARE, "usual loop, tensors in memory", "Lightning's GAN recipe"]
)
def test_each_loop_trains_both_networks_and_marks_its_steps(name, short, tmp_path, monkeypatch):
    monkeypatch.setattr(loops, "workers", lambda: 0)
    monkeypatch.setattr(loops, "usual_loader", lambda _: loops.tensor_loader())
    start, laps = small(), timing.Laps()
    generator, discriminator = copy.deepcopy((start.generator, start.discriminator))
    loop = step.LOOPS[name]
    data = loops.tensor_loader if "recipe" in name else loop.data
    with timing.silenced():
        loop.train(generator, discriminator, timing.Timed(data(), laps), str(tmp_path))
    assert len(laps.moments) in (3, 4)  # Lightning asks for no batch after the last
    assert laps.seconds > 0
    for network, before in ((generator, start.generator), (discriminator, start.discriminator)):
        assert not tiny.same_state(network.state_dict(), before.state_dict())


def test_torchvision_reads_the_digits_that_we_have():
    images, labels = next(iter(loops.usual_loader(0)))
    assert images.shape == (64, 1, 28, 28)
    assert (images.min(), images.max()) == (-1, 1)
    assert set(labels.tolist()) <= set(range(10))


def test_what_is_not_installed_has_a_row_that_says_so(short, monkeypatch):
    monkeypatch.setattr(peers, "find_spec", lambda _: None)
    monkeypatch.setattr(step, "LOOPS", {name: step.LOOPS[name] for name in (step.BARE, "torch-mimicry")})
    monkeypatch.setattr(step, "usual_loader", lambda _: loops.tensor_loader)
    monkeypatch.setattr(ours, "default_run", lambda *_: 0.5)
    measures, missing = step.installed(small())
    assert list(measures) == [step.CALLBACKS, step.BARE]
    assert missing == {"torch-mimicry": "torch-mimicry is not installed"}
    result = {
        "batch": 64,
        "rounds": 1,
        "where": PLACE,
        "seconds_per_step": {step.CALLBACKS: [0.5], step.BARE: [0.25]},
        "times_ours": {step.CALLBACKS: 1.0, step.BARE: 0.5},
        "ratio": 1.04,
        "callbacks": 1.02,
        "missing": missing,
    }
    page = step.markdown(result)
    assert "| not installed: torch-mimicry is not installed |" in page
    assert "| bare loop, the same step       | 250.0 (250.0–250.0)" in page
    assert "1.040 times the bare loop's" in " ".join(page.split())


def test_what_callbacks_do_now_and_then_counts_as_often_as_it_comes():
    acts = ours.Acts([], timing.Laps(warm_up=1))
    acts.laps.moments, acts.taken = (
        [0.0, 1.0, 3.0, 5.0],
        [0.0, 0.5, 0.5, 2.5],
    )  # two timed steps of 2 s, 2 s of them acts
    assert ours.seconds_per_step(acts, sooner=4.0) == pytest.approx(1.0 + 1.0 / 4)


@pytest.mark.slow
def test_a_run_with_all_callbacks_is_timed(monkeypatch):
    monkeypatch.setattr(timing, "STEPS", 8)
    assert ours.default_run(GAN(), batch=8) > 0


# ------------------------------------------------------------------------------------------------ limits, and tries


def test_flops_and_bytes_are_those_of_the_layers():
    gan = small()
    few, many = (limits.counted(gan, torch.zeros(number, 1, 28, 28)) for number in (2, 4))
    assert many["flops"] == 2 * few["flops"]
    weights = sum(parameter.numel() for parameter in gan.parameters()) * 4
    assert 2 * few["bytes"] - many["bytes"] > 5 * weights  # what does not grow with the batch: Adam's, at the least


def test_a_convolution_of_one_channel_is_a_matrix_product():
    layer, x = nn.Conv2d(1, 3, 4, stride=2, padding=1), torch.randn(2, 1, 28, 28)
    wanted = layer(x)
    layer.__class__ = tried.FromImage
    torch.testing.assert_close(layer(x), wanted)


@pytest.mark.parametrize("name", [name for name in tried.VARIANTS if "compile" not in name])
def test_a_variant_trains_as_the_step_does(name):
    start, real = small(), torch.rand(8, 1, 28, 28) * 2 - 1
    found = []
    for variant in (tried.VARIANTS[tried.AS_IT_IS], tried.VARIANTS[name]):
        gan = copy.deepcopy(start)
        variant.change(gan)
        with variant.around():
            limits.step_seconds(gan, real, steps=2, warm_up=1)
        found.append(gan.state_dict())
    if tried.VARIANTS[name].same:
        assert tiny.same_state(*found)
    for key, value in found[0].items():
        torch.testing.assert_close(found[1][key].float(), value.float(), rtol=0.1, atol=0.02)


# ------------------------------------------------------------------------------------------------------------ seeds


@pytest.mark.parametrize("norm", [*seeds.NORMS.values(), ("layer", "group")])
def test_seeds_that_train_together_end_where_each_ends_alone(norm):
    pairs = [[network.double() for network in seeds.networks(norm, seed)] for seed in range(3)]
    many = seeds.Many(*zip(*pairs, strict=True))
    real = torch.rand(20, 3, 8, 1, 28, 28, dtype=torch.float64) * 2 - 1
    streams = [[rng.generator(seed, "noise", "discriminator", number) for seed in range(3)] for number in range(20)]
    noise = torch.stack(
        [torch.stack([torch.randn(8, 64, generator=one, dtype=torch.float64) for one in row]) for row in streams]
    )
    for images, z in zip(real, noise, strict=True):
        many.step(images, z)
    for seed, (generator, discriminator) in enumerate(pairs):
        optimizers = [
            torch.optim.Adam(network.parameters(), lr=loops.RATE, betas=loops.BETAS)
            for network in (discriminator, generator)
        ]
        softplus = nn.functional.softplus
        for images, z in zip(real[:, seed], noise[:, seed], strict=True):
            fake = generator(z)
            d_loss = softplus(-discriminator(images)) + softplus(discriminator(fake.detach()))
            loops.take(optimizers[0], d_loss.mean())
            loops.take(optimizers[1], softplus(-discriminator(fake)).mean())
        for stacked, network in ((many.generator, generator), (many.discriminator, discriminator)):
            for name, value in stacked.of_seed(seed).items():
                torch.testing.assert_close(value, network.get_parameter(name).detach(), rtol=1e-6, atol=1e-8)


# ------------------------------------------------------------------------------------------------------------- page


def test_costs_are_beside_the_first_of_their_kind():
    result = {
        "rounds": 1,
        "where": PLACE,
        "seconds": {"step": {"DCGAN": [0.01], "batch 256": [0.035]}, "look": {"look": [0.2]}},
        "mlp": {"4": {"gannorm": [0.004], "bare": [0.003]}},
    }
    page = costs.markdown(result)
    assert "| batch 256 | 35.00  | 3.50 " in page
    assert "| 4     | 4.00               | 3.00                 | 1.33  |" in page


def test_a_run_is_told_in_shares():
    result = {"rounds": 1, "where": PLACE, "start": [4.0], "seconds": 80.0, "images": 320_000, "all_modes": None}
    page = whole_run.markdown(result | {"shares": {"checkpoints": 0.005}, "page": 0.8, "bytes": 2.0**30})
    assert "| checkpoints                                | 0.4 s           | 0.5 %      |" in page
    assert "| process start to a look at all ten modes   | not in this run |" in page


def test_without_a_gpu_the_graph_has_a_row_that_says_so(capsys):
    if torch.cuda.is_available():
        pytest.skip("there is one")
    graph.run(rounds=1)
    assert "not measured: the networks are on cpu, and a graph needs cuda" in capsys.readouterr().out
    result = {"rounds": 1, "where": PLACE, "seconds": {"one CUDA graph": [0.001], "kernel by kernel": [0.006]}}
    assert "| kernel by kernel | 6.000     | 6.00            |" in graph.markdown(result)


def test_the_budget_holds_ratios_of_benchmarks_that_there_are():
    lines = budget.read()
    assert {line["benchmark"] for line in lines} <= set(SPEED) <= set(BENCHMARKS)
    assert all(("most" in line) != ("least" in line) for line in lines)
    assert "second" not in budget.PATH.read_text()
    names = [line["path"][1] for line in lines if line["path"][0] == "times_ours"]
    assert set(names) <= set(step.LOOPS)
    worse = {"step": {"ratio": 2.0, "callbacks": 1.0, "times_ours": {"torchgan": 0.5}}}
    assert [line.partition(":")[0] for line in budget.beyond(lines, worse)] == [
        "our trainer beside the bare loop",
        "torchgan beside ours",
    ]


@pytest.mark.slow
def test_no_ratio_is_beyond_the_budget():
    results = json.loads(json.dumps({"step": step.run(3), "limits": limits.run(3)}))
    assert not budget.beyond(budget.read(), results)

import pytest
import torch
from torch import nn

import gannorm
from gannorm.data import MNIST
from gannorm.evaluation import evaluate, look, measured, yardstick
from gannorm.evaluation.look import drawn
from gannorm.judges import DigitJudge
from gannorm.networks import DCGANGenerator
from gannorm.rng import generator
from tests import tiny

DIGITS, LABELS = MNIST().held_out()


def only(digits):
    """Return a sampler of real digits of some kinds: a generator that collapsed to them."""
    pool = DIGITS[torch.isin(LABELS, torch.tensor(digits))]
    return lambda n, rng: pool[torch.randint(len(pool), (n,), generator=rng)]


def test_a_collapsed_generator():
    result = evaluate(only([3]))
    assert result["covered_modes"] == 1
    assert result["covered"] == [3]
    assert result["effective_modes"] < 1.2
    assert result["kl"] > 2
    assert result["high_quality"] > 0.95


def test_a_perfect_generator():
    result = evaluate(only(list(range(10))))
    assert result["covered_modes"] == 10
    assert result["effective_modes"] > 9.9
    assert result["kl"] < 0.01
    assert result["high_quality"] > 0.97


def test_a_generator_of_half_the_digits():
    result = evaluate(only([0, 1, 2, 3, 4]))
    assert result["covered"] == [0, 1, 2, 3, 4]
    assert 4.8 < result["effective_modes"] < 5.4
    assert result["tv"] == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("picture", ["noise", "grey", "black", "white", "inverted"])
def test_a_generator_of_what_is_no_digit(picture):
    make = {
        "noise": lambda n, rng: torch.rand(n, 1, 28, 28, generator=rng) * 2 - 1,
        "grey": lambda n, rng: torch.zeros(n, 1, 28, 28),
        "black": lambda n, rng: -torch.ones(n, 1, 28, 28),
        "white": lambda n, rng: torch.ones(n, 1, 28, 28),
        "inverted": lambda n, rng: -only(list(range(10)))(n, rng),
    }
    result = evaluate(make[picture], num_samples=512)
    assert result["covered_modes"] == 0
    assert result["high_quality"] <= 0.02


def test_the_same_seed_draws_the_same_samples_and_leaves_the_global_state():
    state = torch.get_rng_state()
    one, other = evaluate(only([1, 2]), num_samples=300), evaluate(only([1, 2]), num_samples=300)
    assert one == other
    assert evaluate(only([1, 2]), num_samples=300, seed=1) != one
    assert torch.equal(state, torch.get_rng_state())


def test_a_module_keeps_its_modes_and_its_buffers():
    network = DCGANGenerator(width=2, latent_dim=4)
    network.blocks[1].eval()
    before = {name: buffer.clone() for name, buffer in network.named_buffers()}
    modes = [module.training for module in network.modules()]
    drawn(network, 10, generator(0), "batch")
    drawn(network, 10, generator(0), "running")
    assert [module.training for module in network.modules()] == modes
    assert tiny.same_state(before, dict(network.named_buffers()))


def test_batches_all_at_once_and_in_parts_are_the_same():
    judge = DigitJudge()
    whole = measured(DIGITS[:1000], judge)
    halves = [measured(DIGITS[:500], judge), measured(DIGITS[500:1000], judge)]
    assert torch.equal(whole.judged.mode, torch.cat([half.judged.mode for half in halves]))
    assert whole.metrics["num_samples"] == 1000


def test_a_user_gets_one_line():
    with pytest.raises(ValueError, match="no protocol 'mnits'; did you mean 'mnist'"):
        evaluate(only([1]), data="mnits")
    with pytest.raises(ValueError, match="num_samples=0"):
        evaluate(only([1]), num_samples=0)
    with pytest.raises(ValueError, match="latent_dim"):
        evaluate(nn.Linear(2, 2))
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        evaluate(lambda n, rng: (only([1])(n, rng) + 1) / 2)


def test_the_front_door():
    assert gannorm.evaluate is evaluate
    with pytest.raises(AttributeError, match="no attribute 'trian'; it has"):
        _ = gannorm.trian


def test_each_look_draws_from_a_stream_of_its_own():
    judge = DigitJudge()
    first, second = (look(only([1]), judge, num_samples=20, seed=0, stream=stream).images for stream in (1, 2))
    assert not torch.equal(first, second)


def test_the_yardstick_is_what_the_judge_says_of_the_held_out_digits():
    # No confidence is nearer to the threshold than 9e-4: rounding on another processor moves no digit over it.
    assert yardstick(MNIST(), DigitJudge()) == measured(DIGITS, DigitJudge()).metrics


def test_another_judge_measures_the_yardstick():
    judge = DigitJudge()
    judge.sha256, judge.threshold = "another", 1.1
    assert yardstick(MNIST(), judge)["high_quality"] == 0

"""The options of a training step, against plain loops, and all of them crossed."""

import copy

import pytest
import torch

from gannorm.gan import GAN
from gannorm.losses import LOSSES
from gannorm.networks import MLPDiscriminator, MLPGenerator
from gannorm.penalties import PENALTIES
from gannorm.remedies import REMEDIES
from gannorm.training.norm_check import warn_of_penalties
from tests import tiny
from tests.reference import steps as reference

SHAPE = (1, 4, 4)
STEPS, NUM = 5, 8


def networks(packing=1, shape=tiny.POINTS, **options):
    torch.manual_seed(0)
    generator = MLPGenerator(shape=shape, hidden=(8,), latent_dim=4)
    return generator, MLPDiscriminator(shape=shape, hidden=(8,), norm=None, packing=packing, **options)


def trained(pair, number=12, shape=tiny.POINTS, num=NUM, **options):
    gan = GAN(*pair, ema_half_life=0, betas=reference.BETAS, seed=3, **options)
    tiny.fit(gan, tiny.loader(number, num, shape))
    return gan


@pytest.mark.parametrize(
    ("plain", "options"),
    [
        ({}, {}),
        ({"packing": 2}, {}),
        ({"rounds": (3, 1)}, {"discriminator_steps": 3}),
        ({"rounds": (1, 2)}, {"generator_steps": 2}),
        ({"rounds": (2, 3), "packing": 4}, {"discriminator_steps": 2, "generator_steps": 3}),
        ({"simultaneous": True}, {"updates": "simultaneous"}),
        ({"simultaneous": True, "packing": 2}, {"updates": "simultaneous", "discriminator_batches": "joined"}),
        ({"gamma": 10.0}, {"penalties": {"name": "r1", "strength": 10.0}}),
        ({"gamma": 10.0, "packing": 2}, {"penalties": {"name": "r1", "strength": 10.0}}),
        ({"gamma": 10.0, "interval": 3}, {"penalties": {"name": "r1", "strength": 10.0, "interval": 3}}),
    ],
    ids=str,
)
def test_the_loop_equals_plain_loops(plain, options):
    pair = networks(plain.get("packing", 1))
    other = copy.deepcopy(pair)
    gan = trained(pair, **options)
    reference.train(*other, tiny.batches(12), seed=3, **plain)
    for mine, theirs in zip((gan.generator, gan.discriminator), other, strict=True):
        for one, two in zip(mine.parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-6)
    assert gan.d_steps == 12
    assert gan.g_steps == 12 // plain.get("rounds", (1, 1))[0] * plain.get("rounds", (1, 1))[1]


OPTIONS = {
    "unrolling": {"remedies": {"name": "unrolling", "steps": 2}},
    "packing": {"discriminator": {"packing": 2}},
    "minibatch_stddev": {"discriminator": {"minibatch": "stddev"}},
    "minibatch_discrimination": {"discriminator": {"minibatch": {"name": "discrimination", "num_kernels": 3}}},
    "two_rates": {"discriminator_rate": 4e-3},
    "several_steps": {"discriminator_steps": 2, "generator_steps": 2},
    "generator_ema": {"ema_half_life": 100},
}


def options_of(remedy):
    return dict(OPTIONS.get(remedy, {"remedies": remedy}))


@pytest.mark.parametrize("remedy", [None, *REMEDIES])
@pytest.mark.parametrize("penalty", [None, *PENALTIES])
@pytest.mark.parametrize("loss", list(LOSSES))
def test_every_loss_penalty_and_remedy_train_five_steps_together(loss, penalty, remedy):
    options = options_of(remedy) if remedy else {}
    generator, discriminator = networks(shape=SHAPE, **options.pop("discriminator", {}))
    gan = GAN(generator, discriminator, loss=loss, penalties=penalty, **{"ema_half_life": 0, **options})
    before = copy.deepcopy((generator.state_dict(), discriminator.state_dict()))
    optimizers = gan.configure_optimizers()
    gan.optimizers = lambda: optimizers
    gan.manual_backward = lambda loss, **how: loss.backward(**how)
    num = NUM * gan.packing
    for batch in tiny.batches(STEPS, num, SHAPE):
        gan.training_step(batch, 0)
    assert gan.images_seen == STEPS * num
    assert gan.d_steps == STEPS
    for network, old in zip((generator, discriminator), before, strict=True):
        assert all(value.isfinite().all() for value in network.state_dict().values())
        assert not tiny.same_state(network.state_dict(), old)
    assert all(torch.tensor(list(gan.means().values())).isfinite())


def test_what_a_remedy_asks_the_discriminator_moves_no_buffer_of_it():
    torch.manual_seed(0)
    discriminator = MLPDiscriminator(shape=tiny.POINTS, hidden=(8, 8), norm="batch", weight_norm="spectral")
    plain = copy.deepcopy(discriminator)
    # At a rate of 0 and with the same fakes, only the passes themselves could make a difference.
    still = {"updates": "simultaneous", "generator_rate": 0.0, "discriminator_rate": 0.0}
    trained((networks()[0], discriminator), 2, remedies="feature_matching", **still)
    trained((networks()[0], plain), 2, **still)
    assert tiny.same_state(discriminator.state_dict(), plain.state_dict())


@pytest.mark.parametrize(
    ("options", "minibatch", "words"),
    [
        ({"loss": "wasserstein"}, None, "'wasserstein' has no bound"),
        ({"loss": "wasserstein", "penalties": "wgan_gp"}, None, ""),
        ({"penalties": {"name": "r1", "interval": 8}}, None, "r1 every 8 steps on smnist: lazy R1 and R2 failed"),
        ({"penalties": "r1"}, "stddev", "MinibatchStddev couples the samples of a batch"),
        ({"penalties": "weight_clipping"}, "stddev", ""),
    ],
    ids=str,
)
def test_what_is_known_to_fail_is_said_before_the_first_step(options, minibatch, words, capsys):
    warn_of_penalties(GAN(*networks(minibatch=minibatch), **options), "smnist")
    said = capsys.readouterr().err
    assert words in said
    assert bool(said) == bool(words)

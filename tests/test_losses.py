"""Losses: numbers by hand, signs of gradients, and every way to name one."""

import math
import re

import pytest
import torch
from torch import nn

from gannorm.losses import LOSSES, AdversarialLoss, Loss, generator_needs_real, resolve

REAL = torch.tensor([2.0, -1.0])
FAKE = torch.tensor([0.5, -3.0])


class Wasserstein:
    """A user's own loss."""

    def __init__(self, scale: float = 1.0):
        self.scale = scale

    def discriminator(self, real_logits, fake_logits):
        return self.scale * (fake_logits - real_logits)

    def generator(self, real_logits, fake_logits):
        return -self.scale * fake_logits


class NoLoss:
    pass


def test_non_saturating_by_hand():
    loss = resolve("non_saturating")
    expected_d = [
        math.log(1 + math.exp(-2.0)) + math.log(1 + math.exp(0.5)),
        math.log(1 + math.exp(1.0)) + math.log(1 + math.exp(-3.0)),
    ]
    expected_g = [math.log(1 + math.exp(-0.5)), math.log(1 + math.exp(3.0))]
    torch.testing.assert_close(loss.discriminator(REAL, FAKE), torch.tensor(expected_d))
    torch.testing.assert_close(loss.generator(REAL, FAKE), torch.tensor(expected_g))


def test_non_saturating_is_binary_cross_entropy():
    loss, bce = resolve("non_saturating"), nn.BCEWithLogitsLoss()
    ones, zeros = torch.ones(2), torch.zeros(2)
    torch.testing.assert_close(loss.discriminator(REAL, FAKE).mean(), bce(REAL, ones) + bce(FAKE, zeros))
    torch.testing.assert_close(loss.generator(REAL, FAKE).mean(), bce(FAKE, ones))


@pytest.mark.parametrize("loss", LOSSES.values(), ids=list(LOSSES))
def test_gradients_point_the_right_way(loss):
    real, fake = REAL.clone().requires_grad_(), FAKE.clone().requires_grad_()
    d_real, d_fake = torch.autograd.grad(loss.discriminator(real, fake).sum(), (real, fake))
    (g_fake,) = torch.autograd.grad(loss.generator(real, fake).sum(), fake)
    assert (d_real <= 0).all(), "the discriminator raises real logits"
    assert (d_fake >= 0).all(), "and lowers fake ones"
    assert (g_fake < 0).all(), "the generator raises fake logits"


@pytest.mark.parametrize("loss", LOSSES.values(), ids=list(LOSSES))
def test_real_and_fake_are_not_the_same(loss):
    assert loss.discriminator(REAL, FAKE).sum() < loss.discriminator(FAKE, REAL).sum()
    assert loss.generator(REAL, FAKE).sum() != loss.generator(FAKE, REAL).sum()


@pytest.mark.parametrize("loss", LOSSES.values(), ids=list(LOSSES))
def test_one_finite_number_per_sample(loss):
    extreme = torch.tensor([1e4, -1e4, 0.0])
    for value in (loss.discriminator(extreme, -extreme), loss.generator(extreme, -extreme)):
        assert value.shape == (3,)
        assert value.isfinite().all()


def test_table_is_in_order():
    assert all(name == loss.name and loss.paper for name, loss in LOSSES.items())
    with pytest.raises(AttributeError):
        LOSSES["non_saturating"].name = "other"


def test_real_logits_are_not_needed_where_the_row_says_so():
    for loss in LOSSES.values():
        if not generator_needs_real(loss):
            assert torch.equal(loss.generator(None, FAKE), loss.generator(REAL, FAKE))
    assert generator_needs_real(Wasserstein())


def test_every_way_to_name_a_loss():
    path = f"{__name__}.Wasserstein"
    assert resolve("non_saturating") is LOSSES["non_saturating"] is resolve({"name": "non_saturating"})
    row, own = Loss("own", Wasserstein().discriminator, Wasserstein().generator), Wasserstein()
    assert resolve(row) is row
    assert resolve(own) is own
    assert isinstance(own, AdversarialLoss)
    for spec in (Wasserstein, path, {"class_path": path}, lambda: Wasserstein(2.0)):
        assert type(resolve(spec)).__name__ == "Wasserstein"
    assert resolve({"class_path": path, "init_args": {"scale": 3.0}}).scale == 3.0
    assert resolve("gannorm.losses.LOSSES.non_saturating".rpartition(".")[2]) is LOSSES["non_saturating"]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("non_saturatng", "no loss is called 'non_saturatng'; did you mean 'non_saturating'?; there are non_s"),
        ("???", "no loss is called '???'; there are non_saturating"),
        ("no.such.Module", "loss 'no.such.Module' cannot be imported"),
        ("math.pi", "loss 3.14159... is no object with functions `discriminator` and `generator`"),
        (NoLoss, "NoLoss...is no object with functions"),
        (lambda real, fake: fake - real, "is no object with functions...nor makes one"),
        ({"class_path": f"{__name__}.Wasserstein", "init_args": {"scal": 1}}, "unexpected keyword argument 'scal'"),
        ({"init_args": {}}, "needs 'class_path'"),
    ],
)
def test_what_is_no_loss(spec, message):
    with pytest.raises(ValueError, match=".*".join(map(re.escape, message.split("...")))) as error:
        resolve(spec)
    assert "\n" not in str(error.value)

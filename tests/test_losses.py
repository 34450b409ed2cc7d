"""Losses: numbers by hand, signs of gradients, and every way to name one."""

import math
import re

import pytest
import torch
from torch import nn

from gannorm.losses import LOSSES, AdversarialLoss, Loss, generator_needs_real, resolve
from tests.reference import losses as reference

REAL = torch.tensor([2.0, -1.0])
FAKE = torch.tensor([0.5, -3.0])
SMOOTHABLE = [name for name, row in LOSSES.items() if not row.no_smoothing]
ALL = [*LOSSES.values(), *(resolve({"name": name, "label_smoothing": 0.1}) for name in SMOOTHABLE)]


def logits(num):
    """Return real and fake logits in float64, none of them at a kink."""
    generator = torch.Generator().manual_seed(0)
    real, fake = torch.randn(2, num, generator=generator, dtype=torch.float64) * 2
    return real + 0.5, fake - 0.5


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


@pytest.mark.parametrize("name", reference.LOSSES)
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_losses_equal_their_formulas(name, label_smoothing):
    if label_smoothing and LOSSES[name].no_smoothing:
        return
    loss = resolve({"name": name, "label_smoothing": label_smoothing})
    real, fake = logits(16)
    for ours, theirs in (
        (loss.discriminator(real, fake), reference.discriminator(name, real.tolist(), fake.tolist(), label_smoothing)),
        (loss.generator(real, fake), reference.generator(name, real.tolist(), fake.tolist())),
    ):
        torch.testing.assert_close(ours, torch.tensor(theirs, dtype=torch.float64), rtol=1e-12, atol=1e-12)


def test_every_loss_has_a_formula():
    assert set(reference.LOSSES) == set(LOSSES)


@pytest.mark.parametrize("loss", ALL, ids=str)
def test_gradients_are_those_of_the_function(loss):
    real, fake = (x.requires_grad_() for x in logits(5))
    assert torch.autograd.gradcheck(loss.discriminator, (real, fake))
    assert torch.autograd.gradcheck(loss.generator, (real, fake))


@pytest.mark.parametrize("loss", ALL, ids=str)
def test_gradients_point_the_right_way(loss):
    """Between the targets of a least squares loss, that is; beyond them it pulls back."""
    real, fake = (REAL / 4).requires_grad_(), (FAKE.abs() / 4).requires_grad_()
    d_real, d_fake = torch.autograd.grad(loss.discriminator(real, fake).sum(), (real, fake))
    (g_fake,) = torch.autograd.grad(loss.generator(real, fake).sum(), fake)
    assert (d_real <= 0).all(), "the discriminator raises real logits"
    assert (d_fake >= 0).all(), "and lowers fake ones"
    assert (g_fake < 0).all(), "the generator raises fake logits"


def test_minimax_saturates_and_the_other_does_not():
    lost = torch.tensor([-20.0], requires_grad=True)
    slopes = [
        torch.autograd.grad(resolve(name).generator(None, lost).sum(), lost)[0].item()
        for name in ("non_saturating", "minimax")
    ]
    assert slopes[0] == pytest.approx(-1.0)
    assert -1e-8 < slopes[1] < 0
    assert resolve("minimax").discriminator(REAL, FAKE).equal(resolve("non_saturating").discriminator(REAL, FAKE))


def test_minimax_is_one_game():
    """What the generator minimizes is what the discriminator maximizes, but for the part without fakes."""
    loss = resolve("minimax")
    whole = loss.discriminator(REAL, FAKE) + loss.generator(None, FAKE)
    torch.testing.assert_close(whole, torch.nn.functional.softplus(-REAL))


def test_hinge_asks_no_more_of_what_has_passed_its_margin():
    real, fake = torch.tensor([1.5, 40.0]).requires_grad_(), torch.tensor([-1.5, -40.0]).requires_grad_()
    loss = resolve("hinge").discriminator(real, fake).sum()
    assert loss == 0
    assert all(not grad.any() for grad in torch.autograd.grad(loss, (real, fake)))


@pytest.mark.parametrize("name", ["relativistic", "relativistic_average", "wasserstein"])
def test_a_constant_on_all_logits_changes_nothing(name):
    loss, (real, fake) = resolve(name), logits(8)
    torch.testing.assert_close(loss.discriminator(real + 7, fake + 7), loss.discriminator(real, fake))
    if generator_needs_real(loss):
        torch.testing.assert_close(loss.generator(real + 7, fake + 7), loss.generator(real, fake))


@pytest.mark.parametrize("name", ["relativistic", "relativistic_average"])
def test_relativistic_roles_are_symmetric(name):
    """The generator's loss is the discriminator's with real and fake exchanged."""
    loss, (real, fake) = resolve(name), logits(8)
    torch.testing.assert_close(loss.generator(real, fake), loss.discriminator(fake, real))


def test_pairs_are_kept_and_averages_are_not():
    real, fake = logits(8)
    turned = fake.roll(1)
    assert (
        not resolve("relativistic")
        .discriminator(real, fake)
        .mean()
        .isclose(resolve("relativistic").discriminator(real, turned).mean())
    )
    average = resolve("relativistic_average").discriminator
    torch.testing.assert_close(average(real, fake).mean(), average(real, turned).mean())


@pytest.mark.parametrize("name", SMOOTHABLE)
def test_label_smoothing_is_one_sided_and_the_discriminators(name):
    plain, smooth = resolve(name), resolve({"name": name, "label_smoothing": 0.2})
    real, fake = (x.requires_grad_() for x in logits(8))
    assert torch.equal(smooth.generator(real, fake), plain.generator(real, fake))
    assert generator_needs_real(smooth) is generator_needs_real(plain)
    assert smooth.label_smoothing == 0.2
    if name != "relativistic":
        of_fake = [torch.autograd.grad(x.discriminator(real.detach(), fake).sum(), fake)[0] for x in (plain, smooth)]
        shift = 0.2 if name == "relativistic_average" else 0.0  # real images are compared with the mean fake there
        torch.testing.assert_close(of_fake[1], of_fake[0] - shift)


@pytest.mark.parametrize("name", SMOOTHABLE)
def test_the_best_logit_of_a_real_image_is_finite_with_label_smoothing(name):
    """σ(l) = 1 − s, or 1 − s itself with least squares, where nothing comes from fakes."""
    best = 0.9 if name == "least_squares" else math.log(0.9 / 0.1)
    real = torch.full((4,), best, dtype=torch.float64, requires_grad=True)
    loss = resolve({"name": name, "label_smoothing": 0.1})
    fake = torch.zeros(4, dtype=torch.float64)
    through_the_mean = torch.sigmoid(-real.mean()) if name == "relativistic_average" else 0.0
    (slope,) = torch.autograd.grad(loss.discriminator(real, fake).sum(), real)
    torch.testing.assert_close(slope, torch.zeros_like(slope) - through_the_mean, atol=1e-12, rtol=1e-12)


def test_no_label_smoothing_is_the_row_itself():
    for name, row in LOSSES.items():
        assert resolve({"name": name, "label_smoothing": 0.0}) is row


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
        ("no.such.Module", "loss 'no.such.Module': there is no module 'no' to import"),
        ({"class_path": 3}, "3 is no import path"),
        ({"class_path": "gannorm.losses.Loss", "init_args": [1]}, "init_args=[1] are no options by name"),
        ("math.pi", "loss 3.14159... is no object with functions `discriminator` and `generator`"),
        (NoLoss, "NoLoss...is no object with functions"),
        (lambda real, fake: fake - real, "is no object with functions...nor makes one"),
        ({"class_path": f"{__name__}.Wasserstein", "init_args": {"scal": 1}}, "unexpected keyword argument 'scal'"),
        ({"init_args": {}}, "needs 'name', or 'class_path'"),
        ({"name": ["hinge"]}, "no loss is called ['hinge']"),
        ({"name": "hinge", "smoothing": 0.1}, "loss 'hinge' has no option 'smoothing'; the only one...label_smoothing"),
        ({"name": "hinge", "label_smoothing": 0.1}, "takes no label_smoothing: real images have a margin...non_sat"),
        ({"name": "wasserstein", "label_smoothing": 0.1}, "takes no label_smoothing: a critic has no targets"),
        ({"name": "minimax", "label_smoothing": 0.5}, "label_smoothing=0.5 of loss 'minimax'...below 0.5"),
        ({"name": "minimax", "label_smoothing": -0.1}, "label_smoothing=-0.1 of loss 'minimax'"),
        ({"name": "minimax", "label_smoothing": "0.1"}, "label_smoothing='0.1' of loss 'minimax'"),
        ({"name": "minimax", "label_smoothing": math.nan}, "label_smoothing=nan of loss 'minimax'"),
    ],
)
def test_what_is_no_loss(spec, message):
    with pytest.raises(ValueError, match=".*".join(map(re.escape, message.split("...")))) as error:
        resolve(spec)
    assert "\n" not in str(error.value)

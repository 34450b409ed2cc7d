"""Penalties: equal to formulas written out, true gradients, what they mean, and what is refused."""

import math
import re

import pytest
import torch
from torch import nn
from torch.autograd import gradcheck, gradgradcheck

from gannorm.penalties import PENALTIES, Penalty, lazy_rate_and_betas, lazy_warning, resolve
from gannorm.penalties.gradients import between
from tests.reference import penalties as reference

OF_GRADIENT = [name for name, row in PENALTIES.items() if row.of_gradient]


class Stand:
    """A discriminator that is no module: parameters, and a function of them and of images."""

    def __init__(self, judge, **parameters):
        self.judge = judge
        self.parameters = parameters

    def __call__(self, images):
        return self.judge(images, *self.parameters.values())

    def named_parameters(self):
        return iter(self.parameters.items())


def quadratic(x, matrix, vector):
    return ((x @ matrix) * x).sum(1) / 2 + x @ vector


def tanh(x, inner, outer):
    return torch.tanh(x @ inner.T) @ outer


NETWORKS = {
    "quadratic": (quadratic, (3, 3), reference.quadratic_gradient),
    "tanh": (tanh, (4, 3), reference.tanh_gradient),
}


def network(name):
    """Return a discriminator of three dimensions in float64, and its gradient at a point by hand."""
    judge, size, gradient = NETWORKS[name]
    generator = torch.Generator().manual_seed(1)
    matrix = torch.randn(size, generator=generator, dtype=torch.float64, requires_grad=True)
    vector = torch.randn(size[0], generator=generator, dtype=torch.float64, requires_grad=True)
    return Stand(judge, matrix=matrix, vector=vector), lambda x: gradient(matrix.tolist(), vector.tolist(), x)


def images(num=5):
    return torch.randn(2, num, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def stream():
    return torch.Generator().manual_seed(3)


def linear(weight, bias=0.0):
    """Return D(x) = w·x + b of images of any shape."""
    layer = nn.Sequential(nn.Flatten(), nn.Linear(len(weight), 1), nn.Flatten(0))
    with torch.no_grad():
        layer[1].weight.copy_(torch.tensor([weight]))
        layer[1].bias.fill_(bias)
    return layer


def term(name, discriminator, real, fake, generator=None):
    return PENALTIES[name]().term(discriminator, real, fake, generator or stream())


@pytest.mark.parametrize("net", NETWORKS)
def test_penalties_of_gradients_equal_their_formulas(net):
    discriminator, gradient = network(net)
    real, fake = images()
    shares = torch.rand(len(real), generator=stream()).tolist()
    expected = {
        "r1": reference.r1(gradient, real.tolist()),
        "r2": reference.r1(gradient, fake.tolist()),
        "wgan_gp": reference.wgan_gp(gradient, real.tolist(), fake.tolist(), shares),
        "zero_centred_gp": reference.zero_centred_gp(gradient, real.tolist(), fake.tolist(), shares),
    }
    assert set(expected) == set(OF_GRADIENT)
    for name, value in expected.items():
        assert term(name, discriminator, real, fake).item() == pytest.approx(value, rel=1e-12), name


@pytest.mark.parametrize("net", NETWORKS)
@pytest.mark.parametrize("name", OF_GRADIENT)
def test_their_gradient_reaches_the_parameters(name, net):
    discriminator, _ = network(net)
    real, fake = images(3)

    def of_parameters(matrix, vector):
        return term(name, Stand(discriminator.judge, matrix=matrix, vector=vector), real, fake)

    parameters = tuple(discriminator.parameters.values())
    assert gradcheck(of_parameters, parameters)
    assert gradgradcheck(of_parameters, parameters), "as unrolled steps need it"


def test_spectral_regularization_equals_its_formula():
    discriminator = nn.Sequential(nn.Conv2d(2, 3, 4), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(5, 1)).double()
    weights = [discriminator[0].weight, discriminator[3].weight]
    expected = reference.spectral_regularization([weight.detach().numpy() for weight in weights])
    ours = term("spectral_regularization", discriminator, *images())
    assert ours.item() == pytest.approx(expected, rel=1e-12), "kernels count as (out, rest); biases and norms do not"
    generator = torch.Generator().manual_seed(0)
    for shape in ((3, 5), (5, 3), (1, 4), (3, 2, 2, 2)):
        weight = torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)

        def of_weight(weight):
            return term("spectral_regularization", Stand(None, weight=weight), *images())

        assert gradcheck(of_weight, (weight,))
        assert gradgradcheck(of_weight, (weight,))


def test_linear_discriminators_by_hand():
    real, fake = torch.zeros(4, 1, 1, 2), torch.ones(4, 1, 1, 2)
    expected = {"r1": 12.5, "r2": 12.5, "wgan_gp": 16.0, "zero_centred_gp": 25.0, "spectral_regularization": 12.5}
    for name, value in expected.items():
        assert term(name, linear([3.0, 4.0], bias=7.0), real, fake).item() == pytest.approx(value), name
    assert term("wgan_gp", linear([0.6, 0.8]), real, fake).item() == pytest.approx(0.0, abs=1e-12)
    assert term("weight_clipping", linear([3.0, 4.0]), real, fake) is None


def test_pixels_are_summed_and_images_averaged():
    """The same slope at each pixel: four times as many pixels cost four times as much, more images cost the same."""
    costs = [
        term(
            "r1", Stand(lambda x: x.flatten(1).sum(1)), torch.zeros(num, 1, size, size), torch.zeros(num, 1, size, size)
        ).item()
        for num, size in ((2, 4), (2, 8), (6, 8))
    ]
    assert costs == [8.0, 32.0, 32.0]


def test_r1_is_at_real_images_and_r2_at_fake_ones():
    """The slope of x² is 2x."""
    real, fake = torch.full((3, 1), 1.0), torch.full((3, 1), 2.0)
    square = Stand(lambda x: x.square().sum(1))
    assert [term(name, square, real, fake).item() for name in ("r1", "r2")] == [2.0, 8.0]


def test_points_between_lie_on_the_line_and_fill_it():
    real, fake = torch.zeros(2000, 1, 2, 2), torch.ones(2000, 1, 2, 2)
    mixed = between(real, fake, stream()).flatten(1)
    assert (mixed == mixed[:, :1]).all(), "one share for all pixels of an image"
    assert mixed.min() >= 0
    assert mixed.max() <= 1
    assert torch.histc(mixed[:, 0], 4, 0, 1).min() > 400, "and another one for each image"


def test_random_numbers_come_from_the_generator_alone():
    real, fake = images()
    discriminator, _ = network("tanh")
    before = torch.get_rng_state()
    values = {
        term("wgan_gp", discriminator, real, fake, torch.Generator().manual_seed(seed)).item() for seed in (0, 0, 1)
    }
    assert len(values) == 2
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("name", OF_GRADIENT)
def test_who_made_the_images_gets_no_gradient(name):
    discriminator, _ = network("tanh")
    real, fake = (x.requires_grad_() for x in images())
    value = term(name, discriminator, real, fake)
    assert torch.autograd.grad(value, (real, fake), allow_unused=True) == (None, None)


@pytest.mark.parametrize("name", OF_GRADIENT)
def test_a_discriminator_that_is_flat_has_a_finite_gradient(name):
    discriminator = linear([0.0, 0.0])
    real, fake = torch.zeros(4, 2), torch.ones(4, 2)
    value = term(name, discriminator, real, fake)
    assert value.item() == (1.0 if name == "wgan_gp" else 0.0)
    (gradient,) = torch.autograd.grad(value, discriminator[1].weight)
    assert gradient.isfinite().all()


@pytest.mark.parametrize("name", [name for name in PENALTIES if name != "weight_clipping"])
def test_float32_where_the_rest_is_in_bfloat16(name):
    torch.manual_seed(0)
    discriminator = nn.Sequential(nn.Linear(3, 16), nn.Tanh(), nn.Linear(16, 1), nn.Flatten(0))
    real, fake = images(8).float()
    expected = term(name, discriminator, real, fake)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = term(name, discriminator, real, fake)
        assert discriminator(real).dtype == torch.bfloat16
    assert value.dtype == torch.float32
    assert torch.equal(value, expected)
    assert term(name, discriminator, real.bfloat16(), fake.bfloat16()).dtype == torch.float32


def test_weight_clipping_leaves_nothing_beyond_its_limit():
    torch.manual_seed(0)
    discriminator = nn.Sequential(nn.Linear(3, 16), nn.BatchNorm1d(16), nn.Linear(16, 1))
    before = {name: parameter.clone() for name, parameter in discriminator.named_parameters()}
    resolve({"name": "weight_clipping", "limit": 0.1})[0].constrain(discriminator)
    for name, parameter in discriminator.named_parameters():
        assert parameter.abs().max() <= 0.1
        assert torch.equal(parameter, before[name].clamp(-0.1, 0.1))
        assert parameter.requires_grad
    assert discriminator[1].weight.eq(0.1).all(), "scales of norms as well"


def test_only_clipping_constrains():
    discriminator = linear([3.0, 4.0])
    for name in set(PENALTIES) - {"weight_clipping"}:
        PENALTIES[name]().constrain(discriminator)
    assert discriminator[1].weight.tolist() == [[3.0, 4.0]]


def test_a_weight_norm_contradicts_what_changes_weights():
    plain = nn.Linear(2, 1)
    normed = nn.utils.parametrizations.spectral_norm(nn.Linear(2, 1))
    for row in PENALTIES.values():
        row().check(plain)
        if row.of_gradient:
            row().check(normed)
        else:
            with pytest.raises(ValueError, match=r"and a weight norm \(parametrizations.weight.original\) contradict"):
                row().check(normed)


def test_table_is_in_order():
    for name, row in PENALTIES.items():
        assert row.name == name
        assert row.paper
        assert row().interval == 1
        assert row().strength.constant


class Own(Penalty):
    """Somebody's own."""

    name = "own"

    def term(self, discriminator, real, fake, generator):
        return real.mean()


def test_every_way_to_name_penalties():
    path = f"{__name__}.Own"
    assert resolve(None) == resolve([]) == ()
    own = Own(2.0)
    assert resolve(own) == (own,)
    for spec in (Own, path, {"class_path": path}, {"class_path": path, "init_args": {"strength": 2}}, lambda: Own()):
        assert type(resolve(spec)[0]) is Own or type(resolve(spec)[0]).__name__ == "Own"
    several = resolve(["r1", {"name": "r2", "strength": {"start": 1.0, "end": 0.1}, "interval": 4}, path])
    assert [penalty.name for penalty in several] == ["r1", "r2", "own"]
    assert several[1].interval == 4
    assert several[1].strength.at(500, total_images=1000) == pytest.approx(0.55)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("wgan-gp", "no penalty is called 'wgan-gp'; did you mean 'wgan_gp'?; there are r1, r2, wgan_gp"),
        ("???", "no penalty is called '???'; there are r1"),
        ({"name": "r1", "gamma": 1}, "penalty 'r1' has no option 'gamma'; it takes strength, interval"),
        ({"name": "r1", "strenght": 1}, "no option 'strenght'; did you mean 'strength'?"),
        (
            {"name": "weight_clipping", "strength": 1},
            "penalty 'weight_clipping' has no option 'strength'; it takes limit",
        ),
        ({"name": "weight_clipping", "limit": 0}, "limit=0 of penalty 'weight_clipping': a number above 0"),
        ({"name": "r1", "strength": -1}, "strength=-1 of penalty 'r1': 0 or more"),
        ({"name": "r1", "strength": {"start": 1, "end": -1}}, "of penalty 'r1': 0 or more"),
        ({"name": "r1", "strength": {"start": 1}}, "strength of penalty 'r1': schedule...needs start and end"),
        ({"name": "r1", "strength": "1e-3"}, "strength of penalty 'r1': schedule '1e-3' is no finite number"),
        ({"name": "r1", "interval": 0}, "interval=0 of penalty 'r1': a whole number of steps, 1 or more"),
        ({"name": "r1", "interval": True}, "interval=True of penalty 'r1'"),
        (["r1", {"name": "r1", "strength": 1}], "penalty 'r1' is there 2 times"),
        ({"strength": 1}, "needs 'name', or 'class_path'"),
        ("no.such.Module", "penalty 'no.such.Module': there is no module 'no'"),
        ({"class_path": 3}, "3 is no import path"),
        ({"class_path": "gannorm.penalties.R1", "init_args": [1]}, "init_args=[1] are no options by name"),
        ("math.pi", "penalty 3.14...is no gannorm.penalties.Penalty, nor makes one"),
        (dict, "is no gannorm.penalties.Penalty"),
        ({"class_path": f"{__name__}.Own", "init_args": {"gamma": 1}}, "unexpected keyword argument 'gamma'"),
    ],
)
def test_what_is_no_penalty(spec, message):
    with pytest.raises(ValueError, match=".*".join(map(re.escape, message.split("...")))) as error:
        resolve(spec)
    assert "\n" not in str(error.value)


def test_images_that_are_no_pairs_are_refused():
    with pytest.raises(ValueError, match="cannot be mixed in pairs"):
        between(torch.zeros(4, 2), torch.zeros(4, 1), stream())
    with pytest.raises(ValueError, match="no weight of two dimensions"):
        term("spectral_regularization", Stand(None), torch.zeros(1), torch.zeros(1))


@pytest.mark.parametrize("interval", [2, 8, 16])
def test_lazy_adam_forgets_as_much_in_one_step_more(interval):
    rate, betas = lazy_rate_and_betas(2e-3, (0.5, 0.99), interval)
    assert (rate, betas) == (pytest.approx(2e-3 * interval / (interval + 1)), pytest.approx(betas))
    assert betas == pytest.approx(reference.lazy_adam(2e-3, (0.5, 0.99), interval)[1])
    assert [beta ** (interval + 1) for beta in betas] == pytest.approx([0.5**interval, 0.99**interval])
    assert rate * (interval + 1) == pytest.approx(2e-3 * interval), "and goes as far"


def test_no_interval_changes_no_optimizer():
    assert lazy_rate_and_betas(2e-3, [0.0, 0.99], 1) == (2e-3, (0.0, 0.99))
    with pytest.raises(ValueError, match="interval=0 of a penalty"):
        lazy_rate_and_betas(2e-3, (0.0, 0.99), 0)


def test_lazy_penalties_are_warned_of_where_they_failed():
    lazy, eager = resolve([{"name": "r1", "interval": 8}, "r2"]), resolve(["r1", "r2"])
    for data in ("stacked_mnist", "smnist/veegan", "ring/pacgan", "grid/pacgan", "veegan-1200d"):
        assert "r1 every 8 steps on " + data in (lazy_warning(lazy, data) or "")
        assert lazy_warning(eager, data) is None
    assert lazy_warning(lazy, "mnist") is None
    assert lazy_warning(resolve({"name": "wgan_gp", "interval": 8}), "ring/pacgan") is None


def test_interpolation_is_uniform_in_a_hand_computed_mean():
    """Of D = x²/2 between 0 and 1, E‖∇‖² = E[ε²] = 1/3."""
    num = 20_000
    value = term("zero_centred_gp", Stand(lambda x: x[:, 0].square() / 2), torch.ones(num, 1), torch.zeros(num, 1))
    assert value.item() == pytest.approx(1 / 3, abs=4 * math.sqrt((1 / 5 - 1 / 9) / num))

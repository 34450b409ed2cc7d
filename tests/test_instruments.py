"""What is read of layers: moments by hand, gradients against a plain second way, and no trace of the reading."""

import copy
import re
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from gannorm import norms
from gannorm.callbacks import Instruments
from gannorm.callbacks.instruments import INSTRUMENTS
from gannorm.gan import GAN
from gannorm.metrics.layers import Activation, gradient_shifts, watched, weight_layers
from gannorm.networks import DCGANDiscriminator, DCGANGenerator
from gannorm.training import ConfigError
from tests import tiny
from tests.test_training import tiny_run


def network(norm: str = "batch", weight_norm: str | None = None) -> nn.Sequential:
    torch.manual_seed(0)
    first, second = nn.Linear(3, 5), nn.Linear(5, 4)
    if weight_norm:
        first, second = norms.wrap(weight_norm, first), norms.wrap(weight_norm, second)
    return nn.Sequential(first, norms.create(norm, 5, dims=0), nn.ReLU(), second, nn.Tanh(), nn.Linear(4, 1))


def stepped(model: nn.Module) -> dict[str, Tensor]:
    """Return weights after some step."""
    generator = torch.Generator().manual_seed(1)
    return {
        name: value.detach() + 0.1 * torch.randn(value.shape, generator=generator)
        for name, value in model.named_parameters()
    }


def test_moments_and_dead_units_are_those_of_numpy() -> None:
    values = torch.randn(6, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    values[:, 1] = 2.0
    reading, array = Activation.of(values), values.double().numpy()
    np.testing.assert_allclose(reading.mean, array.mean((0, 2, 3)))
    np.testing.assert_allclose(reading.variance, array.var((0, 2, 3)), atol=1e-15)
    assert reading.dead == pytest.approx(1 / 3)
    assert reading.summary()["spread"] == pytest.approx(array.std())


def test_drift_is_in_standard_deviations_of_before() -> None:
    before = Activation.of(torch.tensor([[1.0, 0.0], [3.0, 0.0]]))  # a live channel with σ = 1, and a dead one
    assert before.drift_from(before) == 0
    assert Activation.of(torch.tensor([[3.0, 9.0], [5.0, 9.0]])).drift_from(before) == pytest.approx(2.0)
    assert Activation.of(torch.tensor([[0.0, 0.0], [4.0, 0.0]])).drift_from(before) == pytest.approx(np.log(2))


def test_what_goes_in_and_comes_out_of_each_weight_layer_is_noted() -> None:
    model, x = network(), torch.randn(8, 3)
    with watched(weight_layers(model)) as found:
        model(x)
    assert list(found) == list(weight_layers(model)) == ["0", "3", "5"]
    torch.testing.assert_close(found["0"][1].mean, model[0](x).double().mean(0))
    torch.testing.assert_close(found["5"][0].mean, model[:5](x).double().mean(0))
    assert not model[0]._forward_hooks


def plain_shift(
    model: nn.Module, loss: Callable[[nn.Module], Tensor], after: dict[str, Tensor], layer: str, weight: str
) -> tuple[float, float]:
    """Return the gradient shift of one layer the slow way: two copies of the network, one with its lower part moved."""
    gradients = []
    for moved in (False, True):
        copied = copy.deepcopy(model)
        for name, value in copied.named_parameters():
            if name.startswith(f"{layer}."):
                break
            if moved:
                value.data = after[name].clone()
        loss(copied).backward()
        gradients.append(copied.get_parameter(weight).grad.flatten().double().numpy())
    first, second = gradients
    cosine = first @ second / np.linalg.norm(first) / np.linalg.norm(second)
    return float(np.linalg.norm(first - second) / np.linalg.norm(first)), float(cosine)


@pytest.mark.parametrize(
    ("weight_norm", "weights"),
    [
        (None, {"3": "3.weight", "5": "5.weight"}),
        ("spectral", {"3": "3.parametrizations.weight.original", "5": "5.weight"}),
        ("weight", {"3": "3.parametrizations.weight.original1", "5": "5.weight"}),
    ],
)
def test_the_gradient_shift_is_that_of_two_networks(weight_norm: str | None, weights: dict[str, str]) -> None:
    model, x = network(weight_norm=weight_norm).double(), torch.randn(8, 3).double()
    after, before = stepped(model), {name: value.detach().clone() for name, value in model.named_parameters()}
    with norms.freeze_state(model):
        found = gradient_shifts(model, lambda net: net(x).square().mean(), before, after)
        assert found.keys() == weights.keys()  # the first layer has none below
        for layer, weight in weights.items():
            wanted = plain_shift(model, lambda net: net(x).square().mean(), after, layer, weight)
            assert (found[layer].relative, found[layer].cosine) == pytest.approx(wanted, rel=1e-9)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_network_without_weight_layers_has_no_shift() -> None:
    model = nn.PReLU()
    weights = dict(model.named_parameters())
    assert gradient_shifts(model, lambda net: net(torch.randn(4, 2)).sum(), weights, weights) == {}


def test_a_step_of_nothing_shifts_no_gradient() -> None:
    model, x = network(), torch.randn(8, 3)
    same = {name: value.detach().clone() for name, value in model.named_parameters()}
    for shift in gradient_shifts(model, lambda net: net(x).mean(), same, same).values():
        assert (shift.relative, shift.cosine) == (0.0, pytest.approx(1.0))


GANS: dict[str, Callable[[], GAN]] = {
    "dcgan": lambda: GAN(DCGANGenerator(width=2), DCGANDiscriminator(width=2, norm="batch", weight_norm="spectral")),
    "packs": lambda: GAN(
        DCGANGenerator(width=2), DCGANDiscriminator(width=2, packing=2), discriminator_batches="joined"
    ),
    "classes": lambda: GAN(DCGANGenerator(width=2, num_classes=3), DCGANDiscriminator(width=2, num_classes=3)),
    "points": lambda: tiny.gan("batch", d_norm="layer", loss="relativistic"),
}


def labelled(number: int) -> DataLoader:
    """Return batches of images with labels 0 to 2."""
    images = torch.cat(tiny.batches(number, shape=(1, 28, 28)))
    return DataLoader(TensorDataset(images, torch.arange(len(images)) % 3), batch_size=8)


@pytest.mark.parametrize("name", GANS)
def test_reading_leaves_no_trace_and_reads_every_layer(name: str) -> None:
    trained = []
    for number in (0, 16):  # 0 = never
        torch.manual_seed(0)
        gan = GANS[name]()
        instruments = Instruments(number, INSTRUMENTS)
        data = tiny.loader(6) if name == "points" else labelled(6)
        tiny.fit(gan, data, instruments)
        trained.append((gan.state_dict(), torch.get_rng_state()))
    assert tiny.same_state(trained[0][0], trained[1][0])
    assert torch.equal(trained[0][1], trained[1][1])
    for player in ("generator", "discriminator_real", "discriminator_fake"):
        read = [key for key in instruments.latest if key.startswith(f"layer/{player}/") and key.endswith("out/drift")]
        network = gan.get_submodule(player.partition("_")[0])
        assert len(read) == len(weight_layers(network))
    shifts = {key: value for key, value in instruments.latest.items() if key.startswith("covariate_shift/")}
    assert len(shifts) == 2 * (len(weight_layers(gan.generator)) + len(weight_layers(gan.discriminator)) - 2)
    assert all(value > 0 for key, value in shifts.items() if key.endswith("relative"))
    assert all(-1 <= value <= 1 + 1e-12 for key, value in shifts.items() if key.endswith("cosine"))


def test_what_the_parameters_are_is_read_of_them_as_they_are_used() -> None:
    gan, instruments = GANS["dcgan"](), Instruments(16, INSTRUMENTS)
    tiny.fit(gan, labelled(2), instruments)
    found = instruments.latest
    norm: nn.Module = next(layer for layer in gan.generator.modules() if norms.is_norm(layer))
    name = next(name for name, layer in gan.generator.named_modules() if layer is norm)
    assert found[f"norm/generator/{name}/gamma"] == pytest.approx(float(norm.weight.detach().square().mean().sqrt()))
    assert found[f"norm/generator/{name}/gamma_gradient"] == pytest.approx(float(norm.weight.grad.norm()))
    for layer, module in weight_layers(gan.generator).items():
        weight = module.weight.detach().double().numpy()
        rows = np.moveaxis(weight, 1 if isinstance(module, nn.ConvTranspose2d) else 0, 0)
        values = np.linalg.svd(rows.reshape(len(rows), -1), compute_uv=False)
        assert found[f"spectrum/generator/{layer}/largest"] == pytest.approx(values.max())
        taken = np.sqrt(sum(float(one.grad.square().sum()) for one in module.parameters()))
        assert found[f"gradient/generator/{layer}"] == pytest.approx(taken, rel=1e-5)
    constrained = [value for key, value in found.items() if re.fullmatch("spectrum/discriminator/.*/largest", key)]
    assert constrained == pytest.approx([1.0] * len(constrained), abs=0.15)  # spectral norm, after few iterations


def test_running_statistics_are_stale_where_they_are_not_those_of_the_batch() -> None:
    gan, instruments = GANS["dcgan"](), Instruments(16)
    tiny.fit(gan, labelled(2), instruments)
    gaps = {key: value for key, value in instruments.latest.items() if key.endswith("/gap")}
    assert {key.split("/")[1] for key in gaps} == {"generator", "discriminator_real", "discriminator_fake"}
    name, norm = next((name, layer) for name, layer in gan.generator.named_modules() if norms.is_norm(layer))
    place = instruments.before[f"norm/generator/{name}"][0]
    running = norm.running_mean.double().numpy(), np.sqrt(norm.running_var.double().numpy())
    shift = np.abs(place.mean.numpy() - running[0]) / running[1]
    scale = np.abs(np.log(np.sqrt(place.variance.numpy()) / running[1]))
    assert gaps[f"norm/generator/{name}/gap"] == pytest.approx((shift + scale).mean())


def test_networks_that_do_not_learn_do_not_drift() -> None:
    gan = tiny.gan(generator_rate=0.0, discriminator_rate=0.0)
    instruments = Instruments(16, INSTRUMENTS)
    tiny.fit(gan, tiny.loader(6), instruments)
    drifts = [value for key, value in instruments.latest.items() if key.endswith("/drift")]
    assert drifts
    assert max(drifts) == 0.0
    assert {value for key, value in instruments.latest.items() if key.endswith("/relative")} == {0.0}


def test_a_player_that_took_no_step_has_no_shift() -> None:
    gan = tiny.gan(discriminator_steps=2)
    instruments = Instruments(8, INSTRUMENTS)  # every batch; the generator steps at every second
    tiny.fit(gan, tiny.loader(3), instruments)
    shifted = {key.split("/")[1] for key in instruments.latest if key.startswith("covariate_shift/")}
    assert (gan.d_steps, gan.g_steps, shifted) == (3, 1, {"discriminator"})


def test_what_is_no_instrument_is_refused_with_the_nearest(tmp_path) -> None:
    with pytest.raises(ConfigError, match="no instrument 'layer'; did you mean 'layers'"):
        tiny_run(tmp_path, **{"evaluation.instruments": ["layer"]})


def test_a_joined_batch_is_read_as_one_where_training_joins_it() -> None:
    found = {}
    for mode in ("separate", "joined"):
        gan = tiny.gan("batch", d_norm="batch", discriminator_batches=mode)
        instruments = Instruments(16)
        tiny.fit(gan, tiny.loader(6), instruments)
        shown = instruments.shown
        apart = gan.discriminator
        with norms.freeze_state(apart), torch.no_grad(), watched(weight_layers(apart)) as readings:
            apart(torch.cat([shown["real"], shown["fake"]]) if mode == "joined" else shown["real"])
        last = list(readings)[-1]
        wanted = readings[last][0]
        real, fake = (instruments.before[f"layer/discriminator_{kind}/{last}"][0] for kind in ("real", "fake"))
        torch.testing.assert_close((Activation.pooled([real, fake]) if mode == "joined" else real).mean, wanted.mean)
        found[mode] = {key: value for key, value in instruments.latest.items() if key.endswith("/gap")}
    gaps = [value for key, value in found["joined"].items() if "/discriminator_" in key]
    assert len(gaps) == 2 * len(set(gaps))  # one batch has one gap
    assert len({value for key, value in found["separate"].items() if "/discriminator_" in key}) == len(gaps)

"""Norms of weights against their definitions."""

from functools import partial

import pytest
import timm.layers
import torch
from torch import nn

from gannorm import norms
from tests.reference import norms as reference

WEIGHT = norms.names(kind="weight")


def buffers(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: buffer.clone() for name, buffer in module.named_buffers()}


def assert_same(before: dict[str, torch.Tensor], module: nn.Module) -> None:
    after = dict(module.named_buffers())
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


LAYERS = [
    partial(nn.Linear, 6, 5), partial(nn.Conv1d, 3, 4, 3), partial(nn.Conv2d, 3, 4, 3), partial(nn.Conv3d, 2, 3, 2),
]  # fmt: skip


@pytest.mark.parametrize("make", LAYERS)
def test_spectral_norm_brings_the_largest_singular_value_to_one(make):
    plain = make().double()
    layer = norms.wrap("spectral", plain, n_power_iterations=50)
    assert layer is plain
    layer.weight  # noqa: B018  (a look in training mode is a step of the iteration)
    layer.eval()
    torch.testing.assert_close(reference.largest_singular_value(layer.weight), torch.ones((), dtype=torch.float64))
    torch.testing.assert_close(torch.linalg.svdvals(layer.weight.flatten(1))[0], torch.ones((), dtype=torch.float64))
    with torch.no_grad():
        layer.parametrizations.weight.original[0] += 1
    assert (reference.largest_singular_value(layer.weight) - 1).abs() > 1e-3  # eval mode does not follow
    layer.train()
    layer.weight  # noqa: B018
    layer.eval()
    torch.testing.assert_close(reference.largest_singular_value(layer.weight), torch.ones((), dtype=torch.float64))


def test_spectral_norm_of_a_transposed_convolution_takes_its_outputs_as_rows():
    layer = norms.wrap("spectral", nn.ConvTranspose2d(3, 5, 4), n_power_iterations=50)
    layer.weight  # noqa: B018
    sigma = reference.largest_singular_value(layer.eval().weight.transpose(0, 1))
    torch.testing.assert_close(sigma, torch.ones(()))


def test_spectral_norm_stands_still_in_eval_mode_and_when_frozen():
    layer = norms.wrap("spectral", nn.Linear(6, 5))
    before = buffers(layer)
    x = torch.randn(2, 6)
    with norms.freeze_state(layer):
        layer(x)
        frozen = layer.weight.clone()
    layer.eval()(x)
    assert_same(before, layer)
    assert torch.equal(frozen, layer.weight)
    layer.train()(x)
    with pytest.raises(AssertionError):
        assert_same(before, layer)


def test_spectral_norm_is_differentiable_twice():
    layer = norms.wrap("spectral", nn.Linear(3, 3)).double().eval()
    x = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    original = layer.parametrizations.weight.original

    def output(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(layer, {"parametrizations.weight.original": weight}, x).tanh()

    assert torch.autograd.gradcheck(output, (x, original))
    assert torch.autograd.gradgradcheck(output, (x, original))


def test_no_weight_norm_leaves_the_layer():
    layer = nn.Linear(2, 2)
    for nothing in (None, False, "none", "off"):
        assert norms.wrap(nothing, layer) is layer
    assert not hasattr(layer, "parametrizations")
    assert norms.wrap(torch.nn.utils.parametrizations.weight_norm, layer) is layer


def rows_of(layer: nn.Module) -> torch.Tensor:
    """Return a layer's weight with one row per output, from the layer's own answers to unit inputs."""
    transposed = isinstance(layer, nn.ConvTranspose2d)
    weight = layer.weight.detach()
    if not transposed:
        return weight.flatten(1)
    per_group = weight.shape[0] // layer.groups
    groups = [weight[g * per_group : (g + 1) * per_group] for g in range(layer.groups)]
    return torch.cat([group.transpose(0, 1).flatten(1) for group in groups])


OUTPUT_LAYERS = [
    *LAYERS, partial(nn.Conv2d, 4, 6, 3, groups=2), partial(nn.ConvTranspose2d, 4, 6, 3),
    partial(nn.ConvTranspose2d, 4, 6, 3, groups=2),
]  # fmt: skip


@pytest.mark.parametrize("make", OUTPUT_LAYERS)
def test_weight_standardization_standardizes_each_output(make):
    layer = make().double()
    target = reference.standardized_rows(rows_of(layer))
    norms.wrap("weight_standardize", layer)
    torch.testing.assert_close(rows_of(layer), target)
    torch.testing.assert_close(rows_of(layer).mean(1), torch.zeros(len(target), dtype=torch.float64))


@pytest.mark.parametrize("make", OUTPUT_LAYERS)
def test_weight_norm_starts_as_it_was_and_then_learns_each_outputs_length(make):
    layer = make().double()
    before = rows_of(layer).clone()
    norms.wrap("weight", layer)
    torch.testing.assert_close(rows_of(layer), before)
    with torch.no_grad():
        layer.parametrizations.weight.original1.mul_(3)  # the direction's length does not matter
    torch.testing.assert_close(rows_of(layer), before)
    with torch.no_grad():
        layer.parametrizations.weight.original0.fill_(2)
    torch.testing.assert_close(rows_of(layer).square().sum(1).sqrt(), torch.full((len(before),), 2.0).double())


@pytest.mark.parametrize("make", [*LAYERS, partial(nn.ConvTranspose2d, 4, 6, 3)])
def test_weight_norm_has_the_state_of_torchs(make):
    ours, theirs = norms.wrap("weight", make()), make()
    torch.nn.utils.parametrizations.weight_norm(theirs, dim=int(isinstance(theirs, nn.ConvTranspose2d)))
    ours.load_state_dict(theirs.state_dict())
    torch.testing.assert_close(ours.weight, theirs.weight)


def test_weight_standardization_equals_timms_own():
    theirs = timm.layers.StdConv2d(4, 6, 3, eps=1e-5, padding=0, bias=True)
    ours = norms.wrap("weight_standardize", nn.Conv2d(4, 6, 3))
    ours.load_state_dict({"bias": theirs.bias, "parametrizations.weight.original": theirs.weight})
    x = torch.randn(2, 4, 5, 5)
    torch.testing.assert_close(ours(x), theirs(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", WEIGHT)
@pytest.mark.parametrize("second", WEIGHT)
def test_a_weight_is_normalized_once(name, second):
    layer = norms.wrap(name, nn.Linear(3, 3))
    with pytest.raises(norms.NormKindError, match="normalized already"):
        norms.wrap(second, layer)


@pytest.mark.parametrize("name", WEIGHT)
def test_a_weight_norm_is_learned_with_the_layer(name):
    layer = norms.wrap(name, nn.Linear(4, 3))
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    before = layer.weight.detach().clone()
    layer(torch.randn(5, 4)).square().sum().backward()
    optimizer.step()
    assert not torch.allclose(before, layer.weight)


def test_weights_of_zeros_have_no_direction():
    layer = nn.Linear(3, 2)
    nn.init.zeros_(layer.weight)
    with pytest.raises(norms.NormShapeError, match="all 0"):
        norms.wrap("weight", layer)


@pytest.mark.filterwarnings("ignore:`torch.nn.utils.weight_norm` is deprecated")
@pytest.mark.parametrize("old", [nn.utils.spectral_norm, nn.utils.weight_norm])
@pytest.mark.parametrize("name", WEIGHT)
def test_a_layer_with_torchs_old_hook_is_normalized_already(name, old):
    with pytest.raises(norms.NormKindError, match="normalized already"):
        norms.wrap(name, old(nn.Linear(3, 2)))

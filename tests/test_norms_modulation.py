"""Conditional norms: any norm × any condition."""

import pickle

import pytest
import torch
from torch import nn

from gannorm import norms
from tests.reference import norms as reference

CHANNELS, CONDITION = 8, 3
SHAPES = {0: (5, 8), 1: (5, 8, 6), 2: (5, 8, 3, 4), 3: (5, 8, 2, 3, 2)}
BASES = [name for kind in ("activation", "fused") for name in norms.names(kind=kind) if name != "global_response"]
WAYS = norms.names(kind="conditional")
CASES = [(base, dims) for base in BASES for dims in norms.describe(base).dims]
# What stands between x̂ and γ in a norm without γ and β, from a batch of the size here.
OPTIONS = {"group": {"num_groups": 2}, "evonorm_s0": {"num_groups": 2}, "ghost_batch": {"ghost_size": 2}}
EXTRAS = {
    "layer_instance": lambda module: {"rho": torch.sigmoid(module.mixture)},
    "evonorm_s0": lambda module: {"slope": module.slope},
    "ghost_batch": lambda module: {"ghost_size": 2},
    "batch_instance": lambda module: {"rho": torch.sigmoid(module.mixture)},
    "dynamic_tanh": lambda module: {"alpha": module.slope},
}


def plain(base: str, norm: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return getattr(reference, base)(x, **EXTRAS.get(base, lambda _: {})(norm))


@pytest.mark.parametrize(("base", "dims"), CASES)
def test_every_norm_has_its_conditional_form(base, dims):
    norm = norms.conditional(base, CHANNELS, CONDITION, dims=dims, **OPTIONS.get(base, {})).double()
    x, condition = torch.randn(SHAPES[dims]).double(), torch.randn(5, CONDITION).double()
    nn.init.normal_(norm.modulation.weight)
    if base == "virtual_batch":
        batch = torch.randn(SHAPES[dims]).double()
        norms.prepare(norm, (batch, condition))
        target = reference.virtual_batch(x, reference=batch)
    else:
        target = plain(base, norm.norm, x)
    change, beta = norm.modulation(condition).chunk(2, dim=1)
    with torch.no_grad():
        target = reference.modulated(target, 1 + change, beta)
        if base == "filter_response":
            target = reference.thresholded(target, norm.activation.threshold)
        torch.testing.assert_close(norm(x, condition), target)
    assert getattr(norm.norm, "weight", None) is None  # no γ of its own beside the condition's


@pytest.mark.parametrize("way", WAYS)
def test_gamma_starts_at_one_and_beta_at_zero_for_every_condition(way):
    norm = norms.conditional(way, CHANNELS, CONDITION)
    x = torch.randn(SHAPES[2]) * 3 + 1
    expected = norm.norm.train()(x)
    torch.testing.assert_close(norm(x, torch.randn(5, CONDITION) * 100), expected)
    assert expected.std() > 0.5  # and not at 0, where compare_gan's self-modulation once began


@pytest.mark.parametrize("way", WAYS)
def test_a_sample_listens_to_its_own_condition_and_the_map_learns(way):
    norm = norms.conditional({"name": way, "base": "group", "init_std": 0.5}, CHANNELS, CONDITION)
    x, condition = torch.randn(SHAPES[2]), torch.randn(5, CONDITION)
    changed = condition.clone()
    changed[1] += 1
    same = [torch.equal(a, b) for a, b in zip(norm(x, condition), norm(x, changed), strict=True)]
    assert same == [True, False, True, True, True]
    fresh = norms.conditional(way, CHANNELS, CONDITION)
    (fresh(x, condition) * torch.randn(x.shape)).sum().backward()
    last = fresh.modulation if isinstance(fresh.modulation, nn.Linear) else fresh.modulation[-1]
    assert last.weight.grad.abs().sum() > 0


def test_the_default_bases_are_the_papers():
    kinds = {way: type(norms.conditional(way, 8, 3).norm) for way in WAYS}
    assert kinds == {
        "class_conditional": nn.BatchNorm2d,
        "style": nn.InstanceNorm2d,
        "self_modulated": nn.BatchNorm2d,
    }


def test_specs_with_a_norm_inside_are_plain_data():
    spec = norms.resolve({"name": "AdaIN", "base": {"name": "GN", "num_groups": "4"}, "init_std": "1e-2"})
    assert spec.to_dict() == {"name": "style", "base": {"name": "group", "num_groups": 4}, "init_std": 0.01}
    assert norms.resolve(spec.to_dict()) == norms.resolve(spec.to_dict(defaults=True)) == spec
    assert hash(pickle.loads(pickle.dumps(spec))) == hash(spec)
    assert norms.resolve({"name": "style", "base": "instance_plain"}) == norms.resolve("style")
    assert norms.conditional(spec, 8, 3).norm.num_groups == 4


def test_options_go_to_the_norm_that_was_named():
    assert norms.conditional("group", 64, 3, num_groups=8).norm.num_groups == 8
    assert norms.conditional("self_modulated", 64, 3, hidden=16).modulation[0].out_features == 16
    assert isinstance(norms.conditional(nn.BatchNorm2d, 8, 3).norm, nn.BatchNorm2d)
    assert norms.conditional(nn.BatchNorm2d, 8, 3).norm.weight is None


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: norms.create("style", 8), norms.NormKindError, "norms.conditional('style', channels, condition_dim)"),
        (lambda: norms.conditional("spectral", 8, 3), norms.NormKindError, "norms.wrap('spectral', layer)"),
        (lambda: norms.conditional("style", 8, 3, base="self_modulated"), norms.NormKindError, "norms.conditional("),
        (lambda: norms.conditional("style", 8, 0), norms.NormShapeError, "condition_dim=0"),
        (lambda: norms.conditional("style", 8, 3, hidden=4), norms.NormOptionError, "'hidden'"),
        (lambda: norms.conditional("style", 8, 3, base="btach"), norms.UnknownNormError, "did you mean 'batch'?"),
        (lambda: norms.conditional("style", 8, 3, dims=0), norms.NormShapeError, "dims=0"),
        (
            lambda: norms.conditional("batch", 8, 3)(torch.zeros(2, 8, 4, 4), torch.zeros(3, 3)),
            norms.NormShapeError,
            "2 samples and a condition of shape (3, 3)",
        ),
        (
            lambda: norms.conditional("none", 8, 3)(torch.zeros(2, 1, 4, 4), torch.zeros(2, 3)),
            norms.NormShapeError,
            "8 channels got an input of shape (2, 1, 4, 4)",
        ),
        (
            lambda: norms.conditional("batch", 8, 3)(torch.zeros(2, 8, 4, 4), torch.tensor([0, 1])),
            norms.NormShapeError,
            "class ids are embedded first",
        ),
    ],
)
def test_errors(call, error, words):
    with pytest.raises(error) as caught:
        call()
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)

"""The reverse lookup: every layer that a norm makes leads back to it; what is not known is not guessed at."""

import pytest
import timm
import torch
import torchvision
from torch import nn

from gannorm import norms
from gannorm.norms.foreign import FOREIGN
from gannorm.norms.lookup import channels_of, is_unknown_norm, recognize, tracks_statistics

MADE = [
    (name, dims)
    for name in [*norms.names(kind="activation"), *norms.names(kind="fused")]
    for dims in norms.describe(name).dims
]


class Derived(nn.BatchNorm2d):
    """A subclass that computes something else."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) * 2


class OverChannels(nn.Module):
    """Layer norm over channels, as a registered class of its own."""

    def __init__(self, channels: int, *, dims: int, eps: float = 1e-5, affine: bool = True) -> None:
        super().__init__()
        self.channels, self.dims, self.eps, self.affine = channels, dims, eps, affine
        self.weight = nn.Parameter(torch.ones(channels)) if affine else None
        self.bias = nn.Parameter(torch.zeros(channels)) if affine else None


def over_channels(channels: int, *, dims: int, eps: float = 1e-5, affine: bool = True) -> nn.Module:
    """Layer norm over channels."""
    if dims == 0:
        return nn.LayerNorm(channels, eps=eps, elementwise_affine=affine)
    return OverChannels(channels, dims=dims, eps=eps, affine=affine)


@pytest.mark.parametrize(("name", "dims"), MADE)
@pytest.mark.parametrize("channels", [8, 64])
def test_every_layer_leads_back_to_its_norm(name, dims, channels):
    # An Identity cannot tell what it stands for: its None resolves to "none" again.
    assert norms.resolve(norms.spec_of(norms.create(name, channels, dims=dims))) == norms.resolve(name)


@pytest.mark.parametrize(("name", "dims"), MADE)
def test_options_lead_back_too(name, dims):
    changed = {"eps": 0.25, "affine": False, "momentum": 0.5}
    options = {key: value for key, value in changed.items() if key in norms.describe(name).defaults}
    spec = norms.spec_of(norms.create(name, 8, dims=dims, **options))
    layer = norms.create(name, 8, dims=dims, **options)
    again = norms.create(spec, 8, dims=dims)
    assert (type(again), repr(again)) == (type(layer), repr(layer))
    assert {key: value.shape for key, value in again.state_dict().items()} == {
        key: value.shape for key, value in layer.state_dict().items()
    }


@pytest.mark.parametrize(
    ("layer", "spec"),
    [
        (nn.BatchNorm1d(8), {"name": "batch"}),
        (nn.BatchNorm2d(8, momentum=None), {"name": "batch", "momentum": None}),
        (nn.BatchNorm3d(8, track_running_stats=False), {"name": "batch", "track_running_stats": False}),
        (nn.InstanceNorm2d(8, affine=True), {"name": "instance"}),
        (nn.GroupNorm(1, 8), {"name": "layer"}),
        (nn.GroupNorm(2, 8, eps=0.5), {"name": "group", "eps": 0.5}),  # two groups are what "auto" gives
        (nn.GroupNorm(8, 8), {"name": "group", "num_groups": 8}),
        (timm.layers.GroupNorm(64, 4), {"name": "group", "num_groups": 4}),
        (timm.layers.GroupNorm1(64), {"name": "layer"}),
        (timm.layers.LayerNorm(8), {"name": "layer_channels", "eps": 1e-6}),
        (timm.layers.LayerNorm2d(8), {"name": "layer_channels", "eps": 1e-6}),
        (torchvision.models.convnext.LayerNorm2d(8, eps=1e-5), {"name": "layer_channels"}),
        (timm.layers.RmsNorm2d(8), {"name": "rms"}),
        (nn.LayerNorm(8), {"name": "layer_channels"}),
        (nn.RMSNorm(8, eps=1e-6), {"name": "rms"}),
        (nn.SyncBatchNorm(8), {"name": "sync_batch"}),
        (nn.InstanceNorm2d(8), {"name": "instance_plain"}),
    ],
)
def test_layers_of_other_origin(layer, spec):
    assert norms.spec_of(layer) == norms.resolve(spec)
    assert norms.is_norm(layer)


@pytest.mark.parametrize(
    "layer",
    [nn.Identity(), nn.Linear(8, 8), nn.Conv2d(8, 8, 1), nn.LayerNorm((8, 4)), nn.Sequential(), nn.ReLU()],
    ids=lambda layer: type(layer).__name__,
)
def test_no_norm_of_channels(layer):
    assert norms.spec_of(layer) is None
    assert not norms.is_norm(layer)
    assert channels_of(layer) is None


def test_a_subclass_is_never_taken_for_its_base():
    for layer in (Derived(8), nn.LazyBatchNorm2d(), torch.ao.nn.quantized.GroupNorm(2, 8, None, None, 1.0, 0)):
        assert norms.spec_of(layer) is None
        assert not norms.is_norm(layer)
        assert is_unknown_norm(layer)
    assert not is_unknown_norm(nn.BatchNorm2d(8))
    assert not is_unknown_norm(nn.Linear(8, 8))


def test_settings_that_no_norm_offers_are_not_dropped_from_the_spec():
    tracking = nn.InstanceNorm2d(8, affine=True, track_running_stats=True)
    without_shift = nn.GroupNorm(2, 8)
    without_shift.bias = None
    for layer in (tracking, without_shift):
        assert norms.spec_of(layer) is None
        assert norms.is_norm(layer)
        assert not recognize(layer).complete


def test_norm_and_activation_in_one_is_a_norm_but_not_only_one():
    layer = timm.layers.BatchNormAct2d(8, eps=1e-3)
    assert norms.spec_of(layer) is None
    assert norms.is_norm(layer)
    found = recognize(layer)
    assert found.spec == norms.resolve("batch", eps=1e-3)
    assert {name: type(module) for name, module in found.after.items()} == {"drop": nn.Identity, "act": nn.ReLU}


def test_registered_classes_and_functions():
    with norms.registered("mine", over_channels, axes=("channel",), dims=(0, 1, 2)):
        assert norms.spec_of(norms.create("mine", 8, dims=2, eps=0.5)) == norms.resolve("mine", eps=0.5)
        # Of points both norms make torch's own layer: the first that was registered is told.
        assert norms.spec_of(norms.create("mine", 8, dims=0)) == norms.resolve("layer_channels")
    assert not norms.is_norm(OverChannels(8, dims=2))


def test_a_class_that_hides_an_option_has_no_spec():
    class Hiding(nn.Module):
        """Scale."""

        def __init__(self, channels: int, *, factor: float = 2.0) -> None:
            super().__init__()
            self.channels = channels

    with norms.registered("hiding", Hiding):
        assert norms.spec_of(Hiding(8)) is None
        assert norms.is_norm(Hiding(8))


class Unstated(nn.Module):
    """A plug-in's norm that keeps its number of channels under another name."""

    def __init__(self, channels: int, *, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.c, self.eps, self.momentum = channels, eps, momentum


class Weighted(nn.Module):
    """One whose γ alone says how many channels it has."""

    def __init__(self, channels: int, *, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(channels))


def unstated(channels: int, *, eps: float = 1e-5) -> nn.Module:
    """One of its own class, made by a function."""
    return Unstated(channels, eps=eps)


@pytest.mark.parametrize("constructor", [Unstated, unstated, Weighted])
def test_a_registered_norm_is_known_by_its_class_alone(constructor):
    with norms.registered("own", constructor, axes=("batch", "space"), dims=(1, 2, 3)):
        assert norms.is_norm(constructor(8))
        assert norms.spec_of(constructor(8)) == norms.resolve("own")
        assert norms.spec_of(constructor(8, eps=0.5)) == norms.resolve("own", eps=0.5)
        assert recognize(constructor(8)).dims == (1, 2, 3)
        hiding = constructor(8, eps=0.5)
        del hiding.eps
        assert norms.is_norm(hiding)
        assert norms.spec_of(hiding) is None  # what cannot be read is not said
        assert not norms.is_norm(type("Derived", (type(constructor(8)),), {})(8))
    assert not norms.is_norm(constructor(8))


def test_channels_of_a_weight():
    buffered = nn.Module()
    buffered.register_buffer("weight", torch.ones(8))
    assert [channels_of(layer) for layer in (Unstated(8), Weighted(8), buffered)] == [None, 8, 8]
    assert channels_of(Weighted(1)) is None  # one weight may be for all channels
    assert channels_of(nn.LazyLinear(8)) is None
    assert channels_of(nn.LayerNorm((8, 4))) is None


def test_a_container_that_a_function_makes_is_not_taken_for_the_norm():
    class Pair(nn.Sequential):
        """Two layers."""

    def pair(channels: int) -> nn.Module:
        """Norm and more."""
        return Pair(nn.BatchNorm2d(channels), nn.Identity())

    with norms.registered("pair", pair, axes=("batch", "space")):
        assert not norms.is_norm(Pair(nn.Linear(2, 2)))


def test_names_of_other_libraries_exist():
    modules = {"timm.layers.norm": timm.layers.norm, "timm.layers.norm_act": timm.layers.norm_act}
    modules["torchvision.models.convnext"] = torchvision.models.convnext
    for module, name in FOREIGN:
        assert issubclass(getattr(modules[module], name), nn.Module)


def test_looking_draws_no_random_numbers_and_changes_nothing():
    layers = [norms.create(name, 8, dims=dims) for name, dims in MADE]
    wrapped = [norms.wrap(name, nn.Linear(2, 2)) for name in norms.names(kind="weight")]
    before, state = [dict(vars(layer)) for layer in layers], torch.get_rng_state()
    for layer in layers:
        norms.spec_of(layer)
    for layer in wrapped:
        norms.weight_spec_of(layer)
    assert [vars(layer) for layer in layers] == before
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("name", norms.names(kind="weight"))
def test_weight_norms_lead_back(name):
    for layer in (nn.Linear(4, 4), nn.Conv2d(4, 4, 3)):
        assert norms.weight_spec_of(layer) is None
        assert norms.weight_spec_of(norms.wrap(name, layer)) == norms.resolve(name)


def test_options_of_a_weight_norm_lead_back():
    layer = norms.wrap("spectral", nn.Linear(4, 4), n_power_iterations=3)
    assert norms.weight_spec_of(layer) == norms.resolve("spectral", n_power_iterations=3)
    nn.utils.parametrize.register_parametrization(layer, "weight", nn.Identity())
    assert norms.weight_spec_of(layer) is None


def test_statistics():
    assert tracks_statistics(nn.BatchNorm2d(8))
    assert tracks_statistics(nn.InstanceNorm2d(8, track_running_stats=True))
    assert not tracks_statistics(nn.InstanceNorm2d(8))
    assert not tracks_statistics(nn.Linear(2, 2))

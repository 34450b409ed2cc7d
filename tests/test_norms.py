"""Norms against their definitions, what is declared of them against what they do, and what bad input gets."""

import pickle
import subprocess
import sys
from functools import partial

import pytest
import timm
import torch
import torch.nn.functional as F
import torchvision
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from gannorm import norms
from tests.reference import norms as reference

CHANNELS = 8
SHAPES = {0: (5, 8), 1: (5, 8, 6), 2: (5, 8, 3, 4), 3: (3, 8, 2, 3, 2)}
ACTIVATION = norms.names(kind="activation")
CASES = [(name, dims) for name in ACTIVATION for dims in norms.describe(name).dims]
# No default has a definition of its own: group norm with two groups is compared.
OPTIONS = {"group": {"num_groups": 2}}


def made(name: str, dims: int, dtype: torch.dtype = torch.float64) -> nn.Module:
    """Return a norm in training mode whose γ and β, where it has them, are no longer 1 and 0."""
    module = norms.create(name, CHANNELS, dims=dims, **OPTIONS.get(name, {})).to(dtype)
    for parameter in module.parameters():
        nn.init.normal_(parameter)
    return module


def expected(name: str, module: nn.Module, x: torch.Tensor) -> torch.Tensor:
    y = getattr(reference, name)(x)
    parameters = dict(module.named_parameters())
    return reference.affine(y, parameters["weight"], parameters["bias"]) if parameters else y


def buffers(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: buffer.clone() for name, buffer in module.named_buffers()}


def assert_same(before: dict[str, torch.Tensor], module: nn.Module) -> None:
    after = dict(module.named_buffers())
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def a_generator() -> nn.Sequential:
    """Return a small network with batch norm, spectral norm and dropout, in training mode."""
    return nn.Sequential(
        norms.wrap("spectral", nn.Linear(4, 6)), norms.create("batch", 6, dims=0), nn.ReLU(), nn.Dropout(),
        norms.wrap("spectral", nn.Linear(6, 6)), norms.create("batch", 6, dims=0),
    )  # fmt: skip


# Definitions


@pytest.mark.parametrize(("name", "dims"), CASES)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-6), (torch.float32, 1e-5)])
def test_equals_its_definition(name, dims, dtype, tolerance):
    module = made(name, dims, dtype)
    x = torch.randn(SHAPES[dims], dtype=dtype) * 3 + 1
    target = expected(name, module.double(), x.double())
    torch.testing.assert_close(module.to(dtype)(x).double(), target, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dims", SHAPES)
def test_one_group_is_layer_norm_over_channels_and_space(dims):
    x = torch.randn(SHAPES[dims], dtype=torch.float64)
    one_group = norms.create("group", CHANNELS, dims=dims, num_groups=1).double()
    torch.testing.assert_close(one_group(x), F.layer_norm(x, x.shape[1:]))
    torch.testing.assert_close(one_group(x), reference.layer(x))


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_a_group_per_channel_is_instance_norm(dims):
    x = torch.randn(SHAPES[dims], dtype=torch.float64)
    torch.testing.assert_close(
        norms.create("group", CHANNELS, dims=dims, num_groups=CHANNELS).double()(x), reference.instance(x)
    )


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_batch_norm_of_one_sample_is_instance_norm_in_training(dims):
    x = torch.randn(SHAPES[dims], dtype=torch.float64)[:1]
    module = norms.create("batch", CHANNELS, dims=dims).double()
    torch.testing.assert_close(module(x), reference.instance(x))
    assert not torch.allclose(module.eval()(x), reference.instance(x))


@pytest.mark.parametrize(("name", "dims"), CASES)
def test_differentiable_twice(name, dims):
    shape = (3, CHANNELS, *(2 for _ in range(dims)))
    x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    module = made(name, dims)
    assert torch.autograd.gradcheck(module, (x,), fast_mode=True)
    assert torch.autograd.gradgradcheck(module, (x,), fast_mode=True)


def test_batch_norm_uses_running_statistics_in_eval_mode_and_the_others_have_no_state():
    x = torch.randn(SHAPES[2]) * 3 + 1
    for name in ACTIVATION:
        module = norms.create(name, CHANNELS)
        in_training = module(x)
        same = torch.equal(in_training, module.eval()(x))
        assert same == (name != "batch")
        assert norms.has_batch_statistics(module) == (name == "batch")
    module = norms.create("batch", CHANNELS, momentum=1.0)
    module(x)
    mean, variance = (statistic[:, None, None] for statistic in reference.average_statistics([x]))
    torch.testing.assert_close(module.eval()(x), (x - mean) / (variance + 1e-5).sqrt())


# What is declared


@pytest.mark.parametrize(("name", "dims"), CASES)
def test_couples_samples_as_declared(name, dims):
    module = made(name, dims)
    x = torch.randn(SHAPES[dims], dtype=torch.float64)
    changed = x.clone()
    changed[1] = torch.randn_like(x[1]) * 7
    moved = not torch.equal(module(x)[0], module(changed)[0])
    assert moved == norms.describe(name).couples_samples


@pytest.mark.parametrize(
    ("name", "options"),
    [*((name, {}) for name in ACTIVATION), ("group", {"num_groups": 8}), ("group", {"group_size": 2})],
)
@pytest.mark.parametrize("dims", [0, 2])
def test_bias_is_redundant_exactly_where_it_is_said(name, options, dims):
    if dims not in norms.describe(name).dims or (dims == 0 and options == {"num_groups": 8}):
        return
    module = norms.create(name, CHANNELS, dims=dims, **options).double()
    x = torch.randn(SHAPES[dims], dtype=torch.float64)
    bias = torch.randn(CHANNELS, dtype=torch.float64).view(1, -1, *(1 for _ in range(dims)))
    unmoved = torch.allclose(module(x), module(x + bias), atol=1e-9)
    assert unmoved == norms.bias_redundant(name, CHANNELS, **options)


def test_bias_advice():
    assert norms.bias_redundant("layer", 1)  # one channel: its mean takes its bias away
    assert norms.bias_redundant({"name": "GN", "group_size": 1}, 64)
    assert not norms.bias_redundant("group", 64)
    assert not norms.bias_redundant(nn.BatchNorm2d, 64)
    with pytest.raises(norms.NormKindError):
        norms.bias_redundant("spectral", 64)


@pytest.mark.parametrize(
    ("name", "dims", "kind"),
    [
        ("BN", 0, nn.BatchNorm1d),
        ("BN", 1, nn.BatchNorm1d),
        ("batch", 2, nn.BatchNorm2d),
        ("Batch", 3, nn.BatchNorm3d),
        ("IN", 1, nn.InstanceNorm1d),
        ("instance", 2, nn.InstanceNorm2d),
        ("in", 3, nn.InstanceNorm3d),
        ("GN", 2, nn.GroupNorm),
        ("LN", 2, nn.GroupNorm),
        ("None", 2, nn.Identity),
    ],
)
def test_returns_torchs_own_class(name, dims, kind):
    assert type(norms.create(name, 8, dims=dims)) is kind


@pytest.mark.parametrize("name", ["batch", "instance", "group", "layer"])
def test_options_reach_the_layer(name):
    x = torch.randn(SHAPES[2], dtype=torch.float64)
    module = norms.create(name, CHANNELS, eps=0.5, affine=False, **OPTIONS.get(name, {})).double()
    assert not list(module.parameters())
    torch.testing.assert_close(module(x), getattr(reference, name)(x, eps=0.5))
    assert norms.create("batch", CHANNELS, momentum="0.5").momentum == 0.5
    assert not list(norms.create("batch", CHANNELS, track_running_stats=False).buffers())


def test_same_parameters_whatever_the_norm():
    shapes = {name: {k: v.shape for k, v in norms.create(name, 8).named_parameters()} for name in ACTIVATION}
    assert shapes.pop("none") == {}
    assert all(shape == {"weight": (8,), "bias": (8,)} for shape in shapes.values())


def test_every_row_is_complete():
    for name in norms.names():
        info = norms.describe(name)
        assert info.summary, name
        assert info.formula, name
        assert info.paper or name == "none", name
        page = str(info)
        assert page.startswith(name)
        assert all(option.name in page for option in info.options)


def test_names_filter():
    assert norms.names() == ["batch", "instance", "group", "layer", "none", "spectral"]
    assert norms.names("B*") == ["batch"]
    assert norms.names(kind="activation", batch_free=True) == ["instance", "group", "layer", "none"]
    assert "instance" not in norms.names(kind="activation", dims=0)


# Specs


@pytest.mark.parametrize(
    ("spec", "plain"),
    [
        ("GN", {"name": "group"}),
        (" Group ", {"name": "group"}),
        ({"name": "group", "num_groups": "8"}, {"name": "group", "num_groups": 8}),
        ({"name": "group", "num_groups": "auto"}, {"name": "group"}),
        ({"name": "batch", "eps": "1e-3", "affine": "false"}, {"name": "batch", "affine": False, "eps": 1e-3}),
        ({"name": "batch", "momentum": "null"}, {"name": "batch", "momentum": None}),
        ({"name": None}, {"name": "none"}),
        (None, {"name": "none"}),
        (False, {"name": "none"}),
        ("off", {"name": "none"}),
        ("", {"name": "none"}),
        ("SN", {"name": "spectral"}),
        (nn.BatchNorm2d, {"class_path": "torch.nn.modules.batchnorm.BatchNorm2d"}),
        (
            {"class_path": "torch.nn.BatchNorm2d", "init_args": {"eps": "1e-3"}},
            {"class_path": "torch.nn.modules.batchnorm.BatchNorm2d", "init_args": {"eps": 1e-3}},
        ),
    ],
)
def test_spec_resolves_to_plain_data_and_back(spec, plain):
    resolved = norms.resolve(spec)
    assert resolved.to_dict() == plain
    assert norms.resolve(resolved.to_dict()) == norms.resolve(resolved) == resolved
    assert norms.resolve(resolved.to_dict(defaults=True)) == resolved
    assert hash(resolved) == hash(norms.resolve(plain))
    assert pickle.loads(pickle.dumps(resolved)) == resolved


def test_yaml_surprises():
    config = yaml.safe_load(
        "{a: none, b: null, c: off, d: ~, e: {name: batch, eps: 1e-5}, f: {name: batch, eps: 1e-3}}"
    )
    assert isinstance(config["e"]["eps"], str)
    assert all(isinstance(norms.create(config[key], 4), nn.Identity) for key in "abcd")
    assert norms.create(config["e"], 4).eps == 1e-5
    assert norms.create(config["f"], 4).eps == 1e-3


def test_options_of_a_call_win_over_those_of_the_mapping():
    assert norms.create({"name": "group", "num_groups": 8}, 64, num_groups=4).num_groups == 4
    assert norms.create(norms.resolve("group", num_groups=8), 64, eps=1e-3).eps == 1e-3


def test_callables():
    assert norms.create(partial(nn.GroupNorm, 8), 64).num_groups == 8
    function = norms.create(lambda channels: nn.GroupNorm(4, channels), 64)
    assert function.num_groups == 4
    logged = norms.resolve(partial(nn.GroupNorm, 8)).to_dict()
    assert logged == {"callable": "partial(torch.nn.modules.normalization.GroupNorm)"}
    with pytest.raises(norms.NormOptionError, match="give that object again"):
        norms.resolve(logged)


def test_options_are_keyword_only():
    with pytest.raises(TypeError):
        norms.create("batch", 64, 0.8)
    for name in norms.names():
        with pytest.raises(TypeError):
            norms.describe(name).constructor(64, 0.8)


@given(channels=st.integers(1, 600))
def test_automatic_groups_divide_and_never_become_instance_norm(channels):
    groups = norms.number_of_groups(channels)
    assert channels % groups == 0
    assert groups <= 32
    assert groups == 1 or channels // groups >= 4
    larger = [g for g in range(groups + 1, 33) if channels % g == 0 and channels // g >= 4]
    assert not larger


@settings(deadline=None, max_examples=40)
@given(
    name=st.sampled_from(ACTIVATION), n=st.integers(2, 4), c=st.integers(2, 12),
    space=st.lists(st.integers(2, 4), max_size=3),
)  # fmt: skip
def test_shape_and_dtype_are_kept(name, n, c, space):
    if len(space) not in norms.describe(name).dims:
        return
    x = torch.randn(n, c, *space)
    y = norms.create(name, c, dims=len(space))(x)
    assert y.shape == x.shape
    assert y.dtype == x.dtype
    assert y.isfinite().all()


# Other libraries


@pytest.mark.parametrize("name", ACTIVATION)
def test_factory_in_torchvision(name):
    model = torchvision.models.resnet18(norm_layer=norms.factory(name), num_classes=3)
    assert model(torch.randn(2, 3, 64, 64)).shape == (2, 3)
    assert (type(model.layer1[0].bn1) is nn.BatchNorm2d) == (name == "batch")


@pytest.mark.parametrize("name", ACTIVATION)
def test_factory_in_timm(name):
    model = timm.create_model("resnet10t", norm_layer=norms.factory(name), num_classes=3)
    assert model(torch.randn(2, 3, 64, 64)).shape == (2, 3)


def test_factory_is_picklable_and_checked_when_made():
    make = pickle.loads(pickle.dumps(norms.factory({"name": "group", "group_size": 4}, dims=1)))
    assert make(64).num_groups == 16
    assert make(64, dtype=torch.float64).weight.dtype == torch.float64
    with pytest.raises(norms.UnknownNormError):
        norms.factory("goup")
    with pytest.raises(norms.NormKindError):
        norms.factory("spectral")


def test_layer_norm_in_a_recurrent_cell_looks_at_one_step_only():
    norm = norms.create("layer", 8, dims=0)
    steps = torch.randn(3, 2, 8)
    changed = steps.clone()
    changed[2] = 0
    assert torch.equal(norm(steps[1]), norm(changed[1]))
    torch.testing.assert_close(norm(steps[1]), reference.layer(steps[1]))


# Errors


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: norms.create("bacth", 8),
            norms.UnknownNormError,
            "'bacth'; did you mean 'batch'? there are batch, instance, group, layer, none, spectral",
        ),
        (lambda: norms.create("qqq", 8), norms.UnknownNormError, "'qqq' there are batch, instance"),
        (
            lambda: norms.create("batch", 8, epsilon=1e-3),
            norms.NormOptionError,
            "'epsilon'; did you mean 'eps'? eps=1e-05, momentum=0.1, affine=True",
        ),
        (lambda: norms.create("none", 8, eps=1e-3), norms.NormOptionError, "'eps' no options"),
        (
            lambda: norms.create("batch", 8, eps="tiny"),
            norms.NormOptionError,
            "eps='tiny' is no float; the default is 1e-05",
        ),
        (lambda: norms.create("batch", 8, eps=True), norms.NormOptionError, "eps=True is no float"),
        (lambda: norms.create("group", 8, num_groups=2.0), norms.NormOptionError, "num_groups=2.0 is no int or 'auto'"),
        (
            lambda: norms.create("group", 8, num_groups=2, group_size=2),
            norms.NormOptionError,
            "num_groups=2 group_size=2 give one",
        ),
        (lambda: norms.create({"name": "batch", "dims": 1}, 8), norms.NormOptionError, "'dims'"),
        (lambda: norms.create({"num_groups": 8}, 8), norms.NormOptionError, "needs 'name'"),
        (
            lambda: norms.create({"class_path": "torch.nn.Nope"}, 8),
            norms.NormOptionError,
            "'torch.nn.Nope' package.module.Class",
        ),
        (
            lambda: norms.create(nn.GroupNorm, 8),
            norms.NormOptionError,
            "GroupNorm missing a required argument: 'num_channels'",
        ),
        (lambda: norms.create(nn.BatchNorm2d, 8, epsilon=1), norms.NormOptionError, "'epsilon'; did you mean 'eps'?"),
        (lambda: norms.create(nn.BatchNorm2d(8), 8), norms.NormOptionError, "is a layer its class or its name"),
        (lambda: norms.create(True, 8), norms.NormOptionError, "True None for no norm"),
        (lambda: norms.create(lambda c: c, 8), norms.NormOptionError, "returned int, not a torch.nn.Module"),
        (
            lambda: norms.create("group", 12, num_groups=8),
            norms.NormShapeError,
            "num_groups=8 12 channels 1, 2, 3, 4, 6, 12",
        ),
        (lambda: norms.create("group", 12, group_size=5), norms.NormShapeError, "group_size=5 1, 2, 3, 4, 6, 12"),
        (
            lambda: norms.create("instance", 8, dims=0),
            norms.NormShapeError,
            "'instance' dims=0 RNN constant 'batch', 'group', 'layer', 'none'",
        ),
        (lambda: norms.create("group", 8, dims=0, num_groups=8), norms.NormShapeError, "dims=0 constant"),
        (lambda: norms.create("layer", 1, dims=0), norms.NormShapeError, "constant; use 'batch', 'none'"),
        (lambda: norms.create("batch", 8, dims=4), norms.NormShapeError, "dims=4"),
        (lambda: norms.create("batch", 0), norms.NormShapeError, "channels=0"),
        (lambda: norms.create("batch", True), norms.NormShapeError, "channels=True"),
        (lambda: norms.create("spectral", 8), norms.NormKindError, "'spectral' norms.wrap('spectral', layer)"),
        (lambda: norms.wrap("batch", nn.Linear(2, 2)), norms.NormKindError, "'batch' norms.create('batch', channels)"),
        (lambda: norms.wrap("spectral", nn.ReLU()), norms.NormShapeError, "ReLU convolution"),
        (lambda: norms.wrap("spectral", nn.BatchNorm1d(2)), norms.NormShapeError, "BatchNorm1d"),
        (lambda: norms.wrap("SN", norms.wrap("SN", nn.Linear(2, 2))), norms.NormKindError, "already once"),
        (
            lambda: norms.register("gn")(lambda channels: nn.Identity()),
            norms.NormConflictError,
            "'gn' taken gannorm.norms.activation.group",
        ),
        (
            lambda: norms.register("mine")(lambda channels, **options: nn.Identity()),
            norms.NormOptionError,
            "'mine' '**options' keyword-only",
        ),
        (
            lambda: norms.register("mine")(lambda channels, eps=1: nn.Identity()),
            norms.NormOptionError,
            "'eps=1' keyword-only",
        ),
    ],
)
def test_errors_name_the_thing_its_value_and_the_way_out(call, error, words):
    with pytest.raises(error) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    assert all(word in message for word in words.split()), message
    assert isinstance(caught.value, norms.NormError)
    assert str(pickle.loads(pickle.dumps(norms.NormError("x", norm="y")))) == "x"


def test_errors_carry_attributes():
    with pytest.raises(norms.NormShapeError) as caught:
        norms.create("group", 12, num_groups=8)
    assert (caught.value.channels, caught.value.divisors) == (12, [1, 2, 3, 4, 6, 12])
    with pytest.raises(norms.UnknownNormError) as caught:
        norms.describe("spectrl")
    assert pickle.loads(pickle.dumps(caught.value)).nearest == "spectral"


def test_registered_is_scoped_even_after_an_error():
    class Half(nn.Module):
        """Half of it."""

        def __init__(self, channels: int, *, factor: float = 0.5) -> None:
            super().__init__()
            self.factor = factor

    def use() -> None:
        with norms.registered("half", Half, aliases=("H",), axes=("channel",)) as info:
            assert info.summary == "Half of it."
            assert norms.create("h", 4, factor="2").factor == 2.0
            assert "half" in norms.names()
            with pytest.raises(norms.NormConflictError, match=r"Half.*taken by .*Half"):
                norms.register("x", aliases=("half",))(Half)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        use()
    assert norms.names() == ["batch", "instance", "group", "layer", "none", "spectral"]
    with pytest.raises(norms.UnknownNormError):
        norms.create("H", 4)


# Weight norm

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


# State


def test_frozen_batch_norm_normalizes_as_ever_and_moves_nothing():
    norm = norms.create("batch", CHANNELS)
    x = torch.randn(SHAPES[2]) * 3 + 1
    norm(x)
    before = buffers(norm)
    with norms.freeze_state(norm):
        in_training = norm(x)
        in_eval = norm.eval()(x)
        norm.train()
    assert_same(before, norm)
    torch.testing.assert_close(in_training, reference.batch(x))
    assert torch.equal(in_eval, norm.eval()(x))
    norm.train()(x)
    assert norm.num_batches_tracked == before["num_batches_tracked"] + 1


@pytest.mark.parametrize("train", [True, False])
def test_frozen_network_computes_the_same(train):
    network = nn.Sequential(
        nn.Conv2d(8, 8, 1), nn.InstanceNorm2d(8, track_running_stats=True), norms.create("batch", 8),
        nn.utils.spectral_norm(nn.Conv2d(8, 8, 1)), norms.create("batch", 8, momentum=None),
    ).train(train)  # fmt: skip
    x = torch.randn(SHAPES[2])
    before = buffers(network)
    frozen = norms.FrozenState(network)
    outputs = []
    for _ in range(2):
        with frozen, frozen:
            outputs.append(network(x))
        assert_same(before, network)
    assert torch.equal(*outputs)
    identities = [id(buffer) for buffer in network.buffers()]
    with frozen:
        pass
    assert identities == [id(buffer) for buffer in network.buffers()]
    if not train:
        assert torch.equal(outputs[0], network(x))


def test_frozen_state_is_restored_after_an_error():
    network = a_generator()
    modes = [(vars(m).get("track_running_stats"), m.training) for m in network.modules()]

    def fail() -> None:
        with norms.freeze_state(network), norms.freeze_state(network):
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert modes == [(vars(m).get("track_running_stats"), m.training) for m in network.modules()]
    before = buffers(network)
    network(torch.randn(4, 4))
    after = dict(network.named_buffers())
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert {name.rpartition(".")[2] for name in moved} >= {"running_mean", "running_var", "num_batches_tracked"}
    assert any("_u" in name for name in moved)


def test_gradients_flow_through_a_frozen_network():
    plain, frozen = a_generator()[:3], a_generator()[:3]
    frozen.load_state_dict(plain.state_dict())
    z = torch.randn(5, 4)
    with norms.freeze_state(plain), norms.freeze_state(frozen):
        plain(z).square().sum().backward()
        frozen(z).square().sum().backward()
    assert all(torch.equal(a.grad, b.grad) for a, b in zip(plain.parameters(), frozen.parameters(), strict=True))


@pytest.mark.parametrize("train", [True, False])
def test_batch_statistics_of_a_network_otherwise_in_eval_mode(train):
    network = a_generator().train(train)
    network[3].eval()
    modes = [module.training for module in network.modules()]
    before = buffers(network)
    z = torch.randn(64, 4)
    with norms.batch_statistics(network):
        first, second = network(z), network(z)
    assert torch.equal(first, second)  # no dropout
    torch.testing.assert_close(first.mean(0), torch.zeros(6), atol=1e-5, rtol=0)
    torch.testing.assert_close(first.var(0, correction=0), torch.ones(6), atol=1e-2, rtol=0)
    assert_same(before, network)
    assert modes == [module.training for module in network.modules()]


def test_recalibrated_statistics_are_the_average_over_batches():
    norm = norms.create("batch", CHANNELS).double()
    norm(torch.randn(SHAPES[2], dtype=torch.float64) * 100)
    batches = [torch.randn(n, CHANNELS, 3, 4, dtype=torch.float64) * n + n for n in (5, 5, 3, 5)]
    norms.recalibrate(norm, batches)
    mean, variance = reference.average_statistics(batches)
    torch.testing.assert_close(norm.running_mean, mean)
    torch.testing.assert_close(norm.running_var, variance)
    assert norm.num_batches_tracked == 4
    assert norm.momentum == 0.1


@pytest.mark.parametrize("train", [True, False])
def test_recalibrate_leaves_no_other_trace(train):
    network = a_generator().train(train)
    network[3].eval()
    network[5].momentum = None
    modes = [module.training for module in network.modules()]
    before = buffers(network)
    batches = torch.randn(6, 16, 4).unbind()
    state = torch.get_rng_state()
    norms.recalibrate(network, iter(batches))
    assert torch.equal(state, torch.get_rng_state())
    assert modes == [module.training for module in network.modules()]
    assert (network[1].momentum, network[5].momentum) == (0.1, None)
    assert all(parameter.grad is None for parameter in network.parameters())
    for name, buffer in network.named_buffers():
        moved = not torch.equal(before[name], buffer)
        assert moved == (name.split(".")[-1] in {"running_mean", "running_var", "num_batches_tracked"}), name
    # The second norm saw what the first makes of its batches in training mode, without dropout.
    hidden = [network.eval()[:1](z) for z in batches]
    inputs = [network[4](reference.batch(h).relu()) for h in hidden]
    mean, variance = reference.average_statistics(inputs)
    torch.testing.assert_close(network[5].running_mean, mean, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(network[5].running_var, variance, atol=1e-5, rtol=1e-4)


def test_recalibrate_passes_several_arguments_and_takes_instance_norm_too():
    class Labelled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.InstanceNorm1d(2, track_running_stats=True)

        def forward(self, z: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
            return self.norm(z + label)

    model = Labelled()
    norms.recalibrate(model, [(torch.zeros(2, 2, 4), torch.ones(())), (torch.zeros(2, 2, 4), 3 * torch.ones(()))])
    torch.testing.assert_close(model.norm.running_mean, torch.full((2,), 2.0))


def test_recalibrate_without_statistics_takes_no_batch():
    def batches():
        raise AssertionError("a batch was taken")
        yield

    norms.recalibrate(nn.Sequential(norms.create("group", 8), norms.wrap("spectral", nn.Linear(2, 2))), batches())


def test_recalibrate_puts_everything_back_after_an_error():
    network = a_generator()
    network(torch.randn(4, 4))
    before = buffers(network)
    with pytest.raises(norms.NormError, match="no batches"):
        norms.recalibrate(network, [])
    with pytest.raises(RuntimeError):
        norms.recalibrate(network, [torch.randn(4, 4), torch.randn(4, 5)])
    assert_same(before, network)
    assert network.training
    assert network[1].momentum == 0.1


def test_buffer_policy():
    policy = norms.buffer_policy(a_generator())
    assert policy == {
        "0.parametrizations.weight.0._u": "copy", "0.parametrizations.weight.0._v": "copy",
        "1.running_mean": "recompute", "1.running_var": "recompute", "1.num_batches_tracked": "copy",
        "4.parametrizations.weight.0._u": "copy", "4.parametrizations.weight.0._v": "copy",
        "5.running_mean": "recompute", "5.running_var": "recompute", "5.num_batches_tracked": "copy",
    }  # fmt: skip


# Import


def test_import_needs_torch_only():
    code = """
import sys
from gannorm import norms
heavy = "pytorch_lightning lightning wandb matplotlib scipy pandas torchvision torchmetrics timm ray rich jsonargparse"
print(sorted(set(heavy.split()) & set(sys.modules)))
for wrong in (3.5, ["batch"]):
    try:
        norms.create(wrong, 8)
    except norms.NormOptionError as error:
        print(error)
for wrong in ("64", 64.0):
    try:
        norms.create("batch", wrong)
    except norms.NormShapeError as error:
        print(error)
"""
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.splitlines() == [
        "[]",
        "norm 3.5 names no norm; give a name such as 'batch', or None for no norm",
        "norm ['batch'] names no norm; give a name such as 'batch', or None for no norm",
        "norm 'batch': channels='64' is no positive whole number",
        "norm 'batch': channels=64.0 is no positive whole number",
    ]

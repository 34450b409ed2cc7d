"""The registry: specs, errors, factories in other libraries, and what an import costs."""

import pickle
import subprocess
import sys
from functools import partial

import pytest
import timm
import torch
import torchvision
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from gannorm import norms
from tests.reference import norms as reference

BUILT_IN = norms.names()
ACTIVATION = [name for name in norms.names(kind="activation") if not norms.describe(name).needs_data]


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


@pytest.mark.parametrize("name", ["densenet121", "resnetv2_50", "regnetx_002"])
def test_a_model_of_timm_that_counts_on_the_norms_activation_refuses_one_without(name):
    with pytest.raises(AssertionError, match="No equivalent norm_act layer"):
        timm.create_model(name, norm_layer=norms.factory("none"), num_classes=3)


def test_a_registered_class_is_the_norm_of_its_row():
    assert norms.resolve(norms.PixelNorm) == norms.resolve("pixel")
    assert isinstance(norms.create(norms.GhostBatchNorm, 8, ghost_size=4), norms.GhostBatchNorm)


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
        (lambda: norms.create("my_file.Norm", 8), norms.NormOptionError, "'my_file.Norm' cannot be imported"),
        (lambda: norms.create("BatchNorm2d", 8), norms.UnknownNormError, "did you mean 'batch'?"),
        (lambda: norms.create("instance_norm", 8), norms.UnknownNormError, "did you mean 'instance'?"),
        (lambda: norms.create({"name": "batch", True: 1}, 8), norms.NormOptionError, "True no text YAML"),
        (lambda: norms.create({"class_path": None}, 8), norms.NormOptionError, "None is no import path"),
        (
            lambda: norms.create({"class_path": "torch.nn.BatchNorm2d", "init_args": [1]}, 8),
            norms.NormOptionError,
            "init_args=[1] no mapping",
        ),
        (lambda: norms.create("batch", 8, eps=-1.0), norms.NormOptionError, "eps=-1.0 0 or more 1e-05"),
        (lambda: norms.create("batch", 8, eps="nan"), norms.NormOptionError, "eps=nan out of range"),
        (lambda: norms.create("batch", 8, momentum=3), norms.NormOptionError, "momentum=3.0 0 to 1"),
        (lambda: norms.create("batch_renorm", 8, r_max=0.5), norms.NormOptionError, "r_max=0.5 1 or more"),
        (
            lambda: norms.wrap("spectral", nn.Linear(2, 2), n_power_iterations=0),
            norms.NormOptionError,
            "n_power_iterations=0 1 or more",
        ),
        (lambda: norms.names(dims=9), norms.NormOptionError, "dims=9 0, 1, 2, 3"),
        (lambda: norms.factory("instance", dims=0), norms.NormShapeError, "dims=0 RNN 'batch', 'group', 'layer'"),
        (lambda: norms.factory("batch", dims=9), norms.NormShapeError, "dims=9"),
        (lambda: norms.create("layer_channels", 1), norms.NormShapeError, "channels=1 one value per statistic"),
        (lambda: norms.create("evonorm_s0", 8, dims=0, num_groups=8), norms.NormShapeError, "one value per statistic"),
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
        (lambda: norms.create("layer", 1, dims=0), norms.NormShapeError, "constant output; use 'batch', 'none'"),
        (lambda: norms.create("batch", 8, dims=4), norms.NormShapeError, "dims=4"),
        (lambda: norms.create("batch", 0), norms.NormShapeError, "channels=0"),
        (lambda: norms.create("batch", True), norms.NormShapeError, "channels=True"),
        (lambda: norms.create("spectral", 8), norms.NormKindError, "'spectral' norms.wrap('spectral', layer)"),
        (lambda: norms.wrap("batch", nn.Linear(2, 2)), norms.NormKindError, "'batch' norms.create('batch', channels)"),
        (lambda: norms.wrap("spectral", nn.ReLU()), norms.NormShapeError, "ReLU convolution"),
        (lambda: norms.wrap("spectral", nn.BatchNorm1d(2)), norms.NormShapeError, "BatchNorm1d"),
        (lambda: norms.wrap("SN", norms.wrap("SN", nn.Linear(2, 2))), norms.NormKindError, "already once"),
        (lambda: norms.create("ghost_batch", 8, ghost_size=1), norms.NormOptionError, "ghost_size=1 'instance'"),
        (lambda: norms.create("layer_instance", 8, rho=1.0), norms.NormOptionError, "rho=1.0 'layer' 'instance'"),
        (
            lambda: norms.create("evonorm_s0", 8, num_groups=3),
            norms.NormShapeError,
            "'evonorm_s0' num_groups=3 1, 2, 4, 8",
        ),
        (lambda: norms.create("filter_response", 8, dims=0), norms.NormShapeError, "'filter_response' dims=0"),
        (
            lambda: norms.register("gn")(lambda channels: nn.Identity()),
            norms.NormConflictError,
            "'gn' taken gannorm.norms.catalogue.activation.group",
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
        (
            lambda: norms.register("mine", dims=(2, 4))(lambda channels: nn.Identity()),
            norms.NormOptionError,
            "'mine' dims=4 0, 1, 2, 3",
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
    assert norms.names() == BUILT_IN
    with pytest.raises(norms.UnknownNormError):
        norms.create("H", 4)


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

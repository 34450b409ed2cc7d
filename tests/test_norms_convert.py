"""Exchanging the norms of models that know nothing of us: what is kept, what is refused, and that it can be undone."""

import copy
import importlib
import subprocess
import sys
import warnings

import pytest
import timm
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

from gannorm import networks, norms
from gannorm.norms.conversion.targets import CLOSED
from tests.convertible import IMAGES, Generator, assert_same_state, block, moved, norms_in, state


class Untraceable(nn.Module):
    """A block that looks at values, with a block inside that does not."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.inner = nn.Sequential(nn.Conv2d(8, 8, 1, bias=False), nn.BatchNorm2d(8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm(self.first(x))
        return self.inner(x) if x.mean() > -100 else x


class Branching(nn.Module):
    """A convolution whose output goes past the norm, too."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 8, 1, bias=False)
        self.norm = nn.BatchNorm2d(8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.convolution(x)
        return x + self.norm(x)


# What is kept


def test_gamma_and_beta_are_the_same_parameters_and_the_function_is_the_new_norms():
    model = moved(block())
    convolution, old = model[0], model[1]
    report = norms.convert(model, to="group", num_groups=4)
    assert model[1].weight is old.weight
    assert model[1].bias is old.bias
    x = torch.randn(IMAGES)
    expected = F.relu(F.group_norm(F.conv2d(x, convolution.weight), 4, old.weight, old.bias))
    torch.testing.assert_close(model(x), expected)
    assert report.model is model
    assert norms.spec_of(model[1]) == norms.resolve("group", num_groups=4)


def test_equals_a_model_built_with_the_new_norm():
    model = moved(torchvision.models.resnet18(num_classes=3))
    norms.convert(model, to="group")
    built = torchvision.models.resnet18(num_classes=3, norm_layer=norms.factory("group"))
    extra = built.load_state_dict(model.state_dict(), strict=False)
    assert not extra.missing_keys
    assert len(extra.unexpected_keys) == 20
    assert all("conv" in key or "downsample.0" in key for key in extra.unexpected_keys)
    x = torch.randn(IMAGES)
    assert torch.equal(model(x), built(x))


@pytest.mark.parametrize("to", ["group", "instance", "layer", "none", "batch"])
def test_keeps_dtype_mode_and_what_is_trained(to):
    model = block(nn.BatchNorm2d(8, eps=1e-3)).double().eval()
    model.train()
    model[1].eval()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    norms.convert(model, to=to)
    assert not model[1].training
    assert model.training
    assert all(tensor.dtype in (torch.float64, torch.int64) for tensor in model.state_dict().values())
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_keeps_the_device():
    with torch.device("meta"):
        model = block()
    norms.convert(model, to="group")
    assert {parameter.device.type for parameter in model.parameters()} == {"meta"}


def test_norms_without_parameters_get_the_place_of_what_is_around_them():
    model = block(nn.InstanceNorm2d(8)).double()
    report = norms.convert(model, to="batch")
    assert model[1].weight.dtype == model[1].running_mean.dtype == torch.float64
    assert report.rows[0].state == "γ β new"
    assert report.new_parameters == ("1.weight", "1.bias")


def test_a_shared_layer_is_replaced_once_in_every_place():
    shared = nn.BatchNorm2d(8)
    model = nn.Sequential(block(shared), nn.Conv2d(8, 3, 1), block(shared))
    report = norms.convert(model, to="group")
    assert model[0][1] is model[2][1]
    assert type(model[0][1]) is nn.GroupNorm
    assert [row.path for row in report.rows] == ["0.1 (and 1 more)"]
    assert model[0][0].bias is not None
    assert model[2][0].bias is not None
    report.undo()
    assert model[0][1] is shared
    assert model[2][1] is shared
    with pytest.raises(norms.NormConvertError, match=r"0\.1 .*'2\.1'.*take both"):
        norms.convert(model, to="group", where="0.*")


def test_hooks_go_over_and_can_still_be_removed():
    model = block()
    seen = []
    handle = model[1].register_forward_hook(lambda module, args, output: seen.append(type(module).__name__))
    report = norms.convert(model, to="group")
    model(torch.randn(IMAGES))
    assert seen == ["GroupNorm"]
    assert "hooks" in str(report)
    handle.remove()
    model(torch.randn(IMAGES))
    assert len(seen) == 1


def test_statistics_stay_where_both_norms_have_the_same():
    model = moved(block())
    mean = model[1].running_mean.clone()
    report = norms.convert(model, to="batch", eps=1e-3)
    assert torch.equal(model[1].running_mean, mean)
    assert not report.all_notes()
    assert "dropped" in str(norms.plan(model, to="group"))
    anew = norms.convert(model, to="batch", state="reset")
    assert torch.equal(model[1].running_mean, torch.zeros(8))
    assert torch.equal(model[1].weight, torch.ones(8))
    assert "start anew" in str(anew)
    assert "start anew" in str(norms.convert(block(nn.GroupNorm(2, 8)), to="batch"))


def test_options_of_the_norm_are_those_that_were_asked_for():
    model = block(nn.BatchNorm2d(8, eps=1e-3))
    norms.convert(model, to={"name": "group", "group_size": 2})
    assert norms.spec_of(model[1]) == norms.resolve("group", num_groups=4)
    assert norms.convert(model, to=nn.BatchNorm2d, momentum=0.5).rows[0].after.endswith("BatchNorm2d(momentum=0.5)")
    assert model[1].momentum == 0.5


@pytest.mark.parametrize(
    ("norm", "to", "name"),
    [
        (nn.GroupNorm(1, 8, eps=0.5), "layer", "layer"),
        (nn.GroupNorm(8, 8, eps=0.5, affine=False), "instance", "instance_plain"),
        (nn.InstanceNorm2d(8, affine=True), {"name": "group", "group_size": 1}, "group"),
        (timm.layers.GroupNorm(8, 2), {"name": "group", "num_groups": 2}, "group"),
    ],
    ids=str,
)
def test_exact_keeps_the_function(norm, to, name):
    model = moved(block(norm))
    x = torch.randn(IMAGES)
    before = model(x)
    norms.convert(model, to=to, state="exact", dims=2)
    torch.testing.assert_close(model(x), before)
    assert norms.spec_of(model[1]).name == name


@pytest.mark.parametrize("train", [True, False])
def test_exact_of_batch_norm_across_processes(train):
    model = moved(block(nn.BatchNorm2d(8, eps=0.5, momentum=0.3))).train(train)
    twin = copy.deepcopy(model)
    norms.convert(model, to="sync_batch", state="exact")
    x = torch.randn(IMAGES)
    assert type(model[1]) is nn.SyncBatchNorm
    assert torch.equal(model(x), twin(x))
    assert_same_state(model, state(twin))
    norms.convert(model, to="batch", state="exact")
    assert norms.spec_of(model[1]) == norms.resolve("batch", eps=0.5, momentum=0.3)


@pytest.mark.parametrize(
    ("norm", "to"),
    [
        (nn.BatchNorm2d(8), "group"),
        (nn.BatchNorm2d(8), "none"),
        (nn.GroupNorm(2, 8), "layer"),
        (nn.InstanceNorm2d(8, affine=True, track_running_stats=True), {"name": "group", "num_groups": 8}),
        (nn.GroupNorm(1, 8), {"name": "layer", "eps": 0.5}),
        (nn.GroupNorm(1, 8), {"name": "layer", "affine": False}),
    ],
    ids=str,
)
def test_exact_refuses_another_function(norm, to):
    model = block(norm)
    with pytest.raises(norms.NormConvertError, match=r"^1 \(.* is not the same function as"):
        norms.convert(model, to=to, state="exact", dims=2)
    assert model[1] is norm


# The bias of the layer before


def test_a_bias_is_added_where_the_new_norm_does_not_take_it_away():
    for to, added in {"group": True, "layer": True, "none": True, "instance": False}.items():
        model = block()
        report = norms.convert(model, to=to)
        assert (model[0].bias is not None) == added
        assert report.rows[0].bias == ("added" if added else "")
    assert norms.convert(block(), to="group", fix_bias=False).rows[0].bias == ""
    with_bias = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8))
    assert norms.plan(with_bias, to="layer").rows[0].bias == "has one"
    assert norms.plan(nn.Sequential(nn.Linear(4, 8), nn.GroupNorm(2, 8)), to="batch").rows[0].bias == "redundant now"


def test_layers_that_hand_on_their_input_are_looked_through():
    model = nn.Sequential(nn.Conv2d(3, 8, 1, bias=False), nn.Identity(), nn.BatchNorm2d(8), nn.Identity(), nn.ReLU())
    norms.convert(model, to="group")
    assert model[0].bias is not None
    generator = networks.DCGANGenerator(norm="batch")
    report = norms.convert(generator, to="group")
    assert {row.bias for row in report.rows} == {"added", ""}


def test_a_layer_that_has_no_bias_by_choice_gets_none():
    model = block(nn.GroupNorm(2, 8))
    norms.convert(model, to="layer")
    assert model[0].bias is None


def test_no_bias_where_the_output_goes_elsewhere_too():
    model = Branching()
    report = norms.convert(model, to="group")
    assert model.convolution.bias is None
    assert report.rows[0].bias == "none"
    assert "goes elsewhere" in str(report)


def test_what_cannot_be_traced_is_said_and_what_is_inside_is_found():
    model = Untraceable()
    report = norms.convert(model, to="group")
    assert model.first.bias is None
    assert model.inner[0].bias is not None
    assert [row.bias for row in report.rows] == ["not found", "added"]
    assert "note: norm: what runs before it cannot be traced" in str(report)
    model(torch.randn(IMAGES))


def test_heads_that_this_mode_does_not_run_are_found_too():
    model = torchvision.models.googlenet(weights=None, init_weights=False, aux_logits=True).eval()
    report = norms.plan(model, to="group")
    assert {row.bias for row in report.rows} == {"added"}
    assert any(row.path.startswith("aux2") for row in report.rows)


@pytest.mark.parametrize(
    "between",
    [
        nn.MaxPool2d(2),
        nn.AvgPool2d(2),
        nn.AvgPool2d(3, padding=1, count_include_pad=False),
        nn.Upsample(scale_factor=2),
    ],
    ids=str,
)
def test_what_keeps_a_constant_per_channel_is_looked_through(between):
    model = moved(nn.Sequential(nn.Conv2d(3, 8, 1, bias=False), between, nn.Identity(), nn.BatchNorm2d(8)))
    x = torch.randn(2, 3, 8, 8)
    expected = model[1](model[0](x)) + 0.5
    report = norms.convert(model, to=None)
    assert report.rows[0].bias == "added"
    assert "something else" not in str(report)
    nn.init.constant_(model[0].bias, 0.5)
    torch.testing.assert_close(model(x), expected)
    report.undo()
    assert model[0].bias is None


class Flattening(nn.Module):
    """A linear layer for each position of a sequence, as in LeViT."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 8, bias=False)
        self.norm = nn.BatchNorm1d(8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.linear(x)
        return self.norm(x.flatten(0, 1)).reshape_as(x)


class Summing(Branching):
    """Two convolutions whose sum is normalized."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(self.convolution(x) + self.convolution(2 * x))


def between(*layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 8, 1, bias=False), *layers, nn.BatchNorm2d(8))


@pytest.mark.parametrize(
    "model",
    [
        *map(between, (nn.Dropout(), nn.AvgPool2d(3, padding=1), nn.ZeroPad2d(1), nn.PixelShuffle(1))),
        nn.Sequential(nn.Linear(4, 8, bias=False), nn.Unflatten(1, (8, 1, 1)), nn.BatchNorm2d(8)),
        nn.Sequential(nn.Linear(4, 8, bias=False), nn.MaxPool1d(1), nn.BatchNorm1d(8)),
        Flattening(),
        Summing(),
    ],
    ids=str,
)
def test_a_bias_that_is_missed_but_not_added_is_noted(model):
    report = norms.convert(model, to="group")
    assert not report.new_parameters
    assert [row.bias for row in report.rows] == ["none"]
    assert "a layer before it has no bias, and got none, as something else runs between them" in str(report)


@pytest.mark.parametrize(
    "model",
    [
        between(nn.ReLU()),
        between(nn.Dropout(), nn.Hardswish(), nn.Dropout()),
        between(nn.GroupNorm(2, 8), nn.Dropout()),
        nn.Sequential(nn.Conv2d(3, 8, 1), nn.Dropout(), nn.BatchNorm2d(8)),
        nn.Sequential(nn.Dropout(), nn.BatchNorm2d(8)),
    ],
    ids=str,
)
def test_a_bias_that_was_never_redundant_is_not_missed(model):
    report = norms.convert(model, to="group")
    assert [row.bias for row in report.rows if row.changes] == [""]
    assert "bias" not in "".join(report.all_notes())


def test_a_subclass_of_a_convolution_gets_no_bias_but_a_note():
    class Doubled(nn.Conv2d):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 2 * super().forward(x)

    model = nn.Sequential(Doubled(3, 8, 1, bias=False), nn.BatchNorm2d(8))
    assert "not torch's own" in str(norms.convert(model, to="group"))
    assert model[0].bias is None


def test_a_spectrally_normalized_convolution_gets_its_bias():
    model = nn.Sequential(norms.wrap("spectral", nn.Conv2d(3, 8, 1, bias=False)), nn.BatchNorm2d(8))
    report = norms.convert(model, to="group")
    assert [row.path for row in report.rows] == ["1"]
    assert torch.equal(model[0].bias, torch.zeros(8))
    before = model(torch.randn(IMAGES)).shape
    report.undo()
    assert model[0].bias is None
    assert model(torch.randn(IMAGES)).shape == before


# Layers of other libraries, several axes


def test_an_activation_in_the_same_layer_stays():
    layer = timm.layers.BatchNormAct2d(8, act_layer=nn.LeakyReLU)
    model = moved(nn.Sequential(nn.Conv2d(3, 8, 1), layer))
    x = torch.randn(IMAGES)
    report = norms.convert(model, to="group", num_groups=2)
    torch.testing.assert_close(model(x), F.leaky_relu(F.group_norm(model[0](x), 2, layer.weight, layer.bias)))
    assert "'norm.'" in str(report)
    norms.convert(model, to="layer")
    torch.testing.assert_close(model(x), F.leaky_relu(F.group_norm(model[0](x), 1, layer.weight, layer.bias)))
    plain = nn.Sequential(nn.Conv2d(3, 8, 1), timm.layers.BatchNormAct2d(8, apply_act=False))
    norms.convert(plain, to="group")
    assert type(plain[1]) is nn.GroupNorm


@pytest.mark.parametrize("to", norms.names(kind="fused"))
def test_a_norm_with_its_own_activation_takes_the_place_of_one(to):
    model = nn.Sequential(nn.Conv2d(3, 8, 1), timm.layers.BatchNormAct2d(8))
    norms.convert(model, to=to)
    assert norms.spec_of(model[1]) == norms.resolve(to)
    model(torch.randn(IMAGES))
    with pytest.raises(norms.NormConvertError, match="norm and activation in one"):
        norms.convert(model, to="batch")
    with pytest.raises(norms.NormConvertError, match="no activation of its own"):
        norms.convert(block(), to=to)


def test_the_norm_inside_a_conditional_one_stays_without_gamma_and_beta():
    model = norms.conditional("batch", 8, 4)
    x, condition = torch.randn(IMAGES[0], 8, 5, 5), torch.randn(IMAGES[0], 4)
    norms.convert(model, to="group", num_groups=4)
    assert norms.spec_of(model.norm) == norms.resolve("group", num_groups=4, affine=False)
    torch.testing.assert_close(model(x, condition), F.group_norm(x, 4))


@pytest.mark.parametrize("to", [name for name in norms.names(kind="activation", dims=2) if name != "batch"])
def test_every_norm_can_take_the_place_of_batch_norm_and_be_replaced(to):
    model = moved(Generator())
    before = state(model)
    report = norms.convert(model, to=to)
    z = torch.randn(4, 8, 1, 1)
    if any(map(norms.needs_data, model.modules())):
        assert "norms.prepare(model, batch)" in str(report)
        norms.prepare(model, z)
    assert model(z).isfinite().all()
    back = norms.convert(model, to="batch")
    assert norms_in(model) == ["batch", "batch"]
    if model.main[1].weight is not None:
        model(z).square().sum().backward()
    back.undo()
    report.undo()
    assert_same_state(model, before)


def test_layer_norm_over_the_last_axis_is_not_taken_for_one_over_channels():
    model = nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8))
    with pytest.raises(norms.NormConvertError, match="normalizes the last axis, 'batch' the second; give dims=0"):
        norms.convert(model, to="batch")
    assert type(model[1]) is nn.LayerNorm
    assert type(norms.convert(model, to="rms").model[1]) is nn.RMSNorm  # of the last axis too
    norms.convert(model, to="batch", dims=0)
    assert type(model[1]) is nn.BatchNorm1d
    norms.convert(model, to="layer_channels")
    assert type(model[1]) is nn.LayerNorm


def test_dims_come_from_the_class_the_layer_before_or_what_is_near():
    images = nn.Sequential(nn.Conv2d(3, 8, 1), nn.GroupNorm(2, 8), nn.Flatten(), nn.Linear(8, 8))
    norms.convert(images, to="instance")
    assert type(images[1]) is nn.InstanceNorm2d
    near = nn.Sequential(nn.Conv1d(3, 8, 1), nn.ReLU(), nn.GroupNorm(2, 8), nn.Flatten(), nn.Linear(8, 8))
    assert "2: taken for dims=1, like the layers near it" in str(norms.convert(near, to="batch"))
    assert type(near[2]) is nn.BatchNorm1d
    assert "taken for" not in str(norms.plan(images, to="layer_channels"))
    points = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8))
    with pytest.raises(norms.NormConvertError, match=r"^1 \(BatchNorm1d\) cannot be converted: norm 'instance'"):
        norms.convert(points, to="instance")
    alone = nn.Sequential(nn.GroupNorm(2, 8))
    with pytest.raises(norms.NormConvertError, match=r"'instance' has to know; give dims="):
        norms.convert(alone, to="instance")
    norms.convert(alone, to="instance", dims=3)
    assert type(alone[0]) is nn.InstanceNorm3d
    with pytest.raises(norms.NormConvertError, match="works on dims=3, not on dims=2"):
        norms.convert(alone, to="group", dims=2)


# No norm


def test_to_no_norm_and_back():
    model = moved(block())
    report = norms.convert(model, to=None)
    assert type(model[1]) is nn.Identity
    assert "γ β dropped" in str(report)
    assert "no normalization" in str(report)
    x = torch.randn(IMAGES)
    torch.testing.assert_close(model(x), F.relu(model[0](x)))
    norms.convert(model, to="batch")
    assert norms.spec_of(model[1]) == norms.resolve("batch")
    assert model[1].num_features == 8


class BeforeActivation(nn.Module):
    """A residual block that normalizes first; the activation works in place."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.branch = nn.Sequential(*layers, nn.Conv2d(8, 8, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.branch(x)


def test_without_a_norm_an_activation_does_not_write_over_the_input():
    x = torch.randn(2, 8, 4, 4)
    fused = BeforeActivation(timm.layers.BatchNormAct2d(8))
    report = norms.convert(fused, to=None)
    torch.testing.assert_close(fused(x.clone()), x + fused.branch[-1](x.relu()))
    report.undo()
    assert fused.branch[0].act.inplace
    apart = BeforeActivation(nn.BatchNorm2d(8), nn.ReLU(inplace=True))
    assert "writes over its input" in str(norms.convert(apart, to=None))
    assert "writes over" not in str(norms.plan(block(nn.BatchNorm2d(8), nn.ReLU(inplace=True)), to=None))
    assert "writes over" not in str(norms.plan(BeforeActivation(nn.BatchNorm2d(8), nn.ReLU()), to=None))


def test_an_identity_is_a_missing_norm_where_it_is_named():
    model = nn.Sequential(nn.Conv2d(3, 8, 1), nn.Identity(), nn.ReLU(), nn.Identity())
    with pytest.raises(norms.NormConvertError, match="no norm"):
        norms.convert(model, to="batch")
    norms.convert(model, to="batch", where="1")
    assert model[1].num_features == 8
    with pytest.raises(norms.NormConvertError, match="channels are not known"):
        norms.convert(model, to="batch", where="3")


# Where


def test_where_chooses_and_leaves_out():
    model = nn.Sequential(block(), nn.Conv2d(8, 3, 1), block())
    norms.convert(model, to="group", where="0.*")
    assert norms_in(model) == ["group", "batch"]
    norms.convert(model, to="layer", where=("*", "!0.*"))
    assert norms_in(model) == ["group", "layer"]
    with pytest.raises(norms.NormConvertError, match=r"no norm where='0'; what is inside a layer is 'path\.\*'"):
        norms.convert(model, to="batch", where="0")


def test_what_has_the_norm_already_stays_and_what_looks_like_a_norm_is_mentioned():
    frozen = torchvision.ops.FrozenBatchNorm2d(8)
    model = nn.Sequential(block(nn.GroupNorm(2, 8)), nn.Conv2d(8, 3, 1), block(), nn.Sequential(frozen))
    first = model[0][1]
    report = norms.convert(model, to="group")
    assert model[0][1] is first
    assert [row.changes for row in report.rows] == [False, True, False]
    assert model[3][0] is frozen
    assert "1 layer changed, 2 left as they are" in str(report)
    assert "3.0: no norm that is known here, left as it is" in str(report)


# Plan, report, undo


def test_a_plan_says_what_convert_does_and_touches_nothing():
    model = moved(Generator())
    before, layers, random = state(model), list(model.modules()), torch.get_rng_state()
    planned = norms.plan(model, to="group")
    assert_same_state(model, before)
    assert list(model.modules()) == layers
    assert torch.equal(torch.get_rng_state(), random)
    with pytest.raises(norms.NormConvertError, match="this conversion has nothing to undo: it is a plan"):
        planned.undo()
    done = norms.convert(model, to="group")
    assert torch.equal(torch.get_rng_state(), random)
    assert str(done) == str(planned)
    assert done.rows == planned.rows


def test_a_trace_calls_no_hooks_and_moves_no_buffers():
    class Counting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.block = block()
            self.register_buffer("calls", torch.zeros(()))
            self.kept = None

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.calls += 1
            self.kept = x
            return self.block(x) + torch.rand(())

    model = Counting()
    called = []
    model.block.register_forward_hook(lambda *_: called.append(1))
    random = torch.get_rng_state()
    assert norms.plan(model, to="group").rows[0].bias == "added"
    assert (model.calls, model.kept, called) == (0, None, [])
    assert torch.equal(torch.get_rng_state(), random)


@pytest.mark.parametrize("to", ["group", "none", "layer", "instance"])
@pytest.mark.parametrize("how", ["affine", "reset"])
def test_undo_brings_everything_back_bit_for_bit(to, how):
    model = moved(Generator())
    twin, before = copy.deepcopy(model), state(model)
    report = norms.convert(model, to=to, state=how)
    model(torch.randn(2, 8, 1, 1))
    model.eval()
    assert report.undo() is model
    assert_same_state(model, before)
    z = torch.randn(2, 8, 1, 1)
    assert torch.equal(model(z), twin.eval()(z))
    assert torch.equal(model.train()(z), twin.train()(z))
    with pytest.raises(norms.NormConvertError, match="undone already"):
        report.undo()


def test_undo_follows_a_model_that_has_moved():
    model = moved(block())
    report = norms.convert(model, to="group")
    model.double()
    report.undo()
    assert {tensor.dtype for tensor in model.state_dict().values()} == {torch.float64, torch.int64}


def test_a_reference_batch_goes_with_the_last_norm_that_needs_it_and_comes_back():
    model = moved(Generator())
    before, z = state(model), torch.randn(4, 8, 1, 1)
    report = norms.convert(model, to="virtual_batch")
    norms.prepare(model, z)
    prepared, expected = state(model), model(z)
    part = norms.convert(model, to="batch", where="main.1")
    assert any("reference" in key for key in model.state_dict())
    rest = norms.convert(model, to="batch", where="main.4")
    assert not any("reference" in key for key in model.state_dict())
    assert not model._forward_pre_hooks
    assert not model._forward_hooks
    model.double()
    rest.undo()
    part.undo()
    model.float()
    assert_same_state(model, prepared)
    assert torch.equal(model(z), expected)
    report.undo()
    assert_same_state(model, before)
    assert not model._forward_pre_hooks


def test_undo_in_the_wrong_order_is_refused():
    model = block()
    first = norms.convert(model, to="group")
    second = norms.convert(model, to="layer")
    with pytest.raises(norms.NormConvertError, match=r"this conversion was followed by another .*undo that first"):
        first.undo()
    second.undo()
    first.undo()
    assert type(model[1]) is nn.BatchNorm2d


def test_a_model_that_is_a_norm_comes_back_in_the_report():
    model = moved(nn.BatchNorm2d(8))
    report = norms.convert(model, to="group")
    assert type(report.model) is nn.GroupNorm
    assert report.model.weight is model.weight
    assert report.rows[0].path == "(the model)"
    assert report.undo() is model
    assert report.model is model


def test_an_optimizer_goes_on_with_what_was_kept_and_is_told_of_what_is_new():
    model = block()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    report = norms.convert(model, to="group")
    assert report.new_parameters == ("0.bias",)
    assert "1 new parameter (0.bias): an optimizer made before this does not hold them" in str(report)
    before = state(model)
    model(torch.randn(IMAGES)).square().sum().backward()
    optimizer.step()
    stayed = {name for name in before if torch.equal(model.state_dict()[name], before[name])}
    assert stayed == {"0.bias"}
    assert {f"{name}" for name, _ in model.named_parameters()} >= set(report.new_parameters)


# Refusals


class Derived(nn.BatchNorm2d):
    """May compute anything."""


@pytest.mark.parametrize(
    ("model", "options", "words"),
    [
        (block(Derived(8)), {}, r"^1 \(Derived\) is derived from a norm of torch .*where=\('\*', '!1'\)"),
        (block(nn.LayerNorm((8, 62, 62))), {}, r"^1 \(LayerNorm\) .*more axes than channels"),
        (nn.Sequential(nn.Linear(2, 2)), {}, r"has no norm where='\*'"),
        (block(), {"where": "nowhere.*"}, r"has no norm where='nowhere\.\*'"),
        (nn.DataParallel(block()), {}, r"the model \(DataParallel\) is wrapped .*model\.module"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_refused(model, options, words):
    with pytest.raises(norms.NormConvertError, match=words) as caught:
        norms.convert(model, **{"to": "group", **options})
    assert "\n" not in str(caught.value)


def test_scripted_models_are_refused():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch would like to see it gone
        scripted = torch.jit.trace(block(), torch.randn(IMAGES))
    with pytest.raises(norms.NormConvertError, match=r"\(TopLevelTracedModule\) is scripted"):
        norms.convert(scripted, to="group")
    with pytest.raises(norms.NormConvertError, match=r"^0 \(TopLevelTracedModule\)"):
        norms.convert(nn.Sequential(scripted), to="group")


@pytest.mark.parametrize("to", ["rms", None, "dynamic_tanh"])
def test_norms_that_torch_reads_instead_of_calling_them_stay_layer_norms(to):
    encoder = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    model = nn.Sequential(encoder, nn.Sequential(nn.LayerNorm(8))).eval()
    before, layers = state(model), list(model.modules())
    with pytest.raises(
        norms.NormConvertError, match=r"^0\.norm1 \(LayerNorm\) .*leave it out: where=\('\*', '!0\.\*'\)"
    ):
        norms.convert(model, to=to)
    with pytest.raises(norms.NormConvertError, match=r"^norm1 .*'!norm\?'"):
        norms.convert(encoder, to=to)
    assert_same_state(model, before)
    assert list(model.modules()) == layers
    report = norms.convert(model, to=to, where=("*", "!0.*"), dims=0)
    assert [row.path for row in report.rows] == ["1.0"]
    assert norms.convert(model, to="layer_channels", eps=1e-3, where="0.*").rows[0].changes
    assert encoder.norm1.eps == 1e-3
    assert encoder(torch.randn(2, 3, 8)).isfinite().all()


def test_arguments_that_are_none_are_refused():  # in a process of its own, where nothing checks types first
    code = """
from torch import nn
from gannorm import norms
for model, options in ((nn.BatchNorm2d(8), {"state": "copy"}), (nn.BatchNorm2d(8), {"kind": "foo"}), (3, {})):
    for call in (norms.convert, norms.plan):
        try:
            call(model, to="group", **options)
        except (norms.NormConvertError, norms.NormOptionError) as error:
            print(type(error).__name__, error)
"""
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    expected = [
        "NormConvertError state='copy' is none of 'affine', 'exact', 'reset'",
        "NormOptionError kind='foo' is none of 'activation', 'conditional', 'fused', 'weight'; leave it out, or give "
        "kind='weight' with to=None",
        "NormConvertError model=3 (int) is no torch.nn.Module; give one",
    ]
    assert printed.splitlines() == [line for line in expected for _ in range(2)]


def test_compiled_models_are_refused():
    model = block()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch's compiler imports is not ours
        compiled = torch.compile(model)
    for to in ("group", "spectral"):
        with pytest.raises(norms.NormConvertError, match=r"is compiled.*_orig_mod"):
            norms.convert(compiled, to=to)
    norms.convert(compiled._orig_mod, to="group")
    model.compile()
    with pytest.raises(norms.NormConvertError, match=r"\.compile\(\)"):
        norms.convert(model, to="batch")


def test_wrappers_that_are_refused_by_name_exist():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for module, name in CLOSED:
            assert isinstance(getattr(importlib.import_module(module), name), type)


def test_a_failing_conversion_leaves_the_model_as_it_was():
    model = moved(nn.Sequential(block(), nn.Conv2d(8, 3, 1), block(Derived(8))))
    before, layers = state(model), list(model.modules())
    with pytest.raises(norms.NormConvertError):
        norms.convert(model, to="group")
    with pytest.raises(norms.UnknownNormError):
        norms.convert(model, to="goup")
    with pytest.raises(norms.NormOptionError):
        norms.convert(model, to="group", num_group=8)
    with pytest.raises(norms.NormConvertError, match=r"^0\.1 .*num_groups=5 does not divide 8"):
        norms.convert(model, to="group", num_groups=5, where="0.*")
    assert_same_state(model, before)
    assert list(model.modules()) == layers
    assert model[0][0].bias is None

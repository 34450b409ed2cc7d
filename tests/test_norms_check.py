"""Each pitfall is found where it is, not where it is not, and is true; looking leaves no trace; runs refuse errors."""

import copy
import re
import subprocess
import sys
import warnings
from functools import partial

import pytest
import timm
import torch
import torchvision
from torch import nn

import gannorm
from gannorm import cli, norms
from gannorm.networks import DCGANDiscriminator, DCGANGenerator, MLPDiscriminator
from gannorm.training.errors import ConfigError, RunFailedError
from gannorm.training.parser import Configuration, arguments_of
from gannorm.training.run_folder import identity
from tests import tiny

IMAGES = torch.zeros(4, 1, 8, 8)
POINTS = torch.zeros(4, 8)


def critic(norm="batch", *, kernel=3, bias=True, **options):
    """Convolution, norm and activation; with kernel=8 there is one position."""
    norm = norm if isinstance(norm, nn.Module) else norms.create(norm, 8, **options)
    return nn.Sequential(nn.Conv2d(1, 8, kernel, bias=bias), norm, nn.LeakyReLU(0.2))


def points(norm="batch", **options):
    return nn.Sequential(nn.Linear(8, 8), norms.create(norm, 8, dims=0, **options))


def wrapped(name):
    return nn.Sequential(norms.wrap(name, nn.Linear(8, 8)))


def spectral():
    return wrapped("spectral")


def old(hook):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch's own word on them
        return nn.Sequential(hook(nn.Linear(8, 8)))


def frozen():
    model = critic()
    model[1].eval()
    return model


def prepared():
    model = points("virtual_batch")
    norms.prepare(model, torch.randn(16, 8))
    return model


class Sequences(nn.Module):
    """Gives a 2d norm sequences."""

    def __init__(self, norm):
        super().__init__()
        self.norm = norm

    def forward(self, x):
        return self.norm(x.flatten(2))


class Permuted(nn.Module):
    """ConvNeXt's order: channels last for LayerNorm."""

    def __init__(self):
        super().__init__()
        self.layer, self.norm = nn.Conv2d(1, 6, 3), nn.LayerNorm(6)

    def forward(self, x):
        return self.norm(self.layer(x).permute(0, 2, 3, 1))


class Unpermuted(Permuted):
    def forward(self, x):
        return self.norm(self.layer(x))


D, G = {"role": "discriminator"}, {"role": "generator"}
R1 = {"penalty": "r1"}
AT = {"sample": IMAGES}
OF = {"sample": POINTS}

# code, model, setting: where the pitfall is found, with its severity
FOUND = [
    ("N01", "error", critic, R1 | D),
    ("N01", "error", critic, {"penalty": "wgan-gp"}),
    ("N01", "error", partial(critic, "ghost_batch"), R1),
    ("N01", "error", lambda: timm.layers.BatchNormAct2d(8), R1),
    ("N01", "error", lambda: norms.conditional("batch", 8, 4), R1),
    ("N02", "error", partial(critic, "sync_batch"), R1 | {"world_size": 2}),
    ("N02", "warning", partial(critic, "sync_batch"), R1),
    ("N03", "error", partial(critic, "layer"), R1 | {"compile": True}),
    ("N03", "error", lambda: torch.compile(critic("layer"), backend="eager"), R1),
    ("N07", "error", critic, {"batch_size": 1}),
    ("N07", "error", points, OF | {"batch_size": 1}),
    ("N07", "error", partial(critic, kernel=8), AT | {"batch_size": 1}),
    ("N07", "warning", critic, AT | {"batch_size": 1}),
    ("N08", "warning", points, OF | {"batch_size": 4}),
    ("N08", "warning", points, OF),
    ("N08", "warning", partial(points, "ghost_batch", ghost_size=4), OF | {"batch_size": 64}),
    ("N08", "warning", partial(points, "group", num_groups=4), OF),
    ("N09", "error", partial(critic, "instance", kernel=8), AT),
    ("N09", "error", partial(critic, "instance_plain", kernel=8), AT),
    ("N09", "warning", partial(critic, "filter_response", kernel=8), AT),
    ("N10", "error", lambda: critic(nn.GroupNorm(8, 8), kernel=8), AT),
    ("N11", "error", lambda: Sequences(nn.InstanceNorm2d(4)), AT),
    ("N11", "error", lambda: Sequences(nn.InstanceNorm2d(5, affine=True)), AT),
    ("N11", "error", lambda: nn.Sequential(nn.InstanceNorm1d(4)), OF),
    ("N12", "error", lambda: critic(nn.InstanceNorm2d(7)), AT),
    ("N12", "error", lambda: critic(nn.BatchNorm2d(7)), AT),
    ("N13", "error", Unpermuted, AT),
    ("N13", "error", lambda: critic(nn.LayerNorm(8)), AT),
    ("N13", "error", lambda: critic(nn.LayerNorm(8)), {}),
    ("N13", "error", lambda: critic(nn.RMSNorm(8)), {}),
    ("N15", "note", lambda: critic(nn.GroupNorm(8, 8)), {}),
    ("N16", "note", critic, G),
    ("N16", "note", partial(critic, track_running_stats=False), G),
    ("N17", "warning", lambda: critic(nn.InstanceNorm2d(8, track_running_stats=True)), {}),
    ("N18", "warning", critic, {"ema": "average"}),
    ("N18", "warning", critic, {"ema": "copy"}),
    ("N19", "error", spectral, {"ema": "average"}),
    ("N19", "error", lambda: old(nn.utils.spectral_norm), {"ema": "average"}),
    ("N21", "warning", lambda: old(nn.utils.spectral_norm), {}),
    ("N21", "warning", lambda: old(nn.utils.weight_norm), {}),
    ("N22", "note", critic, D | {"world_size": 2}),
    ("N23", "note", critic, D | {"discriminator_batches": "joined"}),
    ("N25", "note", partial(critic, "group"), {"precision": "bf16-mixed"}),
    ("N26", "warning", critic, {"precision": "16-true"}),
    ("N26", "warning", lambda: critic().half(), {}),
    ("N27", "note", partial(critic, "instance"), {"channels_last": True}),
    ("N28", "note", critic, {"compile": True}),
    ("N31", "warning", partial(critic, "instance_plain", bias=False), {}),
    ("N31", "warning", partial(critic, "instance_plain"), {}),
    ("N31", "warning", partial(critic, "pixel", bias=False), {}),
    ("N32", "warning", partial(critic, "evonorm_s0"), {}),
    ("N32", "warning", lambda: nn.Sequential(timm.layers.BatchNormAct2d(8), nn.ReLU()), {}),
    ("N34", "note", partial(critic, "instance"), G),
    ("N35", "warning", partial(critic, "virtual_batch"), AT),
    ("N35", "warning", partial(critic, "ghost_batch"), {"batch_size": 32}),
]  # fmt: skip

# code, model, setting: close by, where it is not
NOT_FOUND = [
    ("N01", critic, D),
    ("N01", critic, R1 | G),
    ("N01", critic, {"penalty": "none"}),
    ("N01", partial(critic, "group"), R1 | D),
    ("N01", prepared, R1),
    ("N01", frozen, R1),
    ("N01", lambda: timm.layers.LayerNormAct2d(8), R1),
    ("N02", partial(critic, "batch"), R1 | {"world_size": 2}),
    ("N02", partial(critic, "sync_batch"), {"world_size": 2}),
    ("N03", partial(critic, "layer"), {"compile": True}),
    ("N03", partial(critic, "layer"), R1),
    ("N05", partial(critic, "layer"), R1),
    ("N05", partial(critic, "sync_batch"), R1),
    ("N07", critic, {"batch_size": 2}),
    ("N07", partial(critic, "layer"), {"batch_size": 1}),
    ("N07", partial(critic, "sync_batch"), {"batch_size": 1, "world_size": 2}),
    ("N07", points, {"sample": POINTS[:1], "batch_size": 64}),
    ("N08", points, OF | {"batch_size": 8}),
    ("N08", points, {"sample": POINTS[:2], "batch_size": 64}),
    ("N08", partial(points, "group", num_groups=2), OF),
    ("N09", partial(critic, "instance", kernel=7), AT),
    ("N09", partial(critic, "layer", kernel=8), AT),
    ("N10", lambda: critic(nn.GroupNorm(8, 8)), AT),
    ("N10", lambda: critic(nn.GroupNorm(4, 8), kernel=8), AT),
    ("N10", lambda: nn.Sequential(nn.LayerNorm(8), timm.layers.LayerNorm(8)), {"sample": POINTS[:, None]}),
    ("N11", partial(critic, "instance"), AT),
    ("N11", lambda: nn.Sequential(nn.InstanceNorm1d(1)), {"sample": IMAGES.flatten(2)}),
    ("N12", lambda: critic(nn.InstanceNorm2d(8)), AT),
    ("N13", Permuted, AT),
    ("N13", lambda: critic(nn.LayerNorm((8, 6, 6))), AT),
    ("N13", lambda: critic(torchvision.models.convnext.LayerNorm2d(8)), AT),
    ("N13", partial(critic, "layer_channels"), AT),
    ("N13", lambda: nn.Sequential(nn.Linear(8, 8), nn.LayerNorm(8)), OF),
    ("N15", partial(critic, "group", num_groups=2), {}),
    ("N16", partial(critic, "group"), G),
    ("N16", critic, D),
    ("N17", lambda: critic(nn.InstanceNorm2d(8)), {}),
    ("N17", critic, {}),
    ("N18", critic, {"ema": "recompute"}),
    ("N18", partial(critic, "layer"), {"ema": "average"}),
    ("N19", spectral, {"ema": "copy"}),
    ("N19", partial(critic, "layer"), {"ema": "average"}),
    ("N19", partial(wrapped, "weight"), {"ema": "average"}),
    ("N21", spectral, {}),
    ("N22", critic, D | {"world_size": 2, "discriminator_batches": "joined"}),
    ("N22", critic, D),
    ("N23", partial(critic, "layer"), D | {"discriminator_batches": "joined"}),
    ("N23", critic, G),
    ("N25", partial(critic, "group"), {}),
    ("N25", critic, {"precision": "bf16-mixed"}),
    ("N26", critic, {"precision": "16-mixed"}),
    ("N26", partial(critic, "layer"), {"precision": "16-true"}),
    ("N27", partial(critic, "instance"), {}),
    ("N27", partial(critic, "layer"), {"channels_last": True}),
    ("N28", partial(critic, "layer"), {"compile": True}),
    ("N28", critic, {}),
    ("N31", partial(critic, "instance", bias=False), {}),
    ("N31", partial(critic, "pixel"), {}),
    ("N31", lambda: nn.Sequential(*critic("instance_plain", bias=False)[:2], Restless()), {}),
    ("N31", lambda: nn.Sequential(nn.Linear(2, 8), nn.Unflatten(1, (8, 1)), norms.create("instance_plain", 8)), {}),
    ("N32", lambda: nn.Sequential(norms.create("evonorm_s0", 8), nn.Identity(), nn.Conv2d(8, 1, 3), nn.Tanh()), {}),
    ("N32", lambda: nn.Sequential(norms.create("evonorm_s0", 8), nn.Tanh()), {}),
    ("N32", partial(critic, "filter_response", threshold=False), {}),
    ("N32", lambda: nn.Sequential(timm.layers.BatchNormAct2d(8, apply_act=False), nn.ReLU()), {}),
    ("N32", critic, {}),
    ("N34", partial(critic, "layer"), G),
    ("N34", partial(critic, "instance"), D),
    ("N35", prepared, OF),
    ("N35", partial(critic, "ghost_batch"), {"batch_size": 64}),
]  # fmt: skip


def codes(findings):
    return {finding.code for finding in findings}


@pytest.mark.parametrize(("code", "severity", "model", "setting"), FOUND)
def test_a_pitfall_is_found(code, severity, model, setting):
    findings = [finding for finding in norms.check(model(), **setting) if finding.code == code]
    assert [finding.severity for finding in findings] == [severity]
    assert "\n" not in str(findings[0])
    assert str(findings[0]).startswith(f"{code} {severity} ")


@pytest.mark.parametrize(("code", "model", "setting"), NOT_FOUND)
def test_a_pitfall_is_not_found_where_it_is_not(code, model, setting):
    assert code not in codes(norms.check(model(), **setting))


def test_every_code_has_an_answer_and_every_rule_both_cases():
    table = norms.pitfalls()
    assert [row.code for row in table] == [f"N{number:02}" for number in range(1, 37)]
    checked = {row.code for row in table if row.rules}
    assert all(bool(row.rules) != bool(row.prevented) for row in table)
    assert all((row.severity is None) == bool(row.prevented) and row.title and row.source for row in table)
    assert {case[0] for case in FOUND} == checked - {"N05"}  # no built-in norm has it: see the plug-in
    assert {case[0] for case in NOT_FOUND} == checked
    assert len(str(table).splitlines()) == 36


# Generic over the registry


class Blend(nn.Module):
    """A plug-in's norm over batch and space."""

    def __init__(self, channels: int, *, amount: float = 0.5) -> None:
        super().__init__()
        self.channels, self.amount = channels, amount
        self.weight = self.bias = None

    def forward(self, x):
        return x - self.amount * x.mean((0, 2, 3), keepdim=True)


def test_a_plugin_is_judged_by_what_it_declares():
    declared = {"axes": ("batch", "space"), "double_backward": False, "keeps_channels_last": False}
    with norms.registered("blend", Blend, **declared):
        model = critic("blend")
        found = norms.check(model, penalty="r1", channels_last=True, sample=IMAGES, batch_size=1)
        assert codes(found) == {"N01", "N05", "N07", "N27", "N31"}
        assert "norm 'blend'" in found[0].message
    with norms.registered("blend", Blend, axes=("channel",), centers=False):
        assert not norms.check(model, penalty="r1", channels_last=True, sample=IMAGES, batch_size=1)


class Unstated(nn.Module):
    """A plug-in's norm that keeps its number of channels under another name."""

    def __init__(self, channels, *, eps: float = 1e-5):
        super().__init__()
        self.c, self.eps = channels, eps

    def forward(self, x):
        return (x - x.mean((0, 2, 3), keepdim=True)) / (x.var((0, 2, 3), keepdim=True) + self.eps).sqrt()


@pytest.mark.parametrize("sample", [None, IMAGES])
def test_a_plugin_that_keeps_no_number_of_channels_is_judged_too(sample):
    declared = {"axes": ("batch", "space"), "dims": (1, 2, 3), "differs_in_eval": False}
    with norms.registered("unstated", Unstated, **declared):
        (error,) = norms.check(critic(Unstated(8)), penalty="r1", sample=sample).errors
        assert (error.code, error.where) == ("N01", "1")
        assert "norm 'unstated' couples the samples" in error.message


def advised(finding):
    return re.split(", | or ", re.search(r"use (\w+(?:, \w+)*(?: or \w+)?)$", finding.fix)[1])


@pytest.mark.parametrize("name", norms.names(kind="activation"))
def test_what_a_finding_advises_passes_the_same_check(name):
    found = norms.check(critic(name, kernel=7), penalty="r1", sample=IMAGES, batch_size=1)
    for error in found.errors:
        for other in advised(error):
            model = critic(other, kernel=7)
            assert not norms.check(model, penalty="r1", sample=IMAGES, batch_size=1).errors, other


@pytest.mark.parametrize("sample", [None, IMAGES])
@pytest.mark.parametrize("name", ["instance", "instance_plain"])
def test_what_makes_droplets_is_not_advised_against_them(name, sample):
    found = {finding.code: finding for finding in norms.check(critic(name), role="generator", sample=sample)}
    assert {"group", "layer"} <= set(advised(found["N34"]))
    for other in advised(found["N34"]):
        assert "N34" not in codes(norms.check(critic(other), role="generator"))


@pytest.mark.parametrize("sample", [None, IMAGES])
def test_only_norms_with_a_shift_are_advised_where_nothing_learns_one(sample):
    with norms.registered("blend", Blend, axes=("batch", "space")):
        for name in ("instance_plain", "blend"):
            (finding,) = (f for f in norms.check(critic(name, bias=False), sample=sample) if f.code == "N31")
            others = advised(finding)
            assert "layer" in others
            assert not {"none", "instance_plain", "rms", "pixel"} & set(others)
            assert all(norms.create(other, 8).bias is not None for other in others)


def test_where_no_norm_fits_the_fix_is_to_take_it_out():
    (error,) = norms.check(nn.Sequential(nn.GroupNorm(8, 8)), sample=torch.zeros(2, 8, 1, 1, 1, 1)).errors
    assert (error.code, error.fix) == ("N10", "take it out")


def test_a_standard_deviation_of_one_value_is_an_error(monkeypatch):
    monkeypatch.setitem(vars(norms.describe("evonorm_s0")), "variance", True)
    (error,) = norms.check(critic("evonorm_s0", kernel=8, num_groups=8), sample=IMAGES).errors
    assert error.code == "N10"
    assert error.message == "norm 'evonorm_s0' of (4, 8, 1, 1) divides by a standard deviation of one value, which is 0"
    norm = norms.create("evonorm_s0", 8, num_groups=8)
    assert norm(torch.full((4, 8, 1, 1), 4.0)).min() > 1000  # by sqrt(eps) only


# The line


def test_a_line_has_code_path_value_and_fix():
    model = nn.ModuleDict({"blocks": critic("instance", kernel=8)})
    model.forward = model["blocks"].forward
    (error,) = norms.check(model, sample=IMAGES).errors
    assert (error.code, error.severity, error.where) == ("N09", "error", "blocks.1")
    assert "norm 'instance' of (4, 8, 1, 1)" in error.message
    assert error.fix == "use layer, layer_channels, rms, pixel or none"
    assert str(error) == f"N09 error blocks.1: {error.message}; {error.fix}"


def test_lines_are_sorted_and_layers_of_one_finding_share_one():
    model = nn.Sequential(*[critic() for _ in range(5)])
    findings = norms.check(model, role="discriminator", penalty="r1", batch_size=1)
    assert [finding.severity for finding in findings] == ["error", "error", "note"]
    assert findings[0].where == "0.1, 1.1, 2.1 and 2 more"
    assert [*findings.errors, *findings.warnings, *findings.notes] == findings
    assert str(findings).splitlines() == [str(finding) for finding in findings]
    assert str(norms.check(nn.Linear(2, 2))) == "no findings"


def test_what_is_allowed_becomes_a_note():
    findings = norms.check(critic(), penalty="r1", batch_size=1, allow={"n01"})
    assert [(f.code, f.severity) for f in findings] == [("N07", "error"), ("N01", "note")]
    assert findings.notes[0].fix.endswith("(allowed)")
    assert not norms.check(critic(), penalty="r1", batch_size=1, allow="N01,N07").errors


def test_an_unknown_code_is_an_error_with_the_nearest():
    with pytest.raises(norms.UnknownPitfallError, match=r"allow='N1': no pitfall .*did you mean 'N01'.*N01 to N36"):
        norms.check(critic(), allow=["N1"])
    for useless in ("batch", "N99", "N00", "N137", "99"):
        with pytest.raises(norms.UnknownPitfallError, match=rf"{useless.upper()}': no pitfall has this code; there"):
            norms.check(critic(), allow=useless)
    with pytest.raises(norms.UnknownPitfallError, match=r"allow='NO7': .*did you mean 'N07'"):
        norms.check(critic(), allow="NO7")


def test_a_setting_that_is_none_is_named():
    code = """
from torch import nn
from gannorm import norms
for wrong in ({"role": "critic"}, {"ema": True}, {"precision": "fp16"}, {"batch_size": 0},
              {"discriminator_batches": "both"}, {"batch_size": "4"}, {"batch_size": True}, {"world_size": None},
              {"penalty": True}, {"penalty": 1.5}, {"allow": [1]}, {"allow": 99}, {"model": 3}, {"model": nn.ReLU}):
    try:
        norms.check(**{"model": nn.Linear(1, 1), **wrong})
    except norms.NormError as error:
        print(error)
for nothing in ({"penalty": False}, {"penalty": ""}, {"penalty": None}, {"allow": None}, {"allow": ""}):
    print(norms.check(nn.BatchNorm2d(1), **nothing))
"""
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.splitlines() == [
        "check: role='critic' is none of generator, discriminator",
        "check: ema=True is none of recompute, copy, average",
        "check: precision='fp16' is none of 32-true, 64-true, 16-mixed, bf16-mixed, 16-true, bf16-true",
        "check: batch_size=0 is less than 1",
        "check: discriminator_batches='both' is none of separate, joined, joined_in_d_step",
        "check: batch_size='4' is no whole number; give 1 or more",
        "check: batch_size=True is no whole number; give 1 or more",
        "check: world_size=None is no whole number; give 1 or more",
        "check: penalty=True does not say which; give its name, such as 'r1', or None",
        "check: penalty=1.5 does not say which; give its name, such as 'r1', or None",
        "allow='1': no pitfall has this code; did you mean 'N01'?; there are N01 to N36",
        "allow='99': no pitfall has this code; there are N01 to N36",
        "check: model=int is no network; give a torch.nn.Module that is made",
        "check: model=ReLU is no network; give a torch.nn.Module that is made",
        *["no findings"] * 5,
    ]


# The sample


def test_a_sample_leaves_no_trace():
    model = nn.Sequential(
        norms.wrap("spectral", nn.Linear(8, 8)), norms.create("batch", 8, dims=0), nn.Dropout(),
        old(nn.utils.spectral_norm), nn.Sequential(nn.Linear(8, 8), norms.create("batch_renorm", 8, dims=0)),
    )  # fmt: skip
    model(torch.randn(4, 8))
    model[4].eval()
    model[1].running_mean[0] = float("nan")
    before = copy.deepcopy({k: v.detach() for k, v in model.state_dict().items()})
    versions = {name: buffer._version for name, buffer in model.named_buffers()}
    identities = [id(buffer) for buffer in model.buffers()]
    modes = [module.training for module in model.modules()]
    hooks = [(len(m._forward_hooks), len(m._forward_pre_hooks)) for m in model.modules()]
    state = torch.get_rng_state()
    norms.check(model, sample=torch.randn(4, 8, generator=torch.Generator().manual_seed(1)))
    assert torch.equal(state, torch.get_rng_state())
    assert modes == [module.training for module in model.modules()]
    assert hooks == [(len(m._forward_hooks), len(m._forward_pre_hooks)) for m in model.modules()]
    assert identities == [id(buffer) for buffer in model.buffers()]
    after = model.state_dict()
    assert all(torch.allclose(before[key], after[key], rtol=0, atol=0, equal_nan=True) for key in before)
    moved = {name for name, buffer in model.named_buffers() if buffer._version != versions[name]}
    assert moved <= {"1.running_mean"}  # written back, for NaN never equals itself
    assert all(parameter.grad is None for parameter in model.parameters())


class Restless(nn.Module):
    """Draws random numbers and counts in a buffer, whatever its mode."""

    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        self.calls += 1
        return x + torch.randn_like(x)


@pytest.mark.parametrize("fails", [False, True])
def test_a_model_that_moves_by_itself_is_put_back_also_after_an_error(fails):
    model = nn.Sequential(Restless(), nn.Linear(8 if not fails else 7, 8))
    state = torch.get_rng_state()
    try:
        norms.check(model, sample=POINTS)
    except norms.NormSampleError:
        assert fails
    assert torch.equal(state, torch.get_rng_state())
    assert model[0].calls == 0
    assert model[0].training


def test_a_backward_pass_under_way_is_not_spoilt():
    model = nn.Sequential(nn.Linear(8, 8), norms.create("batch", 8, dims=0)).eval()
    loss = model(torch.randn(4, 8)).sum()
    norms.check(model, sample=POINTS)
    loss.backward()


def test_several_arguments_and_a_conditional_norm():
    class Conditional(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = norms.conditional("batch", 8, 3, dims=0)

        def forward(self, x, condition):
            return self.norm(x, condition)

    findings = norms.check(Conditional(), sample=(POINTS, torch.zeros(4, 3)), role="generator")
    assert codes(findings) == {"N08", "N16"}
    assert {finding.where for finding in findings} == {"norm.norm"}


def test_a_norm_called_by_keyword_is_seen():
    class Keyword(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm1d(8)

        def forward(self, x):
            return self.norm(input=x)

    assert codes(norms.check(Keyword(), sample=POINTS)) == {"N08"}


def test_a_sample_that_does_not_pass_says_so():
    with pytest.raises(norms.NormSampleError, match=r"sample \(4, 7\) does not pass through Sequential: .*shapes"):
        norms.check(points(), sample=torch.zeros(4, 7))
    # A norm stops it, and what is said of that norm is not why.
    with pytest.raises(norms.NormSampleError, match=r"expected 4D input \(got 2D input\)"):
        norms.check(nn.Sequential(nn.BatchNorm2d(8)), sample=POINTS, role="generator")
    with pytest.raises(norms.NormSampleError, match="holds no batch"):
        norms.check(points(), sample=(3,))
    with pytest.raises(norms.NormSampleError, match="send a batch through it first"):
        norms.check(nn.Sequential(nn.LazyBatchNorm1d()), sample=POINTS)


def test_wrappers_do_not_change_paths():
    plain = [str(finding) for finding in norms.check(critic(), role="generator")]
    assert [str(finding) for finding in norms.check(nn.DataParallel(critic()), role="generator")] == plain
    compiled = norms.check(torch.compile(critic(), backend="eager"), role="generator", sample=IMAGES)
    assert [str(finding) for finding in compiled if finding.code == "N16"] == plain


# Severity is no stronger than the truth


def test_an_ordinary_dcgan_has_notes_at_most():
    generator, discriminator = DCGANGenerator(norm="batch"), DCGANDiscriminator(norm="layer")
    shared = {"batch_size": 64, "channels_last": True}
    found = norms.check(generator, role="generator", sample=torch.zeros(2, 64), ema="recompute", **shared)
    found += norms.check(discriminator, role="discriminator", sample=torch.zeros(2, 1, 28, 28), **shared)
    assert {finding.severity for finding in found} == {"note"}
    assert codes(found) == {"N16"}


@pytest.mark.parametrize(
    "name", [*norms.names(kind="activation", batch_free=True, dims=2), *norms.names(kind="weight")]
)
def test_what_the_registry_calls_safe_is_no_error_in_a_critic(name):
    options = {"weight_norm": name, "norm": None} if name in norms.names(kind="weight") else {"norm": name}
    discriminator = DCGANDiscriminator(**options)
    norms.prepare(discriminator, torch.randn(8, 1, 28, 28))
    found = norms.check(
        discriminator, role="discriminator", penalty="r1", batch_size=64, sample=torch.zeros(2, 1, 28, 28)
    )
    assert not found.errors


@pytest.mark.parametrize(
    "make", [torchvision.models.resnet18, torchvision.models.convnext_tiny, partial(timm.create_model, "resnet10t")]
)
def test_well_known_models_have_no_error_and_no_warning(make):
    found = norms.check(make(), sample=torch.zeros(2, 3, 64, 64), batch_size=16, channels_last=True)
    assert not found.errors
    assert not found.warnings


def gradient_of_one_logit(model, x):
    x = x.clone().requires_grad_()
    return torch.autograd.grad(model(x).flatten(1)[0].sum(), x, create_graph=True)[0]


def test_n01_is_true():
    for name, expected in (("batch", True), ("layer", False)):
        model = nn.Sequential(critic(name), nn.Conv2d(8, 1, 6))
        assert bool(gradient_of_one_logit(model, torch.randn(4, 1, 8, 8))[1:].any()) == expected


def test_n03_is_true():
    model = torch.compile(nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 1)), backend="aot_eager")
    with pytest.raises(RuntimeError, match="double backward"):
        gradient_of_one_logit(model, torch.randn(4, 8)).square().sum().backward()


def test_n08_n09_and_n10_are_true():
    torch.testing.assert_close(points()(torch.randn(2, 8)).abs(), torch.ones(2, 8), atol=0.1, rtol=0)
    with pytest.raises(ValueError, match="Expected more than 1 spatial element"):
        critic("instance", kernel=8)(torch.randn(4, 1, 8, 8))
    assert critic(nn.GroupNorm(8, 8), kernel=8)(torch.randn(4, 1, 8, 8)).abs().max() < 1e-3


def test_n19_is_true():
    layer = norms.wrap("spectral", nn.Linear(8, 8))
    vectors = []
    for _ in range(2):
        nn.init.orthogonal_(layer.parametrizations.weight.original)
        layer.weight  # noqa: B018  (a step of the power iteration)
        vectors.append(layer.parametrizations.weight[0]._u.clone())
    assert torch.stack(vectors).mean(0).norm() < 0.999


def test_n21_is_true():
    for model, copies in ((old(nn.utils.spectral_norm), False), (spectral(), True)):
        model(torch.randn(4, 8))
        if copies:
            copy.deepcopy(model)
        else:
            with pytest.raises(RuntimeError, match="deepcopy"):
                copy.deepcopy(model)


# The trainer


@pytest.fixture
def train(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")

    def of(**overrides):
        small = {"folder": str(tmp_path), "quiet": True, "images": 64, "evaluation.every_images": 0}
        return gannorm.train(None, **{**tiny.TINY_RUN, **small, **overrides})

    return of


class Constant(nn.Module):
    """A discriminator with a group norm whose output is constant: it trains, and learns nothing."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(784, 8), nn.GroupNorm(8, 8), nn.ReLU(), nn.Linear(8, 1))

    def forward(self, x):
        return self.body(x.flatten(1)).squeeze(1)


CONSTANT = {"model.discriminator": {"class_path": "tests.test_norms_check.Constant"}}


def test_a_run_with_an_error_is_refused_and_allow_runs_it(train, tmp_path, capsys):
    with pytest.raises(ConfigError) as refused:
        train(**CONSTANT)
    message = str(refused.value)
    assert re.fullmatch(r"N10 discriminator\.body\.1: .*\(2, 8\).*; use [^;]*; or --allow N10", message), message
    assert not list(tmp_path.iterdir())
    results = train(**CONSTANT, allow=["N10"])
    assert results["status"] == "finished"
    assert "N10" not in capsys.readouterr().err
    config = (tmp_path / "mnist" / results["id"] / "config.yaml").read_text()
    assert "allow:\n- N10\n" in config  # training from it gives the same run


def test_a_run_says_warnings_once_and_keeps_notes(train, capsys):
    train(**{"model.discriminator.norm": "pixel", "data.batch_size": 4, "images": 8})
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning: N")]
    assert len(lines) == 1
    assert re.match(r"warning: N08 generator\.blocks\.0\.norm: norm 'batch' of \(4, 16\) has 4 values", lines[0])


def test_an_error_of_the_sizes_is_still_said_in_the_trainers_words(train):
    with pytest.raises(ValueError, match=r"discriminator cannot take images of shape \(1, 28, 28\)"):
        train(**{"model.discriminator": "DCGANDiscriminator", "model.discriminator.size": 64})


def test_allow_is_read_in_every_form_and_is_no_part_of_the_id(train, tmp_path):
    def of(*arguments):
        return Configuration([*arguments_of(None, tiny.TINY_RUN), *arguments]).plain()

    assert of("--allow=N01,N07")["allow"] == "N01,N07"
    assert of('--allow=["N01"]')["allow"] == ["N01"]
    assert identity(of()) == identity(of("--allow=N01"))
    with pytest.raises(norms.UnknownPitfallError, match="allow='N77'"):
        train(allow="N77")
    assert not list(tmp_path.iterdir())


def test_the_command_refuses_with_exit_code_2_and_what_it_said_comes_true(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    small = {**tiny.TINY_RUN, "folder": str(tmp_path), "data.batch_size": 1, "images": 2, "quiet": True}
    assert cli.train(arguments_of(None, small)) == 2
    refused = capsys.readouterr().err
    assert refused.startswith("gannorm: N07 generator.blocks.0.norm: norm 'batch' of (1, 16) has one value")
    assert refused.count("\n") == 1
    assert not list(tmp_path.iterdir())
    with pytest.raises(RunFailedError, match="Expected more than 1 value per channel"):
        cli.train(arguments_of(None, {**small, "allow": "N07"}))


def test_points_and_none():
    assert not norms.check(MLPDiscriminator(norm=None), role="discriminator", penalty="r1", batch_size=1)

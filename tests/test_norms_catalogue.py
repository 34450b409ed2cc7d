"""Each norm of activations against its definition, and timm's where timm has it; the identities between them."""

from functools import partial

import pytest
import timm.layers
import torch
import torch.nn.functional as F
from torch import nn

from gannorm import norms
from tests.reference import norms as reference

CHANNELS = 8
SHAPES = {0: (5, 8), 1: (5, 8, 6), 2: (5, 8, 3, 4), 3: (3, 8, 2, 3, 2)}
LAYERS = [*norms.names(kind="activation"), *norms.names(kind="fused")]
CASES = [(name, dims) for name in LAYERS for dims in norms.describe(name).dims]
# Norms whose default is another norm's, or too large for these shapes, are compared with these options.
OPTIONS = {"group": {"num_groups": 2}, "evonorm_s0": {"num_groups": 2}, "ghost_batch": {"ghost_size": 2}}
# What a norm learns beside γ and β, or remembers, as the reference takes it.
EXTRAS = {
    "layer_instance": lambda module: {"rho": torch.sigmoid(module.mixture)},
    "evonorm_s0": lambda module: {"slope": module.slope},
    "ghost_batch": lambda module: {"ghost_size": module.ghost_size},
    "virtual_batch": lambda module: {"reference": module.reference_batch_0},
    "batch_instance": lambda module: {"rho": torch.sigmoid(module.mixture)},
    "dynamic_tanh": lambda module: {"alpha": module.slope},
    "global_response": lambda module: {"gamma": module.weight, "beta": module.bias},
}


def made(name: str, dims: int, dtype: torch.dtype = torch.float64) -> nn.Module:
    """Return a norm in training mode whose parameters are drawn at random."""
    module = norms.create(name, CHANNELS, dims=dims, **OPTIONS.get(name, {})).to(dtype)
    for parameter in module.parameters():
        nn.init.normal_(parameter)
    norms.prepare(module, torch.randn(SHAPES[dims], dtype=dtype) * 2 - 1)
    return module


def expected(name: str, module: nn.Module, x: torch.Tensor) -> torch.Tensor:
    y = getattr(reference, name)(x, **EXTRAS.get(name, lambda _: {})(module))
    if name == "global_response":  # γ stands inside its formula
        return y
    y = reference.affine(y, getattr(module, "weight", None), getattr(module, "bias", None))
    return reference.thresholded(y, module.activation.threshold) if name == "filter_response" else y


# Definitions


@pytest.mark.parametrize(("name", "dims"), CASES)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-6), (torch.float32, 1e-5)])
def test_equals_its_definition(name, dims, dtype, tolerance):
    module = made(name, dims, dtype)
    x = torch.randn(SHAPES[dims], dtype=dtype) * 3 + 1
    with torch.no_grad():
        target = expected(name, module.double(), x.double())
        torch.testing.assert_close(module.to(dtype)(x).double(), target, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("options", [{"dims": 0}, {"dims": 2}])
def test_rms_norm_learns_a_scale_only(options):
    assert dict(norms.create("rms", 8, **options).named_parameters()).keys() == {"weight"}


def timms_filter_response(module: norms.FilterResponseNorm) -> nn.Module:
    theirs = timm.layers.FilterResponseNormTlu2d(CHANNELS, eps=module.eps)
    theirs.load_state_dict({"weight": module.weight, "bias": module.bias, "tau": module.activation.threshold})
    return theirs


def timms_evonorm(module: norms.EvoNormS0) -> nn.Module:
    theirs = timm.layers.EvoNorm2dS0(CHANNELS, groups=module.num_groups, eps=module.eps)
    theirs.load_state_dict({"weight": module.weight, "bias": module.bias, "v": module.slope})
    return theirs


def timms_response_norm(module: norms.GlobalResponseNorm) -> nn.Module:
    theirs = timm.layers.grn.GlobalResponseNorm(CHANNELS, eps=module.eps, channels_last=False)
    theirs.load_state_dict(module.state_dict())
    return theirs


def timms_layer_norm(module: norms.ChannelLayerNorm) -> nn.Module:
    theirs = timm.layers.LayerNorm2d(CHANNELS, eps=module.eps)
    theirs.load_state_dict(module.state_dict())
    return theirs


def timms_rms_norm(module: norms.ChannelRMSNorm) -> nn.Module:
    theirs = timm.layers.RmsNorm2d(CHANNELS, eps=module.eps)
    theirs.load_state_dict(module.state_dict())
    return theirs


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("filter_response", timms_filter_response),
        ("evonorm_s0", timms_evonorm),
        ("global_response", timms_response_norm),
        ("layer_channels", timms_layer_norm),
        ("rms", timms_rms_norm),
    ],
)
def test_equals_timms_own(name, theirs):
    module = made(name, 2, torch.float32)
    x = torch.randn(SHAPES[2]) * 3 + 1
    torch.testing.assert_close(module(x), theirs(module)(x), rtol=1e-5, atol=1e-5)


# Identities


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


def test_the_layer_norms_are_one_on_points():
    x = torch.randn(SHAPES[0], dtype=torch.float64)
    layer, channels = (norms.create(name, CHANNELS, dims=0).double() for name in ("layer", "layer_channels"))
    torch.testing.assert_close(layer(x), channels(x))


@pytest.mark.parametrize(("rho", "name"), [(1e-9, "layer"), (1 - 1e-7, "instance")])
def test_the_mixture_ends_in_layer_norm_and_instance_norm(rho, name):
    x = torch.randn(SHAPES[2], dtype=torch.float64)
    mixture = norms.create("layer_instance", CHANNELS, rho=rho).double()
    torch.testing.assert_close(mixture(x), getattr(reference, name)(x), atol=1e-5, rtol=1e-5)


# Batch variants


@pytest.mark.parametrize("name", ["ghost_batch", "batch_renorm"])
def test_batch_variants_are_batch_norm_in_eval_mode(name):
    module, batch = norms.create(name, CHANNELS, momentum=0.1), norms.create("batch", CHANNELS)
    for _ in range(3):
        x = torch.randn(SHAPES[2]) * 2 + 1  # 5 samples: one ghost batch of the default size
        module(x), batch(x)
    torch.testing.assert_close(module.running_mean, batch.running_mean)
    torch.testing.assert_close(module.running_var, batch.running_var)
    assert module.num_batches_tracked == 3
    torch.testing.assert_close(module.eval()(x), batch.eval()(x))


def test_ghost_batch_remembers_the_average_over_its_parts():
    module = norms.create("ghost_batch", 1, dims=0, ghost_size=2, momentum=1.0)
    module(torch.tensor([[1.0], [3.0], [10.0], [30.0]]))
    torch.testing.assert_close(module.running_mean, torch.tensor([(2.0 + 20.0) / 2]))
    torch.testing.assert_close(module.running_var, torch.tensor([(2.0 + 200.0) / 2]))


@pytest.mark.parametrize("num_samples", [2, 3, 5, 7, 63])
def test_no_ghost_batch_has_one_sample_only(num_samples):
    y = norms.create("ghost_batch", 1, dims=0, ghost_size=2)(torch.randn(num_samples, 1))
    assert (y != 0).all()  # one sample alone would be its own mean


@pytest.mark.parametrize("eps", [1e-5, 0.1])
def test_batch_renorm_corrects_towards_the_running_statistics(eps):
    module = norms.create(
        "batch_renorm", CHANNELS, eps=eps, r_max=1.2, d_max=0.3, start=0, r_batches=1, d_batches=1
    ).double()
    module(torch.randn(SHAPES[2], dtype=torch.float64))
    mean, variance = module.running_mean.clone(), module.running_var.clone()
    x = torch.randn(SHAPES[2], dtype=torch.float64) * 1.1 + torch.linspace(-1, 1, CHANNELS)[:, None, None]
    target = reference.renormalized(x, mean, variance, r_max=1.2, d_max=0.3, eps=eps)
    torch.testing.assert_close(module(x).detach(), target)
    assert not torch.allclose(target, reference.batch(x, eps), atol=0.1)


def test_the_bounds_of_batch_renorm_widen_with_the_batches():
    module = norms.create("batch_renorm", 1, dims=0, start=10, r_batches=20, d_batches=30)
    bounds = []
    for number in (0, 10, 15, 20, 30, 1000):
        module.num_batches_tracked.fill_(number)
        large = torch.tensor([1e6])
        r, d = module.correction(mean=large, variance=large, num_values=100)
        bounds.append((round(r.item(), 3), round(d.item(), 3)))
    assert bounds == [(1, 0), (1, 0), (2, 1.25), (3, 2.5), (3, 5), (3, 5)]


@pytest.mark.parametrize("name", ["ghost_batch", "batch_renorm"])
def test_torchs_converter_leaves_the_batch_variants(name):
    model = nn.Sequential(norms.create(name, 4))
    assert type(nn.SyncBatchNorm.convert_sync_batchnorm(model)[0]) is type(model[0])


def test_the_gradient_of_batch_renorm_is_that_of_its_formula_with_r_and_d_held():
    module = norms.create("batch_renorm", CHANNELS, dims=0, start=0, r_batches=1, d_batches=1).double()
    for _ in range(3):
        module(torch.randn(5, CHANNELS, dtype=torch.float64) * 2 + 1)
    x = torch.randn(5, CHANNELS, dtype=torch.float64, requires_grad=True)
    with norms.freeze_state(module):
        variance, mean = torch.var_mean(x.detach(), dim=0)
        r, d = module.correction(mean, variance, num_values=5)
        target = (x - x.mean(0)) / (x.var(0, correction=0) + module.eps).sqrt() * r + d
        weights = torch.randn_like(x)
        gradients = [torch.autograd.grad((y * weights).sum(), x)[0] for y in (module(x), target)]
    assert not torch.allclose(r, torch.ones_like(r))
    torch.testing.assert_close(*gradients)


# Virtual batch norm


def a_virtual_network() -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(3, 6), norms.create("virtual_batch", 6, dims=0), nn.ReLU(), norms.wrap("spectral", nn.Linear(6, 6)),
        norms.create("virtual_batch", 6, dims=0),
    ).double()  # fmt: skip


def test_each_layer_sees_what_the_layers_before_make_of_the_reference():
    network, batch = a_virtual_network().eval(), torch.randn(7, 3, dtype=torch.float64)
    norms.prepare(network, batch)
    x = torch.randn(4, 3, dtype=torch.float64)
    hidden_reference = network[3](reference.batch(network[0](batch)).relu())
    hidden = network[3](reference.virtual_batch(network[0](x), reference=network[0](batch)).relu())
    torch.testing.assert_close(network(x), reference.virtual_batch(hidden, reference=hidden_reference))


def test_a_sample_does_not_see_the_others_and_the_reference_learns():
    network = a_virtual_network()
    norms.prepare(network, torch.randn(7, 3, dtype=torch.float64))
    x = torch.randn(4, 3, dtype=torch.float64)
    with norms.freeze_state(network):
        torch.testing.assert_close(network(x)[:1], network(x[:1]))

    def output(weight: torch.Tensor) -> torch.Tensor:
        with norms.freeze_state(network):
            return torch.func.functional_call(network, {"0.weight": weight}, x)

    assert torch.autograd.gradcheck(output, network[0].weight, fast_mode=True)


def test_the_reference_is_saved_and_copied_with_the_network():
    network, other = a_virtual_network(), a_virtual_network()
    for model in (network, other):
        norms.prepare(model, torch.randn(7, 3, dtype=torch.float64))
    network(torch.randn(2, 3, dtype=torch.float64)).sum().backward()  # leaves no graph that a copy would fall over
    other.load_state_dict(network.state_dict())
    norms.freeze_state(network)
    x = torch.randn(4, 3, dtype=torch.float64)
    assert torch.equal(network.eval()(x), other.eval()(x))
    norms.prepare(other, torch.zeros(2, 3, dtype=torch.float64))  # replaces it
    assert not torch.equal(network(x), other(x))
    assert sum(hook is not None for hook in other._forward_pre_hooks.values()) == 1


def test_a_second_reference_of_fewer_arguments_leaves_nothing_of_the_first():
    class Labelled(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = norms.create("virtual_batch", 3, dims=0)

        def forward(self, x, shift=0.0):
            return self.norm(x + shift)

    network = Labelled()
    norms.prepare(network, (torch.randn(6, 3), torch.ones(6, 1)))
    norms.prepare(network, torch.randn(8, 3))
    assert [name for name, _ in network.named_buffers()] == ["reference_batch_0"]
    assert network(torch.randn(2, 3)).shape == (2, 3)


def test_parts_of_a_model_are_prepared_and_loaded_by_themselves():
    pair, other = (nn.ModuleDict({"a": a_virtual_network(), "b": a_virtual_network()}) for _ in range(2))
    norms.prepare(pair["a"], torch.randn(7, 3, dtype=torch.float64))
    assert norms.needs_data(pair)
    norms.prepare(pair["b"], torch.randn(5, 3, dtype=torch.float64))
    assert not norms.needs_data(pair)
    norms.prepare_like(other, pair.state_dict())
    other.load_state_dict(pair.state_dict())
    x = torch.randn(4, 3, dtype=torch.float64)
    assert torch.equal(pair["b"].eval()(x), other["b"].eval()(x))


def test_without_a_reference_it_says_what_to_do():
    network = a_virtual_network()
    assert norms.needs_data(network)
    with pytest.raises(norms.NormError, match=r"norms.prepare\(model, batch\)"):
        network(torch.randn(4, 3, dtype=torch.float64))
    norms.prepare(network, torch.randn(7, 3, dtype=torch.float64))
    assert not norms.needs_data(network)
    assert not norms.needs_data(nn.Linear(2, 2))
    plain = nn.Sequential(norms.create("batch", 4))
    norms.prepare(plain, torch.randn(2, 4))
    assert "reference_batch_0" not in plain.state_dict()


# Fused norms and options


@pytest.mark.parametrize("name", norms.names(kind="fused"))
def test_fused_norms_say_that_they_activate(name):
    assert norms.activates(name)
    assert not norms.activates("batch")
    assert not norms.activates(nn.BatchNorm2d)


def test_the_threshold_is_an_activation_and_can_be_left_out():
    x = torch.randn(SHAPES[2])
    with_it, without = (norms.create("filter_response", CHANNELS, threshold=flag) for flag in (True, False))
    assert torch.equal(with_it(x), without(x).relu())  # τ starts at 0


@pytest.mark.parametrize("name", [name for name in LAYERS if {"affine", "eps"} <= norms.describe(name).defaults.keys()])
def test_options_reach_the_layer(name):
    x = torch.randn(SHAPES[2], dtype=torch.float64)
    module = norms.create(name, CHANNELS, eps=0.5, affine=False, **OPTIONS.get(name, {})).double()
    norms.prepare(module, torch.randn(SHAPES[2], dtype=torch.float64))
    assert getattr(module, "weight", None) is None
    y = getattr(reference, name)(x, eps=0.5, **EXTRAS.get(name, lambda _: {})(module))
    target = reference.thresholded(y, torch.zeros(CHANNELS)) if name == "filter_response" else y
    torch.testing.assert_close(module(x).detach(), target.detach())


def test_torchs_options():
    assert norms.create("batch", CHANNELS, momentum="0.5").momentum == 0.5
    assert not list(norms.create("batch", CHANNELS, track_running_stats=False).buffers())


@pytest.mark.parametrize(
    ("name", "dims", "kind"),
    [
        ("BN", 0, nn.BatchNorm1d),
        ("BN", 1, nn.BatchNorm1d),
        ("batch", 2, nn.BatchNorm2d),
        ("Batch", 3, nn.BatchNorm3d),
        ("sync_batch", 2, nn.SyncBatchNorm),
        ("IN", 1, nn.InstanceNorm1d),
        ("instance", 2, nn.InstanceNorm2d),
        ("in", 3, nn.InstanceNorm3d),
        ("instance_plain", 2, nn.InstanceNorm2d),
        ("GN", 2, nn.GroupNorm),
        ("LN", 2, nn.GroupNorm),
        ("layer_channels", 0, nn.LayerNorm),
        ("rms", 0, nn.RMSNorm),
        ("None", 2, nn.Identity),
    ],
)
def test_returns_torchs_own_class(name, dims, kind):
    assert type(norms.create(name, 8, dims=dims)) is kind


@pytest.mark.parametrize("name", ["layer_channels", "rms", "pixel", "filter_response", "virtual_batch", "ghost_batch"])
def test_another_number_of_axes_is_no_silent_other_norm(name):
    module = norms.create(name, 4, dims=2)
    for shape in ((4, 4, 4), (2, 5, 4, 4)):
        with pytest.raises(norms.NormShapeError, match=r"\(N, 4, size, size\)"):
            module(torch.randn(shape))


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_prints_its_options(name):
    text = repr(norms.create(name, 8, **OPTIONS.get(name, {})))
    for option, value in OPTIONS.get(name, {}).items():
        assert f"{option}={value}" in text or f"({value}, 8" in text


@pytest.mark.parametrize("dims", [1, 2])
def test_zeros_have_derivatives(dims):
    for name in ("rms", "pixel", "filter_response", "layer_channels", "global_response"):
        module = norms.create(name, CHANNELS, dims=dims)
        x = torch.zeros(SHAPES[dims], requires_grad=True)
        (gradient,) = torch.autograd.grad(module(x).sum(), x, create_graph=True)
        gradient.square().sum().backward()
        assert x.grad.isfinite().all()


# In recurrent cells


class NormalizedLSTMCell(nn.Module):
    """An LSTM cell with a norm on its gates' inputs, step by step (Ba et al. 2016, equations 20-22)."""

    def __init__(self, inputs: int, hidden: int, make: partial) -> None:
        super().__init__()
        self.from_input, self.from_hidden = nn.Linear(inputs, 4 * hidden), nn.Linear(hidden, 4 * hidden)
        self.norm_input, self.norm_hidden, self.norm_cell = make(4 * hidden), make(4 * hidden), make(hidden)

    def forward(self, x: torch.Tensor, state: tuple[torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        hidden, cell = state
        gates = self.norm_input(self.from_input(x)) + self.norm_hidden(self.from_hidden(hidden))
        forget, take, out, new = gates.chunk(4, dim=1)
        cell = forget.sigmoid() * cell + take.sigmoid() * new.tanh()
        return out.sigmoid() * self.norm_cell(cell).tanh(), cell

    def run(self, steps: torch.Tensor) -> torch.Tensor:
        state = (torch.zeros(steps.shape[1], 6), torch.zeros(steps.shape[1], 6))
        outputs = []
        for x in steps:
            state = self(x, state)
            outputs.append(state[0])
        return torch.stack(outputs)


@pytest.mark.parametrize("name", ["layer", "layer_channels", "rms"])
def test_in_an_lstm_no_step_sees_a_later_one_and_no_sequence_another(name):
    cell = NormalizedLSTMCell(3, 6, norms.factory(name, dims=0))
    steps = torch.randn(5, 2, 3)
    later, other = steps.clone(), steps.clone()
    later[3:] = 9
    other[:, 1] = 9
    outputs = cell.run(steps)
    assert torch.equal(outputs[:3], cell.run(later)[:3])
    assert not torch.equal(outputs[3:], cell.run(later)[3:])
    torch.testing.assert_close(outputs[:, 0], cell.run(other)[:, 0])
    outputs.sum().backward()
    assert all(parameter.grad is not None for parameter in cell.parameters())


def test_layer_norm_of_a_whole_sequence_leaks_the_future_and_the_step_norm_does_not():
    sequence = torch.randn(2, 4, 6)
    changed = sequence.clone()
    changed[..., 5] = 9
    for name, leaks in (("layer", True), ("layer_channels", False), ("rms", False)):
        norm = norms.create(name, 4, dims=1)
        assert torch.equal(norm(sequence)[..., :5], norm(changed)[..., :5]) != leaks


@pytest.mark.parametrize("cell", [nn.LSTMCell, nn.GRUCell])
def test_instance_norm_in_a_recurrent_cell_is_an_error_when_it_is_made(cell):
    hidden = cell(3, 6).hidden_size
    with pytest.raises(norms.NormShapeError, match="a step of an RNN"):
        norms.factory("instance", dims=0)(4 * hidden)

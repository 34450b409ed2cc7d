"""State that forward passes move: freezing it, recomputing it, and what an average has to do with it."""

import pytest
import torch
from torch import nn

from gannorm import norms
from tests.reference import norms as reference

CHANNELS = 8
SHAPE = (5, 8, 3, 4)


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


def test_frozen_batch_norm_normalizes_as_ever_and_moves_nothing():
    norm = norms.create("batch", CHANNELS)
    x = torch.randn(SHAPE) * 3 + 1
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
    x = torch.randn(SHAPE)
    before = buffers(network)
    frozen = norms.freeze_state(network)
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
    norm(torch.randn(SHAPE, dtype=torch.float64) * 100)
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
    norms.recalibrate(model, [(torch.zeros(2, 2, 4), torch.ones(())), [torch.zeros(2, 2, 4), 3 * torch.ones(())]])
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

"""Unrolling: k steps by hand, the generator's gradient through them, and no trace left."""

import copy
import gc
import weakref
from functools import partial

import numpy as np
import pytest
import torch
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import nn
from torch.nn.functional import softplus

from gannorm import norms, rng
from gannorm.gan.third_derivative import calls_kernels, kernels_have_one
from gannorm.networks import MLPDiscriminator
from gannorm.remedies import Unrolling
from tests.reference import remedies as reference

ADAM = {"lr": 0.05, "betas": (0.5, 0.9), "weight_decay": 0.1}
MOMENTUM = {"lr": 0.3, "momentum": 0.9, "weight_decay": 0.1}
CASES = {
    "adam": (partial(torch.optim.Adam, **ADAM), partial(reference.adam_step, **ADAM)),
    "adam without first moment": (
        partial(torch.optim.Adam, lr=0.05, betas=(0.0, 0.99)),
        partial(reference.adam_step, lr=0.05, betas=(0.0, 0.99)),
    ),
    "adamw": (partial(torch.optim.AdamW, **ADAM), partial(reference.adam_step, **ADAM, decoupled=True)),
    "sgd": (partial(torch.optim.SGD, lr=0.3), partial(reference.sgd_step, lr=0.3)),
    "momentum": (
        partial(torch.optim.SGD, **MOMENTUM, dampening=0.2),
        partial(reference.sgd_step, **MOMENTUM, dampening=0.2),
    ),
    "nesterov": (
        partial(torch.optim.SGD, **MOMENTUM, nesterov=True),
        partial(reference.sgd_step, **MOMENTUM, nesterov=True),
    ),
}


class Small(nn.Module):
    """The reference's discriminator in torch."""

    def __init__(self):
        super().__init__()
        generator = rng.generator(0)
        for name, shape in (("w", (4, 2)), ("b", (4,)), ("v", (4,)), ("c", ())):
            self.register_parameter(name, nn.Parameter(torch.randn(shape, generator=generator, dtype=torch.float64)))

    def features(self, x):
        return torch.tanh(x @ self.w.T + self.b)

    def forward(self, x):
        return self.features(x) @ self.v + self.c


def draw(*shape, seed):
    return torch.randn(*shape, generator=rng.generator(seed), dtype=torch.float64)


def discriminator_loss(critic, real, fake):
    return softplus(-critic(real)).mean() + softplus(critic(fake)).mean()


def generator_loss(critic, fake):
    return softplus(-critic(fake)).mean()


def train(discriminator, optimizer, real, fake, num_steps):
    for _ in range(num_steps):
        optimizer.zero_grad()
        discriminator_loss(discriminator, real, fake.detach()).backward()
        optimizer.step()
    optimizer.zero_grad()


def plain(state):
    return {name: np.asarray(value, dtype=np.float64) for name, value in state.items() if value is not None}


@pytest.mark.parametrize("num_trained", [0, 3], ids=["fresh", "trained"])
@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("case", CASES)
def test_unrolling_equals_a_simulation_by_hand_and_so_does_the_generators_gradient(case, steps, num_trained):
    make_optimizer, hand_step = CASES[case]
    discriminator = Small()
    optimizer = make_optimizer(discriminator.parameters())
    z, real, weights = draw(5, 3, seed=1), draw(6, 2, seed=2), draw(3, 2, seed=3).requires_grad_()
    train(discriminator, optimizer, real, z @ weights, num_trained)

    fake = z @ weights
    critic = Unrolling(steps=steps).critic(discriminator, lambda c: discriminator_loss(c, real, fake), optimizer)
    loss = generator_loss(critic, fake)
    (gradient,) = torch.autograd.grad(loss, weights, retain_graph=True)

    parameters = list(discriminator.parameters())
    simulate = partial(
        reference.unrolled_generator_loss,
        z=z.numpy(),
        real=real.numpy(),
        weights=[parameter.detach().numpy() for parameter in parameters],
        states=[plain(optimizer.state.get(parameter, {})) for parameter in parameters],
        step=hand_step,
        num_steps=steps,
    )
    by_hand, unrolled = simulate(weights.detach().numpy())
    assert loss.item() == pytest.approx(by_hand, rel=1e-12)
    for ours, theirs in zip(critic.parameters(), unrolled.weights, strict=True):
        np.testing.assert_allclose(ours.detach().numpy(), theirs, rtol=1e-10, atol=1e-12)
    numerical = reference.numerical_gradient(lambda point: simulate(point)[0], weights.detach().numpy())
    np.testing.assert_allclose(gradient.numpy(), numerical, rtol=1e-6, atol=1e-9)
    (shallow,) = torch.autograd.grad(generator_loss(discriminator, fake), weights)
    assert not np.allclose(shallow.numpy(), numerical, rtol=1e-2)  # the test could tell


@pytest.mark.parametrize("norm", ["batch", "instance", "layer"])
def test_a_trace_is_left_nowhere(norm):
    torch.manual_seed(0)
    shape = (2,) if norm != "instance" else (1, 4, 4)
    discriminator = network(shape, norm)
    optimizer = torch.optim.Adam(discriminator.parameters(), lr=0.01, betas=(0.0, 0.99), fused=True)
    real, fake = torch.randn(8, *shape), torch.randn(8, *shape, requires_grad=True)
    train(discriminator, optimizer, real, fake, 2)
    for parameter in discriminator.parameters():
        parameter.requires_grad_(False)  # as in the generator's step of the loop
    before = copy.deepcopy((discriminator.state_dict(), optimizer.state_dict()))
    critic = Unrolling(steps=3).critic(
        discriminator, lambda c: discriminator_loss(c, real, fake), LightningOptimizer(optimizer)
    )
    generator_loss(critic, fake).backward()
    assert fake.grad.isfinite().all()
    torch.testing.assert_close((discriminator.state_dict(), optimizer.state_dict()), before, rtol=0, atol=0)
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in discriminator.parameters())

    for parameter in discriminator.parameters():
        parameter.requires_grad_(True)
    with norms.freeze_state(discriminator):
        train(discriminator, optimizer, real, fake, 3)
        for name, parameter in discriminator.named_parameters():
            torch.testing.assert_close(dict(critic.named_parameters())[name], parameter, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(critic(real), discriminator(real), rtol=1e-4, atol=1e-4)


def network(shape, norm):
    if norm == "instance":
        layers = [nn.Conv2d(1, 3, 3, bias=False), nn.InstanceNorm2d(3, track_running_stats=True), nn.Flatten()]
        return nn.Sequential(*layers, norms.wrap("spectral", nn.Linear(12, 1)), nn.Flatten(0))
    return MLPDiscriminator(shape=shape, hidden=(8, 8), norm=norm, norm_at="all", weight_norm="spectral")


def test_a_unit_without_gradient_makes_no_nan():
    discriminator = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1), nn.Flatten(0))
    with torch.no_grad():
        discriminator[0].bias[0] = -100  # dead: its gradient and its second moment are 0
    optimizer = torch.optim.Adam(discriminator.parameters(), lr=0.01, betas=(0.0, 0.99))
    real, fake = torch.randn(8, 2), torch.randn(8, 2, requires_grad=True)
    critic = Unrolling(steps=3).critic(discriminator, lambda c: discriminator_loss(c, real, fake), optimizer)
    generator_loss(critic, fake).backward()
    assert fake.grad.isfinite().all()
    assert fake.grad.abs().max() > 0


def test_the_stand_in_has_features_where_the_discriminator_has():
    discriminator = Small()
    optimizer = torch.optim.SGD(discriminator.parameters(), lr=0.1)
    real, fake = draw(6, 2, seed=1), draw(5, 2, seed=2).requires_grad_()
    critic = Unrolling(steps=2).critic(discriminator, lambda c: discriminator_loss(c, real, fake), optimizer)
    parameters = dict(critic.named_parameters())
    torch.testing.assert_close(critic.features(real) @ parameters["v"] + parameters["c"], critic(real))
    (gradient,) = torch.autograd.grad(critic.features(real).sum(), fake)  # through the steps alone
    assert gradient.abs().max() > 0
    plain_network = nn.Sequential(nn.Linear(2, 1), nn.Flatten(0)).double()
    optimizer = torch.optim.SGD(plain_network.parameters(), lr=0.1)
    assert not hasattr(Unrolling(steps=1).critic(plain_network, lambda c: c(fake).mean(), optimizer), "features")


def test_parameters_outside_the_optimizer_stay():
    discriminator = Small()
    optimizer = torch.optim.SGD([discriminator.v], lr=0.1)
    fake = draw(5, 2, seed=2).requires_grad_()
    critic = Unrolling(steps=2).critic(discriminator, lambda c: c(fake).mean(), optimizer)
    before = dict(discriminator.named_parameters())
    assert [name for name, value in critic.named_parameters() if not torch.equal(value, before[name])] == ["v"]


def test_the_steps_of_the_critic_are_freed_at_once():
    discriminator = Small()
    optimizer = torch.optim.Adam(discriminator.parameters(), lr=0.1)
    fake = draw(5, 2, seed=2).requires_grad_()
    gc.disable()
    try:
        critic = Unrolling(steps=2).critic(discriminator, lambda c: c(fake).mean(), optimizer)
        held = weakref.ref(next(critic.parameters()))
        generator_loss(critic, fake).backward()
        del critic
        assert held() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (torch.optim.RMSprop, "unrolling cannot go through steps of RMSprop; it can of Adam, AdamW, SGD"),
        (partial(torch.optim.Adam, amsgrad=True), "Adam with amsgrad; leave it off"),
        (partial(torch.optim.SGD, maximize=True), "SGD with maximize; leave it off"),
    ],
)
def test_other_optimizers_are_refused(make, sentence):
    discriminator = Small()
    with pytest.raises(ValueError, match=sentence):
        Unrolling().critic(discriminator, lambda c: c(torch.zeros(1, 2)).mean(), make(discriminator.parameters()))


def test_torch_s_batch_norm_has_no_third_derivative_or_a_wrong_one_and_who_calls_it_is_known():
    """Should a release get it right, this fails, and unrolling a penalty through batch norm can be allowed there."""
    assert not kernels_have_one()
    x = torch.randn(4, 2, 3, 3)
    for norm, calls in (("batch", True), ("instance", True), ("group", False), ("layer", False), ("pixel", False)):
        layers = nn.Sequential(norms.create(norm, 2))
        assert calls_kernels(layers, x) == calls, norm

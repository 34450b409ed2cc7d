import copy

import pytest
import torch
from torch import nn

import gannorm
from gannorm import losses, norms, rng
from gannorm.gan import GAN, steps
from gannorm.gan.fitting import check_fit
from gannorm.networks import DCGANDiscriminator, DCGANGenerator
from tests import tiny
from tests.reference import loop

MODES = ["separate", "joined", "joined_in_d_step"]
NORMS = ["batch", "instance", "group", "layer", "none"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("spectral", [None, "spectral"])
def test_fifty_steps_equal_the_plain_loop_bit_for_bit(mode, spectral):
    gan = tiny.gan(d_norm="batch", d_weight_norm=spectral, discriminator_batches=mode, seed=3)
    generator, discriminator = copy.deepcopy(gan.generator), copy.deepcopy(gan.discriminator)
    tiny.fit(gan, tiny.loader(50))
    loop.train(generator, discriminator, tiny.batches(50), mode=mode, seed=3, rates=(2e-3, 2e-3), betas=(0.0, 0.99))
    assert gan.d_steps == gan.g_steps == 50
    assert tiny.same_state(gan.generator.state_dict(), generator.state_dict())
    assert tiny.same_state(gan.discriminator.state_dict(), discriminator.state_dict())


def test_the_batch_modes_are_three_models():
    ends = []
    for mode in MODES:
        gan = tiny.gan(d_norm="batch", discriminator_batches=mode)
        tiny.fit(gan, tiny.loader(3))
        ends.append(torch.cat([p.detach().flatten() for p in gan.parameters()]))
    assert not torch.equal(ends[0], ends[1])
    assert not torch.equal(ends[0], ends[2])
    assert not torch.equal(ends[1], ends[2])


class Spy(GAN):
    """Notes what moved in each optimizer's step."""

    def step(self, optimizer, loss):
        before = copy.deepcopy((self.generator.state_dict(), self.discriminator.state_dict()))
        super().step(optimizer, loss)
        after = (self.generator.state_dict(), self.discriminator.state_dict())
        self.moved = getattr(self, "moved", [])
        self.moved.append(tuple(not tiny.same_state(a, b) for a, b in zip(before, after, strict=True)))


def test_the_d_step_moves_only_d_and_the_g_step_only_g():
    base = tiny.gan(d_norm="batch")
    spy = Spy(base.generator, base.discriminator)
    tiny.fit(spy, tiny.loader(2))
    assert spy.moved == [(False, True), (True, False)] * 2
    assert all(p.requires_grad for p in spy.discriminator.parameters())


@pytest.mark.parametrize("weight_norm", [None, "spectral"])
def test_the_generator_step_moves_no_buffer_and_leaves_no_gradient_in_d(weight_norm, monkeypatch):
    gan = tiny.gan(d_norm="batch", d_weight_norm=weight_norm, discriminator_batches="joined")
    seen = {}
    original = steps.generator_loss

    def generator_loss(gan, step):
        seen["before"] = {name: b.clone() for name, b in gan.discriminator.named_buffers()}
        loss = original(gan, step)
        seen["after"] = {name: b.clone() for name, b in gan.discriminator.named_buffers()}
        seen["takes_gradient"] = any(p.requires_grad for p in gan.discriminator.parameters())
        return loss

    monkeypatch.setattr(steps, "generator_loss", generator_loss)
    tiny.fit(gan, tiny.loader(1))
    assert tiny.same_state(seen["before"], seen["after"])
    assert not seen["takes_gradient"]


def test_one_batch_of_fakes_serves_both_steps_unless_fresh_ones_are_asked_for():
    for fakes, passes in (("shared", 1), ("fresh", 2)):
        gan = tiny.gan(fakes=fakes, ema_half_life=0)
        calls = []
        gan.generator.register_forward_hook(lambda *_, calls=calls: calls.append(1))
        tiny.fit(gan, tiny.loader(4))
        assert len(calls) == 4 * passes


def test_noise_is_a_function_of_seed_and_iteration():
    gan, other = tiny.gan(seed=1), tiny.gan(seed=2)
    first = gan.noise(4, "discriminator")
    assert torch.equal(first, gan.noise(4, "discriminator"))
    assert not torch.equal(first, other.noise(4, "discriminator"))
    gan.d_steps = 1
    assert not torch.equal(first, gan.noise(4, "discriminator"))


def test_rates_and_betas_follow_their_schedules_in_images():
    half = {"begin": 0.5}
    rates = {
        "generator_rate": {"start": 0.2, "end": 0.0, **half},
        "discriminator_rate": {"start": 0.4, "end": 0.0, **half},
    }
    gan = tiny.gan(**rates, betas=(0.0, {"start": 0.9, "end": 0.99, "until": 1000}))
    gan.total_images = 1000
    optimizers = gan.configure_optimizers()
    seen = []
    for images_seen in (0, 500, 750, 1000):
        for plan, optimizer in zip(gan.plans, optimizers, strict=True):
            plan.follow(optimizer, images_seen, gan.total_images)
        seen.append([optimizer.param_groups[0]["lr"] for optimizer in optimizers])
    assert seen == [[0.4, 0.2], [0.4, 0.2], [0.2, 0.1], [0.0, 0.0]]
    assert [optimizer.param_groups[0]["betas"] for optimizer in optimizers] == [(0.0, 0.99)] * 2


class Hinge:
    """A user's own loss."""

    def discriminator(self, real_logits, fake_logits):
        return torch.relu(1 - real_logits) + torch.relu(1 + fake_logits)

    def generator(self, real_logits, fake_logits):
        return real_logits - fake_logits


class Net(nn.Module):
    """A user's own network that knows nothing of gannorm."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.latent_dim = inputs
        self.layer = nn.Linear(inputs, outputs)

    def forward(self, x):
        return self.layer(x).squeeze(1)


@pytest.mark.parametrize("loss", [Hinge(), Hinge, "tests.test_gan.Hinge", {"class_path": "tests.test_gan.Hinge"}])
def test_anybodys_networks_and_loss(loss):
    gan = GAN(generator=Net(4, 2), discriminator=Net(2, 1), loss=loss)
    before = copy.deepcopy(gan.generator.state_dict())
    tiny.fit(gan, tiny.loader(3))
    assert not tiny.same_state(before, gan.generator.state_dict())
    assert gan.sample()(5, rng.generator(0)).shape == (5, 2)


def test_a_generator_without_latent_dim_is_refused_by_name():
    gan = GAN(generator=nn.Linear(2, 2), discriminator=Net(2, 1))
    with pytest.raises(ValueError, match="Linear has no latent_dim"):
        gan.sample()(1, rng.generator(0))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"generator_rate": -1.0}, "generator_rate=-1.0: a rate is 0 or more"),
        ({"betas": (0.5,)}, r"betas=\[0.5\]: Adam takes two numbers"),
        ({"betas": (0.5, 1.0)}, "betas="),
        ({"ema_half_life": -5}, "ema_half_life=-5"),
        ({"discriminator_steps": 0}, "discriminator_steps=0: a number of steps, 1 or more"),
        ({"updates": "simultaneous", "generator_steps": 2}, "generator_steps=2 needs updates='alternating'"),
        ({"updates": "simultaneous", "remedies": "unrolling"}, "'unrolling' .* needs updates='alternating'"),
        ({"penalties": "weight_clipping", "d_weight_norm": "spectral"}, "weight norm .* contradict each other"),
        ({"generator_optimizer": "torch.optim.Adma"}, "generator_optimizer"),
        ({"generator_optimizer": {"class_path": "torch.optim.SGD", "init_args": {"lr": 1}}}, "set generator_rate"),
    ],
    ids=str,
)
def test_numbers_that_no_run_can_have(options, words):
    with pytest.raises(ValueError, match=words):
        tiny.gan(**options)


@pytest.mark.filterwarnings("ignore:.*spectral_norm:FutureWarning")
def test_a_layer_with_a_hook_can_be_sampled_after_training():
    generator = Net(4, 2)
    torch.nn.utils.spectral_norm(generator.layer)
    gan = GAN(generator, Net(2, 1))
    tiny.fit(gan, tiny.loader(2))
    draw = gan.sample("raw")
    z = torch.randn(8, 4, generator=rng.generator(1))
    assert torch.allclose(draw(8, rng.generator(1)), generator.eval()(z))


def test_networks_that_do_not_fit_the_data_are_refused_before_the_first_step():
    with pytest.raises(ValueError, match=r"makes \(1, 32, 32\) and the data are \(1, 28, 28\)"):
        check_fit(GAN(DCGANGenerator(size=32, width=2)), (1, 28, 28))
    with pytest.raises(ValueError, match="discriminator cannot take"):
        check_fit(GAN(DCGANGenerator(width=2), DCGANDiscriminator(size=64, width=2)), (1, 28, 28))


def test_means_are_those_of_the_steps_since_the_last_call():
    gan = tiny.gan(generator_rate=0.0, discriminator_rate=0.0, norm=None)
    for parameter in gan.discriminator.logit.parameters():
        nn.init.zeros_(parameter)
    tiny.fit(gan, tiny.loader(3))
    means = gan.take_means()
    ln2 = torch.tensor(2.0).log().item()
    assert means["discriminator_loss"] == pytest.approx(2 * ln2)
    assert means["generator_loss"] == pytest.approx(ln2)
    assert means["real_logit"] == means["fake_logit"] == 0
    assert gan.take_means() == {}


def test_bfloat16_trains_and_sums_losses_in_float32():
    gan = tiny.gan()
    tiny.fit(gan, tiny.loader(3), precision="bf16-mixed")
    assert {total.dtype for total in gan.sums.sums.values()} == {torch.float32}
    assert all(total.isfinite() for total in gan.sums.sums.values())


def test_loss_of_the_table_does_not_ask_for_real_logits():
    assert not losses.generator_needs_real(tiny.gan().loss)


def train_20_steps(norm_g, norm_d):
    gan = GAN(DCGANGenerator(width=8, norm=norm_g), DCGANDiscriminator(width=8, norm=norm_d))
    gan.prepare(torch.randn(16, 1, 28, 28).tanh())
    before = {name: p.detach().clone() for name, p in gan.named_parameters()}
    tiny.fit(gan, tiny.loader(20, size=16, shape=(1, 28, 28)))
    assert gan.g_steps == 20
    assert all(p.isfinite().all() for p in gan.parameters())
    assert not [name for name, p in gan.named_parameters() if p.ndim > 1 and torch.equal(p, before[name])]
    assert gannorm.evaluate(gan.sample(), num_samples=64)["num_samples"] == 64


@pytest.mark.parametrize("norm_d", NORMS)
@pytest.mark.parametrize("norm_g", NORMS)
def test_all_pairs_of_norms_train_20_steps_and_evaluate(norm_g, norm_d):
    train_20_steps(norm_g, norm_d)


@pytest.mark.parametrize(
    "norm", [name for kind in ("activation", "fused") for name in norms.names(kind=kind) if name not in NORMS]
)
def test_every_other_norm_trains_20_steps_in_both_and_evaluates(norm):
    train_20_steps(norm, norm)


def test_a_lazy_penalty_changes_the_betas_of_adam_whoever_names_it():
    lazy = {"penalties": {"name": "r1", "interval": 3}, "betas": (0.5, 0.9)}
    named = {"class_path": "torch.optim.Adam", "init_args": {"betas": [0.5, 0.9]}}
    groups = [
        tiny.gan(**lazy, discriminator_optimizer=spec).configure_optimizers()[0].param_groups[0]
        for spec in (None, named)
    ]
    assert groups[0]["betas"] == groups[1]["betas"] == (0.5**0.75, 0.9**0.75)
    assert groups[0]["lr"] == groups[1]["lr"] == 1.5e-3

"""Remedies: what they compute, what they tell apart, and how a config names them."""

from pathlib import Path

import pytest
import torch
import yaml
from torch import nn
from torch.autograd import gradcheck, gradgradcheck
from torch.func import functional_call

from gannorm import remedies, rng
from gannorm.remedies import page
from gannorm.remedies.diff_augment import POLICIES
from gannorm.remedies.minibatch import closeness, group_deviation
from tests.reference import remedies as reference


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=rng.generator(seed), dtype=torch.float64)


def agrees(ours, theirs):
    torch.testing.assert_close(ours, torch.as_tensor(theirs, dtype=ours.dtype))
    return True


def step(z, fake, *, real=None, discriminator=None):
    real = fake if real is None else real
    return remedies.GeneratorStep(z=z, fake=fake, real=real, fake_seen=fake, discriminator=discriminator)


def moment(images_seen=0, total_images=1000, seed=0):
    return remedies.Moment(images_seen, total_images, rng.generator(seed))


# Packing


@pytest.mark.parametrize("shape", [(12, 2), (12, 3, 4, 4)])
def test_packs_are_what_plain_loops_make(shape):
    images = randn(*shape)
    for size in (1, 2, 4):
        assert agrees(remedies.pack(images, size), reference.pack(images.numpy(), size))


def test_a_member_of_a_pack_is_one_pass_of_the_generator():
    passes = [torch.full((3, 1), float(number)) for number in range(4)]
    assert remedies.pack(torch.cat(passes), 4).tolist() == [[0.0, 1.0, 2.0, 3.0]] * 3


def test_packs_that_cannot_be_are_refused_with_the_numbers():
    with pytest.raises(ValueError, match="packing 2 does not divide a batch of 5"):
        remedies.pack(torch.zeros(5, 2), 2)
    with pytest.raises(ValueError, match="packing=0 is no number of samples"):
        remedies.pack(torch.zeros(5, 2), 0)


# Layers over a batch


@pytest.mark.parametrize(("num", "group_size"), [(8, 4), (10, 4), (5, 4), (2, 4), (1, 4), (7, 2)])
def test_group_deviation_equals_its_definition(num, group_size):
    features = randn(num, 3)
    theirs = reference.group_deviation(features.numpy(), group_size)
    assert agrees(group_deviation(features, group_size).squeeze(1), theirs)


def test_closeness_equals_its_definition():
    features, tensor = randn(5, 3), randn(3, 4, 2, seed=1)
    assert agrees(closeness(features, tensor), reference.closeness(features.numpy(), tensor.numpy()))


@pytest.mark.parametrize("spec", ["stddev", {"name": "discrimination", "num_kernels": 3, "kernel_dim": 2}])
def test_minibatch_layers_have_two_derivatives_and_take_parameters_from_outside(spec):
    layer = remedies.minibatch_layer(spec, 3).double()
    features = randn(6, 3).requires_grad_()
    parameters = {name: randn(*value.shape, seed=2).requires_grad_() for name, value in layer.named_parameters()}

    def run(features, *values):
        return functional_call(layer, dict(zip(parameters, values, strict=True)), (features,))

    assert run(features, *parameters.values()).shape == (6, layer.num_features)
    assert gradcheck(run, (features, *parameters.values()))
    assert gradgradcheck(run, (features, *parameters.values()))
    assert layer.couples_samples


def test_minibatch_layers_tell_a_collapsed_batch_from_a_diverse_one():
    torch.manual_seed(0)
    diverse, collapsed = torch.randn(64, 128), torch.randn(128).expand(64, 128)
    stddev, discrimination = (remedies.minibatch_layer(name, 128) for name in ("stddev", "discrimination"))
    assert stddev(diverse)[:, 128:].min() > 0.5
    assert stddev(collapsed)[:, 128:].max() < 1.01e-4  # the root of 1e-8
    assert discrimination(diverse)[:, 128:].mean() < 5
    assert agrees(discrimination(collapsed)[:, 128:], torch.full((64, 100), 63.0))


@pytest.mark.parametrize("name", ["stddev", "discrimination"])
def test_minibatch_layers_keep_their_figures_in_half_precision(name):
    layer = remedies.minibatch_layer(name, 16)
    features = randn(32, 16).float()
    with torch.autocast("cpu", torch.bfloat16):
        half = layer(features.bfloat16())
    assert half.dtype is torch.bfloat16
    torch.testing.assert_close(half[:, 16:].float(), layer(features)[:, 16:], rtol=0.1, atol=0.05)


def test_the_deviation_of_a_constant_batch_has_finite_gradients_of_both_orders():
    features = torch.ones(8, 3, requires_grad=True)
    values = group_deviation(features, 4)
    (first,) = torch.autograd.grad((values * torch.arange(8.0)[:, None]).sum(), features, create_graph=True)
    (second,) = torch.autograd.grad(first.square().sum() + first.sum(), features)
    assert first.isfinite().all()
    assert second.isfinite().all()


def test_real_and_fake_halves_of_a_joined_batch_are_not_compared():
    real, fake = randn(8, 3), torch.zeros(8, 3, dtype=torch.float64)
    joined = group_deviation(torch.cat([real, fake]), 4)
    assert torch.equal(joined, torch.cat([group_deviation(real, 4), group_deviation(fake, 4)]))


def test_no_minibatch_layer_changes_nothing():
    layer = remedies.minibatch_layer(None, 7)
    features = torch.ones(2, 7)
    assert layer(features) is features
    assert (layer.num_features, layer.couples_samples, list(layer.parameters())) == (7, False, [])


# Terms of the generator's loss


def test_mode_seeking_equals_its_definition_and_is_large_for_a_collapsed_generator():
    z, fake = randn(7, 4), randn(7, 1, 3, 3, seed=1)
    remedy = remedies.ModeSeeking(strength=0.5)
    assert agrees(remedy.generator_term(step(z, fake)), 0.5 * reference.mode_seeking(z.numpy()[:6], fake.numpy()[:6]))
    assert gradcheck(lambda fake: remedy.generator_term(step(z, fake)), fake.requires_grad_())
    same = torch.zeros(7, 1, 3, 3, dtype=torch.float64)
    assert remedy.generator_term(step(z, same)) == pytest.approx(0.5e5)
    assert remedy.generator_term(step(z, fake)) < 2


def test_feature_matching_equals_its_definition_and_is_zero_for_equal_means():
    discriminator = nn.Module()
    discriminator.features = lambda x: x.flatten(1).square()
    real, fake = randn(6, 2, 2), randn(4, 2, 2, seed=1)
    remedy = remedies.FeatureMatching(strength=3)
    theirs = reference.feature_distance(real.flatten(1).numpy() ** 2, fake.flatten(1).numpy() ** 2)
    z = randn(4, 2)
    assert agrees(remedy.generator_term(step(z, fake, real=real, discriminator=discriminator)), 3 * theirs)
    assert remedy.generator_term(step(randn(6, 2), -real.flip(0), real=real, discriminator=discriminator)) < 1e-20
    fake.requires_grad_()
    assert gradcheck(lambda x: remedy.generator_term(step(z, x, real=real, discriminator=discriminator)), fake)
    assert remedy.adversarial_weight == 1
    assert remedies.FeatureMatching(alone=True).adversarial_weight == 0


# What the discriminator sees


def test_color_equals_its_definition():
    images = randn(5, 3, 6, 6)
    drawn = torch.rand(3, 5, generator=rng.generator(1)).double().numpy()
    seen = POLICIES["color"](images, rng.generator(1))
    for n, image in enumerate(images.numpy()):
        assert agrees(seen[n], reference.color(image, *drawn[:, n]))


@pytest.mark.parametrize("policy", ["translation", "cutout"])
def test_images_are_moved_and_cut_as_the_paper_allows_and_in_all_those_ways(policy):
    image = randn(2, 8, 12)
    possible = {(one + 0.0).tobytes() for one in getattr(reference, f"all_{policy}s")(image.numpy())}  # -0 becomes 0
    seen = POLICIES[policy](image.expand(2000, -1, -1, -1), rng.generator(0))
    assert {(one + 0.0).tobytes() for one in seen.numpy()} == possible
    assert len(possible) > 10


def test_diff_augment_keeps_shape_and_range_and_treats_each_image_in_its_own_way():
    image = torch.rand(1, 8, 8, generator=rng.generator(0)) * 2 - 1
    images = image.expand(16, 1, 8, 8)
    remedy = remedies.DiffAugment()
    seen = remedy.see(images, moment())
    assert seen.shape == images.shape
    assert seen.dtype == images.dtype
    assert seen.abs().max() < 3  # |x| ≤ 1 + 0.5, its distance from a mean times 1.5 at most
    assert len({one.numpy().tobytes() for one in seen}) == 16
    assert torch.equal(seen, remedy.see(images, moment()))
    assert not torch.equal(seen, remedy.see(images, moment(seed=1)))


def test_diff_augment_has_its_gradient():
    images = randn(2, 2, 4, 4).requires_grad_()
    assert gradcheck(lambda images: remedies.DiffAugment().see(images, moment()), images)
    assert gradgradcheck(lambda images: remedies.DiffAugment().see(images, moment()).square(), images)


def test_instance_noise_is_as_wide_as_its_schedule_says():
    images = torch.zeros(1000, 8)
    for images_seen, std in ((0, 0.1), (500, 0.05), (1000, 0.0)):
        seen = remedies.InstanceNoise().see(images, moment(images_seen))
        assert seen.std().item() == pytest.approx(std, rel=0.03)
    assert remedies.InstanceNoise(std=0.3).see(images, moment(1000, None)).std().item() == pytest.approx(0.3, rel=0.03)
    seen = remedies.InstanceNoise(std=2.0).see(images.double(), moment()).flatten()
    assert agrees(seen, 2 * torch.randn(8000, generator=rng.generator(0)).double())


@pytest.mark.parametrize("name", ["diff_augment", "instance_noise"])
def test_no_global_random_number_is_drawn(name):
    before = torch.get_rng_state()
    remedies.resolve(name)[0].see(torch.zeros(2, 1, 8, 8), moment())
    assert torch.equal(before, torch.get_rng_state())


# Configs


def test_every_spec_of_a_remedy_is_understood():
    kind = remedies.ModeSeeking
    path = "gannorm.remedies.ModeSeeking"
    half = {"name": "mode_seeking", "strength": "5e-1"}
    for spec in ("mode_seeking", path, kind, kind(), {"class_path": path}):
        assert [type(remedy) for remedy in remedies.resolve(spec)] == [kind]
    for spec in (half, [half], {"class_path": path, "init_args": {"strength": 0.5}}):
        assert remedies.resolve(spec)[0].strength == 0.5
    assert remedies.resolve(None) == remedies.resolve([]) == ()
    both = remedies.resolve(["instance_noise", {"name": "diff_augment", "policy": ["cutout"]}])
    assert [type(remedy).__name__ for remedy in both] == ["InstanceNoise", "DiffAugment"]


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ("mode_seekin", "no remedy is called 'mode_seekin'; did you mean 'mode_seeking'\\? there are packing, "),
        ("packing", "'packing' is no entry of model.remedies; set model.discriminator.packing"),
        ("minibatch_stddev", "set model.discriminator.minibatch"),
        ("minibatch_discrimination", "set model.discriminator.minibatch"),
        ("two_rates", "set model.generator_rate and model.discriminator_rate"),
        ("several_steps", "set model.discriminator_steps and model.generator_steps"),
        ("generator_ema", "set model.ema_half_life"),
        (["unrolling", {"name": "unrolling", "steps": 2}], "'unrolling' is named twice"),
        ({"name": "unrolling", "step": 2}, "no option 'step'; did you mean 'steps'\\? it takes steps=5"),
        ({"name": "unrolling", "steps": 0}, "unrolling of 0 steps is no unrolling; leave it out"),
        ({"name": "unrolling", "steps": -1}, "steps=-1 is no whole number of 1 or more"),
        ({"name": "unrolling", "steps": 2.5}, "steps=2.5 is no whole number"),
        ({"name": "mode_seeking", "strength": 0}, "strength=0 is no number above 0"),
        ({"name": "mode_seeking", "strength": "much"}, "strength='much' is no number above 0"),
        ({"name": "feature_matching", "alone": "yes"}, "alone='yes' is neither true nor false"),
        ({"name": "diff_augment", "policy": "colour"}, "'colour'; did you mean 'color'\\?"),
        ({"name": "diff_augment", "policy": 3}, "no policy of diff_augment is called '3'"),
        ({"name": "diff_augment", "policy": [3]}, "no policy of diff_augment is called '3'"),
        ({"name": "diff_augment", "policy": []}, "name one or more of color, translation, cutout, each once"),
        ({"name": "instance_noise", "std": "much"}, "std of instance_noise: schedule 'much' is no finite number"),
        ({"name": "instance_noise", "std": -0.1}, "std=-0.1 of instance_noise is below 0"),
        ({"name": "instance_noise", "std": 0}, "std=0 of instance_noise is no noise"),
        ({"strength": 1}, "is no name; write a name"),
        ({"class_path": 3}, "3 is no import path"),
        ({"class_path": "gannorm.remedies.ModeSeeking", "init_args": [1]}, "init_args=\\[1\\] are no options by name"),
        ("collections.OrderedDict", "is no gannorm.remedies.Remedy"),
    ],
)
def test_what_is_no_remedy_is_refused_with_the_way_out(spec, sentence):
    with pytest.raises(ValueError, match=sentence):
        remedies.resolve(spec)


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ("stdev", "no minibatch layer is called 'stdev'; did you mean 'stddev'"),
        ({"name": "stddev", "group": 4}, "no option 'group'; did you mean 'group_size'\\? it takes group_size=4"),
        ({"name": "stddev", "group_size": 1}, "group_size=1 is no whole number of 2 or more"),
        ({"name": "discrimination", "num_kernels": 0}, "num_kernels=0 is no whole number of 1 or more"),
    ],
)
def test_what_is_no_minibatch_layer_is_refused_with_the_way_out(spec, sentence):
    with pytest.raises(ValueError, match=sentence):
        remedies.minibatch_layer(spec, 4)


def test_settings_in_which_a_remedy_cannot_work_are_refused():
    plain = nn.Linear(2, 1)
    rprop = torch.optim.Rprop(plain.parameters())
    for remedy, setting, sentence in (
        ("diff_augment", remedies.Setting(plain, (2,)), r"the data are \(2,\); leave it out for points"),
        ("feature_matching", remedies.Setting(plain, (2,)), r"features\(x\) -> \(N, D\), and Linear has none"),
        ("mode_seeking", remedies.Setting(plain, (2,), batch_size=1), "batch_size=1 has none"),
        ("unrolling", remedies.Setting(plain, (2,), optimizer=rprop), "steps of Rprop; it can of Adam, AdamW, SGD"),
    ):
        with pytest.raises(ValueError, match=sentence):
            remedies.resolve(remedy)[0].check(setting)
        remedies.Remedy().check(setting)


def test_the_page_is_what_the_table_says_and_its_examples_work():
    written = (Path(__file__).parents[1] / page.PAGE).read_text(encoding="utf-8")
    assert written == page.page() + "\n", f"write it anew: {page.REWRITE}"
    for row in remedies.REMEDIES.values():
        model = yaml.safe_load(row.example)["model"]
        if row.remedy:
            assert [type(remedy) for remedy in remedies.resolve(model["remedies"])] == [row.remedy]
        elif "minibatch" in model.get("discriminator", {}):
            assert remedies.minibatch_layer(model["discriminator"]["minibatch"], 4).couples_samples

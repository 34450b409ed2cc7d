"""Class-conditional networks: what a label changes, and labels that are none."""

import pytest
import torch

from gannorm import norms
from gannorm.networks import DCGANDiscriminator, DCGANGenerator, MLPGenerator
from gannorm.networks.condition import EMBEDDED, checked_labels
from tests.network_families import DISCRIMINATORS, FAMILIES, GENERATORS, NORMS, SHAPE

LABELS = torch.tensor([0, 1, 2, 0])
CASES = [(family, norm) for family in FAMILIES for norm in NORMS if (family, norm) != ("mlp", "instance")]


def shake(network):
    """Move weights off 0, where class-conditional γ and β and the last layers of residual blocks begin."""
    for parameter in network.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)


@pytest.mark.parametrize(("family", "norm"), CASES)
def test_a_generator_makes_what_the_label_says(family, norm):
    generator = GENERATORS[family](norm=norm, num_classes=3)
    conditional = [m for m in generator.modules() if isinstance(m, norms.ConditionalNorm)]
    assert bool(conditional) == (norm != "none")
    assert generator.num_classes == 3
    shake(generator)
    generator.eval()  # no sample depends on another
    z = torch.randn(1, generator.latent_dim).expand(4, -1)
    images = generator(z, LABELS)
    assert images.shape == (4, *SHAPE)
    torch.testing.assert_close(images[0], images[3])
    assert (images[0] - images[1]).abs().max() > 1e-4
    assert (images[1] - images[2]).abs().max() > 1e-4
    images.sum().backward()
    assert generator.embedding.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("family", FAMILIES)
def test_every_norm_before_an_activation_is_the_classes(family):
    generator = GENERATORS[family](norm="batch", num_classes=3)
    plain = GENERATORS[family](norm="batch")
    conditional = [m for m in generator.modules() if isinstance(m, norms.ConditionalNorm)]
    assert len(conditional) == sum(norms.is_norm(module) for module in plain.modules())
    assert all(not list(norm.norm.parameters()) for norm in conditional)  # γ and β are the class's alone
    shared = {name: value.shape for name, value in plain.state_dict().items() if "norm" not in name}
    assert {name: generator.state_dict()[name].shape for name in shared} == shared


def test_a_way_to_condition_can_be_named():
    generator = DCGANGenerator(width=4, num_classes=3, norm={"name": "style", "base": "batch"})
    assert isinstance(generator.blocks[1].norm.norm, torch.nn.BatchNorm2d)
    assert generator.blocks[1].layer.bias is None  # batch norm subtracts it, whatever follows


def test_without_norms_the_class_is_at_the_end_of_z():
    generator = MLPGenerator(shape=(2,), hidden=[8], latent_dim=5, norm=None, num_classes=3)
    z = torch.randn(4, 5)
    longer = torch.cat([z, generator.embedding.weight[LABELS]], dim=1)
    assert longer.shape == (4, 5 + EMBEDDED)
    torch.testing.assert_close(generator(z, LABELS), generator.blocks(longer))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("minibatch", [None, "stddev"])
def test_a_discriminator_adds_the_projection_of_its_features_on_the_class(family, minibatch):
    discriminator = DISCRIMINATORS[family](num_classes=3, minibatch=minibatch).eval()
    images = torch.randn(4, *SHAPE)
    features = discriminator.features(images)
    logits = discriminator.minibatch(features) @ discriminator.logit.weight[0] + discriminator.logit.bias
    for i, label in enumerate(LABELS):
        logits[i] += discriminator.embedding.weight[label] @ features[i]
    torch.testing.assert_close(discriminator(images, LABELS), logits)
    assert discriminator.num_classes == 3


def test_the_spectral_norm_of_the_embedding_is_one():
    discriminator = DCGANDiscriminator(width=8, num_classes=3, weight_norm="spectral").eval()
    assert torch.linalg.matrix_norm(discriminator.embedding.weight, 2).item() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(
    ("num_classes", "labels", "message"),
    [
        (3, None, "has num_classes=3 and got no labels"),
        (0, LABELS, "takes no labels and got some"),
        (2, LABELS, "labels go from 0 to 2; this DCGANGenerator has num_classes=2, that is 0 to 1"),
        (3, LABELS - 1, "labels go from -1 to 1"),
    ],
)
def test_labels_that_do_not_fit_are_refused_in_one_line(num_classes, labels, message):
    with pytest.raises(ValueError, match=message) as refused:
        DCGANGenerator(width=4, num_classes=num_classes)(torch.randn(4, 64), labels)
    assert "\n" not in str(refused.value)
    with pytest.raises(ValueError, match=message.replace("DCGANGenerator", "DCGANDiscriminator")):
        DCGANDiscriminator(width=4, num_classes=num_classes)(torch.randn(4, *SHAPE), labels)


@pytest.mark.parametrize("labels", [LABELS[:3], LABELS.int(), LABELS[None]])
def test_labels_are_one_int64_per_sample(labels):
    with pytest.raises(ValueError, match="takes one int64 per sample"):
        checked_labels(DCGANGenerator(width=4, num_classes=3), torch.randn(4, 64), labels)


@pytest.mark.parametrize("family", FAMILIES)
def test_packs_of_labelled_samples_are_refused(family):
    with pytest.raises(ValueError, match=r"packing=2 and num_classes=3: a pack has 2 labels"):
        DISCRIMINATORS[family](packing=2, num_classes=3)
    for make in (GENERATORS[family], DISCRIMINATORS[family]):
        with pytest.raises(ValueError, match="num_classes=-1"):
            make(num_classes=-1)

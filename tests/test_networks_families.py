"""What holds for every family of networks: norms, packs, features, layers across the batch, saved weights."""

import pytest
import torch
from torch import nn

from gannorm import norms
from gannorm.gan import GAN
from gannorm.gan.fitting import check_fit
from gannorm.networks import DCGANDiscriminator, DCGANGenerator, MLPDiscriminator, MLPGenerator
from tests.network_families import DISCRIMINATORS, FAMILIES, GENERATORS, NORMS, SHAPE

WITH_A_MATRIX = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d, nn.Embedding)
CASES = [(family, norm) for family in FAMILIES for norm in NORMS if (family, norm) != ("mlp", "instance")]


def layers(network):
    """Return the names of what no norm may change: all but the norms' own state and biases that they make idle."""
    return {name for name in network.state_dict() if "norm" not in name and not name.endswith("bias")}


@pytest.mark.parametrize(("family", "norm"), CASES)
def test_every_norm_works_in_every_network_and_keeps_the_other_weights_names(family, norm):
    generator, discriminator = GENERATORS[family](norm=norm), DISCRIMINATORS[family](norm=norm)
    images = generator(torch.randn(4, generator.latent_dim))
    assert images.shape == (4, *SHAPE)
    logits = discriminator(images)
    assert logits.shape == (4,)
    logits.sum().backward()
    assert all(
        p.grad is None or p.grad.isfinite().all() for p in (*generator.parameters(), *discriminator.parameters())
    )
    for make, network in ((GENERATORS[family], generator), (DISCRIMINATORS[family], discriminator)):
        assert layers(network) == layers(make(norm=None))
        counted = sum(bool(norms.is_norm(module)) for module in network.modules())
        assert (counted > 0) == (norm != "none")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_network_is_rebuilt_from_its_hyperparameters(family):
    options = {"norm": {"name": "group", "num_groups": 4}}
    originals = (
        GENERATORS[family](num_classes=3, **options),
        DISCRIMINATORS[family](num_classes=3, minibatch="stddev", **options),
        DISCRIMINATORS[family](packing=2, weight_norm="spectral", **options),
    )
    for original in originals:
        again = type(original)(**original.hparams)
        again.load_state_dict(original.state_dict())


@pytest.mark.parametrize("family", FAMILIES)
def test_a_pack_is_one_input(family):
    discriminator = DISCRIMINATORS[family](packing=3)
    assert (discriminator.packing, DISCRIMINATORS[family]().packing) == (3, 1)
    assert discriminator(torch.randn(4, 3, 28, 28)).shape == (4,)
    with pytest.raises(ValueError, match="packing=0"):
        DISCRIMINATORS[family](packing=0)
    check_fit(GAN(GENERATORS[family](), discriminator), SHAPE)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("minibatch", "extra"), [(None, 0), ("stddev", 1), ({"name": "discrimination", "num_kernels": 7}, 7)]
)
def test_the_logit_is_a_linear_function_of_features_and_what_the_batch_adds(family, minibatch, extra):
    discriminator = DISCRIMINATORS[family](minibatch=minibatch, norm=None).eval()
    images = torch.randn(4, *SHAPE)
    features = discriminator.features(images)
    assert features.ndim == 2
    assert discriminator.logit.weight.shape == (1, features.shape[1] + extra)
    expected = discriminator.minibatch(features) @ discriminator.logit.weight[0] + discriminator.logit.bias
    torch.testing.assert_close(discriminator(images), expected)
    alone = torch.cat([discriminator(images[:2]), discriminator(images[2:])])
    assert torch.allclose(alone, expected, atol=1e-6) == (extra == 0)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("weight_norm", norms.names(kind="weight"))
def test_every_weight_norm_is_on_every_layer(family, weight_norm):
    generator = GENERATORS[family](weight_norm=weight_norm)
    discriminator = DISCRIMINATORS[family](weight_norm=weight_norm, num_classes=2)
    images = generator(torch.randn(4, generator.latent_dim))
    assert discriminator(images, torch.tensor([0, 1, 0, 1])).isfinite().all()
    for network in (generator, discriminator):
        matrices = [module for module in network.modules() if isinstance(module, WITH_A_MATRIX)]
        assert matrices
        assert all(nn.utils.parametrize.is_parametrized(m, "weight") for m in matrices)


# Of the networks as they were before packs and labels, drawn after torch.manual_seed(0): the sum of all weights, of the
# outputs for a ramp, and how many tensors are saved.
BEFORE = [
    (DCGANGenerator, 144.83944220412968, 150.6080444829131, 15),
    (DCGANDiscriminator, 46.563983661285874, 0.8111773431301117, 8),
    (MLPGenerator, 517.1130097359419, -8.850311498215888, 14),
    (MLPDiscriminator, 253.6102080055758, 0.14646895229816437, 8),
]


@pytest.mark.parametrize(("kind", "weights", "outputs", "num_saved"), BEFORE)
def test_without_new_options_the_networks_are_what_they_were(kind, weights, outputs, num_saved):
    network = kind()
    shape = (4, 64) if "Generator" in kind.__name__ else (4, *SHAPE)
    end = 2.0 if "Generator" in kind.__name__ else 1.0
    ramp = torch.linspace(-end, end, torch.Size(shape).numel()).view(shape)
    assert sum(p.double().sum().item() for p in network.parameters()) == pytest.approx(weights, rel=1e-9)
    with torch.no_grad():
        assert network(ramp).double().sum().item() == pytest.approx(outputs, rel=1e-5)
    assert len(network.state_dict()) == num_saved

import itertools

import pytest
import torch
from torch import nn

from gannorm import norms
from gannorm.networks import DCGANDiscriminator, DCGANGenerator, MLPDiscriminator, MLPGenerator
from gannorm.networks.dcgan import stages

NORMS = ["batch", "instance", "group", "layer", "none"]


@pytest.mark.parametrize("size", range(28, 129, 4))
def test_every_multiple_of_4_has_a_pair(size):
    channels = 1 if size % 8 else 3
    generator = DCGANGenerator(size=size, channels=channels, width=2, latent_dim=3)
    discriminator = DCGANDiscriminator(size=size, channels=channels, width=2)
    images = generator(torch.randn(2, 3))
    assert images.shape == (2, channels, size, size)
    assert images.abs().max() <= 1
    assert discriminator(images).shape == (2,)


@pytest.mark.parametrize(("size", "nearest"), [(29, 28), (27, 28), (130, 128), (34, 32), (1000, 128)])
def test_other_sizes_are_refused_with_the_nearest(size, nearest):
    for network in (DCGANGenerator, DCGANDiscriminator):
        with pytest.raises(ValueError, match=rf"size={size} .* nearest is {nearest}"):
            network(size=size)


def test_two_channels_are_refused():
    with pytest.raises(ValueError, match="channels=2"):
        stages(28, 2, 8)


@pytest.mark.parametrize("norm", NORMS)
def test_bias_is_left_out_only_where_the_norm_subtracts_it(norm):
    blocks = DCGANGenerator(norm=norm).blocks
    assert blocks[0].layer.bias is not None  # one for each position: no norm of channels subtracts it
    assert (blocks[1].layer.bias is None) == (norm in ("batch", "instance"))
    assert blocks[-1].layer.bias is not None  # no norm follows it


def number_of_norms(network):
    return sum(isinstance(module, nn.GroupNorm) for module in network.modules())


@pytest.mark.parametrize("family", [(DCGANGenerator, DCGANDiscriminator), (MLPGenerator, MLPDiscriminator)])
def test_norm_at_says_which_layers_carry_the_norm(family):
    for network in family:
        inner, everywhere = (number_of_norms(network(norm="layer", norm_at=at)) for at in ("inner", "all"))
        assert everywhere == inner + 1
        assert number_of_norms(network(norm="layer", norm_at=[1])) == 1
        with pytest.raises(ValueError, match=r"norm_at=\[9\].*\[0, 1"):
            network(norm="layer", norm_at=[9])
    generator, discriminator = (network(norm="layer") for network in family)
    assert isinstance(generator.blocks[-1].norm, nn.Identity)
    assert isinstance(discriminator.blocks[0].norm, nn.Identity)


def test_weight_norm_is_on_every_layer_the_logit_too():
    discriminator = DCGANDiscriminator(weight_norm="spectral")
    weights = [m for m in discriminator.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert weights
    assert all(nn.utils.parametrize.is_parametrized(m, "weight") for m in weights)


def test_weights_are_drawn_before_they_are_normalized():
    layer = DCGANDiscriminator(weight_norm="spectral", width=64).blocks[1].layer
    assert layer.parametrizations.weight.original.std().item() == pytest.approx(0.02, rel=0.02)


def test_instance_norm_on_points_is_refused():
    for network in (MLPGenerator, MLPDiscriminator):
        with pytest.raises(norms.NormShapeError, match="instance"):
            network(shape=(2,), norm="instance")


@pytest.mark.parametrize("norm", norms.names(kind="fused"))
def test_a_norm_that_activates_stands_in_place_of_the_activation(norm):
    generator, discriminator = DCGANGenerator(norm=norm, norm_at="all", width=8), DCGANDiscriminator(norm=norm, width=8)
    kinds = [type(block.activation) for block in (*generator.blocks, *discriminator.blocks)]
    assert kinds == [nn.Identity] * 2 + [nn.Tanh] + [nn.LeakyReLU] + [nn.Identity] * (len(discriminator.blocks) - 1)


@pytest.mark.parametrize(("one", "other"), list(itertools.product(NORMS, NORMS)))
def test_all_pairs_of_norms_pass_a_gradient(one, other):
    generator, discriminator = DCGANGenerator(width=4, norm=one), DCGANDiscriminator(width=4, norm=other)
    discriminator(generator(torch.randn(3, generator.latent_dim))).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in generator.parameters())


@pytest.mark.parametrize(("channels", "weight_norm"), [(1, None), (3, None), (1, "spectral")])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_the_output_layer_is_a_transposed_convolution(channels, weight_norm, memory_format):
    layer = DCGANGenerator(channels=channels, width=4, weight_norm=weight_norm).blocks[-1].layer.eval()
    x = torch.randn(5, 4, 14, 14).contiguous(memory_format=memory_format).requires_grad_()
    inputs = [x, *layer.parameters()]
    mine, torchs = layer(x), nn.ConvTranspose2d.forward(layer, x)
    assert torch.allclose(mine, torchs, atol=1e-6)
    weights = torch.randn_like(mine)
    gradients = [torch.autograd.grad((images * weights).sum(), inputs, retain_graph=True) for images in (mine, torchs)]
    assert all(torch.allclose(*pair, rtol=1e-4, atol=1e-4) for pair in zip(*gradients, strict=True))

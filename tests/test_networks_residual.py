"""The residual pairs: R3GAN's, which begins as its skip path, and SNGAN's."""

import math

import pytest
import torch
from torch import nn
from torch.nn.functional import interpolate

from gannorm.networks import ResidualDiscriminator, ResidualGenerator, SNGANDiscriminator, SNGANGenerator
from gannorm.networks.residual_block import GAIN, RESAMPLINGS
from gannorm.networks.sngan import PreActivationBlock

SIZES = [(28, 7), (32, 4), (36, 9), (64, 4)]


def num_weights(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(("size", "smallest"), SIZES)
def test_sides(size, smallest):
    generator = ResidualGenerator(size=size, width=8, group_size=4)
    assert generator.basis.maps.shape == (8, smallest, smallest)
    images = generator(torch.randn(2, generator.latent_dim))
    assert images.shape == (2, 3, size, size)
    discriminator = ResidualDiscriminator(size=size, width=8, group_size=4)
    assert discriminator(images).shape == (2,)
    assert discriminator.features(images).shape == (2, 8)
    images = SNGANGenerator(size=size, width=8)(torch.randn(2, 128))
    assert images.shape == (2, 3, size, size)
    assert images.abs().max() <= 1
    assert SNGANDiscriminator(size=size, width=8).features(images).shape == (2, 8)


@pytest.mark.parametrize("resampling", RESAMPLINGS)
def test_at_the_start_the_networks_are_their_skip_paths(resampling):
    generator = ResidualGenerator(width=8, group_size=4, resampling=resampling)
    z = torch.randn(2, generator.latent_dim)
    maps = generator.basis.maps * (z @ generator.basis.linear.weight.T)[:, :, None, None]
    for _ in range(3):
        maps = interpolate(maps, scale_factor=2, mode=resampling)
    images = generator(z)
    torch.testing.assert_close(images, torch.einsum("ncij,kc->nkij", maps, generator.to_image.weight[:, :, 0, 0]))

    discriminator = ResidualDiscriminator(width=8, group_size=4, resampling=resampling)
    maps = torch.einsum("nkij,ck->ncij", images, discriminator.from_image.weight[:, :, 0, 0])
    for _ in range(3):
        maps = RESAMPLINGS[resampling][1]()(maps)
    features = (maps * discriminator.collapse.weight[:, 0]).sum((2, 3))
    torch.testing.assert_close(discriminator.features(images), features)


def test_fix_up_scales_the_first_convolutions_by_the_number_of_blocks():
    blocks = [m for m in ResidualGenerator(width=64).modules() if hasattr(m, "narrow")]
    assert len(blocks) == 8
    for block in blocks:
        assert block.narrow.weight.abs().max() == 0
        assert block.narrow.bias is None
        for conv, inputs in ((block.widen.layer, 64), (block.mix.layer, 16 * 9)):
            assert conv.weight.std().item() == pytest.approx(GAIN * 8**-0.25 / math.sqrt(inputs), rel=0.05)
            assert conv.bias.abs().max() == 0


def test_halving_sees_every_pixel_with_weights_1_3_3_1():
    x = torch.randn(1, 1, 8, 8).double()
    weights = torch.tensor([1.0, 3.0, 3.0, 1.0]).double() / 8
    half = RESAMPLINGS["bilinear"][1]()(x)
    torch.testing.assert_close(half[0, 0, 1, 2], weights @ x[0, 0, 1:5, 3:7] @ weights)
    torch.testing.assert_close(RESAMPLINGS["nearest"][1]()(x)[0, 0, 1, 2], x[0, 0, 2:4, 4:6].mean())


@pytest.mark.parametrize("kind", [ResidualDiscriminator, SNGANDiscriminator])
def test_a_penalty_on_the_gradient_reaches_the_weights(kind):
    discriminator = kind(width=16)
    for parameter in discriminator.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    images = torch.randn(2, 3, 32, 32, requires_grad=True)
    (gradient,) = torch.autograd.grad(discriminator(images).sum(), images, create_graph=True)
    gradient.square().sum().backward()
    weights = [p for name, p in discriminator.named_parameters() if "bias" not in name]
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in weights)


def test_the_papers_model_has_as_many_weights_as_the_paper_says():
    """Of the models of 32×32 images, arXiv:2501.05441, appendix D: 20.73 and 20.68 million."""
    with torch.device("meta"):
        generator, discriminator = ResidualGenerator(width=768), ResidualDiscriminator(width=768)
    assert round(num_weights(generator) / 1e6, 2) == 20.73
    assert round(num_weights(discriminator) / 1e6, 2) == 20.68
    groups = [m.groups for m in generator.modules() if isinstance(m, nn.Conv2d) and m.groups > 1]
    assert groups == [96] * 8


def test_sngan_has_the_weights_of_its_table():
    """Counted from arXiv:1802.05957, table 4, by hand; less the biases that batch norm subtracts, 256 in each block."""
    conv, shortcut = 256 * 256 * 9 + 256, 256 * 256 + 256
    linear, last = 128 * 4 * 4 * 256 + 4 * 4 * 256, 256 * 3 * 9 + 3
    block = 2 * conv + shortcut + 2 * 2 * 256
    assert num_weights(SNGANGenerator()) == linear + 3 * block + 2 * 256 + last - 3 * 256
    conv, first = 128 * 128 * 9 + 128, 3 * 128 * 9 + 128 + 3 * 128 + 128
    assert num_weights(SNGANDiscriminator()) == (first + conv) + (2 * conv + 128 * 128 + 128) + 2 * 2 * conv + 129


@pytest.mark.parametrize("resample", ["up", "down", None])
def test_a_block_of_sngan_is_its_formula(resample):
    block = PreActivationBlock(4, 6, resample=resample, norm="batch").double()
    x = torch.randn(3, 4, 8, 8).double()
    change = {"up": nn.Upsample(scale_factor=2), "down": nn.AvgPool2d(2), None: nn.Identity()}[resample]
    h = block.enter.norm(x).relu()
    h = block.conv1(change(h) if resample == "up" else h)
    h = block.conv2(block.middle.norm(h).relu())
    expected = (change(h) if resample == "down" else h) + change(block.shortcut(x))
    torch.testing.assert_close(block(x), expected)


@pytest.mark.parametrize("network", [ResidualGenerator, ResidualDiscriminator])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 12}, "group_size=16 does not divide the 24 channels"),
        ({"num_blocks": 0}, "num_blocks=0"),
        ({"size": 30}, "size=30"),
    ],
)
def test_what_is_no_residual_network_is_refused(network, options, message):
    with pytest.raises(ValueError, match=message):
        network(**options)


def test_images_can_be_kept_in_their_range():
    z = 100 * torch.randn(4, 64)
    assert ResidualGenerator(width=8, group_size=4)(z).abs().max() > 1
    assert ResidualGenerator(width=8, group_size=4, bounded=True)(z).abs().max() <= 1

"""Networks of the Stacked MNIST protocols, and TensorFlow's padding."""

import pytest
import torch
from torch import nn

from gannorm.networks import StridedDiscriminator, StridedGenerator
from gannorm.networks.same_padding import SameConv2d, SameConvTranspose2d
from tests.reference import convolutions as reference

UNROLLED = {"sides": [4, 7, 14, 28, 28], "maps": [64, 32, 16, 8], "kernel_size": 3, "latent_dim": 256}
SIZES = [(7, 5, 2), (8, 5, 2), (7, 3, 2), (6, 3, 2), (6, 4, 2), (7, 2, 2), (5, 3, 1), (5, 4, 1), (7, 5, 3)]


@pytest.mark.parametrize(("side", "kernel", "stride"), SIZES)
def test_padding_is_tensorflows(side, kernel, stride):
    layer = SameConv2d(2, 3, kernel, stride=stride, bias=False).double()
    x = torch.randn(2, 2, side, side).double()
    torch.testing.assert_close(layer(x), reference.conv2d_same(x, layer.weight, stride))

    layer = SameConvTranspose2d(2, 3, kernel, side=side, stride=stride, bias=False).double()
    small = torch.randn(2, 2, -(-side // stride), -(-side // stride)).double()
    expected = reference.conv2d_transpose_same(small, layer.weight, stride, side)
    torch.testing.assert_close(layer(small), expected)


def test_the_layers_of_veegan_pacgan():
    generator, discriminator = StridedGenerator(), StridedDiscriminator(packing=2)
    assert (generator.latent_dim, generator.latent) == (100, "uniform")
    shapes = [tuple(block.layer.weight.shape) for block in generator.blocks]
    assert shapes == [(2048, 100), (512, 256, 5, 5), (256, 128, 5, 5), (128, 64, 5, 5), (64, 3, 5, 5)]
    shapes = [tuple(block.layer.weight.shape) for block in discriminator.blocks]
    assert shapes == [(64, 6, 5, 5), (128, 64, 5, 5), (256, 128, 5, 5), (512, 256, 5, 5)]
    assert discriminator.logit.weight.shape == (1, 2 * 2 * 512)
    batch_norms = [isinstance(block.norm, nn.BatchNorm2d) for block in (*generator.blocks, *discriminator.blocks)]
    assert batch_norms == [True] * 4 + [False] * 2 + [True] * 3
    assert {(m.eps, m.momentum) for m in generator.modules() if isinstance(m, nn.BatchNorm2d)} == {(1e-5, 0.1)}
    weights = torch.cat([block.layer.weight.flatten() for block in generator.blocks])
    assert weights.std().item() == pytest.approx(0.02, rel=0.01)


def test_the_layers_of_unrolled():
    generator = StridedGenerator(**UNROLLED, latent="normal")
    discriminator = StridedDiscriminator(maps=[2, 4, 8], kernel_size=3, slope=0.3, norm_at="all")
    sides = []
    for block in generator.blocks:
        block.register_forward_hook(lambda *passed: sides.append(passed[-1].shape[-1]))
    images = generator(torch.randn(2, 256))
    assert sides == [4, 7, 14, 28, 28]
    assert isinstance(generator.blocks[-1].layer, nn.Conv2d)
    assert images.shape == (2, 3, 28, 28)
    assert images.abs().max() <= 1
    assert discriminator(images).shape == (2,)
    assert discriminator.logit.weight.shape == (1, 4 * 4 * 8)
    assert all(isinstance(block.norm, nn.BatchNorm2d) for block in discriminator.blocks)
    assert discriminator.blocks[0].activation.negative_slope == 0.3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sides": [2, 5, 10], "maps": [4, 4]}, "from 2 to 5 is no step"),
        ({"maps": [4, 4]}, "for each side but the last"),
        ({"sides": [28], "maps": []}, "for each side but the last"),
        ({"kernel_size": 1}, "kernel_size=1"),
    ],
)
def test_what_is_no_generator_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        StridedGenerator(**options)


def test_a_discriminator_without_kernels_is_refused():
    with pytest.raises(ValueError, match="kernel_size=0: at least 1"):
        StridedDiscriminator(kernel_size=0)

"""Generators and discriminators: LightningModules with `forward` only, each with a norm of its own.

DCGAN       images of 28 to 128 pixels; the networks of the main job
MLP         points, or small images
Strided     the networks of the Stacked MNIST protocols, given map by map
Residual    after R3GAN, made to do without a norm
SNGAN       residual too; batch norm in the generator, spectral norm in the discriminator

All of them take `num_classes`; a discriminator also takes `packing` and `minibatch`.
"""

from gannorm.networks.dcgan import DCGANDiscriminator as DCGANDiscriminator
from gannorm.networks.dcgan import DCGANGenerator as DCGANGenerator
from gannorm.networks.mlp import MLPDiscriminator as MLPDiscriminator
from gannorm.networks.mlp import MLPGenerator as MLPGenerator
from gannorm.networks.residual import ResidualDiscriminator as ResidualDiscriminator
from gannorm.networks.residual import ResidualGenerator as ResidualGenerator
from gannorm.networks.sngan import SNGANDiscriminator as SNGANDiscriminator
from gannorm.networks.sngan import SNGANGenerator as SNGANGenerator
from gannorm.networks.strided import StridedDiscriminator as StridedDiscriminator
from gannorm.networks.strided import StridedGenerator as StridedGenerator

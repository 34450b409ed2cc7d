"""Generators and discriminators: LightningModules with `forward` only, each with a norm of its own."""

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

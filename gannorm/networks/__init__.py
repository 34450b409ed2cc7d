"""Generators and discriminators: LightningModules with `forward` only, each with a norm of its own."""

from gannorm.networks.dcgan import DCGANDiscriminator as DCGANDiscriminator
from gannorm.networks.dcgan import DCGANGenerator as DCGANGenerator
from gannorm.networks.mlp import MLPDiscriminator as MLPDiscriminator
from gannorm.networks.mlp import MLPGenerator as MLPGenerator

"""The only training loop: `GAN`, with every property of a step that a study varies as a named option."""

from gannorm.gan.module import GAN as GAN

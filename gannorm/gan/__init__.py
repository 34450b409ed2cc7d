"""The only training loop: `GAN`, with every property of a step that a study varies as a named option."""

from gannorm.gan.manual_ddp import ManualDDP as ManualDDP
from gannorm.gan.module import GAN as GAN

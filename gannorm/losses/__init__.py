"""Adversarial losses: pure functions of the discriminator's logits, one row of a table each."""

from gannorm.losses.lookup import LossLike as LossLike
from gannorm.losses.lookup import resolve as resolve
from gannorm.losses.loss import AdversarialLoss as AdversarialLoss
from gannorm.losses.loss import Loss as Loss
from gannorm.losses.loss import LossFunction as LossFunction
from gannorm.losses.loss import generator_needs_real as generator_needs_real
from gannorm.losses.table import LOSSES as LOSSES

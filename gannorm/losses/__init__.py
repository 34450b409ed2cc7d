"""Adversarial losses: pure functions of the discriminator's logits, one row of a table each."""

from gannorm.losses.lookup import LOSSES as LOSSES
from gannorm.losses.lookup import AdversarialLoss as AdversarialLoss
from gannorm.losses.lookup import Loss as Loss
from gannorm.losses.lookup import generator_needs_real as generator_needs_real
from gannorm.losses.lookup import resolve as resolve

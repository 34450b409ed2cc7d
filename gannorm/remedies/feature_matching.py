"""Feature matching: fakes are to have the mean features of real images, whatever the logit says of each."""

from typing import Any

from jaxtyping import Float
from torch import Tensor

from gannorm.remedies.minibatch import at_least_float32
from gannorm.remedies.remedy import GeneratorStep, Remedy, Setting, positive


def feature_distance(real: Float[Tensor, "n d"], fake: Float[Tensor, "m d"]) -> Float[Tensor, ""]:
    """Return ‖mean of real features − mean of fake features‖², summed over the D features.

    Args:
        real: Features of real images, one row each.
        fake: Features of fakes.

    Source:
        Salimans et al., Improved techniques for training GANs, NeurIPS 2016, arXiv:1606.03498, section 3.1. The
        authors' code takes the mean over features where the paper's norm sums; `strength` 1/D makes up for it.

    Example:
        >>> import torch
        >>> feature_distance(torch.tensor([[1.0, 2.0], [3.0, 2.0]]), torch.tensor([[0.0, 1.0]]))
        tensor(5.)
    """
    return (real.mean(0) - fake.mean(0)).square().sum()


class FeatureMatching(Remedy):
    """`strength` times `feature_distance` of the discriminator's features, in the generator's loss or in its place.

    Args:
        strength: Weight of the distance.
        alone: Whether it replaces the adversarial loss of the generator, as in the paper, or is added to it.

    Raises:
        ValueError: The strength is not above 0; or (from `check`) the discriminator has no `features`.

    Example:
        >>> FeatureMatching(alone=True).adversarial_weight
        0.0
    """

    def __init__(self, *, strength: Any = 1.0, alone: Any = False) -> None:
        if not isinstance(alone, bool):
            raise ValueError(f"remedy 'feature_matching': alone={alone!r} is neither true nor false")
        self.strength = positive("feature_matching", "strength", strength)
        self.adversarial_weight = 0.0 if alone else 1.0

    def check(self, setting: Setting) -> None:
        """Refuse a discriminator that has no features to match."""
        if not callable(getattr(setting.discriminator, "features", None)):
            name = type(setting.discriminator).__name__
            raise ValueError(f"feature_matching needs a method features(x) -> (N, D), and {name} has none; give it one")

    def generator_term(self, step: GeneratorStep) -> Float[Tensor, ""]:
        """Return the distance for the images of this step, in float32 or more."""
        real = step.discriminator.features(step.real)
        fake = step.discriminator.features(step.fake_seen)
        return self.strength * feature_distance(at_least_float32(real), at_least_float32(fake))

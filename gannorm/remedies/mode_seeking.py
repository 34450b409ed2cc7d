"""Mode-seeking: two latent vectors that lie apart have to become two samples that lie apart."""

from typing import Any

from jaxtyping import Float
from torch import Tensor

from gannorm.remedies.remedy import GeneratorStep, Remedy, Setting, positive

EPS = 1e-5


def mode_seeking_term(z: Float[Tensor, "n z"], fake: Float[Tensor, "n ..."]) -> Float[Tensor, ""]:
    """Return 1 / (mean |x₁ − x₂| / mean |z₁ − z₂| + 1e-5), of the two halves of a batch.

    Sample n of the first half is paired with sample n of the second; both means are over pairs and coordinates, so the
    term has no unit but that of z over that of x. A last sample without partner is left out. A generator that makes the
    same of every z gets 1e5.

    Args:
        z: Latent vectors.
        fake: What the generator made of them.

    Raises:
        ValueError: Fewer than two samples.

    Source:
        Mao et al., Mode seeking generative adversarial networks for diverse image synthesis, CVPR 2019,
        arXiv:1903.05628. The paper maximizes the ratio of distances (eq. 2); the authors' released code minimizes its
        inverse, as here. Deviation with classes: the two of a pair have the labels of the batch, which may differ; the
        authors' code gives both the same one.

    Example:
        >>> import torch
        >>> z = torch.tensor([[0.0], [1.0]])
        >>> mode_seeking_term(z, 2 * z)
        tensor(0.5000)
    """
    half = len(z) // 2
    if not half:
        raise ValueError(f"mode_seeking compares the halves of a batch, and this one holds {len(z)}; make it 2 or more")
    apart = (fake[:half] - fake[half : 2 * half]).abs().mean()
    return 1 / (apart / (z[:half] - z[half : 2 * half]).abs().mean() + EPS)


class ModeSeeking(Remedy):
    """`strength` times `mode_seeking_term`, added to the generator's loss.

    Args:
        strength: λ of the paper, 1 there.

    Raises:
        ValueError: The strength is not above 0, or (from `check`) a batch is smaller than 2.

    Example:
        >>> ModeSeeking(strength=0.5).strength
        0.5
    """

    def __init__(self, *, strength: Any = 1.0) -> None:
        self.strength = positive("mode_seeking", "strength", strength)

    def check(self, setting: Setting) -> None:
        """Refuse batches that have no halves."""
        if setting.batch_size is not None and setting.batch_size < 2:
            raise ValueError(f"mode_seeking compares the halves of a batch; batch_size={setting.batch_size} has none")

    def generator_term(self, step: GeneratorStep) -> Float[Tensor, ""]:
        """Return the term for the fakes of this step, in float32 or more."""
        fake = step.fake if step.fake.dtype == step.z.dtype else step.fake.to(step.z.dtype)
        return self.strength * mode_seeking_term(step.z, fake)

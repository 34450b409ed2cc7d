"""Instance noise: real and fake images get so much noise that they overlap, and less and less of it."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from gannorm import schedules
from gannorm.remedies.remedy import Moment, Remedy

FALLING = schedules.Schedule(start=0.1, end=0.0)


class InstanceNoise(Remedy):
    """Adds N(0, std²) to each number of what the discriminator sees, real and fake, in both steps.

    Args:
        std: A number, in the units of the data, or a schedule over images seen; by default it falls linearly from 0.1
            to 0 over the run. In a run whose length nobody knows it stays at the start of such a schedule.

    Raises:
        ValueError: It is no number and no schedule, or ever below 0, or always 0.

    Source:
        Sønderby et al., Amortised MAP inference for image super-resolution, ICLR 2017, arXiv:1610.04490, section 4;
        Arjovsky & Bottou, Towards principled methods for training GANs, ICLR 2017, arXiv:1701.04862. Neither fixes the
        numbers; the default is this package's.

    Example:
        >>> moment = Moment(images_seen=500, total_images=1000, generator=torch.Generator().manual_seed(0))
        >>> InstanceNoise().see(torch.zeros(1, 2), moment) / 0.05  # half-way; these are two draws of N(0, 1)
        tensor([[ 1.5410, -0.2934]])
    """

    def __init__(self, *, std: Any = FALLING) -> None:
        try:
            self.std = schedules.resolve(std)
        except ValueError as error:
            raise ValueError(f"std of instance_noise: {error}") from None
        if min(self.std.start, self.std.end) < 0:
            raise ValueError(f"std={std!r} of instance_noise is below 0; noise has a standard deviation of 0 or more")
        if self.std.start == self.std.end == 0:
            raise ValueError(f"std={std!r} of instance_noise is no noise; leave it out")

    def see(self, images: Float[Tensor, "n ..."], moment: Moment) -> Float[Tensor, "n ..."]:
        """Return the images with noise; the same numbers are drawn where the noise is 0."""
        noise = torch.randn(images.shape, generator=moment.generator).to(images)
        return images + self.std.at(moment.images_seen, moment.total_images) * noise

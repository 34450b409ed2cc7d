"""Mixtures of Gaussians as a LightningDataModule: points of known modes, drawn on the fly or a fixed set."""

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from gannorm import rng
from gannorm.data.idx import DataError
from gannorm.data.mixtures import MIXTURES, MixtureSpec
from gannorm.data.resident import Batch, EpochLoader
from gannorm.data.resumable import SeededDataModule, check_batch_size
from gannorm.data.shares import draw_modes, normalized

EPOCH = 100_000  # points, where they are drawn on the fly


class Mixture(SeededDataModule):
    """A published mixture of Gaussians; see `MIXTURES` for the parameter sets and their sources.

    Args:
        preset: A name in `MIXTURES`.
        batch_size: Points in each batch.
        seed: Of the points, a fixed set's too; None = torch's own seed, which `seed_everything` sets.
        fixed: Number of points that are drawn once, such as PacGAN's 100,000; None = fresh ones in every batch.
        weights: How often each mode occurs, relative to the others; None = as in the preset.

    Attributes:
        spec: The row of the preset.
        centers: (K, D).
        sigma: Standard deviation in each noisy dimension.
        noisy_dims: How many dimensions, the first ones, have noise.
        prior: (K,) weights of the modes: of a fixed set what is to be expected, not what was drawn.

    Raises:
        DataError: No such preset, one whose source does not state its numbers, or an option that does not fit.

    Example:
        >>> data = Mixture(preset="grid/pacgan", batch_size=4, seed=0)
        >>> points, modes = next(iter(data.train_dataloader()))
        >>> points.shape, data.num_modes, data.sigma
        (torch.Size([4, 2]), 25, 0.05)
    """

    def __init__(
        self,
        *,
        preset: str = "ring/pacgan",
        batch_size: int = 32,
        seed: int | None = None,
        fixed: int | None = None,
        weights: list[float] | None = None,
    ) -> None:
        super().__init__(batch_size=batch_size, seed=seed)
        self.spec = published(preset)
        assert self.spec.centers is not None
        assert self.spec.sigma is not None
        self.name = preset
        self.centers: Float[Tensor, "k d"] = self.spec.centers
        self.sigma: float = self.spec.sigma
        self.num_modes, num_dims = self.centers.shape
        self.image_shape = (num_dims,)
        self.noisy_dims = self.spec.noisy_dims or num_dims
        self.prior = weights_of(self.spec) if weights is None else normalized(weights, self.num_modes, "weights")
        self.fixed = fixed
        check_batch_size(batch_size, EPOCH if fixed is None else fixed, "points")

    def train_dataloader(self) -> "PointLoader":
        """Return the loader of the points, from the beginning."""
        return PointLoader(
            self, fixed=self.fixed, batch_size=self.batch_size, seed=self.settled_seed(), device=self.device()
        )

    def real(self, num: int, rng: torch.Generator) -> tuple[Float[Tensor, "n d"], Int64[Tensor, " n"]]:
        """Return fresh points and their modes, drawn on the CPU.

        Args:
            num: N.
            rng: Whose random numbers.
        """
        modes = draw_modes(self.prior, num, rng)
        points = self.centers[modes]
        points[:, : self.noisy_dims] += self.sigma * torch.randn(num, self.noisy_dims, generator=rng)
        return points, modes


class PointLoader(EpochLoader):
    """Points of a mixture, fresh in each batch, or a fixed set in the order of the epoch.

    Args:
        mixture: What to draw from.
        fixed: Number of points that are drawn once; None = fresh ones.
        batch_size: Points in each batch.
        seed: Of the points and their order.
        device: Where batches appear, and a fixed set is kept.

    Yields:
        Points (batch_size, D) and modes (batch_size,).
    """

    def __init__(
        self,
        mixture: Mixture,
        *,
        fixed: int | None,
        batch_size: int,
        seed: int,
        device: torch.device | str = "cpu",
    ) -> None:
        super().__init__(EPOCH if fixed is None else fixed, batch_size=batch_size, seed=seed)
        self.mixture = mixture
        self.device = torch.device(device)
        self.fixed = None if fixed is None else self.drawn(fixed, "fixed")

    def drawn(self, num: int, *stream: int | str) -> Batch:
        """Return points and modes of one of the seed's streams: the same on every device."""
        points, modes = self.mixture.real(num, rng.generator(self.seed, "points", *stream))
        return points.to(self.device), modes.to(self.device)

    def batches_from(self, epoch: int, first: int) -> Iterator[Batch]:
        """Yield points and modes."""
        if self.fixed is None:
            for number in range(first, len(self)):
                yield self.drawn(self.batch_size, epoch, number)
            return
        points, modes = self.fixed
        for chosen in self.in_batches(self.order(epoch).to(self.device), first):
            yield points[chosen], modes[chosen]


def published(preset: str) -> MixtureSpec:
    """Return a row of `MIXTURES` that states its numbers.

    Raises:
        DataError: There is no such row, or its source does not state them.
    """
    stated = ", ".join(name for name, spec in MIXTURES.items() if spec.centers is not None)
    if preset not in MIXTURES:
        raise DataError(f"preset={preset!r}: no such mixture; there are {stated}")
    if (spec := MIXTURES[preset]).centers is None:
        raise DataError(f"preset={preset!r}: {spec.source} does not state its radius and σ; there are {stated}")
    return spec


def weights_of(spec: MixtureSpec) -> Float[Tensor, " k"]:
    """Return the weights of a row, all alike where it has none.

    Example:
        >>> weights_of(MIXTURES["ring/unrolled-demo"])
        tensor([0.2500, 0.1250, 0.1250, 0.1250, 0.1250, 0.1250, 0.1250])
    """
    assert spec.centers is not None
    num_modes = len(spec.centers)
    return torch.full((num_modes,), 1 / num_modes) if spec.weights is None else spec.weights

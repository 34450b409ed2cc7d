"""Generators whose truth is known: looks at them as rows for a detector."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from gannorm.callbacks.rows import RowMaker
from gannorm.collapse import Row
from gannorm.collapse_bench.pool import OtherHalf, Pool, judge, pool
from gannorm.metrics.coverage import fewest_samples
from gannorm.metrics.leakage import leakage_test

NUM_SAMPLES = 2048
EVERY = 32_000  # images from look to look
DIGITS = 10

Shares = Sequence[float] | Float[np.ndarray, " k"]


@dataclass(frozen=True)
class Digits:
    """A generator of digits: real ones, of which each is made as often as its share.

    Attributes:
        shares: Of the digits.
        change: What is done to the digits, a name of `pool.CHANGES`.
        error: Share of the samples that the judge misreads beside what it misreads of real ones.
        pictures: Different pictures of each digit; None = as many as there are.
        thin: Digits that have so few; None = all.
        rejected: Share of the samples that are one and the same picture of noise.
        spoilt: Share of the samples that the judge rejects, different ones.
    """

    shares: tuple[float, ...] = (1 / DIGITS,) * DIGITS
    change: str = "as they are"
    error: float = 0.0
    pictures: int | None = None
    thin: tuple[int, ...] | None = None
    rejected: float = 0.0
    spoilt: float = 0.0

    def look(self, random: np.random.Generator, images_seen: int, *, copies: bool) -> Row:
        """Return the row of one look.

        Args:
            random: Whose random numbers.
            images_seen: The moment.
            copies: Whether copies among the samples are sought, which takes most of the time.
        """
        drawn = pool(self.change)
        indices = self.draw(random, drawn)
        modes, kept = drawn.modes[indices].copy(), drawn.accepted[indices].copy()
        wrong = random.random(len(modes)) < self.error
        modes[wrong] = (modes[wrong] + random.integers(1, DIGITS, wrong.sum())) % DIGITS
        kept &= random.random(len(kept)) >= self.spoilt
        same = random.random(len(kept)) < self.rejected
        kept &= ~same
        return row(images_seen, modes, kept, seen(drawn, indices, same) if copies else None)

    def draw(self, random: np.random.Generator, drawn: Pool) -> Int[np.ndarray, " n"]:
        """Return which digits are made; none comes a second time before all of its kind have come."""
        counts = random.multinomial(NUM_SAMPLES, np.array(self.shares) / sum(self.shares))
        chosen = []
        for digit, number in enumerate(counts):
            of_digit = np.flatnonzero(drawn.labels == digit)
            if self.pictures is not None and (self.thin is None or digit in self.thin):
                chosen.append(random.choice(of_digit[: self.pictures], number))
            else:
                rounds = [random.permutation(of_digit) for _ in range(1 + number // len(of_digit))]
                chosen.append(np.concatenate(rounds)[:number])
        return np.concatenate(chosen)


@dataclass(frozen=True)
class Counted:
    """A generator of any modes, judged without error: counts alone.

    Attributes:
        shares: Of the modes.
        num_samples: N.
        quality: Share of accepted samples.
    """

    shares: tuple[float, ...]
    num_samples: int = NUM_SAMPLES
    quality: float = 0.98

    def look(self, random: np.random.Generator, images_seen: int, *, copies: bool) -> Row:  # noqa: ARG002
        """Return the row of one look."""
        probabilities = self.quality * np.array(self.shares) / sum(self.shares)
        counts = random.multinomial(self.num_samples, np.append(probabilities, 1 - probabilities.sum()))[:-1]
        return Row(images_seen=images_seen, num_samples=self.num_samples, counts=counts.tolist())


Generator = Digits | Counted
Phases = Callable[[int], Generator]
"""From the number of the look, counted from the failure on, to the generator of that look; below 0 it is healthy."""


@functools.cache
def yardsticks() -> RowMaker:
    """Return what compares copies with those among real digits."""
    maker = RowMaker(judge(), OtherHalf())
    maker.take_real()
    return maker


Seen = tuple[torch.Tensor, torch.Tensor]
"""Samples and their features."""


def seen(drawn: Pool, indices: Int[np.ndarray, " n"], same: Bool[np.ndarray, " n"]) -> Seen:
    """Return the samples and their features, in random order as a generator makes them."""
    images, features = drawn.images[indices].clone(), drawn.features[indices].clone()
    images[torch.from_numpy(same)] = torch.rand(1, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return images, features


def row(
    images_seen: int,
    modes: Int[np.ndarray, " n"],
    kept: Bool[np.ndarray, " n"],
    samples: Seen | None,
) -> Row:
    """Return a row of judged digits, as a run's callback makes it."""
    counts = np.bincount(modes[kept], minlength=DIGITS)
    copies: dict[str, object] = {}
    if samples is not None:
        images, features = samples
        order = torch.randperm(len(images), generator=torch.Generator().manual_seed(int(images_seen)))
        copies |= yardsticks().copies(images[order[:512]])
        copies |= yardsticks().copies_of_modes(features, torch.from_numpy(modes), torch.from_numpy(kept))
    leakage = None
    if counts.sum():
        as_tensor = torch.from_numpy(counts)
        fewest = fewest_samples(len(modes), judge().prior.double())
        leakage = leakage_test(as_tensor, fewest, judge().confusion)
    return Row(
        images_seen=images_seen,
        num_samples=len(modes),
        counts=counts.tolist(),
        covered=[] if leakage is None else leakage.covered.nonzero().flatten().tolist(),
        leaked=None if leakage is None else leakage.leaked.tolist(),
        **copies,  # type: ignore[arg-type]
    )

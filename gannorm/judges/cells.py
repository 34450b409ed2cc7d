"""Modes of data without labels: k-means cells of real features, with a border around each.

The cells say where real data is and how much of it; how many of them a generator fills depends on their number and is
no count of kinds of things. After the bins of Richardson and Weiss 2018 (arXiv:1805.12462; their README was read);
weights measured apart from the centers, the merging of small cells and the reject rule are this package's.
"""

import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int64
from scipy.cluster.vq import kmeans2
from torch import Tensor

from gannorm import rng, screen
from gannorm.classifier import Judged, named_file
from gannorm.import_path import by_path, path_of

KIND = "k-means cells"
FEWEST = 20  # held-out real points that a cell needs: with fewer its weight and its border are guesses
PASS_SHARE = 0.99
ATTEMPTS = 5  # to begin k-means, the best of which goes on: a single one often puts two centers into one heap
FIRST_ITERATIONS, ITERATIONS = 10, 40
Features = Callable[[Tensor], Tensor]


class Cells(NamedTuple):
    """Cells in scaled features: z = (features - mean) / deviation."""

    mean: Float[Tensor, " d"]
    deviation: Float[Tensor, " d"]
    centers: Float[Tensor, "k d"]
    border: Float[Tensor, " k"]
    prior: Float[Tensor, " k"]

    def nearest(self, features: Float[Tensor, "n d"]) -> tuple[Float[Tensor, " n"], Int64[Tensor, " n"]]:
        """Return each point's distance to the nearest center, and which it is."""
        z = (features.double() - self.mean) / self.deviation
        return torch.cdist(z, self.centers, compute_mode="donot_use_mm_for_euclid_dist").min(dim=1)


class CellJudge:
    """The k-means cells of real data as modes.

    Half of the real data, by chance, sets the centers: each feature scaled to variance 1, k-means++ begun five times
    from the seed. The other half measures the weights, which are the prior, and each cell's border: the distance that
    99 % of its points do not exceed, as the ⌈0.99·(n + 1)⌉-th smallest of n, or the largest. Confidence is
    1 - distance / border, so the threshold is 0. Cells with fewer than 20 points of that half are merged into their
    neighbours, which is said.

    Args:
        real: Real images (N, C, H, W) in [-1, 1], or features (N, D).
        num_cells: How many cells to begin with; `num_modes` is how many are left.
        features: Maps samples to features (N, D), or the import path of a function or class that does; None = samples
            as they are, images as rows of pixels.
        seed: Of the halves and of k-means.

    Attributes:
        ceiling: Share of real data that is accepted, with borders from one half of the measuring half and points from
            the other, and the other way round; a little too low, as these borders rest on half the points.
        sha256: Of the file that `save` writes, whether it is written or not.

    Raises:
        ValueError: Too few real points, features that are no (N, D) numbers, or fewer than 2 cells left.

    Example:
        >>> real = torch.randn(2000, 2, generator=rng.generator(0)) * 0.1 + torch.arange(2000)[:, None] % 2
        >>> judge = CellJudge(real, num_cells=2, seed=0)
        >>> judge.num_modes, judge(torch.tensor([[0.5, 0.5]])).confidence.item() < judge.threshold
        (2, True)
    """

    threshold = 0.0
    channels = 1
    modes_are_classes = False
    confusion = None
    confusion_counts = None

    def __init__(
        self, real: Tensor, *, num_cells: int = 50, features: Features | str | None = None, seed: int = 0
    ) -> None:
        self.features = resolved(features)
        points = self._features_of(real)
        halves = torch.randperm(len(points), generator=rng.generator(seed, "cells")).chunk(2)
        if num_cells < 2 or len(points) < 2 * FEWEST * num_cells:
            raise ValueError(
                f"num_cells={num_cells} with {len(points)} real samples: 2 cells or more, each with "
                f"{2 * FEWEST} samples, so at most {len(points) // (2 * FEWEST)}"
            )
        cells = _without_small(_clustered(points[halves[0]], num_cells, seed), points[halves[1]])
        self._take(_measured(cells, points[halves[1]]), _ceiling(cells, points[halves[1]]), seed)

    def _take(self, cells: Cells, ceiling: float, seed: int) -> None:
        self.cells = cells
        self.num_modes = len(cells.centers)
        self.prior = cells.prior.float()
        self.ceiling = ceiling
        self.facts = {
            "kind": KIND,
            "num_modes": self.num_modes,
            "features": None if self.features is None else path_of(self.features),
            "features_sha256": getattr(self.features, "sha256", None),
            "ceiling": ceiling,
            "seed": seed,
        }
        self.sha256 = named_file.sha256_of(cells._asdict(), self.facts)

    def __call__(self, samples: Tensor) -> Judged:
        """Return features (N, D), cell and confidence of samples like the real ones.

        Raises:
            ValueError: They have another number of features, or some are not finite.
        """
        points = self._features_of(samples)
        dims = self.cells.centers.shape[1]
        if points.shape[1] != dims:
            raise ValueError(f"{points.shape[1]} features of each sample; the real data's have {dims}")
        distance, cell = self.cells.nearest(points)
        return Judged(points, cell, (1 - distance / self.cells.border[cell]).float())

    def save(self, path: Path) -> str:
        """Write the cells as safetensors, with a JSON file beside them; return the SHA-256."""
        return named_file.write(path, self.cells._asdict(), self.facts)

    @classmethod
    def load(cls, path: Path, features: Features | str | None = None) -> "CellJudge":
        """Return a judge that `save` wrote.

        Args:
            path: Of the safetensors file.
            features: As for the class; None = those of the import path that the file names.

        Raises:
            WeightsError: A file is missing or damaged.
            ValueError: These are other features than those of the file.
        """
        tensors, facts, _ = named_file.read(path, KIND)
        judge = cls.__new__(cls)
        judge.features = resolved(facts["features"] if features is None else features)
        judge._take(Cells(**tensors), facts["ceiling"], facts["seed"])
        for key in ("features", "features_sha256"):
            if judge.facts[key] != facts[key]:
                raise ValueError(f"the cells in {path} have {key} {facts[key]}, not {judge.facts[key]}")
        return judge

    @torch.no_grad()
    def _features_of(self, samples: Tensor) -> Float[Tensor, "n d"]:
        found = samples.flatten(1) if self.features is None else self.features(samples)
        if not isinstance(found, Tensor) or found.ndim != 2 or len(found) != len(samples):
            shape = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise ValueError(f"features {shape} of {len(samples)} samples: (N, D) are needed")
        wrong = int((~found.isfinite().all(dim=1)).sum())
        if wrong:
            raise ValueError(f"{wrong} of {len(found)} samples have features that are NaN or infinite")
        return found.cpu().float()


def resolved(features: Features | str | None) -> Features | None:
    """Return a function from an import path; a class is called without arguments to make one."""
    if not isinstance(features, str):
        return features
    found: Any = by_path(features)
    return found() if isinstance(found, type) else found


def _clustered(points: Float[Tensor, "n d"], num_cells: int, seed: int) -> Cells:
    """Return cells whose borders and weights are not known yet."""
    exact = points.double()
    mean, deviation = exact.mean(dim=0), exact.std(dim=0)
    deviation = torch.where(deviation > 0, deviation, 1.0)  # a constant feature tells no cells apart
    z = ((exact - mean) / deviation).numpy()
    begun = [_k_means(z, num_cells, rng.generator(seed, "k-means", attempt)) for attempt in range(ATTEMPTS)]
    best = min(begun, key=lambda centers_and_error: centers_and_error[1])[0]
    with _empty_cells():
        centers, _ = kmeans2(z, best, iter=ITERATIONS, minit="matrix")
    unknown = torch.ones(num_cells, dtype=torch.float64)
    return Cells(mean, deviation, torch.from_numpy(centers), unknown, unknown / num_cells)


@contextmanager
def _empty_cells() -> Iterator[None]:
    """Let k-means leave cells empty without a word: they are merged later, and that is said."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "One of the clusters is empty")
        yield


def _k_means(z: np.ndarray, num_cells: int, generator: torch.Generator) -> tuple[np.ndarray, float]:
    """Begin once: return centers, and the mean squared distance from them."""
    numpy_rng = np.random.default_rng(generator.initial_seed())
    try:
        with _empty_cells(), np.errstate(invalid="raise"):
            centers, cell = kmeans2(z, num_cells, iter=FIRST_ITERATIONS, minit="++", seed=numpy_rng)
    except FloatingPointError:  # k-means++ found every point on a center before it had them all
        raise ValueError(f"num_cells={num_cells}: fewer real samples than that differ from each other") from None
    return centers, float(np.square(z - centers[cell]).sum(axis=1).mean())


def _without_small(cells: Cells, points: Float[Tensor, "n d"]) -> Cells:
    """Merge the smallest cell into its neighbours until none has too few points, and say how many were merged."""
    before = len(cells.centers)
    while True:
        counts = torch.bincount(cells.nearest(points)[1], minlength=len(cells.centers))
        smallest = int(counts.argmin())
        if counts[smallest] >= FEWEST:
            break
        if len(cells.centers) <= 2:
            raise ValueError(f"num_cells={before}: fewer than 2 cells hold {FEWEST} real points of {len(points)}")
        kept = torch.arange(len(cells.centers)) != smallest
        cells = cells._replace(**{name: getattr(cells, name)[kept] for name in ("centers", "border", "prior")})
    if len(cells.centers) < before:
        merged = before - len(cells.centers)
        screen.warn(f"{merged} of {before} cells held fewer than {FEWEST} real points and were merged into others")
    return cells


def _measured(cells: Cells, points: Float[Tensor, "n d"]) -> Cells:
    """Return the cells with the weights and borders that these points give them."""
    distance, cell = cells.nearest(points)
    counts = torch.bincount(cell, minlength=len(cells.centers))
    borders = torch.stack([_border(distance[cell == number]) for number in range(len(cells.centers))])
    return cells._replace(border=borders, prior=counts.double() / len(points))


def _border(distance: Float[Tensor, " n"]) -> Float[Tensor, ""]:
    """Return the distance within which a further point lies with 99 %, or the largest where n < 99 cannot tell."""
    rank = min(math.ceil(PASS_SHARE * (len(distance) + 1)), len(distance))
    smallest = torch.tensor(1e-12, dtype=distance.dtype)  # of points that all lie on their center
    return torch.maximum(distance.kthvalue(rank).values, smallest) if rank else smallest


def _ceiling(cells: Cells, points: Float[Tensor, "n d"]) -> float:
    """Return how many points lie within the borders that others gave, by halves."""
    halves = points.chunk(2)
    passed = 0
    for given, asked in (halves, halves[::-1]):
        distance, cell = cells.nearest(asked)
        passed += int((distance <= _measured(cells, given).border[cell]).sum())
    return passed / len(points)

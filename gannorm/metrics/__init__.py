"""Metrics: pure functions of counts and features, and thin torchmetrics Metrics; none of them owns a network.

`gannorm.metrics.inception` stands apart: FID and KID run a network, with weights that the user gives.
"""

from gannorm.metrics.asked_for import AskedFor, asked_for
from gannorm.metrics.coverage import ModeCoverage, mode_coverage
from gannorm.metrics.diversity import ClassDiversity, per_class
from gannorm.metrics.frechet import FrechetDistance, Moments, frechet_distance, moments
from gannorm.metrics.kernel import KernelDistance, kernel_distance, kernel_scores
from gannorm.metrics.neighbours import NeighbourScores, neighbour_scores
from gannorm.metrics.points import PointScores, deviation_ratios, sliced_wasserstein, wasserstein_scores

__all__ = [
    "AskedFor",
    "ClassDiversity",
    "FrechetDistance",
    "KernelDistance",
    "ModeCoverage",
    "Moments",
    "NeighbourScores",
    "PointScores",
    "asked_for",
    "deviation_ratios",
    "frechet_distance",
    "kernel_distance",
    "kernel_scores",
    "mode_coverage",
    "moments",
    "neighbour_scores",
    "per_class",
    "sliced_wasserstein",
    "wasserstein_scores",
]

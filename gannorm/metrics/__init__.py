"""Metrics: pure functions of counts and features, and thin torchmetrics Metrics; none of them owns a network.

`gannorm.metrics.inception` stands apart: FID and KID run a network, with weights that the user gives.
"""

from gannorm.metrics.asked_for import AskedFor, asked_for
from gannorm.metrics.copies import Copies, Yardstick, Yardsticks, spread_ratio
from gannorm.metrics.coverage import ModeCoverage, mode_coverage
from gannorm.metrics.diversity import ClassDiversity, per_class
from gannorm.metrics.frechet import FrechetDistance, Moments, frechet_distance, moments
from gannorm.metrics.kernel import KernelDistance, kernel_distance, kernel_scores
from gannorm.metrics.neighbours import NeighbourScores, neighbour_scores
from gannorm.metrics.opponents import churn, deviation_ratio, input_gradients, logit_gap, statistics_gap
from gannorm.metrics.points import PointScores, deviation_ratios, sliced_wasserstein, wasserstein_scores
from gannorm.metrics.spectra import effective_rank, feature_rank, mean_rank, relative_rank, spectrum, weight_ranks
from gannorm.statistics import Hopping, hopping_index

__all__ = [
    "AskedFor",
    "ClassDiversity",
    "Copies",
    "FrechetDistance",
    "Hopping",
    "KernelDistance",
    "ModeCoverage",
    "Moments",
    "NeighbourScores",
    "PointScores",
    "Yardstick",
    "Yardsticks",
    "asked_for",
    "churn",
    "deviation_ratio",
    "deviation_ratios",
    "effective_rank",
    "feature_rank",
    "frechet_distance",
    "hopping_index",
    "input_gradients",
    "kernel_distance",
    "kernel_scores",
    "logit_gap",
    "mean_rank",
    "mode_coverage",
    "moments",
    "neighbour_scores",
    "per_class",
    "relative_rank",
    "sliced_wasserstein",
    "spectrum",
    "spread_ratio",
    "statistics_gap",
    "wasserstein_scores",
    "weight_ranks",
]

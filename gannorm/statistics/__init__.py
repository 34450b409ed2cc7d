"""Intervals and tests: pure numbers in, pure numbers out."""

from gannorm.statistics.entropy import divergence_interval, entropy_interval, expected_entropy, miller_madow
from gannorm.statistics.hopping import Hopping, hopping_index
from gannorm.statistics.means import Summary, mean_interval, summary, welch_test
from gannorm.statistics.permutation import difference_test, homogeneity_test
from gannorm.statistics.proportions import exact_limits, share_interval
from gannorm.statistics.seeds import holm, levels_test, median_interval, paired_test, seeds_needed
from gannorm.statistics.survival import Survival, Watched, log_rank_differences, survival
from gannorm.statistics.total_variation import total_variation_floor, total_variation_interval

__all__ = [
    "Hopping",
    "Summary",
    "Survival",
    "Watched",
    "difference_test",
    "divergence_interval",
    "entropy_interval",
    "exact_limits",
    "expected_entropy",
    "holm",
    "homogeneity_test",
    "hopping_index",
    "levels_test",
    "log_rank_differences",
    "mean_interval",
    "median_interval",
    "miller_madow",
    "paired_test",
    "seeds_needed",
    "share_interval",
    "summary",
    "survival",
    "total_variation_floor",
    "total_variation_interval",
    "welch_test",
]

"""Metrics: pure functions of counts and features, and thin torchmetrics Metrics; none of them owns a network."""

from gannorm.metrics.coverage import ModeCoverage, mode_coverage

__all__ = ["ModeCoverage", "mode_coverage"]

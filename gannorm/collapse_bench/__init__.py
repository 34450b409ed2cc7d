"""`gannorm bench-detector`: how soon detectors find known failures of real digits, and how often they cry wolf."""

from gannorm.collapse_bench.bench import Size, run

__all__ = ["Size", "run"]

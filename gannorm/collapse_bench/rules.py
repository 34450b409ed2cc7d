"""What others do: simple rules on one look, as public code has them, with a threshold each."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gannorm.collapse import Row
from gannorm.statistics.hopping import entropy


@dataclass(frozen=True)
class SimpleRule:
    """A number of one look, and what it must not exceed.

    Attributes:
        name: For the table.
        value: From a row to the number; None where the row does not say.
        published: The threshold of public code, above which it fires.
        source: Where it is from.
        of_copies: Whether it needs that copies are sought.
    """

    name: str
    value: Callable[[Row], float | None]
    published: float
    source: str
    of_copies: bool = False


def lost_entropy(row: Row) -> float | None:
    """Return 1 − H / ln K of the accepted samples; 1 where there are none."""
    if row.counts is None:
        return None
    counts = np.array(row.counts)
    return 1 - entropy(counts / counts.sum()) / math.log(len(counts)) if counts.sum() else 1.0


def repeated(row: Row) -> float | None:
    """Return 1 − unique / total, two samples being the same where they are near-duplicates."""
    return row.near_duplicates


def largest_cluster(row: Row) -> float | None:
    """Return the share of the largest mode among the accepted samples; 1 where there are none."""
    if row.counts is None:
        return None
    return max(row.counts) / sum(row.counts) if sum(row.counts) else 1.0


SIMPLE_RULES = (
    SimpleRule("entropy below half of ln K", lost_entropy, 0.5, "loggers of public code; none says which threshold"),
    SimpleRule(
        "1 − unique / total above a half",
        repeated,
        0.5,
        "paiml/entrenar, for discrete outputs; here two samples are the same where they are near-duplicates",
        of_copies=True,
    ),
    SimpleRule("largest cluster above 50 %", largest_cluster, 0.5, "public code, of k-means clusters; here of modes"),
)
"""All simple rules."""

"""Time to collapse: how many runs have not yet collapsed, where others ended before they could."""

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.stats import CensoredData, ecdf, logrank


class Survival(NamedTuple):
    """Share of runs that are left, right after each moment; it falls at the moments of events.

    Attributes:
        times: Moments of events, from 0 on.
        share: Of the runs that are left.
        low: Lower limit of its 95 % interval.
        high: Upper limit.
    """

    times: Float[np.ndarray, " t"]
    share: Float[np.ndarray, " t"]
    low: Float[np.ndarray, " t"]
    high: Float[np.ndarray, " t"]


def survival(times: Sequence[int | float], happened: Sequence[bool]) -> Survival:
    """Return the estimate of Kaplan and Meier, with log-log limits from Greenwood's variance.

    S(t) = ∏ (1 − d / n) over moments up to t, d the events there and n the runs that are still watched. The interval
    has no width where none or all have happened; then exact limits of the share are the ones to quote.

    Args:
        times: When each run collapsed, or was last watched.
        happened: Whether it collapsed; otherwise it is censored.

    Source: E. Kaplan, P. Meier, Nonparametric estimation from incomplete observations, 1958.

    Raises:
        ValueError: No runs.

    Example:
        >>> curve = survival([10, 20, 20, 40], [True, True, False, False])
        >>> curve.times.tolist(), curve.share.tolist()
        ([0.0, 10.0, 20.0], [1.0, 0.75, 0.5])
    """
    if not len(times):
        raise ValueError("no runs have no survival curve")
    moments, events = np.asarray(times, dtype=float), np.asarray(happened, dtype=bool)
    found = ecdf(CensoredData(uncensored=moments[events], right=moments[~events])).sf
    at_events = np.isin(found.quantiles, moments[events])
    if at_events.any():
        with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
            warnings.simplefilter("ignore", RuntimeWarning)  # of a share of 0, which has no log-log limits
            interval = found.confidence_interval(method="log-log")
        limits = [one.probabilities[at_events] for one in (interval.low, interval.high)]
    else:
        limits = [np.empty(0), np.empty(0)]
    share = found.probabilities[at_events]
    low, high = (np.where(np.isfinite(limit), limit, share) for limit in limits)
    return Survival(
        np.concatenate([[0.0], found.quantiles[at_events]]),
        *(np.concatenate([[1.0], one]) for one in (share, low, high)),
    )


def log_rank_test(
    times_a: Sequence[int | float],
    happened_a: Sequence[bool],
    times_b: Sequence[int | float],
    happened_b: Sequence[bool],
) -> float:
    """Return p of two groups of runs that collapse equally soon; two-sided, and 1 where none has collapsed.

    It uses a normal approximation, which needs some five events in all to be worth much.

    Source: N. Mantel, Evaluation of survival data and two new rank order statistics, 1966.

    Example:
        >>> late, soon = [80, 90, 100, 100], [10, 20, 30, 40]
        >>> log_rank_test(late, [True, True, False, False], soon, [True] * 4) < 0.05
        True
    """
    groups = []
    for times, happened in ((times_a, happened_a), (times_b, happened_b)):
        moments, events = np.asarray(times, dtype=float), np.asarray(happened, dtype=bool)
        groups.append(CensoredData(uncensored=moments[events], right=moments[~events]))
    if not any(happened_a) and not any(happened_b):
        return 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        p = float(logrank(*groups).pvalue)
    return 1.0 if np.isnan(p) else p

"""Time to collapse: how many runs have not yet collapsed, where others ended before they could."""

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.stats import CensoredData, ecdf


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


class Watched(NamedTuple):
    """Runs and what happened to them.

    Attributes:
        times: When it happened to each run, or when that was last watched.
        happened: Whether it did; otherwise the run is censored.
        seeds: Of each run.
    """

    times: Sequence[int | float]
    happened: Sequence[bool]
    seeds: Sequence[int]


def log_rank_differences(first: Watched, second: Watched) -> Float[np.ndarray, " seeds"]:
    """Return for each seed that both groups have how much sooner it happened to its runs in the first one.

    Run i has the score δᵢ − Σ d(t) / n(t), the sum over moments up to its time: what happened to it less what was to be
    expected, d events of n runs at risk, both groups together. A seed's difference is the sum of the scores of its runs
    in the first group less that in the second; the sum over seeds is twice the log-rank statistic O − E. So
    `paired_test` of them is the log-rank test with seeds as the units that are exchanged: exact however few events
    there are, where the normal approximation is not, and runs of one seed do not count as independent.

    Source: N. Mantel, Evaluation of survival data and two new rank order statistics, 1966; the exchange of whole seeds
    is ours.

    Example:
        >>> soon, late = Watched([10, 10], [True, True], [0, 1]), Watched([90, 90], [False, False], [0, 1])
        >>> log_rank_differences(soon, late).tolist()
        [1.0, 1.0]
    """
    shared = sorted(set(first.seeds) & set(second.seeds))
    rows = [
        (time, did, seed, sign)
        for group, sign in ((first, 1.0), (second, -1.0))
        for time, did, seed in zip(*group, strict=True)
        if seed in shared
    ]
    if not rows:
        return np.zeros(0)
    times, happened, seeds, signs = (np.array(column) for column in zip(*rows, strict=True))
    moments = np.unique(times[happened.astype(bool)])
    at_risk = times[:, None] >= moments
    events = ((times[:, None] == moments) & happened.astype(bool)[:, None]).sum(0)
    expected = (at_risk * (events / at_risk.sum(0))).sum(1) if len(moments) else np.zeros(len(times))
    scores = signs * (happened - expected)
    return np.array([scores[seeds == seed].sum() for seed in shared])

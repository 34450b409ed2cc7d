"""The statistics of studies the slow and obvious way."""

from itertools import permutations, product

import numpy as np


def paired(differences):
    """Return p of all ways to give signs."""
    seen = abs(sum(differences))
    ways = [abs(sum(sign * value for sign, value in zip(signs, differences, strict=True))) for signs in
            product((1, -1), repeat=len(differences))]  # fmt: skip
    return sum(way >= seen - 1e-12 for way in ways) / len(ways)


def levels(values):
    """Return p of all ways to give each seed's values to the levels."""

    def apart(table):
        means = [sum(column) / len(column) for column in zip(*table, strict=True)]
        return sum((mean - sum(means) / len(means)) ** 2 for mean in means)

    seen = apart([list(row) for row in values])
    ways = [apart(table) for table in product(*(list(permutations(row)) for row in values))]
    return sum(way >= seen - 1e-12 for way in ways) / len(ways)


def kaplan_meier(times, happened):
    """Return the share that is left after each moment of an event, run by run."""
    left, curve = 1.0, {0.0: 1.0}
    for moment in sorted({time for time, did in zip(times, happened, strict=True) if did}):
        watched = sum(time >= moment for time in times)
        events = sum(did for time, did in zip(times, happened, strict=True) if time == moment)
        left *= 1 - events / watched
        curve[float(moment)] = left
    return curve


def log_rank(times_a, happened_a, times_b, happened_b):
    """Return z² of the events of one group against those expected of it."""
    both = [(time, did, 0) for time, did in zip(times_a, happened_a, strict=True)]
    both += [(time, did, 1) for time, did in zip(times_b, happened_b, strict=True)]
    surplus = variance = 0.0
    for moment in sorted({time for time, did, _ in both if did}):
        watched = [group for time, _, group in both if time >= moment]
        events = [group for time, did, group in both if did and time == moment]
        n, n_a, d = len(watched), watched.count(0), len(events)
        surplus += events.count(0) - d * n_a / n
        if n > 1:
            variance += d * (n_a / n) * (1 - n_a / n) * (n - d) / (n - 1)
    return surplus**2 / variance if variance else np.nan

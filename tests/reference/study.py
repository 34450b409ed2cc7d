"""The statistics of studies the slow and obvious way."""

from itertools import permutations, product


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


def log_rank(first, second):
    """Return O − E of one group, and who was watched: the events of its runs less those expected of them."""
    both = [(*run, 0) for run in zip(*first, strict=True)] + [(*run, 1) for run in zip(*second, strict=True)]
    surplus = 0.0
    for moment in sorted({time for time, did, *_ in both if did}):
        watched = [group for time, *_, group in both if time >= moment]
        events = [group for time, did, _, group in both if did and time == moment]
        surplus += events.count(0) - len(events) * watched.count(0) / len(watched)
    return surplus, both


def log_rank_over_seeds(first, second):
    """Return p of all ways to exchange the two groups within seeds."""
    seen, both = log_rank(first, second)
    seeds = sorted({seed for _, _, seed, _ in both})
    ways = []
    for exchanged in product((0, 1), repeat=len(seeds)):
        swapped = [(t, did, seed, group ^ exchanged[seeds.index(seed)]) for t, did, seed, group in both]
        groups = ([run[:3] for run in swapped if run[3] == side] for side in (0, 1))
        ways.append(log_rank(*(tuple(zip(*group, strict=True)) for group in groups))[0])
    return sum(abs(way) >= abs(seen) - 1e-9 for way in ways) / len(ways)

"""The rules: what has to hold for a state, how often in a row, and when it is over. One row of a table each."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from gannorm.collapse.look import EASIER, Look, few_pictures, is_over, many_copies
from gannorm.collapse.memory import ALARM, Memory, persistent, thin_modes
from gannorm.collapse.row import Row
from gannorm.collapse.states import DEPTHS
from gannorm.collapse.thresholds import Thresholds
from gannorm.statistics import hopping_index, miller_madow

CHANCE = 1e-4  # that two looks at one generator differ so much


@dataclass(frozen=True)
class Moment:
    """All that a rule sees.

    Attributes:
        row: The statistics of now.
        again: A repetition of the look with fresh noise; None where there was none.
        look: What the judge says of them; None without a judge, without samples, or while the run is immature.
        depth: Of the collapse, confirmed; its place in `DEPTHS`.
        memory: The past, this row included.
        thresholds: What counts.
    """

    row: Row
    again: Row | None
    look: Look | None
    depth: int
    memory: Memory
    thresholds: Thresholds


class Finding(NamedTuple):
    """What a rule says of one moment.

    Attributes:
        holds: Whether it is so.
        over: Whether it is surely not so; between the two nothing changes.
        modes: Which modes are concerned.
        onset: Images seen at the first look that shows it; None = this moment.
        sure: Whether a look with fresh noise agrees, so that nothing has to persist.
    """

    holds: bool
    over: bool
    modes: tuple[int, ...] = ()
    onset: int | None = None
    sure: bool = False


@dataclass(frozen=True)
class Rule:
    """A sign, and the state it makes.

    Attributes:
        name: Of the sign.
        state: Of `STATES`.
        find: Returns a finding, or None where the row says nothing about it.
        needed: Of the last `of` findings have to hold.
        of: See there.
        clean: Findings in a row that have to say it is over.
    """

    name: str
    state: str
    find: Callable[[Moment], Finding | None]
    needed: int = 1
    of: int = 1
    clean: int = 3


def deep(level: int) -> Callable[[Moment], Finding | None]:
    """Return the rule of a depth of collapse; a deeper one holds too."""

    def find(moment: Moment) -> Finding | None:
        """Fewer effective modes than this share of all, hardly more than one mode, or samples that are all alike."""
        row, look = moment.row, moment.look
        if not row.is_look or (look is None and row.spread is None):
            return None
        gone = () if look is None else tuple(moment.memory.missing[-1])
        over = moment.depth < level and is_over(row, look, moment.thresholds, level)
        return Finding(moment.depth >= level, over, gone)

    return find


def dropped(moment: Moment) -> Finding | None:
    """Modes that are dropped in two of three looks, or not covered twice running."""
    if moment.look is None:
        return None
    memory = moment.memory
    lost = memory.lost()
    over = not memory.missing[-1] and not memory.uncovered[-1]
    return Finding(bool(lost), over, tuple(lost), memory.first_of(lost, memory.missing, memory.uncovered))


def hopping(moment: Moment) -> Finding | None:
    """Modes that go while others come: two of the last looks have together more modes than either alone."""
    if moment.look is None or len(moment.memory.counts) < 2:
        return None
    counts = np.array([look for look in moment.memory.counts if sum(look)])
    share = moment.thresholds.hopping
    if len(counts) < 2 or hopping_index(counts).information <= -math.log(share):
        return Finding(False, True)
    pairs = [pair for pair in combinations(range(len(counts)), 2) if exchange(counts[list(pair)], share)]
    return Finding(bool(pairs), not pairs)


def exchange(pair: Int[np.ndarray, "2 k"], share: float) -> bool:
    """Return whether each of two looks has less than a share of the effective modes of both, and not by chance.

    A generator that loses modes has all of them in the look before; one that goes round in circles has them in none.

    Example:
        >>> exchange(np.array([[900, 900, 0, 0], [0, 0, 900, 900]]), 0.9)
        True
        >>> exchange(np.array([[450, 450, 450, 450], [0, 0, 900, 900]]), 0.9)
        False
    """
    shares = pair / pair.sum(1, keepdims=True)
    together = shares.mean(0)
    correction = ((together > 0).sum() - 1) / (2 * pair.sum())
    entropy = -(together[together > 0] * np.log(together[together > 0])).sum() + correction
    alone = float(np.max(miller_madow(pair)))
    return bool(alone < entropy + math.log(share)) and hopping_index(pair).p_value < CHANCE


def thin(moment: Moment) -> Finding | None:
    """Modes whose samples are few pictures in two of three looks, or in two looks at once."""
    unknown = moment.row.class_rke is None and moment.row.class_duplicates is None
    if moment.look is None or unknown or not moment.memory.complete:
        return None
    memory = moment.memory
    modes = tuple(sorted(persistent(memory.thin) | set(thin_in_both(moment))))
    return Finding(bool(modes), not memory.thin[-1], modes, memory.first_of(modes, memory.thin))


def thin_in_both(moment: Moment) -> list[int]:
    """Return the modes whose samples are few pictures in this look and in its repetition."""
    if moment.again is None or moment.look is None:
        return []
    again = thin_modes(moment.again, moment.look.counts, moment.thresholds)
    return sorted(set(moment.memory.thin[-1]) & set(again))


def near_duplicates(moment: Moment) -> Finding | None:
    """Many samples that another one is nearly the same as, whatever their modes; early on only if nearly all."""
    row, again, thresholds = moment.row, moment.again, moment.thresholds
    if row.near_duplicates is None:
        return None
    found = few_pictures if moment.memory.early(row, thresholds) else many_copies
    sure = again is not None and found(again, thresholds)
    over = not many_copies(row, thresholds, EASIER) and not few_pictures(row, thresholds)
    return Finding(found(row, thresholds), over, sure=sure)


def not_finite(moment: Moment) -> Finding | None:
    """A loss, a weight or a signal that is no number."""
    finite = moment.row.is_finite()
    return Finding(not finite, finite)


def explosion(moment: Moment) -> Finding | None:
    """A gradient of the discriminator that is many times its median."""
    gradient, usual = moment.row.fake_gradient, moment.memory.median_gradient()
    if gradient is None or usual is None or not moment.memory.mature:
        return None
    return Finding(gradient > moment.thresholds.gradient * usual, gradient < moment.thresholds.gradient * usual / 2)


def bad_quality(moment: Moment) -> Finding | None:
    """Fewer accepted samples than a share of what they once were."""
    quality, best = moment.row.quality, moment.memory.best_quality
    if quality is None or moment.look is None:
        return None
    thresholds = moment.thresholds
    return Finding(quality < thresholds.quality * best, quality > (thresholds.quality + thresholds.hysteresis) * best)


def never(moment: Moment) -> Finding | None:
    """Samples that have belonged to no mode for so many images."""
    if not moment.row.is_look:
        return None
    return Finding(
        not moment.memory.mature and moment.row.images_seen >= moment.thresholds.immature_images, moment.memory.mature
    )


def uneven(moment: Moment) -> Finding | None:
    """Frequencies of the modes that are far from the real ones, by more than chance."""
    look = moment.look
    if look is None or not look.num_accepted:
        return None
    seen = look.counts > 0
    share, number = look.counts[seen] / look.num_accepted, look.num_accepted
    divergence = float((share * np.log(share / np.array(look.prior)[seen])).sum()) - (seen.sum() - 1) / (2 * number)
    chance = 3 * math.sqrt(2 * (len(look.prior) - 1)) / (2 * number)
    limit = moment.thresholds.imbalance
    return Finding(bool(divergence > limit + chance), bool(divergence < limit))


def low_rank(moment: Moment) -> Finding | None:
    """Weights of the discriminator that have lost effective rank (Liu et al. 2019: spectral collapse)."""
    rank, best = moment.row.discriminator_rank, moment.memory.best_rank
    if rank is None or not best:
        return None
    return Finding(
        rank < moment.thresholds.rank * best, rank > (moment.thresholds.rank + moment.thresholds.hysteresis) * best
    )


def small_deviation(moment: Moment) -> Finding | None:
    """Features of fakes that vary little, seen by the discriminator."""
    deviation = moment.row.feature_deviation
    if deviation is None or not moment.memory.mature:
        return None
    limit = moment.thresholds.deviation
    return Finding(deviation < limit, deviation > limit + moment.thresholds.hysteresis)


def falling(moment: Moment) -> Finding | None:
    """A number of modes that is lower than it used to be, little by little."""
    if moment.look is None:
        return None
    return Finding(moment.memory.falling > ALARM, moment.memory.falling < ALARM / 2)


RULES: tuple[Rule, ...] = (
    Rule("rank", "precursor", low_rank, needed=2, of=3),
    Rule("deviation", "precursor", small_deviation, needed=2, of=3),
    Rule("falling", "precursor", falling),
    Rule("uneven", "imbalance", uneven, needed=3, of=3),
    Rule("thin", "intra-mode", thin),
    Rule("near duplicates", "intra-mode", near_duplicates, needed=2, of=3),
    Rule("dropped", "mode dropped", dropped),
    Rule("hopping", "hopping", hopping),
    *(Rule(name, name, deep(level)) for level, name in enumerate(DEPTHS) if level),
    Rule("never", "never healthy", never, clean=1),
    Rule("not finite", "diverging", not_finite),
    Rule("explosion", "diverging", explosion, needed=2, of=2),
    Rule("quality", "diverging", bad_quality, needed=2, of=2),
)
"""All rules; persistence per mode is in `Memory`."""

"""The detector: one row of statistics in, dated events out, and a state that a checkpoint can keep."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gannorm.collapse.event import Event
from gannorm.collapse.expected import as_prior
from gannorm.collapse.look import PARTIAL, Look, all_alike, depth, few_pictures, many_copies
from gannorm.collapse.memory import Memory, thin_modes
from gannorm.collapse.row import Row
from gannorm.collapse.rules import RULES, Moment
from gannorm.collapse.states import DEPTHS, STATES, Severity, code
from gannorm.collapse.status import Status
from gannorm.collapse.thresholds import Thresholds
from gannorm.collapse.wording import sentence
from gannorm.statistics import hopping_index

WARN = STATES["mode dropped"].level
SHALLOW = {name: DEPTHS[:level] for level, name in enumerate(DEPTHS)}  # what a depth implies
HARMLESS = {name for name, state in STATES.items() if state.level < WARN}


class Detector:
    """A state machine that says when a generator loses modes, how badly, which ones, and when it is over.

    A collapse (partial, severe, total) is raised at the first look that shows it if a second look with fresh noise
    agrees, or at the next one; what is rarer or less certain has to persist. Everything is over after three looks that
    say so with a margin.

    Before the samples are good enough (`Thresholds.quality`) only a collapse that no judge is needed for is raised, and
    after `Thresholds.immature_images` that the run has never been healthy. Until the modes have been there once, up to
    the same moment, few modes are not yet learned, and only a severe collapse is told.

    Args:
        prior: Frequencies of the K modes in the real data; None = nobody judges, and only what needs no judge is found.
        thresholds: What counts as collapse.

    Attributes:
        history: What every look so far came to, for a person who asks afterwards.
        events: All so far, as plain data.

    Raises:
        ValueError: A prior of fewer than two modes, or with a frequency that is not positive.

    Example:
        >>> detector = Detector([0.1] * 10)
        >>> healthy = Row(images_seen=32_000, num_samples=2000, counts=[200] * 10)
        >>> collapsed = Row(images_seen=64_000, num_samples=2000, counts=[2000] + [0] * 9)
        >>> detector.update(healthy), detector.state
        ([], 'healthy')
        >>> detector.needs_confirmation(collapsed)
        True
        >>> [event.state for event in detector.update(collapsed, again=collapsed)]
        ['total']
    """

    def __init__(self, prior: Sequence[float] | None, thresholds: Thresholds | None = None) -> None:
        self.prior = None if prior is None else as_prior(prior)
        self.thresholds = thresholds or Thresholds()
        self.memory = Memory()
        self.statuses = {rule.name: Status() for rule in RULES}
        self.depth = 0  # of the last look, confirmed or not
        self.told = 0  # the depth that the last event was about
        self.state = "immature"
        self.history: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []

    @property
    def severity(self) -> Severity:
        """Return how bad the state is."""
        return STATES[self.state].severity

    @property
    def active(self) -> tuple[str, ...]:
        """Return the states that are raised, from harmless to worst."""
        up = {rule.state for rule in RULES if self.statuses[rule.name].up}
        return tuple(name for name in STATES if name in up)

    def needs_confirmation(self, row: Row) -> bool:
        """Return whether a look would raise a collapse at once: then draw again with fresh noise, and pass both."""
        worst = max((level for level, name in enumerate(DEPTHS) if level and self.statuses[name].up), default=0)
        return self._tells(row) and (self._depth(row) > worst or self._has_new_copies(row))

    def suspects(self, row: Row) -> bool:
        """Return whether a look that was taken in is bad by itself, though a rule may wait for another to say so."""
        poor = row.quality is not None and row.quality < self.thresholds.quality * self.memory.best_quality
        lacking = bool(self.memory.missing and self.memory.missing[-1])
        return poor or lacking or self._depth(row) > 0 or many_copies(row, self.thresholds)

    def update(self, row: Row, again: Row | None = None) -> list[Event]:
        """Take in a row and return what has changed.

        Args:
            row: Of this moment.
            again: A second look with fresh noise, where `needs_confirmation` asks for one.

        Raises:
            ValueError: Another number of modes than the prior's.
        """
        look = self._look(row)
        if self._tells(row):
            self._grow_up(row, look)
            if row.is_look:
                self.memory.take_samples(row, self.thresholds)
        judged = look if self.memory.mature else None
        if judged is not None and judged.num_accepted:
            self.memory.take_look(row, judged, self.thresholds)
        moment = Moment(row, again, judged, self._confirmed(row, again), self.memory, self.thresholds)
        events = self._events(moment) if self._tells(row) or not row.is_finite() else []
        self.memory.take_signals(row)
        self.events += [event.to_dict() for event in events]
        if row.is_look:
            self.history.append(self.summary(row) | {"images_seen": row.images_seen, "state": self.state})
        return events

    def summary(self, row: Row) -> dict[str, Any]:
        """Return the numbers of a row for charts: its signals, and what the detector makes of its samples."""
        figures: dict[str, Any] = dict(row.signals())
        if (look := self._look(row)) is not None:
            figures |= {"effective_modes": look.effective, "effective_share": look.share}
            figures |= {"accepted": look.num_accepted / look.num_samples, "missing": len(self.memory.lost())}
        if len(self.memory.counts) > 1:
            figures["hopping_index"] = hopping_index(np.array(self.memory.counts)).information
        return figures | {"falling": self.memory.falling}

    def state_dict(self) -> dict[str, Any]:
        """Return all of it as plain data."""
        return {
            "memory": self.memory.state_dict(),
            "statuses": {name: status.state_dict() for name, status in self.statuses.items()},
            **{name: getattr(self, name) for name in KEPT},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.memory = Memory.from_dict(state["memory"])
        self.statuses = {name: Status.from_dict(status) for name, status in state["statuses"].items()}
        for name in KEPT:
            setattr(self, name, state[name])

    def _tells(self, row: Row) -> bool:
        return row.images_seen >= self.thresholds.warm_up_images

    def _look(self, row: Row) -> Look | None:
        return None if row.counts is None or not row.is_look or self.prior is None else Look.of(row, self.prior)

    def _depth(self, row: Row) -> int:
        memory = self.memory
        look = self._look(row) if self._is_mature_at(row) else None
        if look is not None and look.num_accepted < self.thresholds.quality * memory.best_quality * look.num_samples:
            look = None  # few samples are left to judge, and they are no fair choice
        found = depth(row, look, self.thresholds)
        if not memory.early(row, self.thresholds):
            return found
        if all_alike(row, self.thresholds) and not memory.stays_alike(row, self.thresholds):
            return 0
        return 0 if found == PARTIAL else found

    def _has_new_copies(self, row: Row) -> bool:
        if self.statuses["thin"].up or self.statuses["near duplicates"].up:
            return False
        if self.memory.early(row, self.thresholds):
            return few_pictures(row, self.thresholds)
        counts = np.array(row.counts or [])
        return many_copies(row, self.thresholds) or bool(thin_modes(row, counts, self.thresholds))

    def _is_mature_at(self, row: Row) -> bool:
        return self.memory.mature or (row.quality is not None and row.quality >= self.thresholds.quality)

    def _grow_up(self, row: Row, look: Look | None) -> None:
        """Note that the samples are good enough; without a judge all is taken to be there from the first look on."""
        if not self.memory.mature and row.is_look and (look is None or self._is_mature_at(row)):
            self.memory.mature = True
            self.memory.complete = look is None

    def _confirmed(self, row: Row, again: Row | None) -> int:
        """Return the depth that two looks agree on: this one and its repetition, or the one before."""
        if not row.is_look:
            return self.depth
        before, self.depth = self.depth, self._depth(row)
        return min(self.depth, before if again is None else self._depth(again))

    def _events(self, moment: Moment) -> list[Event]:
        """Let every rule look, and say what is new."""
        previous, warned = self.state, self._warned()
        news: dict[str, tuple[int, list[int]]] = {}  # state to onset and modes
        for rule in RULES:
            if (finding := rule.find(moment)) is None:
                continue
            status, was_up = self.statuses[rule.name], rule.state in self.active
            fresh = status.take(rule, finding, moment.row.images_seen)
            if status.up and (not was_up or (fresh and rule.state not in DEPTHS[1:])):
                news[rule.state] = (status.onset, fresh)
        self._choose_state(warned)
        return [self._event(moment, previous, name, *news[name]) for name in self._worth_telling(news)] + self._better(
            moment, previous, warned
        )

    def _warned(self) -> bool:
        return any(name not in HARMLESS for name in self.active)

    def _choose_state(self, warned: bool) -> None:
        """Take the worst of what is raised as the state."""
        if self.active:
            self.state = self.active[-1]
        elif not self.memory.mature or (self.prior is not None and not self.memory.complete):
            self.state = "immature"
        else:
            self.state = "recovered" if warned else "healthy"

    def _worth_telling(self, news: dict[str, tuple[int, list[int]]]) -> list[str]:
        """Return which new states get an event: no shallower collapse beside a deeper one, no sign of what is there."""
        active = self.active
        implied = {name for deeper in active if deeper in SHALLOW for name in SHALLOW[deeper]}
        if "total" in active:
            implied |= {"intra-mode", "never healthy"}  # one picture is few pictures
        harmless = HARMLESS if self._warned() else set()
        return [name for name in STATES if name in news and name not in implied | harmless]

    def _better(self, moment: Moment, previous: str, warned: bool) -> list[Event]:
        """Return the event of a collapse that is less deep than before, or over."""
        depths = [level for level, name in enumerate(DEPTHS) if name in self.active]
        before, self.told = self.told, max(depths, default=-1) + 1
        if warned and not self._warned():
            return [self._event(moment, previous, "recovered", moment.row.images_seen, [])]
        if 0 < self.told < before:
            return [self._event(moment, previous, DEPTHS[self.told - 1], moment.row.images_seen, [], better=True)]
        return []

    def _event(
        self, moment: Moment, previous: str, state: str, onset: int, modes: list[int], *, better: bool = False
    ) -> Event:
        row = moment.row
        return Event(
            images_seen=row.images_seen,
            state=state,
            previous=previous,
            onset=onset,
            modes=modes,
            text=sentence(row.images_seen, state, onset, modes, moment.look, better=better),
            statistics=self.summary(row),
        )


KEPT = ("depth", "told", "state", "history", "events")
"""Attributes that a checkpoint keeps as they are; `code` gives the state's number."""
assert code("total") == len(STATES) - 1

"""Numbers that may change over a run: rates, strengths, widths of noise; in images seen or in shares of the run."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any, TypeAlias

SHAPES: dict[str, Callable[[float], float]] = {
    "linear": lambda progress: progress,
    "cosine": lambda progress: (1 - math.cos(math.pi * progress)) / 2,
    "constant": lambda _: 0.0,
}
"""Share of the way from start to end that is behind it, by the share of its time that is."""


@dataclass(frozen=True)
class Schedule:
    """A number over a run: `start` before `begin`, `end` from `until` on, a curve between them.

    Args:
        start: The number at the beginning of the run.
        end: The number at its end.
        begin: Where it starts to change; an int is images seen, a float in [0, 1] a share of the run.
        until: Where the change is over, in the same units; None = the end of the run.
        shape: "linear", start + (end − start)·p; "cosine", with (1 − cos πp) / 2 for p; "constant", start.

    Raises:
        ValueError: A number is not finite, a moment or the shape is none, or they contradict each other.

    Example:
        >>> Schedule(start=2.0, end=0.0, begin=0.5).at(750, total_images=1000)
        1.0
        >>> Schedule(start=0.2, end=0.2).constant
        True
    """

    start: float | int
    end: float | int
    begin: float | int = 0
    until: float | int | None = None
    shape: str = "linear"

    def __post_init__(self) -> None:
        check(**vars(self))

    @property
    def constant(self) -> bool:
        """Whether it never changes."""
        return self.start == self.end

    def at(self, images_seen: int, total_images: int | None) -> float:
        """Return the number at a moment of a run.

        Args:
            images_seen: Real images shown to the discriminator until now.
            total_images: Of the whole run. None = not known: what depends on it is then never reached, and the number
                stays at `start`.

        Raises:
            ValueError: `until` lies before `begin` in a run of this length.
        """
        begin, until = moment(self.begin, total_images), moment(self.until, total_images)
        if self.constant or begin is None or until is None or images_seen < begin:
            return float(self.start)
        if self.until is not None and until < begin:
            raise ValueError(f"{self}: until comes before begin in a run of {total_images} images; give both as shares")
        if images_seen >= until:
            return float(self.end)
        return self.start + (self.end - self.start) * SHAPES[self.shape]((images_seen - begin) / (until - begin))


ScheduleLike: TypeAlias = float | int | Mapping[str, Any] | Schedule


def resolve(spec: Any) -> Schedule:
    """Return the schedule that was asked for.

    Args:
        spec: A `ScheduleLike`: a number that stays; or a mapping `{start, end, begin: 0, until: null,
            shape: linear|cosine|constant}`, see `Schedule`; or a schedule.

    Raises:
        ValueError: It is none of them, or it contradicts itself.

    Example:
        >>> resolve(0.1).at(0, total_images=None)
        0.1
        >>> resolve({"start": 1.0, "end": 0.1, "until": 0.5, "shape": "cosine"}).at(250, total_images=1000)
        0.55
    """
    if isinstance(spec, Schedule):
        return spec
    if isinstance(spec, Mapping):
        return from_mapping(spec)
    if not is_finite(spec):
        raise ValueError(f"schedule {spec!r} is no finite number, and no mapping with start and end")
    return Schedule(start=float(spec), end=float(spec), shape="constant")


def from_mapping(spec: Mapping[str, Any]) -> Schedule:
    """Return the schedule that a config's mapping describes."""
    known = [field.name for field in fields(Schedule)]
    for key in spec:
        if key not in known:
            close = get_close_matches(str(key), known, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise ValueError(f"a schedule has no {key!r}{hint}; there are {', '.join(known)}")
    if "start" not in spec or ("end" not in spec and spec.get("shape") != "constant"):
        raise ValueError(f"schedule {dict(spec)} needs start and end; write the number alone where it never changes")
    values = {"end": spec["start"], **spec}
    check(**values)
    return Schedule(**values)


def check(start: Any, end: Any, begin: Any = 0, until: Any = None, shape: Any = "linear") -> None:
    """Refuse what makes no schedule."""
    for name, value in (("start", start), ("end", end)):
        if not is_finite(value):
            raise ValueError(f"{name}={value!r} of a schedule is no finite number")
    check_moment("begin", begin)
    if until is not None:
        check_moment("until", until)
        if type(begin) is type(until) and until < begin:
            raise ValueError(f"until={until} of a schedule comes before begin={begin}; swap them")
    if shape not in SHAPES:
        raise ValueError(f"shape={shape!r} of a schedule is none of {', '.join(SHAPES)}")
    if shape == "constant" and start != end:
        raise ValueError(f"start={start}, end={end} of a constant schedule: leave out its end, or make it linear")


def check_moment(name: str, value: Any) -> None:
    """Refuse what is neither a number of images nor a share of a run."""
    if not is_finite(value) or value < 0 or (isinstance(value, float) and value > 1):
        units = "images seen are a whole number, a share of the run is 0.0 to 1.0"
        raise ValueError(f"{name}={value!r} of a schedule is no moment of a run: {units}")


def is_finite(value: Any) -> bool:
    """Return whether it is a number that can be computed with."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def moment(when: float | int | None, total_images: int | None) -> float | int | None:
    """Return a moment in images seen (None is the run's end); None where that takes a length that is not known."""
    if isinstance(when, int):
        return when
    return None if total_images is None else total_images * (1.0 if when is None else when)

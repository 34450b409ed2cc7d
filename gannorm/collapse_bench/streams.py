"""The streams: generators that fail at a known look, each in its own way, and generators that must raise nothing."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from gannorm.collapse_bench.generators import DIGITS, Counted, Digits, Generator, judge

HEALTHY_LOOKS = 12  # before a failure
FAILING_LOOKS = 24
FADING = 10  # looks of a ramp


@dataclass(frozen=True)
class Failure:
    """A generator that fails.

    Attributes:
        name: For the table.
        kind: The state that a detector should raise; several are separated by commas.
        healthy: Before.
        failing: From the number of looks since the failure began to the generator.
        begins: Looks from its beginning to the first one at which it can be detected.
        copies: Whether copies among the samples have to be sought.
    """

    name: str
    kind: str
    healthy: Generator
    failing: Callable[[int], Generator]
    begins: int = 0
    copies: bool = False

    @property
    def prior(self) -> tuple[float, ...]:
        """Return the frequencies of the real data."""
        return prior_of(self.healthy)


@dataclass(frozen=True)
class Healthy:
    """A generator that must not raise anything from "warn" on.

    Attributes:
        name: For the table.
        generator: The same at all looks.
        prior: Frequencies of the real data; None = those of the generator.
    """

    name: str
    generator: Generator
    own_prior: tuple[float, ...] | None = None

    @property
    def prior(self) -> tuple[float, ...]:
        """Return the frequencies of the real data."""
        return self.own_prior or prior_of(self.generator)


def prior_of(generator: Generator) -> tuple[float, ...]:
    """Return a generator's frequencies as those of the real data."""
    total = sum(generator.shares)
    return tuple(share / total for share in generator.shares)


def digits_prior() -> tuple[float, ...]:
    """Return the digits' frequencies in MNIST."""
    return tuple(judge().prior.double().tolist())


def without(modes: tuple[int, ...], weight: float = 0.0, num_modes: int = DIGITS) -> tuple[float, ...]:
    """Return shares in which some modes have only this weight.

    Example:
        >>> without((0,), num_modes=3)
        (0.0, 0.5, 0.5)
    """
    shares = [weight if mode in modes else 1.0 for mode in range(num_modes)]
    return tuple(share / sum(shares) for share in shares)


def only(modes: tuple[int, ...]) -> Digits:
    """Return a generator of these digits alone."""
    return Digits(without(tuple(mode for mode in range(DIGITS) if mode not in modes)))


def dropped() -> list[Failure]:
    """Return failures in which 1 to 9 digits are gone at once."""
    kinds = ["mode dropped", *["partial"] * 3, *["severe"] * 3, *["total"] * 2]
    return [
        Failure(f"{number} of 10 digits gone", kind, Digits(), always(Digits(without(tuple(range(number))))))
        for number, kind in enumerate(kinds, start=1)
    ]


def fading() -> list[Failure]:
    """Return failures in which digits become rarer look by look until they are gone."""
    kinds = {1: "mode dropped", 3: "partial, mode dropped", 6: "severe, partial, mode dropped"}
    return [ramp(number, FADING, kind) for number, kind in kinds.items()]


def faster_and_slower() -> list[Failure]:
    """Return failures in which digits become rarer over other numbers of looks."""
    return [
        ramp(1, 5, "mode dropped"),
        ramp(3, 5, "partial, mode dropped"),
        ramp(3, 20, "partial, mode dropped"),
    ]


def ramp(number: int, length: int, kind: str) -> Failure:
    """Return the failure in which some digits become rarer for so many looks, and then are gone."""
    name = f"{number} digit{'s' if number > 1 else ''} fade{'' if number > 1 else 's'} over {length} looks"

    def failing(look: int) -> Generator:
        return Digits(without(tuple(range(number)), max(0.0, 1 - look / length)))

    return Failure(name, kind, Digits(), failing, begins=length)


def weak() -> list[Failure]:
    """Return a digit that is made at a share of its frequency only."""
    return [
        Failure(f"one digit at {percent} %", "mode dropped", Digits(), always(Digits(without((3,), percent / 100))))
        for percent in (2, 5, 8, 10, 15, 20, 30, 50)
    ]


def hopping() -> list[Failure]:
    """Return generators that go round in circles."""
    halves = [only((0, 2, 4, 6, 8)), only((1, 3, 5, 7, 9))]
    singles = [only((digit,)) for digit in range(DIGITS)]
    sevens = [only(modes) for modes in itertools.islice(itertools.combinations(range(DIGITS), 7), 0, 120, 13)]
    rings = [
        ("half of the digits", halves, (1, 2, 3, 5, 8, 10)),
        ("one digit", singles, (1, 3)),
        ("7 digits", sevens, (1, 3)),
    ]
    return [
        Failure(f"{what}, others every {period} looks", "hopping", Digits(), circle(ring, period), begins=period)
        for what, ring, periods in rings
        for period in periods
    ]


def circle(ring: list[Digits], period: int) -> Callable[[int], Generator]:
    """Return a generator that moves on every `period` looks."""
    return lambda look: ring[look // period % len(ring)]


def copying() -> list[Failure]:
    """Return generators with few pictures of each digit, or of one, or of nothing at all."""
    few = [
        Failure(
            f"{number} pictures of each digit", "intra-mode", Digits(), always(Digits(pictures=number)), copies=True
        )
        for number in (1, 3, 10, 30, 100, 300)
    ]
    one = Digits(pictures=3, thin=(3,))
    return [
        *few,
        Failure("3 pictures of one digit", "intra-mode", Digits(), always(one), copies=True),
        Failure("one picture of noise", "total", Digits(), always(Digits(rejected=1.0)), copies=True),
    ]


def quality() -> list[Failure]:
    """Return a generator most of whose samples belong to no mode any more."""
    return [Failure("seven of ten samples rejected", "diverging", Digits(), always(Digits(spoilt=0.7)))]


def others() -> list[Failure]:
    """Return failures of a ring of eight and of a thousand modes."""
    failures = []
    for name, num_modes, num_samples in (("ring", 8, 2500), ("1,000 modes", 1000, 10_000)):
        whole = Counted((1 / num_modes,) * num_modes, num_samples)
        for share, kind in ((0.25, "partial"), (0.5, "severe"), (0.875, "total, severe")):
            gone = tuple(range(round(share * num_modes)))
            left = replace(whole, shares=without(gone, num_modes=num_modes))
            failures.append(Failure(f"{name}: {100 * share:g} % of the modes gone", kind, whole, always(left)))
    return failures


def always(generator: Generator) -> Callable[[int], Generator]:
    """Return a failure that stays as it is."""
    return lambda _: generator


def failures() -> list[Failure]:
    """Return all failures."""
    return [*dropped(), *fading(), *weak(), *hopping(), *copying(), *quality(), *others(), *faster_and_slower()]


def healthy() -> list[Healthy]:
    """Return all generators that must not raise anything."""
    uneven = np.exp(np.random.default_rng(0).normal(0, 0.32, DIGITS))
    priors = {
        "one digit 2.5 times as often": (2.5, *[1.0] * 9),
        "1 to 10 times as often": tuple(map(float, range(1, 11))),
        "one at a fiftieth": without((7,), 0.2),
    }
    mnist = digits_prior()
    return [
        Healthy("a perfect generator", Digits(mnist)),
        *(Healthy(f"real digits {change}", Digits(mnist, change=change), mnist) for change in CHANGED),
        *(Healthy(f"uneven data: {name}", Digits(shares)) for name, shares in priors.items()),
        Healthy("2 % more misread", Digits(mnist, error=0.02), mnist),
        Healthy("as even as good GANs (9.5 of 10)", Digits(tuple(uneven)), mnist),
        Healthy("half of the samples rejected", Digits(mnist, spoilt=0.45), mnist),
        Healthy("a perfect ring", Counted((1 / 8,) * 8, 2500)),
        Healthy("1,000 modes, all there", Counted((1e-3,) * 1000, 10_000)),
    ]


CHANGED = ("blurred, 0.5 pixels", "blurred, 0.8 pixels", "blurred, 1.0 pixels", "noise, 0.1", "noise, 0.2")

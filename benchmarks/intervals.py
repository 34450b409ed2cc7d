"""How often the 95 % interval of each headline number holds the truth, for simulated generators whose truth is known.

A generator is its shares of the modes and the share of its samples that are accepted. The real frequencies are MNIST's;
of K = 1,000 they are the products of three. Above 97 % an interval is wider than it had to be, below 93 % it is wrong.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int

from benchmarks.document import paragraph, table
from gannorm.data import MNIST
from gannorm.metrics.coverage import NOMINAL_SHARE, covered_figures
from gannorm.statistics import divergence_interval, entropy_interval, share_interval, total_variation_interval

SETTINGS = ((1, 2_048), (1, 10_000), (3, 26_000))  # channels of ten modes, N
SIMULATIONS = 200  # in one round
SIMULATIONS_OF_TV = {1: 200, 3: 40}  # by channels: of a thousand modes one interval takes as long as a hundred of ten
LEAST, MOST = 0.93, 0.97
FIGURES = {
    "effective_modes": "effective modes",
    "kl": "KL",
    "tv": "TV",
    "high_quality": "high quality",
    "covered_modes": "covered modes",
}

Vector = Float[np.ndarray, " k"]
Counts = Int[np.ndarray, "s k"]
Limits = tuple[Float[np.ndarray, " s"], Float[np.ndarray, " s"]]


class Generator(NamedTuple):
    """A simulated generator.

    Attributes:
        shares: From the real frequencies to its own.
        quality: Which share of its samples is accepted.
        by_channel: Whether `shares` is of the ten digits of one channel, each channel alike; otherwise of all modes.
    """

    shares: Callable[[Vector], Vector]
    quality: float
    by_channel: bool = True


class Drawn(NamedTuple):
    """Simulated evaluations of one generator.

    Attributes:
        counts: Accepted samples of each mode, a row for each simulation.
        num_samples: N.
        shares: The true shares of accepted samples.
        quality: The true share of accepted samples.
        prior: Real frequencies.
    """

    counts: Counts
    num_samples: int
    shares: Vector
    quality: float
    prior: Vector


def scaled(factors: dict[int, float]) -> Callable[[Vector], Vector]:
    """Return a generator's shares whose modes are some times as frequent as in real data."""
    return lambda prior: prior * [factors.get(mode, 1.0) for mode in range(len(prior))]


def collapsed(prior: Vector) -> Vector:
    """99 % of one mode, the rest as in real data."""
    return 0.01 * prior + 0.99 * (np.arange(len(prior)) == 0)


def geometric(prior: Vector) -> Vector:
    """Each mode as frequent as the one before, times a constant, e^-5 from the first to the last."""
    return np.exp(-5 * np.arange(len(prior)) / len(prior))


def gamma(prior: Vector) -> Vector:
    """Real frequencies times random numbers with a standard deviation of 1."""
    return prior * np.random.default_rng(1).gamma(1.0, size=len(prior))


def nearly_equal(prior: Vector) -> Vector:
    """Equal frequencies, but for 5 %."""
    return 1 + np.random.default_rng(2).uniform(-0.05, 0.05, size=len(prior))


GENERATORS = {
    "perfect": Generator(scaled({}), 0.99),
    "half of the digits gone": Generator(scaled(dict.fromkeys(range(5, 10), 0.0)), 0.95),
    "two digits gone": Generator(scaled({7: 0.0, 9: 0.0}), 0.9),
    "one digit at a tenth": Generator(scaled({4: 0.1}), 0.8),
    "one digit doubled": Generator(scaled({1: 2.0}), 0.7),
    "gone, thinned, doubled": Generator(scaled({0: 0.0, 7: 0.1, 9: 0.1, 1: 2.0}), 0.5),
    "one mode and 1 % others": Generator(collapsed, 0.3, by_channel=False),
    "geometric": Generator(geometric, 0.97, by_channel=False),
    "gamma": Generator(gamma, 0.85, by_channel=False),
    "nearly equal": Generator(nearly_equal, 1.0, by_channel=False),
}


def modes_of(channels: int, digits: Vector) -> Vector:
    """Return frequencies of stacks of independent digits, with the sum 1."""
    product = digits
    for _ in range(channels - 1):
        product = np.multiply.outer(product, digits)
    return product.ravel() / product.sum()


def drawn(generator: Generator, channels: int, num_samples: int, times: int, rng: np.random.Generator) -> Drawn:
    """Draw the counts of `times` evaluations."""
    digits = MNIST().prior.double().numpy()
    prior = modes_of(channels, digits)
    shares = modes_of(channels, generator.shares(digits)) if generator.by_channel else generator.shares(prior)
    shares = shares / shares.sum()
    accepted = rng.binomial(num_samples, generator.quality, size=times)
    return Drawn(rng.multinomial(accepted, shares), num_samples, shares, generator.quality, prior)


def of_effective_modes(drawn: Drawn) -> tuple[float, Limits]:
    """Return the true e^H and its limits in each simulation."""
    present = drawn.shares[drawn.shares > 0]
    low, high = entropy_interval(drawn.counts)
    return float(np.exp(-(present * np.log(present)).sum())), (np.exp(low), np.exp(high))


def of_kl(drawn: Drawn) -> tuple[float, Limits]:
    """Return the true KL(p ‖ π) and its limits in each simulation."""
    present = drawn.shares > 0
    truth = (drawn.shares[present] * np.log(drawn.shares[present] / drawn.prior[present])).sum()
    low, high = divergence_interval(drawn.counts, drawn.prior)
    return float(truth), (np.asarray(low), np.asarray(high))


def of_tv(drawn: Drawn) -> tuple[float, Limits]:
    """Return the true ½ Σ |p − π| and its limits in each simulation."""
    _, low, high = np.array([total_variation_interval(counts, drawn.prior) for counts in drawn.counts]).T
    return float(abs(drawn.shares - drawn.prior).sum() / 2), (low, high)


def of_high_quality(drawn: Drawn) -> tuple[float, Limits]:
    """Return the true share of accepted samples and its limits in each simulation."""
    low, high = np.array([share_interval(int(total), drawn.num_samples) for total in drawn.counts.sum(1)]).T
    return drawn.quality, (low, high)


def of_covered_modes(drawn: Drawn) -> tuple[float, Limits]:
    """Return how many modes have a tenth of their real frequency among all samples, and the limits of that number."""
    prior = torch.from_numpy(drawn.prior)
    rows = [covered_figures(counts, drawn.num_samples, prior, None) for counts in torch.from_numpy(drawn.counts)]
    low, high = (np.array([row[f"covered_modes_{end}"] for row in rows], dtype=float) for end in ("low", "high"))
    return float((drawn.quality * drawn.shares >= NOMINAL_SHARE * drawn.prior).sum()), (low, high)


MEASURES = dict(zip(FIGURES, (of_effective_modes, of_kl, of_tv, of_high_quality, of_covered_modes), strict=True))


def held(truth: float, limits: Limits) -> dict[str, float]:
    """Return how often the limits hold the truth, and how far apart they are on average."""
    low, high = limits
    inside = (low <= truth + 1e-9) & (truth <= high + 1e-9)
    return {"truth": truth, "held": float(inside.mean()), "width": float((high - low).mean()), "of": len(low)}


def measured(channels: int, num_samples: int, rounds: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each generator's name and what became of its intervals."""
    rng = np.random.default_rng(channels * num_samples)
    for name, generator in GENERATORS.items():
        simulations = drawn(generator, channels, num_samples, rounds * SIMULATIONS, rng)
        fewer = simulations._replace(counts=simulations.counts[: rounds * SIMULATIONS_OF_TV[channels]])
        yield (
            name,
            {figure: held(*measure(fewer if figure == "tv" else simulations)) for figure, measure in MEASURES.items()},
        )


def run(rounds: int) -> dict[str, Any]:
    """Simulate and print the tables."""
    settings = [
        {"num_modes": 10**channels, "num_samples": num, "generators": dict(measured(channels, num, rounds))}
        for channels, num in SETTINGS
    ]
    result = {"simulations": rounds * SIMULATIONS, "settings": settings}
    print(markdown(result))
    return result


def markdown(result: dict[str, Any]) -> str:
    """Return a table for each setting: how often each interval held the truth, in percent, and its mean width."""
    return "\n\n".join(_section(setting) for setting in result["settings"])


def _section(setting: dict[str, Any]) -> str:
    generators = setting["generators"]
    first = next(iter(generators.values()))
    times = ", ".join(f"{name} {first[figure]['of']:,}" for figure, name in FIGURES.items())
    rows = [[name, *map(_cell, cells.values())] for name, cells in generators.items()]
    shares = [cell["held"] for cells in generators.values() for cell in cells.values()]
    wide, wrong = sum(share > MOST for share in shares), sum(share < LEAST for share in shares)
    said = paragraph(
        f"**K = {setting['num_modes']:,}, N = {setting['num_samples']:,}.** Simulations: {times}. Of {len(shares)} "
        f"intervals {wide} held the truth in more than {MOST:.0%} (bold), {wrong} in less than {LEAST:.0%} (!)."
    )
    return f"{said}\n\n{table(['generator', *FIGURES.values()], rows)}"


def _cell(cell: dict[str, float]) -> str:
    percent = f"{100 * cell['held']:.1f}"
    marked = f"**{percent}**" if cell["held"] > MOST else f"{percent}!" if cell["held"] < LEAST else percent
    return f"{marked} · {cell['width']:.3g}"

"""How many modes are found of how many that are there, where the classifier errs; and the KL that real stacks have.

A generator makes some of the 1,000 modes of Stacked MNIST, equally often. Its stacks are read by a classifier with a
known confusion: even errors go to all digits alike, lumpy ones are frequent for some digits and go to few others. In
the second half generated digits are misread five times as often as the confusion says.
"""

import statistics
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from benchmarks.document import paragraph, table
from gannorm import rng
from gannorm.data import StackedMNIST
from gannorm.judges import StackedDigitJudge
from gannorm.metrics.coverage import fewest_samples
from gannorm.metrics.divergence import effective_modes
from gannorm.metrics.leakage import inflated, leakage_test
from gannorm.metrics.legacy import plug_in_kl
from gannorm.report.perfect import perfect

DIGITS, CHANNELS = 10, 3
NUM_MODES = DIGITS**CHANNELS
NUM_SAMPLES = 26_000
TRUE = (10, 99, 500, 1000)
ERRORS = (0.003, 0.0075, 0.01, 0.02)
MISREADING = 5.0
DRAWS = 4  # generators and confusions, in one round
CHUNK = 500  # stacks judged at once

Confusion = Float[np.ndarray, "d d"]


class Found(NamedTuple):
    """One evaluation of a generator with a known number of modes.

    Attributes:
        raw: Modes with one sample at least.
        covered: Modes that the leakage test finds.
        effective: e^H.
        misreading: How many times as often as the confusion says samples seem to be misread.
        reliable: Whether the leakage test is sure of its number.
    """

    raw: int
    covered: int
    effective: float
    misreading: float
    reliable: bool


def even(error: float, rng: np.random.Generator) -> Confusion:  # noqa: ARG001 (a row's signature)
    """Return a confusion of which each wrong digit is equally likely."""
    return np.where(np.eye(DIGITS, dtype=bool), 1 - error, error / (DIGITS - 1))


def lumpy(error: float, rng: np.random.Generator) -> Confusion:
    """Return a confusion whose error rates differ from digit to digit and go to few others; `error` on average."""
    rates = rng.gamma(2.0, size=DIGITS)
    rates *= error / rates.mean()
    targets = rng.gamma(0.3, size=(DIGITS, DIGITS)) + 1e-3
    np.fill_diagonal(targets, 0.0)
    return np.diag(1 - rates) + rates[:, None] * targets / targets.sum(1, keepdims=True)


KINDS = {"even": even, "lumpy": lumpy}


def read(num_modes: int, errors: Confusion, rng: np.random.Generator) -> Int64[Tensor, " k"]:
    """Return counts of N stacks of so many modes, as a classifier with these errors reads them."""
    there = np.zeros(NUM_MODES)
    there[rng.choice(NUM_MODES, num_modes, replace=False)] = 1 / num_modes
    shares = np.einsum("ijk,ia,jb,kc->abc", there.reshape([DIGITS] * CHANNELS), errors, errors, errors).ravel()
    return torch.from_numpy(rng.multinomial(NUM_SAMPLES, shares / shares.sum()))


def found(num_modes: int, errors: Confusion, times: float, rng: np.random.Generator) -> Found:
    """Return what is found of a generator whose stacks are misread `times` as often as the errors say."""
    counts = read(num_modes, inflated(errors, times), rng)
    fewest = fewest_samples(NUM_SAMPLES, torch.full((NUM_MODES,), 1 / NUM_MODES))
    test = leakage_test(counts, fewest, torch.from_numpy(errors))
    raw, covered = int((counts > 0).sum()), int(test.covered.sum())
    return Found(raw, covered, effective_modes(counts), test.misreading, test.reliable)


def simulated(times: float, draws: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Return a cell for each kind of confusion, number of modes and error."""
    return [
        {"modes": modes, "kind": kind, "error": error}
        | summary(modes, [found(modes, KINDS[kind](error, rng), times, rng) for _ in range(draws)])
        for modes in TRUE
        for kind in KINDS
        for error in ERRORS
    ]


def summary(num_modes: int, several: list[Found]) -> dict[str, Any]:
    """Return means, the worst relative error of the leakage test, and of those evaluations that it is sure of."""
    off = [(abs(one.covered - num_modes) / num_modes, one.reliable) for one in several]
    return {name: float(np.mean([getattr(one, name) for one in several])) for name in Found._fields} | {
        "worst": max(error for error, _ in off),
        "worst_reliable": max((error for error, reliable in off if reliable), default=None),
    }


def real_kl(rounds: int) -> dict[str, Any]:
    """Return the KL of real stacks to the uniform distribution, uncorrected, as papers count: judged, and expected."""
    data, judge = StackedMNIST(), StackedDigitJudge()
    values = []
    for number in range(rounds):
        stacks, _ = data.real(NUM_SAMPLES, rng.generator(number, "real stacks"))
        modes = torch.cat([judge(chunk).mode for chunk in stacks.split(CHUNK)])
        values.append(plug_in_kl(torch.bincount(modes, minlength=NUM_MODES), None))
    expected = perfect(data.prior.double().numpy(), NUM_SAMPLES)
    return {"judged": values, "expected": expected.kl, "expected_sd": expected.kl_sd}


def run(rounds: int) -> dict[str, Any]:
    """Simulate, judge real stacks, and print the tables."""
    random, draws = np.random.default_rng(0), DRAWS * rounds
    result = {
        "draws": draws,
        "known": simulated(1.0, draws, random),
        "misread": simulated(MISREADING, draws, random),
        "real": real_kl(rounds),
    }
    print(markdown(result))
    return result


def markdown(result: dict[str, Any]) -> str:
    """Return both tables, and a sentence on each and on real stacks."""
    return "\n\n".join([_known(result), _misread(result), _real(result["real"])])


def _known(result: dict[str, Any]) -> str:
    cells = result["known"]
    worst, unsure = max(cell["worst"] for cell in cells), 1 - float(np.mean([cell["reliable"] for cell in cells]))
    said = paragraph(
        f"**The confusion is known.** Means of {result['draws']} generators: modes with one sample (what papers count) "
        f"→ modes after the leakage test; effective modes. The test is {worst:.1%} off at worst, and says unreliable "
        f"in {unsure:.1%} of evaluations."
    )
    shown = _table(cells, lambda cell: f"{cell['raw']:.0f} → {cell['covered']:.1f}; {cell['effective']:.1f}")
    return f"{said}\n\n{shown}"


def _misread(result: dict[str, Any]) -> str:
    cells = result["misread"]
    worst = max((cell["worst_reliable"] for cell in cells if cell["worst_reliable"] is not None), default=0.0)
    said = paragraph(
        f"**Misread {MISREADING:g} times as often as the confusion says.** Modes with one sample → modes after the "
        f"leakage test (the misreading it finds; how many evaluations say unreliable). Of those that do not say it, "
        f"the worst is {worst:.1%} off."
    )

    def cell(found: dict[str, Any]) -> str:
        return f"{found['raw']:.0f} → {found['covered']:.1f} (×{found['misreading']:.1f}; {1 - found['reliable']:.0%})"

    return f"{said}\n\n{_table(cells, cell)}"


def _table(cells: list[dict[str, Any]], shown: Callable[[dict[str, Any]], str]) -> str:
    """Return a row for each number of modes and kind of confusion, a column for each error."""
    rows: dict[tuple[int, str], list[str]] = {}
    for cell in cells:
        rows.setdefault((cell["modes"], cell["kind"]), []).append(shown(cell))
    header = ["modes", "errors", *(f"{error:.2%} wrong" for error in ERRORS)]
    return table(header, [[str(modes), kind, *columns] for (modes, kind), columns in rows.items()])


def _real(real: dict[str, Any]) -> str:
    judged = real["judged"]
    spread = f" ± {statistics.stdev(judged):.4f}" if len(judged) > 1 else ""
    return paragraph(
        f"**Real stacks** of test digits, judged, KL to the uniform distribution, nats, N = {NUM_SAMPLES:,}, no "
        f"correction, none rejected: {statistics.mean(judged):.4f}{spread} (mean and SD of {len(judged)}); expected of "
        f"the training digits' frequencies: {real['expected']:.4f} ± {real['expected_sd']:.4f}."
    )

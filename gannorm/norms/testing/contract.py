"""Run every rule on a registered norm, and say all that does not hold."""

import inspect
from collections.abc import Callable, Iterator
from functools import partial

from gannorm.norms.info import INPUTS, NormInfo
from gannorm.norms.registry import describe
from gannorm.norms.testing import activation, weight
from gannorm.norms.testing.case import Case


class NormContractError(AssertionError):
    """A norm does not do what is declared of it. Attributes: `norm`, `broken` (a line each)."""

    def __init__(self, norm: str, broken: list[str]) -> None:
        super().__init__("\n".join([f"norm {norm!r} does not do what is declared of it:", *broken]))
        self.norm = norm
        self.broken = broken


def check_norm(name: str) -> list[str]:
    """Prove what is declared of a registered norm, on the CPU, in a second or so.

    For norms of activations, on each number of spatial axes that is declared: shape and type, the axes (by the gradient
    of one output: it is not 0 exactly where a statistic is shared), the difference of eval mode, a redundant bias,
    first and second derivatives against finite differences, state, copies, half precision, memory layout, two passes
    before one backward, no random numbers, its spec. For norms of weights the like, on linear layers and convolutions.

    Args:
        name: A registered name; conditional norms are checked on their default base.

    Returns:
        What was proved, a line each, and what the row says cannot be proved here.

    Raises:
        NormContractError: With all that does not hold.
        UnknownNormError: No norm has this name.

    Example:
        >>> check_norm("pixel")[2]
        'pixel on points (N, C): Eval mode is another function exactly where that is declared.'
    """
    info = describe(name)
    proved, broken = [], []
    for where, rule, call in _all(info):
        title = f"{info.name} on {where}: {(inspect.getdoc(rule) or rule.__name__).splitlines()[0]}"
        if rule.__name__ in info.unproven:
            proved.append(f"{title} Not proved: {info.unproven[rule.__name__]}.")
            continue
        try:
            problem = call()
        except Exception as error:  # a norm that fails outright fails the rule
            problem = f"{type(error).__name__}: {error}"
        if problem is None:
            proved.append(title)
        else:
            broken.append(f"{title} Found: {problem}")
    if broken:
        raise NormContractError(info.name, broken)
    return proved


def _all(info: NormInfo) -> Iterator[tuple[str, Callable[..., str | None], Callable[[], str | None]]]:
    """Yield where each rule is tried, the rule, and the trial."""
    if info.kind == "weight":
        for layer in weight.LAYERS:
            yield from ((layer, rule, partial(rule, info, layer)) for rule in weight.RULES)
        return
    for dims in info.dims:
        yield from ((INPUTS[dims], rule, partial(_tried, rule, info, dims)) for rule in activation.RULES)


def _tried(rule: activation.Rule, info: NormInfo, dims: int) -> str | None:
    return rule(Case(info, dims))

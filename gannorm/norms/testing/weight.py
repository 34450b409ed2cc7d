"""What holds for every norm of weights: one function a rule, None where it holds, else what was found."""

import copy
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from gannorm.norms.build import wrap
from gannorm.norms.errors import NormKindError, NormOptionError
from gannorm.norms.info import NormInfo
from gannorm.norms.testing.case import moved, own_random, state_of

LAYERS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "Linear": (partial(nn.Linear, 4, 6), (2, 4)),
    "Conv1d": (partial(nn.Conv1d, 4, 6, 3), (2, 4, 5)),
    "Conv2d": (partial(nn.Conv2d, 4, 6, 3), (2, 4, 5, 5)),
    "Conv3d": (partial(nn.Conv3d, 4, 6, 2), (2, 4, 3, 3, 3)),
    "ConvTranspose2d": (partial(nn.ConvTranspose2d, 4, 6, 4, stride=2, padding=1), (2, 4, 3, 3)),
}

WeightRule = Callable[[NormInfo, str], str | None]


def wrapped(info: NormInfo, layer: str) -> tuple[nn.Module, Tensor]:
    """Return a wrapped layer in float64 and an input for it."""
    with own_random():
        make, shape = LAYERS[layer]
        return wrap(info.name, make().double()), torch.randn(shape, dtype=torch.float64)


def weight_of(layer: nn.Module) -> Tensor:
    """Return a layer's normalized weight."""
    assert isinstance(layer.weight, Tensor)
    return layer.weight


def keeps_the_layer(info: NormInfo, layer: str) -> str | None:
    """The same layer comes back, its weight and its output in the shape that they had."""
    with own_random():
        plain = LAYERS[layer][0]().double()
        expected = plain(torch.zeros(LAYERS[layer][1], dtype=torch.float64)).shape, plain.weight.shape
        module = wrap(info.name, plain)
    found = module(torch.zeros(LAYERS[layer][1], dtype=torch.float64)).shape, module.weight.shape
    if module is not plain or not isinstance(module, LAYERS[layer][0].func):  # type: ignore[attr-defined]
        return "another object came back"
    return None if found == expected else f"shapes of output and weight: {found}, were {expected}"


def learns_through_it(info: NormInfo, layer: str) -> str | None:
    """Input and parameters get gradients, and gradients of gradients, equal to finite differences."""
    module, x = wrapped(info, layer)
    names, parameters = zip(*module.eval().named_parameters(), strict=True)

    def output(x: Tensor, *values: Tensor) -> Tensor:
        return torch.func.functional_call(module, dict(zip(names, values, strict=True)), x).tanh()

    inputs = (x.requires_grad_(), *parameters)
    if not torch.autograd.gradcheck(output, inputs, fast_mode=True, raise_exception=False):
        return "a gradient is not that of the output"
    if info.double_backward and not torch.autograd.gradgradcheck(output, inputs, fast_mode=True, raise_exception=False):
        return "declared differentiable twice, but the second derivative is missing or wrong"
    return None


def stands_still_in_eval_mode(info: NormInfo, layer: str) -> str | None:
    """No buffer moves in eval mode; in training only where eval mode is declared to differ."""
    module, x = wrapped(info, layer)
    before = state_of(module)
    module.eval()(x)
    if wrong := moved(module, before):
        return f"{', '.join(wrong)} moved in eval mode"
    module.train()(x)
    moves = bool(moved(module, before))
    return None if moves == info.differs_in_eval else f"its state moves in training: {moves}"


def restores_the_weight(info: NormInfo, layer: str) -> str | None:
    """A copy, and a fresh layer that loads the state, have the same weight."""
    module, _ = wrapped(info, layer)
    fresh, _ = wrapped(info, layer)
    with torch.no_grad():
        for parameter in fresh.parameters():
            parameter.zero_().add_(1)
    fresh.load_state_dict(module.state_dict())
    copies = {"load_state_dict": fresh.eval(), "deepcopy": copy.deepcopy(module).eval()}
    wrong = [name for name, other in copies.items() if not torch.equal(weight_of(other), weight_of(module.eval()))]
    return f"another weight after {', '.join(wrong)}" if wrong else None


def refuses_what_is_wrong(info: NormInfo, layer: str) -> str | None:
    """A second wrapping and an unknown option are errors."""
    module, _ = wrapped(info, layer)
    for call, error, what in (
        (partial(wrap, info.name, module), NormKindError, "a second wrapping"),
        (partial(wrap, info.name, LAYERS[layer][0](), no_such_option=1), NormOptionError, "an unknown option"),
    ):
        try:
            call()
        except error:
            continue
        return f"{what} is no {error.__name__}"
    return None


RULES: tuple[WeightRule, ...] = (
    keeps_the_layer,
    learns_through_it,
    stands_still_in_eval_mode,
    restores_the_weight,
    refuses_what_is_wrong,
)

"""What holds for every norm of activations: one function a rule, None where it holds, else what was found."""

import copy
import pickle
from collections.abc import Callable

import torch
from torch import Tensor, nn

from gannorm.norms.build import create
from gannorm.norms.errors import NormError, NormOptionError
from gannorm.norms.info import SAMPLES
from gannorm.norms.spec import resolve
from gannorm.norms.state import FrozenState
from gannorm.norms.testing.case import CHANNELS, Case, conditional_of_channels, moved, own_random, state_of

Rule = Callable[[Case], str | None]
EXACT = 1e-9  # relative to outputs of order 1, in float64
HALF_TOLERANCE = {torch.float16: 4e-3, torch.bfloat16: 3e-2}  # four units in the last place of a number near 1
LARGE = 300.0  # a value whose square is no float16


def keeps_shape_and_type(case: Case) -> str | None:
    """The output has the shape and the type of the input, for other numbers of channels and samples too."""
    for dtype, channels, samples in ((torch.float32, 8, 4), (torch.float64, 8, 4), (torch.float32, 6, 3)):
        x = case.input(dtype, channels)[:samples]
        y = case.call(case.module(dtype, channels), x)
        if y.shape != x.shape or y.dtype != dtype:
            return f"{dtype} {tuple(x.shape)} became {y.dtype} {tuple(y.shape)}"
    return None


def depends_on_its_axes(case: Case) -> str | None:
    """An output depends on the inputs that the declared axes hold, and on no others, wherever it stands."""
    x = case.input().requires_grad_()
    module = case.module()
    with FrozenState(module):
        y = case.call(module, x).flatten(2) if case.dims else case.call(module, x)[..., None]
    for sample, channel in ((0, 0), (0, -1), (-1, 0), (-1, -1)):
        position = int(y.detach()[sample, channel].argmax())  # not one that an activation set to a constant
        (gradient,) = torch.autograd.grad(y[sample, channel, position], x, retain_graph=True)
        found = gradient.flatten(2) != 0 if case.dims else gradient[..., None] != 0  # (N, C, positions)
        expected = expected_dependence(case, found.shape, sample, channel, position)
        if not torch.equal(found, expected):
            return f"declared axes {case.info.axes}, but {_difference(found, expected)}"
    return None


def expected_dependence(case: Case, shape: torch.Size, sample: int, channel: int, position: int) -> Tensor:
    """Return which of (N, C, positions) share a statistic with one of them."""
    axes = case.info.axes
    size = case.info.channels_per_statistic(shape[1], **case.info.test_options)
    start = channel % shape[1] // size * size
    result = torch.zeros(shape, dtype=torch.bool)
    samples = slice(None) if "batch" in axes else [sample]
    positions = slice(None) if "space" in axes else [position]
    result[samples, start : start + size] = _along_last(shape[2], positions)
    return result


def _along_last(size: int, positions: slice | list[int]) -> Tensor:
    row = torch.zeros(size, dtype=torch.bool)
    row[positions] = True
    return row


def _difference(found: Tensor, expected: Tensor) -> str:
    names = ("samples", "channels", "positions")
    counts = [
        f"{name} {int(found.any(dim=rest).sum())} where {int(expected.any(dim=rest).sum())} are declared"
        for name, rest in zip(names, ((1, 2), (0, 2), (0, 1)), strict=True)
    ]
    return f"an output depends on {', '.join(counts)}"


def differs_in_eval_as_declared(case: Case) -> str | None:
    """Eval mode is another function exactly where that is declared."""
    module = case.module()
    case.call(module, case.input())
    x = case.input() * 2 + 1
    with FrozenState(module):
        in_training = case.call(module, x)
    differs = not torch.allclose(in_training, case.call(module.eval(), x), atol=EXACT)
    return None if differs == case.info.differs_in_eval else f"eval mode differs: {differs}"


def bias_is_redundant_as_declared(case: Case) -> str | None:
    """A bias per channel before it is subtracted again exactly where that is derived."""
    if not SAMPLES.isdisjoint(case.info.axes) and case.info.needs_data:
        return None  # the bias moves the reference too, which this test of one layer cannot do
    module, x = case.module(), case.input()
    case.call(module, case.input())  # what it remembers is that of another batch
    bias = torch.linspace(-2, 2, x.shape[1], dtype=x.dtype).view(-1, *(1,) * case.dims)
    with FrozenState(module):
        redundant = torch.allclose(case.call(module, x), case.call(module, x + bias), atol=EXACT)
    derived = case.info.bias_redundant(x.shape[1])
    return None if redundant == derived else f"a bias is redundant: {redundant}; from axes and centers: {derived}"


def can_be_differentiated_twice(case: Case) -> str | None:
    """Gradient and gradient of the gradient equal finite differences, where that is declared."""
    x = case.input()[:3].requires_grad_()
    module = case.module()

    def output(x: Tensor) -> Tensor:
        with FrozenState(module):
            return case.call(module, x)

    if not torch.autograd.gradcheck(output, (x,), fast_mode=True, raise_exception=False):
        return "its gradient is not that of its output"
    if case.info.double_backward and not torch.autograd.gradgradcheck(
        output, (x,), fast_mode=True, raise_exception=False
    ):
        return "declared differentiable twice, but the second derivative is missing or wrong"
    return None


def declares_one_derivative(case: Case) -> str | None:
    """Where it is declared to be differentiable once only, the second derivative is missing or wrong."""
    if case.info.double_backward:
        return None
    module, x = case.module(), case.input()[:3].requires_grad_()

    def output(x: Tensor) -> Tensor:
        with FrozenState(module):
            return case.call(module, x)

    twice = torch.autograd.gradgradcheck(output, (x,), fast_mode=True, raise_exception=False)
    return "declared differentiable once, but the second derivative is there" if twice else None


def needs_data_as_declared(case: Case) -> str | None:
    """Without `prepare` it is an error exactly where it is declared to need data."""
    with own_random():
        make: Callable[..., nn.Module] = conditional_of_channels if case.info.kind == "conditional" else create
        module = make(case.info.name, CHANNELS, dims=case.dims).double()
    try:
        case.call(module, case.input())
    except NormError as error:
        return None if case.info.needs_data else f"it needs data: {error}"
    return "it works without data" if case.info.needs_data else None


def brings_its_activation(case: Case) -> str | None:
    """A fused norm has its activation as a module of that name, so that a condition can stand before it."""
    fused = case.info.kind == "fused"
    return None if not fused or isinstance(getattr(case.module(), "activation", None), nn.Module) else "it has none"


def moves_its_state_in_training_only(case: Case) -> str | None:
    """Buffers move in training passes only; `freeze_state` holds them there too; the input stays as it was."""
    module, x = case.module(), case.input()
    kept, before = x.clone(), state_of(module)
    with FrozenState(module):
        case.call(module, x)
    frozen = moved(module, before)
    case.call(module.eval(), x)
    if wrong := frozen or moved(module, before):
        return f"{', '.join(wrong)} moved under freeze_state or in eval mode"
    case.call(module.train(), x)
    parameters = [name for name in moved(module, before) if name in dict(module.named_parameters())]
    if parameters:
        return f"a forward pass changed the parameters {', '.join(parameters)}"
    return None if torch.equal(x, kept) else "a forward pass changed its input"


def is_restored_from_its_state(case: Case) -> str | None:
    """A copy, a pickle and a fresh norm that loads the state compute the same."""
    module = case.module()
    case.call(module, case.input())
    module.eval()
    x = case.input()
    fresh = case.module()
    fresh.load_state_dict(module.state_dict())
    pickled = pickle.loads(pickle.dumps(module))
    copies = {"load_state_dict": fresh, "deepcopy": copy.deepcopy(module), "pickle": pickled}
    expected = case.call(module, x)
    wrong = [name for name, other in copies.items() if not torch.equal(case.call(other.eval(), x), expected)]
    return f"another output after {', '.join(wrong)}" if wrong else None


def takes_half_precision(case: Case) -> str | None:
    """Statistics of float16 and bfloat16 are taken in float32: large values neither overflow nor lose the digits."""
    module = case.module().float()
    for dtype, tolerance in HALF_TOLERANCE.items():
        x = (case.input(torch.float32) * LARGE / 4).to(dtype)
        with FrozenState(module):
            expected = case.call(module, x.float())
            y = case.call(copy.deepcopy(module).to(dtype), x)
        if y.dtype != dtype:
            return f"{dtype} became {y.dtype}"
        error = (y.float() - expected).abs().max() / expected.abs().max()
        if not error <= tolerance * 2:  # parameters are rounded too
            return f"in {dtype} it is off by {float(error):.1e} of its largest output"
    return None


def keeps_memory_layout(case: Case) -> str | None:
    """The output lies in memory as the input does, contiguous or channels last, where that is declared."""
    if case.dims != 2:
        return None
    module, x = case.module(), case.input()
    if not case.call(module, x).is_contiguous():
        return "a contiguous input became one that is not"
    kept = case.call(module, x.contiguous(memory_format=torch.channels_last))
    keeps = kept.is_contiguous(memory_format=torch.channels_last)
    return None if keeps == case.info.keeps_channels_last else f"keeps channels_last: {keeps}"


def serves_two_passes_and_one_backward(case: Case) -> str | None:
    """Real and fake pass one after the other before one backward pass, as in a discriminator's step."""
    module = case.module()
    real, fake = case.input(), case.input().requires_grad_()
    try:
        (case.call(module, real).sum() + case.call(module, fake).square().sum()).backward()
    except RuntimeError as error:
        return f"two passes, then backward: {error}"
    return None if fake.grad is not None and bool(fake.grad.isfinite().all()) else "the gradient is not finite"


def draws_no_random_numbers(case: Case) -> str | None:
    """A forward pass leaves the global random state and gives the same output again."""
    module, x = case.module().eval(), case.input()
    before = torch.get_rng_state()
    same = torch.equal(case.call(module, x), case.call(module, x))
    if not torch.equal(before, torch.get_rng_state()):
        return "a forward pass draws from the global random state"
    return None if same else "two passes in eval mode differ"


def has_a_spec(case: Case) -> str | None:
    """Its spec goes to plain data and back; an unknown option is an error that names it."""
    spec = resolve(case.info.name)
    if resolve(spec.to_dict(defaults=True)) != spec:
        return f"the spec does not survive plain data: {spec.to_dict(defaults=True)}"
    make: Callable[..., object] = conditional_of_channels if case.info.kind == "conditional" else create
    try:
        make({"name": case.info.name, "no_such_option": 1}, 8, dims=case.dims)
    except NormOptionError:
        return None
    return "an unknown option is swallowed"


RULES: tuple[Rule, ...] = (
    keeps_shape_and_type,
    depends_on_its_axes,
    differs_in_eval_as_declared,
    bias_is_redundant_as_declared,
    can_be_differentiated_twice,
    declares_one_derivative,
    needs_data_as_declared,
    brings_its_activation,
    moves_its_state_in_training_only,
    is_restored_from_its_state,
    takes_half_precision,
    keeps_memory_layout,
    serves_two_passes_and_one_backward,
    draws_no_random_numbers,
    has_a_spec,
)

"""A recorded step is the step: checked on the CPU by a tape that repeats kernels on fixed memory."""

import copy
from itertools import accumulate

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.data import DataLoader

from gannorm.gan.graph import EAGER_STEPS, GraphedStep, why_eager
from gannorm.gan.steps import UPDATES
from tests import tiny

WAITS = {torch.ops.aten._local_scalar_dense.default, torch.ops.aten.nonzero.default}
OPTIONS = [
    {},
    {"fakes": "fresh"},
    {"updates": "simultaneous"},
    {"d_norm": "batch", "discriminator_batches": "joined"},
    {"d_weight_norm": "spectral"},
]


class Tape(TorchDispatchMode):
    """Records which kernels ran on which memory; replaying runs them again there, without the Python around them."""

    device_type = "cpu"

    def __init__(self, state):
        super().__init__()
        self.state, self.kernels, self.replays = state, [], 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        assert func not in WAITS, f"{func} makes the device wait"
        result = func(*args, **(kwargs or {}))
        self.kernels.append((func, args, kwargs or {}, result))
        return result

    def warm_up(self, step):
        step()

    def record(self, step):
        before = [(tensor, tensor.clone()) for tensor in self.state()]
        with self:
            step()
        with torch.no_grad():  # a graph that is recorded has not run
            for tensor, value in before:
                tensor.copy_(value)

    @torch.no_grad()
    def replay(self):
        self.replays += 1
        for func, args, kwargs, result in self.kernels:
            if func.is_view:
                continue
            for old, new in zip(tree_leaves(result), tree_leaves(func(*args, **kwargs)), strict=True):
                if isinstance(old, torch.Tensor) and old is not new:
                    old.copy_(new)


def taped(gan):
    def state():
        moments = (value for one in gan.both_optimizers() for each in one.state.values() for value in each.values())
        return [*gan.parameters(), *gan.buffers(), *moments]

    gan.take_step = GraphedStep(UPDATES[gan.updates], lambda: Tape(state))
    return gan


@pytest.mark.parametrize("options", OPTIONS)
def test_twenty_steps_equal_those_without_a_graph_bit_for_bit(options):
    plain, graphed = tiny.gan(**options), taped(tiny.gan(**options))
    tiny.fit(plain, tiny.loader(20))
    tiny.fit(graphed, tiny.loader(20))
    assert graphed.take_step.reason is None
    assert graphed.take_step.recorder.replays == 20 - EAGER_STEPS
    assert tiny.same_state(plain.state_dict(), graphed.state_dict())
    assert plain.means() == graphed.means()
    assert (
        (plain.d_steps, plain.g_steps, plain.images_seen)
        == (20, 20, 160)
        == (
            graphed.d_steps,
            graphed.g_steps,
            graphed.images_seen,
        )
    )


def test_a_tape_would_see_a_step_that_python_decides():
    calls = []

    def step(gan, real, labels):
        calls.append(len(calls))
        UPDATES["alternating"](gan, real * len(calls), labels)

    plain, graphed = tiny.gan(), taped(tiny.gan())
    graphed.take_step.take = step
    tiny.fit(graphed, tiny.loader(20))
    assert len(calls) == EAGER_STEPS + 1
    calls.clear()
    plain.take_step = step
    tiny.fit(plain, tiny.loader(20))
    assert len(calls) == 20
    assert not tiny.same_state(plain.state_dict(), graphed.state_dict())


def ranges(sizes):
    ends = list(accumulate(sizes))
    return [list(range(end - size, end)) for size, end in zip(sizes, ends, strict=True)]


def test_a_batch_of_another_size_is_taken_eagerly():
    sizes = [8] * 8 + [5] * 2 + [8] * 2
    batches = DataLoader(torch.cat(tiny.batches(sum(sizes), 1)), batch_sampler=ranges(sizes))
    plain, graphed = tiny.gan(), taped(tiny.gan())
    tiny.fit(plain, batches)
    tiny.fit(graphed, batches)
    assert graphed.take_step.recorder.replays == 12 - EAGER_STEPS - 2
    assert tiny.same_state(plain.state_dict(), graphed.state_dict())


def test_a_step_that_cannot_be_recorded_is_taken_eagerly(capsys):
    class Refusing(Tape):
        def record(self, step):
            raise RuntimeError("operation not permitted when stream is capturing\nsee the manual")

    plain, graphed = tiny.gan(), tiny.gan()
    graphed.take_step = GraphedStep(UPDATES["alternating"], lambda: Refusing(list))
    tiny.fit(plain, tiny.loader(9))
    tiny.fit(graphed, tiny.loader(9))
    assert tiny.same_state(plain.state_dict(), graphed.state_dict())
    words = "a step cannot be recorded (operation not permitted when stream is capturing)"
    assert graphed.take_step.reason == words
    assert capsys.readouterr().err.count(words) == 1


def test_a_copy_records_anew():
    gan = taped(tiny.gan())
    tiny.fit(gan, tiny.loader(6))
    other = copy.deepcopy(gan.take_step)
    assert gan.take_step.recorder is not None
    assert (other.recorder, other.real, other.steps) == (None, None, 0)


def test_without_a_gpu_steps_are_taken_eagerly_and_the_reason_is_said(capsys):
    plain, asked = tiny.gan(), tiny.gan(cuda_graph=True)
    tiny.fit(plain, tiny.loader(5))
    tiny.fit(asked, tiny.loader(5))
    assert tiny.same_state(plain.state_dict(), asked.state_dict())
    words = "warning: cuda_graph: the networks are on cpu, and a graph needs cuda; steps are taken eagerly"
    assert capsys.readouterr().err.splitlines().count(words) == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"penalties": "r1"}, "penalties have their own steps"),
        ({"remedies": "instance_noise"}, "remedies may draw random numbers"),
        ({"discriminator_steps": 2}, "discriminator_steps=2: one step is not as the other"),
        ({"generator_rate": {"start": 1e-3, "end": 1e-4}}, "a rate or a beta changes"),
        ({"discriminator_optimizer": "torch.optim.SGD"}, "not the default Adam"),
    ],
)
def test_what_cannot_be_recorded_is_said(options, words):
    assert words in why_eager(tiny.gan(**options), "cpu")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert "mixed precision" in why_eager(tiny.gan(), "cpu")
    assert why_eager(tiny.gan(), "cpu") is None

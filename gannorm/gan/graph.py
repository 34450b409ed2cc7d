"""A training step as one CUDA graph: what a step of a small network costs on a GPU is the launch of its many kernels.

A graph is what the GPU was told to do in one step: kernels on fixed memory, without the Python around them. So real
samples and noise are copied to where the recorded step reads them, and what Python does in a step is done beside it.
Noise is drawn as ever, on the CPU, from seed and iteration: a run has the same with and without a graph.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from gannorm import screen

if TYPE_CHECKING:
    from gannorm.gan.module import GAN

EAGER_STEPS = 3  # before one is recorded: libraries choose algorithms and take memory in the first ones

Step = Callable[["GAN", Tensor, Tensor | None], None]


class Recorder(Protocol):
    """What records a step once and repeats it.

    Attributes:
        device_type: Of the devices that it works on.
    """

    device_type: str

    def warm_up(self, step: Callable[[], None]) -> None:
        """Take a step as it will be recorded."""

    def record(self, step: Callable[[], None]) -> None:
        """Record a step without taking it."""

    def replay(self) -> None:
        """Take the recorded step."""


class CudaRecorder:
    """Records into a `torch.cuda.CUDAGraph`."""

    device_type = "cuda"

    def warm_up(self, step: Callable[[], None]) -> None:
        """Take a step on a stream of its own, as torch wants it before a graph is recorded."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            step()
        torch.cuda.current_stream().wait_stream(stream)

    def record(self, step: Callable[[], None]) -> None:
        """Record a step without taking it."""
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            step()

    def replay(self) -> None:
        """Take the recorded step."""
        self.graph.replay()


class GraphedStep:
    """Takes the steps of a GAN: some eagerly, then one that is recorded, over and over.

    Where a step cannot be recorded all steps are taken eagerly, and the reason is said once. A batch of another size is
    a step of its own, taken eagerly.

    Args:
        take: The step, as in `gannorm.gan.steps.UPDATES`.
        make_recorder: What records.

    Attributes:
        reason: Why steps are taken eagerly; None where they are not, or before the first.
    """

    def __init__(self, take: Step, make_recorder: Callable[[], Recorder] = CudaRecorder) -> None:
        self.take, self.make_recorder = take, make_recorder
        self.reason: str | None = None
        self.recorder: Recorder | None = None
        self.steps = 0
        self.real: Tensor | None = None  # where the recorded step reads
        self.noise: dict[str, Tensor] = {}  # by whose step draws it, likewise
        self.numbers: dict[str, Tensor] = {}  # where the recorded step writes losses and logits

    def __deepcopy__(self, memo: dict[int, Any]) -> "GraphedStep":
        """Return one that has recorded nothing: another GAN is in other memory."""
        return GraphedStep(self.take, self.make_recorder)

    def __call__(self, gan: "GAN", real: Tensor, labels: Tensor | None) -> None:
        """Take a step."""
        if not self.steps:
            self.begin(gan)
        self.steps += 1
        if self.recorder is None or (self.real is not None and self.real.shape != real.shape):
            self.take(gan, real, labels)
            return
        if self.steps <= EAGER_STEPS:
            self.recorder.warm_up(lambda: self.take(gan, real, labels))
            return
        if self.real is None and not self.record(gan, real):
            self.take(gan, real, labels)
            return
        self.replay(gan, real)

    def begin(self, gan: "GAN") -> None:
        """Look whether steps can be recorded, and say why not."""
        self.recorder = self.make_recorder()
        reason = why_eager(gan, self.recorder.device_type)
        if reason is not None:
            self.give_up(reason)

    def give_up(self, reason: str) -> None:
        """Take all steps eagerly from now on, and say why."""
        self.reason, self.recorder, self.real = reason, None, None
        screen.warn(f"cuda_graph: {reason}; steps are taken eagerly")

    def record(self, gan: "GAN", real: Tensor) -> bool:
        """Record a step, which reads and writes memory that stays where it is; return whether that could be done."""
        assert self.recorder is not None
        self.real = real.clone(memory_format=torch.preserve_format)
        fixed, counters = self.real, (gan.d_steps, gan.g_steps)
        for group in (group for optimizer in gan.both_optimizers() for group in optimizer.param_groups):
            group["capturable"] = True  # torch refuses to record Adam's step without; it is the same kernel
        try:
            with self.fixed_memory(gan):
                self.recorder.record(lambda: self.take(gan, fixed, None))
        except RuntimeError as error:  # such as a norm that reads a number off the device
            self.give_up(f"a step cannot be recorded ({str(error).partition(chr(10))[0]})")
        finally:
            gan.d_steps, gan.g_steps = counters
        return self.recorder is not None

    def replay(self, gan: "GAN", real: Tensor) -> None:
        """Take the recorded step on this batch, with this iteration's noise, and count it."""
        assert self.recorder is not None
        assert self.real is not None
        self.real.copy_(real)
        for name, held in self.noise.items():
            held.copy_(gan.noise(len(real), name))
            gan.d_steps += (
                name == "discriminator"
            )  # the generator's own noise is that of a discriminator that has moved
        self.recorder.replay()
        gan.g_steps += 1
        gan.add(**{name: number.clone() for name, number in self.numbers.items()})

    @contextmanager
    def fixed_memory(self, gan: "GAN") -> Iterator[None]:
        """Let a GAN take its noise from, and write its numbers to, memory that the replayed step shares."""

        def noise(_: int, name: str) -> Tensor:
            return self.noise[name]

        def add(**numbers: Tensor | None) -> None:
            self.numbers |= {name: number.detach() for name, number in numbers.items() if number is not None}

        assert self.real is not None
        names = ["discriminator", *(["generator"] if gan.fresh_fakes else [])]
        self.noise = {name: gan.noise(len(self.real), name) for name in names}
        shadowed = {"noise": noise, "add": add}
        vars(gan).update(shadowed)  # before the methods of the class, for this block
        try:
            yield
        finally:
            for name in shadowed:
                del vars(gan)[name]


def why_eager(gan: "GAN", device_type: str = "cuda") -> str | None:
    """Return why the steps of a GAN cannot be recorded; None where they can.

    Example:
        >>> from gannorm.gan import GAN
        >>> why_eager(GAN())
        'the networks are on cpu, and a graph needs cuda'
        >>> why_eager(GAN(penalties="r1"), "cpu")
        'penalties have their own steps, strengths and random numbers'
    """
    return next((reason for against in AGAINST if (reason := against(gan, device_type)) is not None), None)


def other_device(gan: "GAN", device_type: str) -> str | None:
    """Networks that are not where graphs are."""
    here = gan.device.type
    return f"the networks are on {here}, and a graph needs {device_type}" if here != device_type else None


def more_than_a_step(gan: "GAN", _: str) -> str | None:
    """Options with random numbers, numbers that change, or steps of their own."""
    if gan.regularizer.penalties:
        return "penalties have their own steps, strengths and random numbers"
    if gan.remedies:
        return "remedies may draw random numbers in a step"
    return "labels are checked at each step" if gan.num_classes else None


def steps_that_differ(gan: "GAN", _: str) -> str | None:
    """Rounds of several steps: one is not as the other."""
    numbers = {name: getattr(gan, name) for name in ("discriminator_steps", "generator_steps")}
    return next(
        (f"{name}={number}: one step is not as the other" for name, number in numbers.items() if number > 1), None
    )


def other_optimizers(gan: "GAN", _: str) -> str | None:
    """Optimizers whose numbers a graph would not follow."""
    if any(plan.changes for plan in gan.plans):
        return "a rate or a beta changes over the run"
    return "an optimizer is not the default Adam" if any(plan.spec is not None for plan in gan.plans) else None


def several_processes(gan: "GAN", _: str) -> str | None:
    """Gradients that are averaged between processes in the step."""
    return f"{gan.ranks.size} processes exchange gradients in a step" if gan.ranks.size > 1 else None


def mixed_precision(_: "GAN", device_type: str) -> str | None:
    """Copies of the weights in a lower precision, which autocast keeps."""
    return "mixed precision keeps copies of the weights" if torch.is_autocast_enabled(device_type) else None


AGAINST: tuple[Callable[["GAN", str], str | None], ...] = (
    other_device,
    more_than_a_step,
    steps_that_differ,
    other_optimizers,
    several_processes,
    mixed_precision,
)
"""What may stand against a graph."""

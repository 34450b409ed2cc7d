"""Whether networks, options and data fit each other: asked before the first step."""

import copy
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gannorm import rng
from gannorm.gan.compiling import check_compiled
from gannorm.gan.critic import parameters_of
from gannorm.gan.labels import check_labels
from gannorm.gan.third_derivative import calls_kernels, kernels_have_one
from gannorm.remedies import Setting, pack
from gannorm.schedules import Schedule

if TYPE_CHECKING:
    from gannorm.gan.module import GAN


def check_contradictions(gan: "GAN") -> None:
    """Refuse options that cannot be had together.

    Raises:
        ValueError: Weights that a weight norm makes are to be bounded or penalized, unrolled steps in simultaneous
            updates, second derivatives of compiled networks, or networks that do not agree on the number of classes.
    """
    check_compiled(gan)
    for penalty in gan.regularizer.penalties:
        penalty.check(gan.discriminator)
    if gan.unrolling is not None and gan.updates == "simultaneous":
        raise ValueError("remedy 'unrolling' looks ahead of a step that has been taken; it needs updates='alternating'")
    theirs = getattr(gan.discriminator, "num_classes", 0)
    if theirs != gan.num_classes:
        raise ValueError(
            f"the generator has num_classes={gan.num_classes}, the discriminator {theirs}; give both the same number"
        )


def check_first(gan: "GAN", real: Tensor, labels: Sequence[Tensor]) -> None:
    """Look at the first batch: whether its labels are there where they are needed, and what the remedies say.

    Raises:
        ValueError: There are no labels, one is no class, or a remedy cannot work with these networks or data.
    """
    check_labels(gan.num_classes, labels)
    check_remedies(gan, tuple(real.shape[1:]), len(real))


def check_remedies(gan: "GAN", shape: Sequence[int], batch_size: int | None) -> None:
    """Ask each remedy whether it can work here.

    Raises:
        ValueError: One cannot.
    """
    for remedy in gan.remedies:
        optimizer = gan.plans[0].build([torch.nn.Parameter(torch.zeros(1))])
        remedy.check(Setting(gan.discriminator, shape, batch_size, optimizer))


def check_fit(gan: "GAN", shape: Sequence[int], batch_size: int | None = None) -> None:
    """Make sure that the networks fit the data, before the first step.

    Args:
        gan: Of the run.
        shape: Of one real image, (C, H, W).
        batch_size: Of the data; None = not known.

    Raises:
        ValueError: The generator makes other shapes, the discriminator cannot take them, or a remedy cannot work.
    """
    fake = gan.sample("raw")(2 * gan.packing, rng.generator(0))
    if tuple(fake.shape[1:]) != tuple(shape):
        made = tuple(fake.shape[1:])
        raise ValueError(f"the generator makes {made} and the data are {tuple(shape)}; set its size and channels")
    labels = [torch.zeros(2, dtype=torch.int64, device=fake.device)] if gan.num_classes else []
    try:
        logits = copy.deepcopy(gan.discriminator).eval()(pack(fake, gan.packing), *labels)
    except RuntimeError as error:
        raise ValueError(f"the discriminator cannot take images of shape {tuple(shape)}: {error}") from error
    if logits.shape != (2,):
        raise ValueError(f"the discriminator makes {tuple(logits.shape)} of 2 images; it has to make (2,), logits")
    check_remedies(gan, shape, batch_size)
    check_derivatives(gan, pack(fake, gan.packing), *labels)


def check_derivatives(gan: "GAN", samples: Tensor, labels: Tensor | None = None) -> None:
    """Make sure that a gradient penalty can be unrolled: the generator's gradient then takes a third derivative.

    Raises:
        ValueError: A layer has none, such as torch's batch norm.
    """
    penalties = [penalty for penalty in gan.regularizer.always if penalty.of_gradient]
    if gan.unrolling is None or not penalties:
        return
    network = copy.deepcopy(gan.discriminator)
    parameters = parameters_of(network)
    try:
        for penalty in penalties:
            term = penalty.term(gan.critic(labels, network), samples, samples, rng.generator(0))
            assert term is not None
            gradients = torch.autograd.grad(term, parameters, create_graph=True, allow_unused=True)
            squares = [each.square().sum() for each in gradients if each is not None and each.requires_grad]
            if squares:
                torch.stack(squares).sum().backward()
        if calls_kernels(gan.critic(labels, network), samples) and not kernels_have_one():
            raise RuntimeError(f"that of batch and instance norm in torch {torch.__version__} is wrong")
    except RuntimeError as error:
        raise ValueError(
            f"remedy 'unrolling' takes a third derivative through penalty {penalty.name!r}, and the discriminator has "
            f"none ({error}); take another norm in it, or leave one of the two out"
        ) from error


def check_length(gan: "GAN", batch_size: int | None) -> None:
    """Make sure that the run is long enough for what comes every so many steps, and that its schedules are in order.

    Args:
        gan: Of the run, with its length.
        batch_size: Of the data, all members of packs counted; None = not known.

    Raises:
        ValueError: Something would never have its turn, or a schedule ends before it begins.
    """
    if gan.total_images is None:
        return
    for schedule in schedules_of(gan):
        schedule.at(gan.total_images, gan.total_images)
    num_steps = None if batch_size is None else -(-gan.total_images // batch_size)
    turns = {"discriminator_steps": gan.discriminator_steps, "interval of the penalties": gan.regularizer.interval}
    for name, number in turns.items():
        if num_steps is not None and number > num_steps:
            raise ValueError(f"{name}={number}, and the run has {num_steps} steps: its turn never comes; train longer")


def schedules_of(gan: "GAN") -> Iterator[Schedule]:
    """Yield the schedules of rates, betas, penalties and remedies."""
    for owner in (*gan.plans, *gan.regularizer.penalties, *gan.remedies):
        for value in vars(owner).values():
            values = value if isinstance(value, tuple) else (value,)
            yield from (each for each in values if isinstance(each, Schedule))

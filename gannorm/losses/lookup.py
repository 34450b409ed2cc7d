"""Adversarial losses: pure functions of the discriminator's logits, one row of a table each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib import import_module
from typing import Any, Protocol, TypeAlias, cast, runtime_checkable

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import softplus

LossFunction: TypeAlias = Callable[[Any, Tensor], Tensor]
NO_LOSS = "is no object with functions `discriminator` and `generator` of (real_logits, fake_logits), nor makes one"


@runtime_checkable
class AdversarialLoss(Protocol):
    """What a loss has to have: two functions of the logits of real and fake images, (N,) each, to N losses.

    An attribute `generator_needs_real = False` says that `generator` ignores the real logits; it is then given None for
    them, and one pass of the discriminator is saved.
    """

    @property
    def discriminator(self) -> LossFunction:
        """(real_logits, fake_logits) -> (N,), minimized by the discriminator."""

    @property
    def generator(self) -> LossFunction:
        """(real_logits, fake_logits) -> (N,), minimized by the generator."""


@dataclass(frozen=True)
class Loss:
    """One row of the table of losses.

    Args:
        name: As it stands in configs.
        discriminator: As in `AdversarialLoss`.
        generator: As in `AdversarialLoss`.
        paper: Where it is from.
        generator_needs_real: Whether `generator` looks at the real logits.

    Example:
        >>> Loss("hinge_like", lambda real, fake: fake - real, lambda real, fake: -fake).generator_needs_real
        True
    """

    name: str
    discriminator: LossFunction = field(repr=False)
    generator: LossFunction = field(repr=False)
    paper: str = ""
    generator_needs_real: bool = True


def non_saturating_discriminator(real_logits: Float[Tensor, " n"], fake_logits: Float[Tensor, " n"]) -> Tensor:
    """Return −ln σ(real) − ln(1 − σ(fake)) = softplus(−real) + softplus(fake), (N,) in nats.

    Example:
        >>> import torch
        >>> non_saturating_discriminator(torch.tensor([0.0]), torch.tensor([0.0]))  # 2 ln 2
        tensor([1.3863])
    """
    return softplus(-real_logits) + softplus(fake_logits)


def non_saturating_generator(_: Float[Tensor, " n"] | None, fake_logits: Float[Tensor, " n"]) -> Tensor:
    """Return −ln σ(fake) = softplus(−fake), (N,) in nats.

    Example:
        >>> import torch
        >>> non_saturating_generator(None, torch.tensor([0.0]))  # ln 2
        tensor([0.6931])
    """
    return softplus(-fake_logits)


LOSSES = {
    loss.name: loss
    for loss in (
        Loss(
            name="non_saturating",
            discriminator=non_saturating_discriminator,
            generator=non_saturating_generator,
            paper="Goodfellow et al., Generative Adversarial Nets, 2014, section 3",
            generator_needs_real=False,
        ),
    )
}

LossLike: TypeAlias = str | Mapping[str, Any] | AdversarialLoss | type | Callable[..., AdversarialLoss]


def resolve(spec: LossLike) -> AdversarialLoss:
    """Return the loss that was asked for.

    Args:
        spec: A name of `LOSSES`; an object with `discriminator` and `generator`; a class of such, or a function that
            returns one; the import path of any of these, `package.module.Class`; or a mapping
            `{class_path: package.module.Class, init_args: {...}}`.

    Raises:
        ValueError: There is no such loss, or it lacks one of the two functions.

    Example:
        >>> resolve("non_saturating").paper
        'Goodfellow et al., Generative Adversarial Nets, 2014, section 3'
    """
    if isinstance(spec, str):
        return from_object(imported(spec)) if "." in spec else named(spec)
    return from_mapping(spec) if isinstance(spec, Mapping) else from_object(spec)


def from_object(spec: Any) -> AdversarialLoss:
    """Return a loss, or what a class or function makes."""
    loss = spec if is_loss(spec) and not isinstance(spec, type) else made(spec, {})
    if not is_loss(loss):
        raise ValueError(f"loss {spec!r} {NO_LOSS}")
    return cast(AdversarialLoss, loss)


def generator_needs_real(loss: AdversarialLoss) -> bool:
    """Return whether a loss's `generator` looks at the real logits; of a user's own object that is assumed.

    Example:
        >>> generator_needs_real(LOSSES["non_saturating"])
        False
    """
    return getattr(loss, "generator_needs_real", True)


def is_loss(candidate: Any) -> bool:
    """Return whether an object has the two functions."""
    return all(callable(getattr(candidate, name, None)) for name in ("discriminator", "generator"))


def named(name: str) -> Loss:
    """Return a row of the table."""
    if name not in LOSSES:
        close = get_close_matches(name, LOSSES, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"no loss is called {name!r}{hint}; there are {', '.join(LOSSES)}")
    return LOSSES[name]


def from_mapping(spec: Mapping[str, Any]) -> AdversarialLoss:
    """Return the loss that a config's mapping describes."""
    if set(spec) == {"name"}:
        return named(spec["name"])
    if "class_path" not in spec or not spec.keys() <= {"class_path", "init_args"}:
        raise ValueError(f"loss {dict(spec)!r} needs 'class_path', with 'init_args' beside it if it has any")
    options = spec.get("init_args") or {}
    found = imported(spec["class_path"])
    return from_object(made(found, options) if options else found)


def made(constructor: Any, options: Mapping[str, Any]) -> Any:
    """Return what a class or function makes."""
    if not callable(constructor):
        raise ValueError(f"loss {constructor!r} {NO_LOSS}")
    try:
        return constructor(**options)
    except TypeError as error:
        raise ValueError(f"loss {constructor!r} {NO_LOSS} (called with {dict(options)!r}: {error})") from error


def imported(path: str) -> Any:
    """Return the object at a dotted path."""
    module, _, name = path.rpartition(".")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"loss {path!r} cannot be imported: {error}; write package.module.Class") from error

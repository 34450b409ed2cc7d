"""The loss that was asked for: by name, with options, by import path, or as an object."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias, cast

from gannorm.import_path import by_path, hint
from gannorm.losses.loss import AdversarialLoss, Loss
from gannorm.losses.table import LOSSES

NO_LOSS = "is no object with functions `discriminator` and `generator` of (real_logits, fake_logits), nor makes one"

LossLike: TypeAlias = str | Mapping[str, Any] | AdversarialLoss | type | Callable[..., AdversarialLoss]


def resolve(spec: LossLike) -> AdversarialLoss:
    """Return the loss that was asked for.

    Args:
        spec: A name of `LOSSES`; a mapping `{name: ..., label_smoothing: 0.1}`, where real images then have the target
            0.9 in the discriminator's loss; an object with `discriminator` and `generator`; a class of such, or a
            function that returns one; the import path of any of these, `package.module.Class`; or a mapping
            `{class_path: package.module.Class, init_args: {...}}`.

    Raises:
        ValueError: There is no such loss, it lacks one of the two functions, or it does not take the option.

    Example:
        >>> resolve("non_saturating").paper
        'Goodfellow et al., Generative Adversarial Nets, 2014, section 3'
        >>> resolve({"name": "least_squares", "label_smoothing": 0.1}).label_smoothing
        0.1
    """
    if isinstance(spec, str):
        return from_object(imported(spec)) if "." in spec else named(spec, {})
    return from_mapping(spec) if isinstance(spec, Mapping) else from_object(spec)


def from_object(spec: Any) -> AdversarialLoss:
    """Return a loss, or what a class or function makes."""
    loss = spec if is_loss(spec) and not isinstance(spec, type) else made(spec, {})
    if not is_loss(loss):
        raise ValueError(f"loss {spec!r} {NO_LOSS}")
    return cast(AdversarialLoss, loss)


def is_loss(candidate: Any) -> bool:
    """Return whether an object has the two functions."""
    return all(callable(getattr(candidate, name, None)) for name in ("discriminator", "generator"))


def named(name: Any, options: Mapping[str, Any]) -> Loss:
    """Return a row of the table, with its options."""
    if name not in list(LOSSES):
        raise ValueError(f"no loss is called {name!r}{hint(name, LOSSES)}; there are {', '.join(LOSSES)}")
    for option in options:
        if option != "label_smoothing":
            raise ValueError(f"loss {name!r} has no option {option!r}; the only one of a loss is label_smoothing")
    return smoothed(LOSSES[name], options.get("label_smoothing", 0))


def smoothed(loss: Loss, label_smoothing: Any) -> Loss:
    """Return a loss whose real images have the target 1 − s in the discriminator's step.

    Args:
        loss: A row of the table.
        label_smoothing: s, 0 or more and below 0.5: real images stay nearer to real than to fake.

    Raises:
        ValueError: It is no such number, or the loss has no targets.

    Example:
        >>> import torch
        >>> smoothed(LOSSES["least_squares"], 0.25).discriminator(torch.tensor([0.75]), torch.tensor([0.0]))
        tensor([0.])
    """
    if not isinstance(label_smoothing, int | float) or not 0 <= label_smoothing < 0.5:
        raise ValueError(
            f"label_smoothing={label_smoothing!r} of loss {loss.name!r}: a number, 0 or more and below 0.5, by which "
            "the target of real images is less than 1"
        )
    if not label_smoothing:
        return loss
    if loss.no_smoothing:
        others = ", ".join(row.name for row in LOSSES.values() if not row.no_smoothing)
        raise ValueError(f"loss {loss.name!r} takes no label_smoothing: {loss.no_smoothing}; these do: {others}")
    discriminator = partial(loss.discriminator, label_smoothing=float(label_smoothing))
    return replace(loss, discriminator=discriminator, label_smoothing=float(label_smoothing))


def from_mapping(spec: Mapping[str, Any]) -> AdversarialLoss:
    """Return the loss that a config's mapping describes."""
    if "name" in spec:
        return named(spec["name"], {key: value for key, value in spec.items() if key != "name"})
    if "class_path" not in spec or not spec.keys() <= {"class_path", "init_args"}:
        raise ValueError(f"loss {dict(spec)!r} needs 'name', or 'class_path' with 'init_args' beside it if it has any")
    options = spec.get("init_args") or {}
    if not isinstance(options, Mapping):
        raise ValueError(f"loss {spec['class_path']!r}: init_args={options!r} are no options by name")
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


def imported(path: Any) -> Any:
    """Return the object at a dotted path."""
    try:
        return by_path(path)
    except (ImportError, ValueError) as error:
        raise ValueError(f"loss {error}") from error

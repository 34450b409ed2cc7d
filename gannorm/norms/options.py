"""Options of a norm, read from its constructor's signature: names, defaults, and values that came as text."""

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from gannorm.norms.errors import NormOptionError

REQUIRED = inspect.Parameter.empty
WORDS: dict[Any, dict[str, Any]] = {bool: {"true": True, "false": False}, NoneType: {"none": None, "null": None}}
# What a number can be that is called so in any norm: least, most.
RANGES = {"eps": (0.0, math.inf), "momentum": (0.0, 1.0), "r_max": (1.0, math.inf), "d_max": (0.0, math.inf),
          "init_std": (0.0, math.inf), "n_power_iterations": (1, math.inf), "start": (0, math.inf)}  # fmt: skip
ARGUMENTS = ("dims", "condition_dim")  # of `create` and `conditional`, never options


@dataclass(frozen=True)
class Option:
    """One keyword that a norm's constructor takes.

    Args:
        name: The keyword.
        default: Its default, or `REQUIRED`.
        annotation: Its type hint; values given as text are read as this type.

    Example:
        >>> print(Option("eps", 1e-5, float))
        eps=1e-05
    """

    name: str
    default: Any
    annotation: Any

    def __str__(self) -> str:
        return self.name if self.default is REQUIRED else f"{self.name}={self.default!r}"


def signature(target: Callable[..., Any]) -> inspect.Signature:
    """Return the signature of a constructor with its type hints evaluated, where they can be."""
    try:
        return inspect.signature(target, eval_str=True)
    except (NameError, AttributeError, SyntaxError):  # hints that exist for a type checker only
        return inspect.signature(target)


def options_of(target: Callable[..., Any]) -> tuple[Option, ...]:
    """Return the options of a constructor: every named parameter but the first, which is what gets normalized.

    Example:
        >>> def scale(channels: int, *, factor: float = 2.0): ...
        >>> [str(option) for option in options_of(scale)]
        ['factor=2.0']
    """
    parameters = list(signature(target).parameters.values())[1:]
    return tuple(
        Option(parameter.name, parameter.default, parameter.annotation)
        for parameter in parameters
        if parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        and parameter.name not in ARGUMENTS
    )


def read_options(norm: str, accepted: tuple[Option, ...], given: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    """Return the given options, checked, of their annotated types, sorted, without those that equal their default.

    Args:
        norm: Name of the norm, for messages.
        accepted: What the norm takes.
        given: What was asked for; numbers may be text, because YAML reads `1e-5` as text.

    Raises:
        NormOptionError: An option that the norm does not take, or a value of another type.

    Example:
        >>> read_options("batch", (Option("eps", 1e-5, float), Option("affine", True, bool)), {"eps": "1e-3"})
        (('eps', 0.001),)
    """
    by_name = {option.name: option for option in accepted}
    defaults = {option.name: option.default for option in accepted}
    values = {}
    for name, value in given.items():
        if name not in by_name:
            raise NormOptionError(
                f"norm {norm!r} has no option {name!r}{_nearest(name, by_name)}; it accepts {_listed(accepted)}",
                norm=norm, option=name, value=value, accepted=defaults,
            )  # fmt: skip
        values[name] = _in_range(norm, name, _read(norm, by_name[name], value, defaults), defaults)
    return tuple(sorted((name, value) for name, value in values.items() if not _same(value, defaults[name])))


def _in_range(norm: str, name: str, value: Any, defaults: dict[str, Any]) -> Any:
    least, most = RANGES.get(name, (-math.inf, math.inf))
    if isinstance(value, int | float) and not (least <= value <= most and abs(value) < math.inf):
        bounds = f"{least:g} to {most:g}" if most < math.inf else f"{least:g} or more"
        raise NormOptionError(
            f"norm {norm!r}: {name}={value!r} is out of range: {bounds}; the default is {defaults[name]!r}",
            norm=norm, option=name, value=value, accepted=defaults,
        )  # fmt: skip
    return value


def _nearest(name: str, known: Mapping[str, Option]) -> str:
    close = get_close_matches(str(name), known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _listed(accepted: tuple[Option, ...]) -> str:
    return ", ".join(map(str, accepted)) or "no options"


def _same(value: Any, default: Any) -> bool:
    return type(value) is type(default) and value == default


def _read(norm: str, option: Option, value: Any, defaults: dict[str, Any]) -> Any:
    """Return a value as the type that the option's annotation asks for."""
    choices = _choices(option)
    if Any in choices or any(_matches(value, choice) for choice in choices):
        return float(value) if float in choices and type(value) is int and int not in choices else value
    if isinstance(value, str):
        for choice in choices:
            try:
                return WORDS[choice][value.lower()] if choice in WORDS else choice(value)
            except (KeyError, ValueError, TypeError):
                continue
    kinds = " or ".join(getattr(choice, "__name__", repr(choice)) for choice in choices)
    raise NormOptionError(
        f"norm {norm!r}: {option.name}={value!r} is no {kinds}; the default is {option.default!r}",
        norm=norm, option=option.name, value=value, accepted=defaults,
    )  # fmt: skip


def _choices(option: Option) -> tuple[Any, ...]:
    """Return the types and literal values that an option allows; without a hint, the type of its default."""
    hint = option.annotation
    if hint is REQUIRED or isinstance(hint, str):
        return (Any,) if option.default in (None, REQUIRED) else (type(option.default),)
    alternatives = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    return tuple(
        value for choice in alternatives for value in (get_args(choice) if get_origin(choice) is Literal else (choice,))
    )


def _matches(value: Any, choice: Any) -> bool:
    """Whether a value is of a type, or is a literal; an int is a float too, a bool is no number."""
    if not isinstance(choice, type):
        return value == choice if isinstance(choice, str | int) else True
    if isinstance(value, bool):
        return choice is bool
    return isinstance(value, (int, float) if choice is float else choice)

"""Specs of this room: a name, or a mapping of a name and options; and the sentences for what is no such thing."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from gannorm.import_path import hint

Made = TypeVar("Made")


def split_spec(kind: str, spec: Any) -> tuple[str, dict[str, Any]]:
    """Return the name and the options of a spec.

    Args:
        kind: What it is a spec of, for messages.
        spec: A name, or a mapping with `name`.

    Raises:
        ValueError: It is neither.

    Example:
        >>> split_spec("remedy", {"name": "unrolling", "steps": 5})
        ('unrolling', {'steps': 5})
    """
    if isinstance(spec, str):
        return spec, {}
    if isinstance(spec, Mapping) and isinstance(spec.get("name"), str):
        return spec["name"], {key: value for key, value in spec.items() if key != "name"}
    raise ValueError(f"{kind} {spec!r} is no name; write a name, or {{name: ...}} with options beside it")


def made(kind: str, name: str, constructor: Callable[..., Made], options: Mapping[str, Any], *arguments: Any) -> Made:
    """Return what a constructor makes of arguments and options.

    Raises:
        ValueError: It has no such option, or needs one that is missing.

    Example:
        >>> made("number", "shifted", lambda value, *, by=0: value + by, {"by": 1}, 2)
        3
    """
    parameters = list(inspect.signature(constructor).parameters.values())[len(arguments) :]
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        check_options(kind, name, parameters, options)
    return constructor(*arguments, **options)


def check_options(kind: str, name: str, accepted: list[inspect.Parameter], options: Mapping[str, Any]) -> None:
    """Refuse options that a constructor does not take, and the lack of one that it needs."""
    names = [parameter.name for parameter in accepted]
    takes = ", ".join(map(shown, accepted)) or "no options"
    for option in options:
        if option not in names:
            near = hint(option, names) or ";"
            raise ValueError(f"{kind} {name!r} has no option {option!r}{near} it takes {takes}")
    for parameter in accepted:
        if parameter.default is parameter.empty and parameter.name not in options:
            raise ValueError(f"{kind} {name!r} needs option {parameter.name!r}; it takes {takes}")


def shown(parameter: inspect.Parameter) -> str:
    """Return an option with its default."""
    return str(parameter.replace(annotation=parameter.empty))


def signature_of(constructor: Callable[..., Any]) -> list[str]:
    """Return the arguments of a constructor with their defaults.

    Example:
        >>> signature_of(lambda *, steps=5: steps)
        ['steps=5']
    """
    return [shown(parameter) for parameter in inspect.signature(constructor).parameters.values()]


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """Return the sentence for a name that is not known.

    Example:
        >>> unknown("minibatch layer", "stdev", ["stddev"])
        "no minibatch layer is called 'stdev'; did you mean 'stddev'? there are stddev"
    """
    listed = list(known)
    return f"no {kind} is called {name!r}{hint(name, listed) or ';'} there are {', '.join(listed)}"

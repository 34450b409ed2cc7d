"""The penalties that were asked for: by name, with options, by import path, or as objects."""

from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from typing import Any, TypeAlias

from gannorm.import_path import by_path, hint
from gannorm.penalties.penalty import Penalty
from gannorm.penalties.table import PENALTIES

NO_PENALTY = "is no gannorm.penalties.Penalty, nor makes one"

PenaltyLike: TypeAlias = str | Mapping[str, Any] | Penalty | type | Callable[..., Any]
PenaltiesLike: TypeAlias = PenaltyLike | Sequence[Any] | None


def resolve(spec: PenaltiesLike) -> tuple[Penalty, ...]:
    """Return the penalties that were asked for.

    Args:
        spec: None; a name of `PENALTIES`; a mapping `{name: ..., strength: ..., interval: ..., ...}`, see the class of
            that name; a `Penalty`, a class of such, or a function that returns one; the import path of any of these; a
            mapping `{class_path: package.module.Class, init_args: {...}}`; or a list of all that.

    Raises:
        ValueError: There is no such penalty or option, its value is none, or a penalty is there twice.

    Example:
        >>> resolve(["r1", {"name": "r2", "strength": 0.5}])
        (R1(strength=10.0, interval=1), R2(strength=0.5, interval=1))
    """
    several = isinstance(spec, Sequence) and not isinstance(spec, str)
    specs: Sequence[Any] = [] if spec is None else spec if several else [spec]  # type: ignore[assignment]
    penalties = tuple(one(each) for each in specs)
    names = [penalty.name for penalty in penalties]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"penalty {name!r} is there {names.count(name)} times; write it once, with one strength")
    return penalties


def one(spec: Any) -> Penalty:
    """Return one penalty."""
    if isinstance(spec, Mapping):
        return from_mapping(spec)
    if isinstance(spec, str):
        return from_object(imported(spec)) if "." in spec else named(spec, {})
    return from_object(spec)


def named(name: Any, options: Mapping[str, Any]) -> Penalty:
    """Return a penalty of the table, with its options."""
    if name not in list(PENALTIES):
        raise ValueError(f"no penalty is called {name!r}{hint(name, PENALTIES)}; there are {', '.join(PENALTIES)}")
    row = PENALTIES[name]
    known = list(signature(row).parameters)
    for option in options:
        if option not in known:
            close = hint(option, known)
            raise ValueError(f"penalty {name!r} has no option {option!r}{close}; it takes {', '.join(known)}")
    return row(**options)


def from_mapping(spec: Mapping[str, Any]) -> Penalty:
    """Return the penalty that a config's mapping describes."""
    if "name" in spec:
        return named(spec["name"], {key: value for key, value in spec.items() if key != "name"})
    if "class_path" not in spec or not spec.keys() <= {"class_path", "init_args"}:
        raise ValueError(
            f"penalty {dict(spec)!r} needs 'name', or 'class_path' with 'init_args' beside it if it has any"
        )
    options = spec.get("init_args") or {}
    if not isinstance(options, Mapping):
        raise ValueError(f"penalty {spec['class_path']!r}: init_args={options!r} are no options by name")
    found = imported(spec["class_path"])
    return made(found, options) if options else from_object(found)


def from_object(spec: Any) -> Penalty:
    """Return a penalty, or what a class or function makes."""
    return spec if isinstance(spec, Penalty) else made(spec, {})


def made(constructor: Any, options: Mapping[str, Any]) -> Penalty:
    """Return what a class or function makes."""
    if not callable(constructor):
        raise ValueError(f"penalty {constructor!r} {NO_PENALTY}")
    try:
        penalty = constructor(**options)
    except TypeError as error:
        raise ValueError(f"penalty {constructor!r} {NO_PENALTY} (called with {dict(options)!r}: {error})") from error
    if not isinstance(penalty, Penalty):
        raise ValueError(f"penalty {constructor!r} {NO_PENALTY}; derive your class from it")
    return penalty


def imported(path: Any) -> Any:
    """Return the object at a dotted path."""
    try:
        return by_path(path)
    except (ImportError, ValueError) as error:
        raise ValueError(f"penalty {error}") from error

"""Tables kept as YAML: plain data in, frozen dataclasses out; a key or a type that the dataclass has not is an error.

The dataclass is the schema: its annotations say what each key holds and its defaults which keys may be left out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import yaml

Row = TypeVar("Row")


class RecordError(ValueError):
    """A row that does not fit its table, or a name that no row has."""


def read(path: Path) -> Any:
    """Return what a YAML file holds.

    Raises:
        RecordError: The file is not YAML, or a key stands in it twice.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeys)
    except yaml.YAMLError as error:
        raise RecordError(f"{path.name} is not YAML: {' '.join(str(error).split())}") from error
    except RecursionError:
        raise RecordError(f"{path.name}: brackets within brackets within brackets, too many to read") from None


def record(kind: type[Row], content: Any, where: str) -> Row:
    """Return one row as a dataclass, checked against the dataclass's annotations.

    Args:
        kind: A dataclass; fields may be str, bool, int, float, Literal, tuple[X, ...], dict, another dataclass, or a
            union of these. An int becomes a float and a list a tuple, nothing else is converted.
        content: A mapping of its fields.
        where: Names the row in an error.

    Raises:
        RecordError: A key that the table has not, one that is missing, or a value of another type.

    Example:
        >>> from dataclasses import dataclass
        >>> @dataclass(frozen=True)
        ... class City:
        ...     name: str
        ...     height: float = 0
        >>> record(City, {"name": "Delft", "heigth": 1}, "cities.yaml: first")
        Traceback (most recent call last):
        gannorm.records.RecordError: cities.yaml: first has no key 'heigth'; did you mean 'height'?
    """
    if not isinstance(content, Mapping):
        raise RecordError(f"{where} is {content!r}; it has to be a mapping of {', '.join(_names(kind))}")
    hints = get_type_hints(kind)
    for key in content:
        if key not in hints:
            raise RecordError(f"{where} has no key {key!r}; {nearest(str(key), hints)}")
    missing = [name for name in _required(kind) if name not in content]
    if missing:
        raise RecordError(f"{where} lacks {', '.join(missing)}; null says that a value is not stated")
    return kind(**{key: _value(hints[key], value, f"{where}: {key}") for key, value in content.items()})


def choose(table: Mapping[str, Row], name: str, kind: str) -> Row:
    """Return the row of a name.

    Raises:
        RecordError: No row has it; the nearest name is given.

    Example:
        >>> choose({"ring": 8, "grid": 25}, "gird", "benchmark")
        Traceback (most recent call last):
        gannorm.records.RecordError: no benchmark 'gird'; did you mean 'grid'?
    """
    if name not in table:
        raise RecordError(f"no {kind} {name!r}; {nearest(name, table)}")
    return table[name]


def nearest(name: str, names: Iterable[str]) -> str:
    """Return a hint: the nearest of the names, or all of them where none is near."""
    known = list(names)
    near = get_close_matches(name, known, n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"


def _value(hint: Any, value: Any, where: str) -> Any:
    if get_origin(hint) in (Union, UnionType):
        return _of_union(hint, value, where)
    if get_origin(hint) is Literal and value in get_args(hint):
        return value
    if get_origin(hint) is tuple and isinstance(value, list):
        return tuple(_value(get_args(hint)[0], one, f"{where}[{index}]") for index, one in enumerate(value))
    if get_origin(hint) is dict and isinstance(value, dict):
        return {key: _value(get_args(hint)[1], one, f"{where}.{key}") for key, one in value.items()}
    if is_dataclass(hint) and isinstance(hint, type):
        return record(hint, value, where)
    if hint is Any:
        return value
    if isinstance(hint, type) and _fits(hint, value):
        return float(value) if hint is float else value
    raise RecordError(f"{where} is {value!r}; it has to be {_spelled(hint)}")


def _of_union(hint: Any, value: Any, where: str) -> Any:
    """Return the value as the first of the alternatives that takes it; with one real alternative, its own error."""
    if value is None and type(None) in get_args(hint):
        return None
    others = [one for one in get_args(hint) if one is not type(None)]
    if len(others) == 1:
        return _value(others[0], value, where)
    for one in others:
        try:
            return _value(one, value, where)
        except RecordError:
            continue
    raise RecordError(f"{where} is {value!r}; it has to be {_spelled(hint)}")


def _fits(kind: type, value: Any) -> bool:
    """Whether a plain value is of a type; True is no number, and a whole number serves as a float."""
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


def _spelled(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return " or ".join(repr(one) for one in get_args(hint))
    return hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint).replace("typing.", "")


def _names(kind: type) -> list[str]:
    return [field.name for field in fields(kind)]


def _required(kind: type) -> list[str]:
    optional = (MISSING, MISSING)
    return [field.name for field in fields(kind) if (field.default, field.default_factory) == optional]


class _UniqueKeys(yaml.SafeLoader):
    """YAML's safe loader, which refuses a key that stands twice; the plain one silently keeps the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = sorted({str(key) for key in keys if keys.count(key) > 1})
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"{', '.join(twice)} stands twice", node.start_mark)
        return super().construct_mapping(node, deep)

"""Names in configurations: what stands under `package.module.name`, and which known name a misspelt one is near to."""

from collections.abc import Iterable
from difflib import get_close_matches
from importlib import import_module
from typing import Any


def by_path(path: Any) -> Any:
    """Return what stands under an import path.

    Raises:
        ValueError: Nothing does, or it is no text.

    Example:
        >>> by_path("math.pi")
        3.141592653589793
    """
    module, _, name = path.rpartition(".") if isinstance(path, str) else ("", "", "")
    if not module:
        raise ValueError(f"{path!r} is no import path; write package.module.name")
    try:
        return getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        raise ValueError(f"{path!r}: there is no module {error.name!r} to import") from None
    except AttributeError:
        raise ValueError(f"{path!r}: module {module!r} has no {name!r}") from None


def path_of(thing: Any) -> str:
    """Return an import path for the record; of an object, its class's.

    Example:
        >>> import json
        >>> path_of(json.dumps), path_of(json.JSONDecoder())
        ('json.dumps', 'json.decoder.JSONDecoder')
    """
    named = thing if hasattr(thing, "__qualname__") else type(thing)
    return f"{named.__module__}.{named.__qualname__}"


def hint(name: Any, known: Iterable[str]) -> str:
    """Return a question after the known name that is spelled most like a wrong one; empty where none is near.

    Example:
        >>> hint("hinj", ["hinge", "minimax"]), hint("x", ["hinge"])
        ("; did you mean 'hinge'?", '')
    """
    close = get_close_matches(str(name), list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""

"""Options that are null though they have a default: the parser takes null for anything, and nobody else can use it."""

from collections.abc import Mapping
from typing import Any

from gannorm.training.errors import ConfigError

MAY_BE_NULL = ("model.generator", "model.discriminator")  # as in Python: the networks as they come


def refuse_nulls(config: Any, defaults: Any) -> None:
    """Refuse null for an option, or for a group of options, that has a default.

    Args:
        config: As it was parsed.
        defaults: As the parser has them.

    Raises:
        ConfigError: The option.

    Example:
        >>> refuse_nulls({"images": None}, {"images": 64})
        Traceback (most recent call last):
        gannorm.training.errors.ConfigError: images is null; leave it out for its default, 64
    """
    for name in sorted(null_options(config, defaults, "")):
        default = part(defaults, name)
        told = "leave it out for its default" + (f", {default}" if isinstance(default, str | int | float) else "")
        raise ConfigError(f"{name} is null; {told}")


def null_options(config: Any, defaults: Any, at: str) -> list[str]:
    """Return the options that are null and have a default, without those of classes."""
    found = []
    for key, default in branches(defaults).items():
        name, value = f"{at}.{key}" if at else key, branches(config).get(key)
        if value is None:
            found += [name] if default is not None and name not in MAY_BE_NULL else []
        elif "class_path" not in branches(default):
            found += null_options(value, default, name)
    return found


def branches(content: Any) -> Mapping[str, Any]:
    """Return the parts of a namespace or mapping; nothing has none.

    Example:
        >>> branches(3)
        {}
    """
    found = content if isinstance(content, Mapping) else getattr(content, "__dict__", {})
    return {key: value for key, value in found.items() if isinstance(key, str)}


def part(content: Any, name: str) -> Any:
    """Return what stands under a dotted name."""
    for key in name.split("."):
        content = branches(content).get(key)
    return content

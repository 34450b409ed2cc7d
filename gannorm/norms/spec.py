"""A norm as data: every way to name one, resolved to one canonical form for configs, logs and comparison."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, TypeAlias

from torch import nn

from gannorm.norms.errors import NormOptionError
from gannorm.norms.info import NormInfo
from gannorm.norms.options import options_of, read_options, signature
from gannorm.norms.registry import describe, name_of

CALLABLE = "callable"  # key of what stands in a log for an object given in Python


@dataclass(frozen=True)
class NormSpec:
    """A norm with its options, canonical and hashable: two specs are equal if they make the same norm.

    Args:
        name: A registered name; for a class or function its import path.
        options: Those that differ from their defaults, as sorted pairs.
        target: The class or function itself; None for a registered name.

    Example:
        >>> from gannorm import norms
        >>> norms.resolve("GN") == norms.resolve({"name": "group", "eps": "1e-5"})
        True
    """

    name: str
    options: tuple[tuple[str, Any], ...] = ()
    target: Callable[..., nn.Module] | None = field(default=None, repr=False)

    @property
    def info(self) -> NormInfo | None:
        """The registered norm's properties; None for a class or function of which nothing is known."""
        return describe(self.name) if self.target is None else None

    @property
    def constructor(self) -> Callable[..., nn.Module]:
        """What makes the norm."""
        return self.target or describe(self.name).constructor

    def to_dict(self, *, defaults: bool = False) -> dict[str, Any]:
        """Return plain data that `resolve` reads again, unless the spec is a function that cannot be imported.

        Args:
            defaults: Whether the options that have their default are listed too.

        Example:
            >>> from gannorm import norms
            >>> norms.resolve("group", num_groups=8).to_dict()
            {'name': 'group', 'num_groups': 8}
            >>> norms.resolve("layer").to_dict(defaults=True)
            {'name': 'layer', 'eps': 1e-05, 'affine': True}
        """
        options = {
            name: value.to_dict(defaults=defaults) if isinstance(value, NormSpec) else value
            for name, value in self.options
        }
        if self.info is not None:
            return {"name": self.name, **(self.info.defaults if defaults else {}), **options}
        if _imported(self.name) is not self.target:
            return {CALLABLE: self.name, **options}
        return {"class_path": self.name, **({"init_args": options} if options else {})}


NormLike: TypeAlias = str | Mapping[str, Any] | NormSpec | type[nn.Module] | Callable[..., nn.Module] | bool | None


def resolve(spec: NormLike, **options: Any) -> NormSpec:
    """Return the canonical form of a norm.

    Args:
        spec: A name or alias in any case; the import path of a class or function, `package.module.Class`; a mapping
            `{name: group, num_groups: 8}` or `{class_path: package.module.Class, init_args: {...}}`; a class or
            function of the number of channels; None, False, "none" or "off" for no norm.
        options: Override those of the mapping.

    Raises:
        UnknownNormError: No norm has this name.
        NormOptionError: An option that the norm does not take, a value of another type, or no spec at all.

    Example:
        >>> from gannorm import norms
        >>> norms.resolve({"name": "IN", "affine": False})
        NormSpec(name='instance', options=(('affine', False),))
        >>> norms.resolve("torch.nn.BatchNorm2d").to_dict()
        {'class_path': 'torch.nn.modules.batchnorm.BatchNorm2d'}
        >>> norms.resolve(None).name
        'none'
    """
    if isinstance(spec, NormSpec):
        merged = {**dict(spec.options), **options}
        return _from_target(spec.target, merged) if spec.target else _from_name(spec.name, merged)
    if isinstance(spec, Mapping):
        return _from_mapping(spec, options)
    if isinstance(spec, str):
        return _from_class_path(spec, {}, options) if "." in spec else _from_name(spec or "none", options)
    if spec is None or spec is False:
        return _from_name("none", options)
    if isinstance(spec, nn.Module):
        raise _no_spec(spec, "is a layer, not a way to make one: every place needs its own; give its class or its name")
    if callable(spec):
        return _from_target(spec, options)
    raise _no_spec(spec, "names no norm; give a name such as 'batch', or None for no norm")


def _from_name(name: str, options: Mapping[str, Any]) -> NormSpec:
    info = describe(name)
    nested = {option.name: option.default for option in info.options if option.annotation == NormLike}
    given = {name: resolve(value) if name in nested else value for name, value in options.items()}
    return NormSpec(
        info.name,
        tuple(
            (name, value)
            for name, value in read_options(info.name, info.options, given)
            if name not in nested or value != resolve(nested[name])
        ),
    )


def _from_target(target: Callable[..., nn.Module], options: Mapping[str, Any]) -> NormSpec:
    registered = name_of(target)
    if registered is not None:
        return _from_name(registered, options)
    name = _path(target)
    return NormSpec(name, read_options(name, options_of(target), options), target)


def _from_mapping(spec: Mapping[str, Any], options: Mapping[str, Any]) -> NormSpec:
    given = dict(spec)
    if strange := [key for key in given if not isinstance(key, str)]:
        raise _no_spec(spec, f"has the key {strange[0]!r}, which is no text; YAML reads on, off, yes and no as bools")
    if "name" in given:
        return resolve(given.pop("name"), **{**given, **options})
    if "class_path" in given and given.keys() <= {"class_path", "init_args"}:
        return _from_class_path(given["class_path"], given.get("init_args") or {}, options)
    if CALLABLE in given:
        raise _no_spec(spec, "stands for an object that was given in Python; give that object again")
    raise _no_spec(spec, "needs 'name' with options beside it, or 'class_path' with 'init_args'")


def _from_class_path(path: Any, init_args: Any, options: Mapping[str, Any]) -> NormSpec:
    if not isinstance(path, str):
        raise _no_spec(path, "is no import path; write class_path: package.module.Class")
    if not isinstance(init_args, Mapping):
        raise _no_spec(path, f"has init_args={init_args!r}, which are no mapping; write init_args: {{eps: 0.001}}")
    target = _imported(path)
    if not callable(target):
        raise _no_spec(path, "cannot be imported as a class or function; write package.module.Class")
    return _from_target(target, {**init_args, **options})


def _path(target: Callable[..., nn.Module]) -> str:
    """Return where a class or function can be imported from, or a name for logs."""
    inner = getattr(target, "func", target)  # of a functools.partial
    name = f"{inner.__module__}.{getattr(inner, '__qualname__', type(inner).__qualname__)}"
    return name if inner is target else f"partial({name})"


def _imported(path: str) -> Any:
    """Return the object at a dotted path, or None."""
    module, _, name = path.rpartition(".")
    try:
        return getattr(import_module(module), name, None) if module and module != "__main__" else None
    except (ImportError, ValueError):
        return None


def _no_spec(spec: Any, problem: str) -> NormOptionError:
    return NormOptionError(f"norm {spec!r} {problem}", norm=repr(spec), option=None, value=spec, accepted={})


def check_call(spec: NormSpec, argument: Any) -> None:
    """Refuse a class or function that cannot be called with one argument and the spec's options.

    Raises:
        NormOptionError: It needs more, or less.
    """
    try:
        signature(spec.constructor).bind(argument, **dict(spec.options))
    except TypeError as error:
        raise _no_spec(spec.name, f"cannot be made from the number of channels alone: {error}") from error

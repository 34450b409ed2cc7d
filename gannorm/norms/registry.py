"""The table of norms: one row per name, added by `register` beside the constructor."""

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any, TypeVar, get_args

from torch import nn

from gannorm.norms.errors import NormConflictError, NormOptionError, UnknownNormError
from gannorm.norms.info import INPUTS, VERBS, Axis, Kind, NormInfo
from gannorm.norms.options import options_of, signature
from gannorm.norms.plugins import PlugIns, import_path

Constructor = TypeVar("Constructor", bound=Callable[..., nn.Module])

_NORMS: dict[str, NormInfo] = {}
_KEYS: dict[str, str] = {}  # every name and alias as it is looked up -> name


def register(
    name: str,
    *,
    aliases: Sequence[str] = (),
    kind: Kind = "activation",
    axes: Sequence[Axis] = (),
    centers: bool = True,
    variance: bool | None = None,
    dims: Sequence[int] = (0, 1, 2, 3),
    groups: Callable[..., int] | None = None,
    differs_in_eval: bool | None = None,
    double_backward: bool = True,
    keeps_channels_last: bool = True,
    needs_data: bool = False,
    test_options: Mapping[str, Any] | None = None,
    unproven: Mapping[str, str] | None = None,
    formula: str = "",
    paper: str = "",
    deviations: str = "",
) -> Callable[[Constructor], Constructor]:
    """Return a decorator that adds a class or function to the table; arguments as in `NormInfo`.

    The constructor takes the number of channels (a weight norm: the layer), then options by keyword only, and `dims`
    by keyword if it has to know the number of spatial axes. The first line of its docstring is the summary.

    Raises:
        NormConflictError: The name or an alias is taken.
        NormOptionError: The constructor would swallow misspelled options, or takes one by position; or there are no
            such axes, dims or kind.

    Example:
        >>> from torch import nn
        >>> from gannorm import norms
        >>> class Scale(nn.Module):
        ...     "Multiply by a constant."
        ...     def __init__(self, channels: int, *, factor: float = 2.0):
        ...         super().__init__()
        ...         self.factor = factor
        >>> with norms.registered("scale", Scale, centers=False):
        ...     norms.create({"name": "scale", "factor": "3"}, 8).factor
        3.0
    """
    if not isinstance(name, str):
        raise NormOptionError(
            f"norm {name!r} is no name; register it as text", norm=repr(name), option=None, value=name, accepted={}
        )

    def add(constructor: Constructor) -> Constructor:
        _check_signature(name, constructor)
        _check_declared(name, axes=(axes, get_args(Axis)), dims=(dims, INPUTS), kind=((kind,), VERBS))
        info = NormInfo(
            name=name,
            constructor=constructor,
            options=options_of(constructor),
            aliases=tuple(aliases),
            kind=kind,
            axes=tuple(axes),
            centers=centers,
            variance=variance,
            dims=tuple(dims),
            groups=groups,
            differs_in_eval=differs_in_eval,
            double_backward=double_backward,
            keeps_channels_last=keeps_channels_last,
            needs_data=needs_data,
            test_options=dict(test_options or {}),
            unproven=dict(unproven or {}),
            summary=(inspect.getdoc(constructor) or "").partition("\n")[0],
            formula=formula,
            paper=paper,
            deviations=deviations,
        )
        _add(info)
        return constructor

    return add


@contextmanager
def registered(name: str, constructor: Callable[..., nn.Module], **declared: Any) -> Iterator[NormInfo]:
    """Register a norm for the length of a `with` block; arguments as in `register`.

    Raises:
        NormConflictError: The name or an alias is taken.
    """
    register(name, **declared)(constructor)
    try:
        yield _NORMS[name]
    finally:
        _remove(name)


def describe(name: str) -> NormInfo:
    """Return what is known of a norm; print it for a readable page. An unknown name imports the plug-ins, once.

    Raises:
        UnknownNormError: No norm has this name; the message has the nearest one and the whole list.
        NormConflictError: A plug-in that may have it wants a name that is taken.
        NormOptionError: It is no text.

    Example:
        >>> from gannorm import norms
        >>> norms.describe("GN").defaults
        {'num_groups': 'auto', 'group_size': None, 'eps': 1e-05, 'affine': True}
    """
    if not isinstance(name, str):
        raise NormOptionError(
            f"norm {name!r} is no name; give one such as 'batch'", norm=repr(name), option=None, value=name, accepted={}
        )
    key = _key(name)
    if key not in _KEYS:
        _PLUGINS.load()
    _PLUGINS.refuse_disputed(key)
    if key not in _KEYS:
        _PLUGINS.refuse_conflicts()
        nearest = _nearest(key)
        hint = f"; did you mean {nearest!r}?" if nearest else ""
        raise UnknownNormError(
            f"no norm is called {name!r}{hint}; there are {', '.join(_NORMS)}",
            norm=name, nearest=nearest, known=list(_NORMS),
        )  # fmt: skip
    return _NORMS[_KEYS[key]]


def names(
    pattern: str = "*",
    *,
    kind: Kind | None = None,
    batch_free: bool | None = None,
    double_backward: bool | None = None,
    dims: int | None = None,
) -> list[str]:
    """Return the names that fit all that is asked, plug-ins' too; by kind, each kind in the order of registration.

    Args:
        pattern: Shell pattern of the name; case does not matter.
        kind: "activation", "weight" and so on.
        batch_free: True for those whose output for a sample depends on that sample only, False for the others.
        double_backward: True for those that a gradient penalty can differentiate twice, False for the others.
        dims: Those that work with this number of spatial axes.

    Raises:
        NormConflictError: A plug-in wants a name that is taken.
        NormOptionError: There is no such kind, or no such number of axes.

    Example:
        >>> from gannorm import norms
        >>> norms.names(kind="weight")
        ['spectral', 'weight', 'weight_standardize']
        >>> norms.names(kind="activation", batch_free=False, double_backward=True)
        ['batch', 'ghost_batch', 'batch_renorm', 'batch_instance']
    """
    _check_declared("names", kind=((kind,), (None, *VERBS)), dims=((dims,), (None, *INPUTS)))
    _PLUGINS.load()
    _PLUGINS.refuse_conflicts()
    return [
        info.name
        for info in sorted(_NORMS.values(), key=lambda info: list(VERBS).index(info.kind))
        if fnmatchcase(info.name, _key(pattern))
        and kind in (None, info.kind)
        and batch_free in (None, not info.couples_samples)
        and double_backward in (None, info.double_backward)
        and (dims is None or dims in info.dims)
    ]


def name_of(constructor: Callable[..., Any]) -> str | None:
    """Return the name that a class or function is registered by, or None.

    Example:
        >>> from gannorm import norms
        >>> name_of(norms.PixelNorm), name_of(int)
        ('pixel', None)
    """
    return next((info.name for info in _NORMS.values() if info.constructor is constructor), None)


def _nearest(key: str) -> str | None:
    """Return the name that a wrong one probably stands for: `BatchNorm2d` is batch, `bacth` too."""
    bare = re.sub(r"_?norm(alization)?|_?[123]d$", "", key)
    close = [bare] if bare in _KEYS else get_close_matches(key, _KEYS, n=1)
    return _KEYS[close[0]] if close else None


def _key(name: str) -> str:
    return name.strip().lower().replace("-", "_")


def _keys(info: NormInfo) -> list[str]:
    return [_key(name) for name in (info.name, *info.aliases)]


def _remove(name: str) -> None:
    for key in _keys(_NORMS.pop(name)):
        del _KEYS[key]


def _constructors() -> dict[str, Callable[..., nn.Module]]:
    return {info.name: info.constructor for info in _NORMS.values()}


_PLUGINS = PlugIns(_KEYS, _constructors, _remove)


def _origin(info: NormInfo) -> str:
    path = import_path(info.constructor)
    return path if info.origin == path else f"{path} ({info.origin})"


def _add(info: NormInfo) -> None:
    for key in _keys(info):
        if key in _KEYS:
            origins = _origin(_NORMS[_KEYS[key]]), _origin(info)
            raise NormConflictError(
                f"norm name {key!r} of {origins[1]} is taken by {origins[0]}; rename or remove one of them",
                name=key, origins=origins,
            )  # fmt: skip
    _NORMS[info.name] = info
    _KEYS.update(dict.fromkeys(_keys(info), info.name))


def _check_signature(name: str, constructor: Callable[..., nn.Module]) -> None:
    """Refuse constructors that would swallow a misspelled option or take one by position."""
    options = list(signature(constructor).parameters.values())[1:]
    for option in options:
        if option.kind is not option.KEYWORD_ONLY:
            raise NormOptionError(
                f"norm {name!r}: its constructor takes {str(option)!r}; options must be named and keyword-only",
                norm=name, option=option.name, value=None, accepted={},
            )  # fmt: skip


def _check_declared(name: str, **declared: tuple[Iterable[Any], Iterable[Any]]) -> None:
    """Refuse axes, dims or a kind that nothing here would understand."""
    for what, (given, known) in declared.items():
        if unknown := [value for value in given if value not in known]:
            raise NormOptionError(
                f"norm {name!r}: {what}={unknown[0]!r} is none of {', '.join(map(repr, known))}",
                norm=name, option=what, value=unknown[0], accepted={},
            )  # fmt: skip

"""What can be wrong with a norm that was asked for: each error names the thing, its value and the way out."""

from typing import Any


class NormError(ValueError):
    """Base of all errors of `gannorm.norms`: one line for people, attributes for programs.

    Args:
        message: The thing, its value and the way out, in one line.
        attributes: Become attributes of the error; it can be pickled with them.

    Example:
        >>> error = NormError("norm 'x' is wrong; use 'y'", norm="x")
        >>> error.norm
        'x'
    """

    def __init__(self, message: str, **attributes: Any) -> None:
        super().__init__(message)
        self.__dict__.update(attributes)


class UnknownNormError(NormError):
    """No norm has this name. Attributes: `norm`, `nearest` (or None), `known`."""

    norm: str
    nearest: str | None
    known: list[str]


class NormOptionError(NormError):
    """An option, or the form of a spec, is not accepted. Attributes: `norm`, `option`, `value`, `accepted`."""

    norm: str
    option: str | None
    value: Any
    accepted: dict[str, Any]


class NormShapeError(NormError):
    """A norm cannot work with these channels or dims. Attributes: `norm`, `channels`, `dims`, `divisors`."""

    norm: str
    channels: int | None
    dims: int | None
    divisors: list[int]


class NormKindError(NormError):
    """A norm of one kind was asked for as another. Attributes: `norm`, `kind`, `use` (the call that fits)."""

    norm: str
    kind: str | None
    use: str


class NormConflictError(NormError):
    """A name is taken already. Attributes: `name`, `origins` (who has it, who wants it)."""

    name: str
    origins: tuple[str, str]


class NormConvertError(NormError):
    """A model's norms cannot be exchanged as asked. Attributes: `path` and `layer` (class) of the first that cannot."""

    path: str
    layer: str

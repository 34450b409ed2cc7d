"""What a source says when it cannot be what it was taken for."""


class SourceError(ValueError):
    """A source is missing, damaged, of no known kind, or does not fit what it was to be measured with."""


def first_line(error: Exception) -> str:
    """Return the first line of an error's text, without the full stop, or its kind where it has no text."""
    return str(error).partition("\n")[0].strip().rstrip(".") or type(error).__name__


def some(names: list[str], most: int = 3) -> str:
    """Return the first few of many names.

    Example:
        >>> some(["a", "b", "c", "d"])
        'a, b, c, ...'
    """
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")

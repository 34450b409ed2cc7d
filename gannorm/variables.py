"""Variables of the environment, for as long as they are wanted."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables in the block, for this process and those that it starts there.

    Example:
        >>> with environment({"GANNORM_EXAMPLE": "1"}):
        ...     os.environ["GANNORM_EXAMPLE"]
        '1'
        >>> "GANNORM_EXAMPLE" in os.environ
        False
    """
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

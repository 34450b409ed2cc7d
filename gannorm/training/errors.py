"""What ends a command: what was asked for is wrong (one line, exit code 2), or the run failed (exit code 1)."""


class ConfigError(ValueError):
    """An option that is none, has the wrong type, or cannot work here."""


class RunFolderError(ValueError):
    """A run folder is not what was asked for: unfinished, none, damaged, in the way, or on a full disk."""


class RunFailedError(RuntimeError):
    """Something that was not foreseen ended a run; its cause has the traceback."""

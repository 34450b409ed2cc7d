"""What ends a command: what was asked for is wrong (one line, exit code 2), or the run failed (exit code 1)."""

import re


class ConfigError(ValueError):
    """An option that is none, has the wrong type, or cannot work here."""


class RunFolderError(ValueError):
    """A run folder is not what was asked for: unfinished, none, damaged, in the way, or on a full disk."""


class RunFailedError(RuntimeError):
    """Something that was not foreseen ended a run; its cause has the traceback."""


class WorkerLostError(ChildProcessError):
    """A process that loads data is gone; the run can go on from its last checkpoint."""


def lost_worker(error: Exception) -> str | None:
    """Return what became of a process that loads data; None where that is not the error.

    Example:
        >>> lost_worker(RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed. "))
        'is killed by signal: Killed'
    """
    found = re.match(r"DataLoader worker \(pid.*?\) (is killed by signal: [\w ]+|exited unexpectedly)", str(error))
    return found[1] if found else None


def without_deterministic_form(error: Exception) -> str | None:
    """Return the operation that torch refuses in a run that is to be deterministic; None where that is not the error.

    Example:
        >>> without_deterministic_form(RuntimeError("put_ does not have a deterministic implementation, but you set"))
        'put_'
    """
    found = re.match(r"(\S+) does not have a deterministic implementation", str(error))
    return found[1] if found else None

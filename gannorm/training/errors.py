"""What was asked for is wrong: errors of one line that a command answers with exit code 2."""


class ConfigError(ValueError):
    """An option that is none, has the wrong type, or cannot work here."""


class RunFolderError(ValueError):
    """A run folder is not what was asked for: unfinished, none, in the way, or on a full disk."""

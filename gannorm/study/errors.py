"""What is wrong with a study, in one line."""


class StudyError(ValueError):
    """A study file, or the folder it is to write to, cannot be used as it is."""

"""What a run does when its modes collapse: the options of the group `collapse`, checked before the first step."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from gannorm import tracking
from gannorm.callbacks.reactions import WARN, Alert, Keep, Log, LookMore, Reaction, Stop
from gannorm.collapse import STATES, Thresholds
from gannorm.import_path import hint
from gannorm.training.errors import ConfigError


@dataclass(frozen=True)
class Known:
    """One reaction.

    Attributes:
        make: From the run's configuration and the images from look to look to the reaction.
        meaning: For the page about the detector.
        missing: Returns what the run lacks for it; empty = nothing.
    """

    make: Callable[[Any, int], Reaction]
    meaning: str
    missing: Callable[[Any], str] = lambda _: ""


def no_looks(config: Any) -> str:
    """Say that nobody looks."""
    return "" if config.evaluation.every_images else "nobody looks at the samples: set evaluation.every_images"


def no_wandb(config: Any) -> str:
    """Say that nobody would get an alert."""
    logger = config.trainer.logger
    if logger is False or (logger not in (None, True) and "WandbLogger" not in str(logger)):
        return "trainer.logger has no Weights & Biases: leave it out"
    return "Weights & Biases is off: set WANDB_MODE to offline or online" if tracking.mode() == "disabled" else ""


REACTIONS: dict[str, Known] = {
    "log": Known(lambda *_: Log(), "say each event"),
    "alert": Known(lambda *_: Alert(), "an alert of Weights & Biases for each change of state", no_wandb),
    "keep": Known(
        lambda *_: Keep(), "keep the checkpoints of the last healthy look and of the best coverage", no_looks
    ),
    "look_more": Known(
        lambda config, every: LookMore(every, config.collapse.look_more_often),
        "look more often while something is raised",
        no_looks,
    ),
    "stop": Known(
        lambda config, _: Stop(config.collapse.stop_at),
        "stop at `stop_at`, with a post-mortem and exit code 3",
        no_looks,
    ),
}
"""All reactions, in the order in which they have their turn."""


def check_reactions(config: Any, judged: bool) -> None:
    """Refuse what a run cannot do about a collapse.

    Args:
        config: Of the run.
        judged: Whether somebody judges its samples.

    Raises:
        ConfigError: No such reaction or state, or the run lacks something for it.
    """
    options = config.collapse
    for name in options.reactions:
        if name not in REACTIONS:
            raise ConfigError(f"collapse.reactions: {name!r} is none of {', '.join(REACTIONS)}{hint(name, REACTIONS)}")
        if why := REACTIONS[name].missing(config):
            raise ConfigError(f"collapse.reactions: {name} cannot be done; {why}")
        if name != "log" and not judged:
            raise ConfigError(
                f"collapse.reactions: {name} needs a judge of the samples; evaluation.cells makes k-means cells for one"
            )
    stopping = [name for name, state in STATES.items() if state.level >= WARN]
    if options.stop_at not in stopping:
        found = hint(options.stop_at, stopping)
        raise ConfigError(f"collapse.stop_at={options.stop_at!r} is none of {', '.join(stopping)}{found}")
    if options.look_more_often < 2:
        raise ConfigError(f"collapse.look_more_often={options.look_more_often}: at least 2 times as often")


def thresholds_of(config: Any) -> Thresholds:
    """Return the detector's thresholds.

    Raises:
        ConfigError: One that is none, or out of range.
    """
    given = dict(config.collapse.thresholds)
    names = [field.name for field in fields(Thresholds)]
    for name in given:
        if name not in names:
            raise ConfigError(f"collapse.thresholds: {name!r} is none of {', '.join(names)}{hint(name, names)}")
    try:
        return Thresholds(**given)
    except ValueError as error:
        raise ConfigError(f"collapse.thresholds: {error}") from None


def reactions_of(config: Any, every_images: int) -> list[Reaction]:
    """Return the reactions of a run, in the order of the table."""
    return [known.make(config, every_images) for name, known in REACTIONS.items() if name in config.collapse.reactions]

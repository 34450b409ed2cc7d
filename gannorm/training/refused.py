"""What the parser refuses, in one line: the innermost cause, and what to use instead."""

import difflib
import importlib
import inspect
import re

NO_EFFECT = {
    "trainer.max_steps": "progress counts images; use --images",
    "trainer.max_epochs": "progress counts images; use --images",
    "trainer.max_time": "use --minutes",
    "trainer.gradient_clip_val": "two optimizers step by themselves; lower model.generator_rate or discriminator_rate",
    "trainer.accumulate_grad_batches": "each batch is a step; raise data.batch_size",
    "trainer.strategy": "several devices train one GAN as gannorm.gan.ManualDDP does; set trainer.devices",
    "optimizer": "each network has its own; set model.generator_optimizer and model.discriminator_optimizer",
    "lr_scheduler": "a rate can be a schedule; set model.generator_rate and model.discriminator_rate",
}
"""Lightning's options that would have no effect here, and what has."""

UNKNOWN = re.compile(
    r"unrecognized arguments: *--([\w.]+)|[Kk]ey '([\w.]+)' is not expected|[Oo]ption '([\w.]+)' is not accepted"
)


def explain(message: str, known: list[str] | None = None) -> str:
    """Return what the parser refuses as one line: the innermost cause, and what to use instead.

    Example:
        >>> explain("unrecognized arguments: --trainer.max_steps 3")
        'trainer.max_steps has no effect here: progress counts images; use --images'
        >>> explain("unrecognized arguments: --imges 3", known=["images"])
        "unknown option 'imges'; did you mean 'images'?"
    """
    if not (match := UNKNOWN.search(message)):
        return innermost(message)
    name = next(part for part in match.groups() if part)
    for option, instead in NO_EFFECT.items():
        if name == option or name.startswith(f"{option}.") or f"trainer.{name}" == option:
            return f"{option} has no effect here: {instead}"
    near = difflib.get_close_matches(name, known or [], n=1) or near_argument(message, name)
    return f"unknown option {name!r}" + (f"; did you mean {near[0]!r}?" if near else "; see --help")


def near_argument(message: str, name: str) -> list[str]:
    """Return the argument of a class that a misspelt one is near to, where the message names the class."""
    if not (path := re.search(r"class_path '([\w.]+)'", message)):
        return []
    module, _, kind = path[1].rpartition(".")
    arguments = inspect.signature(getattr(importlib.import_module(module), kind)).parameters
    return difflib.get_close_matches(name, arguments, n=1)


def innermost(message: str) -> str:
    r"""Return jsonargparse's nested message as one line.

    Example:
        >>> innermost("Does not validate against any of the Union subtypes\nErrors:\n  - size=30 is too large")
        'size=30 is too large'
    """
    lines = [line.strip().removeprefix("- ") for line in message.splitlines()]
    noise = ("Subtypes:", "Errors:", "Expected a <class 'NoneType'>", "Given value", "Does not validate")
    kept = [line for line in lines if line and not line.startswith(noise)]
    return " ".join(kept).replace("Parser key ", "option ").replace("Expected a <class ", "expected <class ")

"""How a model is going to be trained, as far as a norm can get in the way of it."""

from dataclasses import dataclass
from numbers import Integral
from typing import Any, Literal, get_args

from gannorm.norms.errors import NormOptionError

Role = Literal["generator", "discriminator"]
Average = Literal["recompute", "copy", "average"]
Precision = Literal["32-true", "64-true", "16-mixed", "bf16-mixed", "16-true", "bf16-true"]
Batches = Literal["separate", "joined", "joined_in_d_step"]

CHOICES = {"role": Role, "ema": Average, "precision": Precision, "discriminator_batches": Batches}
NO_PENALTY = (None, False, "", "none")  # YAML reads `off` as False
LEAST = {"batch_size": 1, "world_size": 1}


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What `check` is told beside the model; arguments as there.

    Raises:
        NormOptionError: A value that is none of its choices.

    Example:
        >>> Setting(role="discriminator", penalty="r1").penalized
        True
    """

    role: Role | None = None
    penalty: str | bool | None = None
    batch_size: int | None = None
    world_size: int = 1
    ema: Average | None = None
    precision: Precision = "32-true"
    compile: bool = False
    channels_last: bool = False
    discriminator_batches: Batches | None = None

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            value = getattr(self, name)
            if value not in (None, *get_args(choices)):
                raise _no_setting(name, value, f"is none of {', '.join(get_args(choices))}")
        for name, least in LEAST.items():
            value = getattr(self, name)
            if value is not None or name == "world_size":
                _check_number(name, value, least)
        if self.penalty not in NO_PENALTY and not isinstance(self.penalty, str):
            raise _no_setting("penalty", self.penalty, "does not say which; give its name, such as 'r1', or None")

    @property
    def penalized(self) -> bool:
        """Whether the model's gradient is differentiated again, sample by sample: the discriminator's is."""
        return self.penalty not in NO_PENALTY and self.role != "generator"


def _check_number(name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise _no_setting(name, value, f"is no whole number; give {least} or more")
    if int(value) < least:
        raise _no_setting(name, value, f"is less than {least}")


def _no_setting(name: str, value: Any, problem: str) -> NormOptionError:
    return NormOptionError(
        f"check: {name}={value!r} {problem}",
        norm="check", option=name, value=value, accepted={name: get_args(CHOICES.get(name))},
    )  # fmt: skip

"""Named options of a training step, and what is refused before anything is built of them."""

from typing import Any, Literal, get_args

from gannorm.sampling import Statistics

DiscriminatorBatches = Literal["separate", "joined", "joined_in_d_step"]
Fakes = Literal["shared", "fresh"]
Updates = Literal["alternating", "simultaneous"]
Which = Literal["averaged", "raw"]

JOINED: dict[str, tuple[bool, bool]] = {
    "separate": (False, False),
    "joined": (True, True),
    "joined_in_d_step": (True, False),
}
"""Whether real and fake samples share a pass in the discriminator's step, and in the generator's."""

CHOICES: dict[str, Any] = {
    "discriminator_batches": DiscriminatorBatches,
    "fakes": Fakes,
    "statistics": Statistics,
    "updates": Updates,
}
AT_LEAST = {"ema_half_life": 0, "discriminator_steps": 1, "generator_steps": 1}
MEANING = {
    "ema_half_life": "a number of images, 0 for no averaged generator",
    "discriminator_steps": "a number of steps, 1 or more",
    "generator_steps": "a number of steps, 1 or more",
}


def check_options(**options: Any) -> None:
    """Refuse options that are none, and those that contradict each other.

    Raises:
        ValueError: One is none of its choices, too small, or has no meaning beside another.

    Example:
        >>> check_options(updates="simultaneous", fakes="shared", discriminator_steps=1, generator_steps=2)
        Traceback (most recent call last):
        ValueError: updates='simultaneous' is one step of each network at the same weights; generator_steps=2 needs ...
    """
    for name, choices in CHOICES.items():
        if name in options and options[name] not in get_args(choices):
            raise ValueError(f"{name}={options[name]!r} is none of {', '.join(get_args(choices))}")
    for name, least in AT_LEAST.items():
        if options.get(name, least) < least:
            raise ValueError(f"{name}={options[name]}: {MEANING[name]}")
    if options.get("updates") == "simultaneous":
        check_simultaneous(options)


def check_simultaneous(options: dict[str, Any]) -> None:
    """Refuse what one pass for both updates cannot have."""
    for name, only in (("discriminator_steps", 1), ("generator_steps", 1), ("fakes", "shared")):
        if (value := options.get(name, only)) != only:
            raise ValueError(
                f"updates='simultaneous' is one step of each network at the same weights; {name}={value!r} needs "
                "updates='alternating'"
            )

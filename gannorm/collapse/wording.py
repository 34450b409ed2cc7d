"""What a person reads of an event: one sentence."""

from collections.abc import Sequence

from gannorm.collapse.look import Look
from gannorm.collapse.states import STATES

NAMED = 12  # modes in a sentence


def sentence(images_seen: int, state: str, onset: int, modes: Sequence[int], look: Look | None, *, better: bool) -> str:
    """Return what happened, since when, and what is left.

    Example:
        >>> sentence(96_000, "mode dropped", 64_000, [3, 7], None, better=False)
        '96,000 images: mode dropped, since 64,000: some modes are made no more, or have never been: 3, 7'
    """
    since = f", since {onset:,}" if onset < images_seen else ""
    what = f"back to {state}" if better else state
    left = "" if look is None else f"; {look.effective:.2f} of {len(look.prior)} modes left"
    return f"{images_seen:,} images: {what}{since}: {STATES[state].meaning}{listed(modes)}{left}"


def listed(modes: Sequence[int]) -> str:
    """Return modes as they stand behind a sentence.

    Example:
        >>> listed([1, 2]), listed([])
        (': 1, 2', '')
    """
    named = ", ".join(map(str, modes[:NAMED])) + (" ..." if len(modes) > NAMED else "")
    return f": {named}" if modes else ""

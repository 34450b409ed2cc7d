"""The options of a run that are neither Lightning's nor arguments of a class."""

from typing import Any, Literal

from gannorm.training.observers import INSTRUMENTS
from gannorm.training.reacting import REACTIONS

FLAG: dict[str, Any] = {"type": bool, "nargs": "?", "const": True, "default": False}

OPTIONS: dict[str, dict[str, Any]] = {
    "images": {"type": int, "default": 320_000, "help": "Real images to show to the discriminator."},
    "compare_at": {
        "type": Literal["images", "steps"],
        "default": "images",
        "help": "With packing m: `images` counts each image; or m times as many, so that the steps are equal.",
    },
    "minutes": {"type": float | None, "default": None, "help": "Stop after so many in all attempts."},
    "name": {"type": str, "default": "mnist", "help": "Runs of one name share a folder."},
    "folder": {"type": str, "default": "runs", "help": "Where the run folders are."},
    "evaluation.every_images": {"type": int, "default": 80_000, "help": "From look to look at modes."},
    "evaluation.num_samples": {"type": int, "default": 2048, "help": "Judged at each look."},
    "evaluation.final_samples": {"type": int, "default": 10_000, "help": "Judged at the end."},
    "evaluation.generator": {
        "type": Literal["averaged", "raw"],
        "default": "averaged",
        "help": "Which one is looked at while training; averaging hides modes that come and go.",
    },
    "evaluation.cells": {"type": int, "default": 0, "help": "K-means cells as modes, where no judge is."},
    "evaluation.instruments": {
        "type": list[str],
        "default": ["layers", "spectra"],
        "help": f"Read at each look: {', '.join(INSTRUMENTS)}; [] = none.",
    },
    "collapse.reactions": {
        "type": list[str],
        "default": ["log"],
        "help": f"To a collapse: {', '.join(REACTIONS)}.",
    },
    "collapse.stop_at": {"type": str, "default": "severe", "help": "This state or a worse one stops."},
    "collapse.look_more_often": {"type": int, "default": 4, "help": "Times, for `look_more`."},
    "collapse.thresholds": {
        "type": dict[str, int | float],
        "default": {},
        "help": "Those of `gannorm.collapse.Thresholds` to change.",
    },
    "log_every_images": {"type": int, "default": 12_800, "help": "Between two readings of the losses."},
    "allow": {
        "type": list[str] | str,
        "default": [],
        "help": "Codes of norm findings that are wanted, such as N07.",
    },
    "resume": {
        "type": bool | str | None,
        "nargs": "?",
        "const": True,
        "help": "Go on with this run, or with a run folder.",
    },
    "fresh": {**FLAG, "help": "Start again beside it."},
    "quiet": {**FLAG, "help": "Say only what is wrong."},
}
"""By name: what the parser is told of each."""

"""Observers of a run: they look at moments counted in images seen and leave no trace in what is trained."""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gannorm.callbacks.mode_coverage import ModeCoverage as ModeCoverage

_MODULES = {
    "Checkpoints": "checkpoints",
    "EventFile": "event_file",
    "Interrupts": "interrupts",
    "Losses": "losses",
    "ModeCoverage": "mode_coverage",
    "ProgressBar": "progress",
    "SampleGrid": "sample_grid",
    "StopAt": "stop_at",
}


def __getattr__(name: str) -> Callable[..., Any]:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)

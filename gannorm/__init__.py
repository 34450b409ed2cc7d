"""Train GANs, swap their normalization, and see which modes they lose and when.

    gannorm.train("configs/mnist.yaml")     train, return results
    gannorm.load("runs/mnist/<id>")         the trained generator
    gannorm.evaluate(sample)                how many modes does this cover?
    gannorm.GAN, gannorm.ModeCoverage       parts for a Trainer of one's own
    gannorm.norms                           the registry; needs torch only

Names are imported when they are first used: `from gannorm import norms` stays as light as torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gannorm._version import __version__ as __version__

if TYPE_CHECKING:
    from gannorm.callbacks.mode_coverage import ModeCoverage as ModeCoverage
    from gannorm.evaluation import evaluate as evaluate
    from gannorm.gan import GAN as GAN
    from gannorm.training import load as load
    from gannorm.training import train as train

_HOME = {
    "GAN": "gan",
    "ModeCoverage": "callbacks.mode_coverage",
    "evaluate": "evaluation",
    "load": "training",
    "train": "training",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(_HOME)}")
    return getattr(import_module(f"gannorm.{_HOME[name]}"), name)

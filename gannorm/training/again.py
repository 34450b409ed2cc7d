"""The steps before a run's end, once more: what was the first tensor that is no number?"""

import warnings
from pathlib import Path

import pytorch_lightning as pl

from gannorm import callbacks, screen
from gannorm.callbacks.first_not_finite import FirstNotFinite, FoundError
from gannorm.training.parser import Configuration, trainer
from gannorm.training.preparation import prepare


def first_not_finite(configuration: Configuration, checkpoint: Path | None, images: int) -> str:
    """Take a run's last steps again, from a checkpoint of it on, and say which tensor was the first that is no number.

    A run reads its losses now and then only, and by then nothing is a number. It can be repeated exactly; so nothing is
    watched until then, and a run that ends well pays nothing.

    Args:
        configuration: Of the run.
        checkpoint: Its last one; None = from the beginning.
        images: How far it had come.

    Returns:
        Half a sentence.
    """
    config = configuration.config
    with screen.quiet(True), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pl.seed_everything(config.seed_everything, verbose=False)
        gan, data = configuration.build()
        prepare(gan, data, config, images)
        options = dict(configuration.objects.trainer)
        kept = {name: options[name] for name in ("accelerator", "precision", "deterministic", "benchmark")}
        again = trainer(**kept, logger=False, callbacks=[callbacks.StopAt(images), FirstNotFinite()])
        try:
            again.fit(gan, data, ckpt_path=checkpoint, weights_only=True)
        except FoundError as found:
            return f"the first was {found}"
        except (RuntimeError, ValueError, OSError) as error:
            return f"which tensor was the first is not known: {type(error).__name__}: {error}"
    return "taken again, these steps had finite numbers only"

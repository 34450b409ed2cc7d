"""Our trainer as the benchmarks run it: alone, and as `python train.py` does, with all its callbacks."""

import tempfile
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from benchmarks import timing
from benchmarks.timing import Laps, silenced
from gannorm.callbacks import StopAt
from gannorm.gan import GAN
from gannorm.training.parser import Configuration, arguments_of
from gannorm.training.processes import Processes
from gannorm.training.run import Run, seconds_of
from gannorm.training.run_folder import choose

LOOKS = 2  # while steps are timed


def fit(gan: GAN, batches: Any, **options: Any) -> None:
    """Train with Lightning and nothing beside it."""
    defaults = {
        "accelerator": "cpu",
        "max_epochs": 1,
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    pl.Trainer(**{**defaults, **options}).fit(gan, batches)


class Acts(Callback):
    """Marks steps, and knows what the observers beside it took while steps were timed.

    Args:
        observers: Have `seconds`, those they have acted for.
        laps: Are marked.
    """

    def __init__(self, observers: list[Callback], laps: Laps) -> None:
        self.observers = [one for one in observers if not isinstance(one, StopAt)]  # that is the clock of the run
        self.laps = laps
        self.taken: list[float] = []

    def on_train_batch_start(self, *_: Any) -> None:
        """Note the moment, and what the observers have taken so far."""
        self.laps.mark()
        self.taken.append(seconds_of(self.observers))

    @property
    def seconds_acting(self) -> float:
        """What the observers took of the steps that are timed."""
        return self.taken[-1] - self.taken[self.laps.warm_up]


def default_run(gan: GAN, batch: int) -> float:
    """Return the mean seconds of a step of a run with all default callbacks, what these do now and then included.

    Looks, readings and checkpoints come sooner than by default, so that a short run has some of each, and count as
    often as they come by default.

    Args:
        gan: Whose weights the run starts from.
        batch: Images in a batch.
    """
    defaults = Configuration([]).config
    every_look = timing.STEPS * batch // LOOKS
    sooner = defaults.evaluation.every_images / every_look
    options = {
        "images": (timing.WARM_UP + timing.STEPS + 1) * batch,
        "data.batch_size": batch,
        "model.discriminator.packing": 1,
        "evaluation.every_images": every_look,
        "evaluation.final_samples": 64,
        "log_every_images": max(1, int(defaults.log_every_images / sooner)),
        "trainer.accelerator": "cpu",
        "trainer.logger": False,
    }
    with tempfile.TemporaryDirectory() as folder:
        configuration = Configuration(arguments_of(None, options | {"folder": folder, "quiet": True}))
        run = Run(configuration, choose(configuration.plain(), None, False), Processes(1, 1))
        run.gan.generator.load_state_dict(gan.generator.state_dict())
        run.gan.discriminator.load_state_dict(gan.discriminator.state_dict())
        acts = Acts(run.callbacks, Laps())
        run.trainer.callbacks.append(acts)
        with silenced():
            run.go()
    return seconds_per_step(acts, sooner)


def seconds_per_step(acts: Acts, sooner: float) -> float:
    """Return the mean seconds of a step, if observers had not acted so many times as often as they do by default."""
    each = acts.seconds_acting / (len(acts.taken) - 1 - acts.laps.warm_up)
    return acts.laps.seconds - each + each / sooner

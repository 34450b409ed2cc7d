"""The main path: look at the run's folder, build model and data, train them, say what came out."""

import importlib.metadata
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from signal import Signals
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import Logger

from gannorm import callbacks, screen, tracking
from gannorm._version import __version__
from gannorm.callbacks.interrupts import EXIT_CODES
from gannorm.evaluation import look, measured
from gannorm.judges import JUDGES
from gannorm.training.errors import ConfigError, RunFolderError
from gannorm.training.flat_config import flat_config
from gannorm.training.metrics_file import MetricsFile
from gannorm.training.parser import Configuration, arguments_of
from gannorm.training.quiet import quiet_lightning
from gannorm.training.run_folder import RunFolder, check_disk, choose, existing, identity
from gannorm.training.saving import save_network, spec_of, summary_of

STATES_PER_PARAMETER = 4  # in a checkpoint: the weight, its average, and two moments of Adam


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        folder: The run folder.
        results: What stands in its results.json.
        was_finished: Whether it had been finished before, and nothing was done.
        signal: What stopped it, if something did.
    """

    folder: RunFolder
    results: dict[str, Any]
    was_finished: bool = False
    signal: Signals | None = None

    @property
    def exit_code(self) -> int:
        """Return what a command has to exit with."""
        return EXIT_CODES[self.signal] if self.signal is not None else 0


def train(config: str | Path | Mapping[str, Any] | None = None, **overrides: Any) -> dict[str, Any]:
    """Train one configuration and return its results.

    Args:
        config: A YAML file, or a mapping; None = the main job.
        overrides: Single options over it; those with dots as `**{"model.generator.norm": "group"}`.

    Returns:
        What stands in results.json of the run folder.

    Raises:
        ValueError: What was asked for is wrong; nothing was written.

    Example:
        >>> import gannorm
        >>> results = gannorm.train("configs/smoke.yaml", folder="/tmp/runs")  # doctest: +SKIP
        >>> results["evaluation"]["covered_modes"]  # doctest: +SKIP
        10
    """
    return run(arguments_of(config, overrides)).results


def run(arguments: list[str]) -> Outcome:
    """Train the configuration that command-line arguments describe; see `train`.

    Raises:
        ValueError: What was asked for is wrong; nothing was written.
    """
    quiet_lightning()
    configuration = resumed(Configuration(arguments), arguments)
    settings = configuration.config
    screen.quiet(settings.quiet)
    folder = choose(configuration.plain(), settings.resume, settings.fresh)
    if folder.finished():
        return Outcome(folder, folder.results() or {}, was_finished=True)
    return Run(configuration, folder).go()


def resumed(configuration: Configuration, arguments: list[str]) -> Configuration:
    """Return the configuration of the run folder that `--resume PATH` names, or the given one.

    Raises:
        RunFolderError: The path is no run folder, or other options make another run of it.
    """
    path = configuration.config.resume
    if not isinstance(path, str):
        return configuration
    folder = existing(Path(path))
    theirs = Configuration([f"--config={folder.config}", *arguments])
    if identity(theirs.plain()) != folder.path.absolute().name.split("-")[0]:
        raise RunFolderError(f"--resume {path}: other options make another run; leave them out")
    return theirs


class Run:
    """One attempt at one configuration.

    Args:
        configuration: What to train.
        folder: Where.

    Raises:
        ValueError: The configuration cannot be built, or the folder's disk is full.
    """

    def __init__(self, configuration: Configuration, folder: RunFolder) -> None:
        self.config = configuration.config
        self.plain = configuration.plain()
        self.folder = folder
        self.gan, self.data = configuration.build()
        self.prepare_model()
        self.coverage = self.coverage_of(self.data)
        self.clock = callbacks.StopAt(self.config.images, self.config.minutes)
        self.interrupts = callbacks.Interrupts()
        self.checkpoint = self.readable_checkpoint()
        self.trainer = configuration.trainer_with(self.loggers, self.observers())
        num_bytes = STATES_PER_PARAMETER * sum(p.numel() * p.element_size() for p in self.gan.parameters())
        check_disk(folder, num_bytes)

    def prepare_model(self) -> None:
        """Give the model what belongs to the run: its length, its seed, a layout that convolutions are fast in."""
        if self.config.images < 1:
            raise ConfigError(f"images={self.config.images}: a run shows at least one")
        self.gan.total_images = self.config.images
        if getattr(self.data, "seed", 0) is None:
            setattr(self.data, "seed", self.config.seed_everything)  # noqa: B010 (not every module has one)
        self.gan.to(memory_format=torch.channels_last)
        shape = getattr(self.data, "image_shape", None)
        if shape is not None:
            self.gan.check_shape(shape)

    def coverage_of(self, data: pl.LightningDataModule) -> Any:
        """Return the callback that counts modes, or None where nobody can judge this data."""
        name = getattr(data, "name", type(data).__name__)
        if name not in JUDGES:
            screen.warn(f"data {name!r} has no judge: modes are not counted; there is one for {', '.join(JUDGES)}")
            return None
        options = self.config.evaluation
        return callbacks.ModeCoverage(data=name, every_images=options.every_images, num_samples=options.num_samples)

    def observers(self) -> list[Callback]:
        """Return the run's own callbacks in the order in which they look."""
        path, every = self.folder.path, self.config.evaluation.every_images
        looking: list[Callback] = []
        if self.coverage is not None:
            sheets = callbacks.SampleGrid(self.coverage, path / "samples")
            looking = [self.coverage, sheets, callbacks.EventFile(path / "events.jsonl", self.coverage)]
        return [
            *looking,
            callbacks.Losses(self.config.log_every_images, self.folder.last_checkpoint),
            self.clock,
            self.interrupts,
            callbacks.Checkpoints(path / "checkpoints", every, self.coverage),
            callbacks.ProgressBar(self.config.images, self.coverage),
        ]

    def loggers(self, chosen: Any) -> list[Logger]:
        """Return the run folder's own logger, and the chosen ones or Weights & Biases beside it."""
        seen = torch.load(self.checkpoint, weights_only=True)["gannorm_gan"]["images_seen"] if self.checkpoint else -1
        own = MetricsFile(self.folder.path / "metrics.csv", seen)
        if chosen is not None and chosen is not True:
            return [own, *(chosen if isinstance(chosen, list) else [chosen] if chosen else [])]
        if tracking.mode() == "disabled":
            return [own]
        norm_of = {key: summary_of(getattr(self.gan, key)) for key in ("generator", "discriminator")}
        tags = [f"{key[0]}:{(summary.get('norm') or {}).get('name', 'none')}" for key, summary in norm_of.items()]
        name, id_ = f"{self.plain['name']} {self.folder.path.name}", tracking.last_id(self.folder.path)
        return [own, tracking.WandbLogger(self.folder.path, name=name, id=id_, job_type="train", tags=tags)]

    def readable_checkpoint(self) -> Path | None:
        """Return the checkpoint to go on from, or None to start from the beginning."""
        last = self.folder.last_checkpoint
        return last if self.config.resume and last.is_file() else None

    def go(self) -> Outcome:
        """Train, evaluate, write down what came out.

        Raises:
            Exception: Whatever ended the training; results.json says `failed` and why.
        """
        self.folder.path.mkdir(parents=True, exist_ok=True)
        self.folder.write_config(self.plain)
        for logger in self.trainer.loggers:
            logger.log_hyperparams({**self.plain, **flat_config(self.plain)})
        screen.say(f"run {self.folder.path}: {self.config.images:,} images on {self.trainer.strategy.root_device}")
        exit_code = 1
        try:
            self.trainer.fit(self.gan, self.data, ckpt_path=self.checkpoint, weights_only=True)
            status = "stopped" if self.interrupts.received else "finished"
            reason = self.interrupts.received.name if self.interrupts.received else ""
            results = self.results(status, reason)
            exit_code = 0
        except Exception as error:
            self.folder.write_results(self.results("failed", f"{type(error).__name__}: {error}"))
            raise
        finally:
            for logger in self.trainer.loggers:
                logger.finalize("success" if exit_code == 0 else "failed")
                if isinstance(logger, tracking.WandbLogger):
                    logger.finish(exit_code)
        self.folder.write_results(results)
        return Outcome(self.folder, results, signal=self.interrupts.received)

    def results(self, status: str, reason: str) -> dict[str, Any]:
        """Return what results.json says; only a finished run is evaluated."""
        networks = {key: summary_of(getattr(self.gan, key)) for key in ("generator", "discriminator")}
        seconds = self.clock.seconds
        evaluated = self.evaluations() if status == "finished" else {}
        looking = (self.coverage.seconds if self.coverage else 0.0) + (self.clock.seconds - seconds)
        training = max(seconds - (self.coverage.seconds if self.coverage else 0.0), 1e-9)
        return {
            "status": status,
            "reason": reason,
            "name": self.plain["name"],
            "id": self.folder.path.name,
            "seed": self.gan.seed,
            "data": getattr(self.data, "name", type(self.data).__name__),
            "precision": self.plain["trainer"]["precision"],
            **networks,
            "images_seen": self.gan.images_seen,
            "g_steps": self.gan.g_steps,
            "d_steps": self.gan.d_steps,
            "seconds": self.clock.seconds,
            "evaluation_seconds": looking,
            "images_per_second": self.gan.images_seen / training,
            **evaluated,
            "events": self.coverage.events if self.coverage else [],
            "versions": versions(),
            **({"classifier_sha256": self.coverage.judge.sha256} if self.coverage else {}),
        }

    def evaluations(self) -> dict[str, Any]:
        """Save the generator, and return the final figures of it, of the raw one, and of held-out real data."""
        self.save_networks()
        if self.coverage is None:
            return {}
        look_at = partial(look, judge=self.coverage.judge, num_samples=self.config.evaluation.final_samples)
        statistics, averaged = self.gan.statistics, self.gan.averaged is not None
        said = {"generator": "averaged", "statistics": "standing"} if averaged else {}
        figures = {
            "evaluation": look_at(self.gan.sample(), seed=self.gan.seed, stream="evaluation").metrics | said,
            "evaluation_raw": look_at(self.gan.sample("raw"), seed=self.gan.seed, stream="raw").metrics,
        }
        figures = {key: {"generator": "raw", "statistics": statistics} | value for key, value in figures.items()}
        if hasattr(self.data, "held_out"):
            figures["real"] = measured(self.data.held_out()[0], self.coverage.judge).metrics
        return figures

    def save_networks(self) -> None:
        """Write generator/ (averaged, with its own statistics) and discriminator/."""
        for key, network in (("generator", self.gan.snapshot()), ("discriminator", self.gan.discriminator)):
            given = self.plain["model"].get(key)
            save_network(network, self.folder.path / key, spec_of(getattr(self.gan, key)) or given)


def versions() -> dict[str, str]:
    """Return what the numbers were made with."""
    packages = ("torch", "torchvision", "pytorch-lightning", "torchmetrics", "wandb")
    return {
        "gannorm": __version__,
        "python": platform.python_version(),
        **{package: importlib.metadata.version(package) for package in packages},
    }

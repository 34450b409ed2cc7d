"""The main path: look at the run's folder, build model and data, train them, say what came out."""

import contextlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from signal import SIGINT, Signals
from typing import Any

from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import Logger
from torch import nn

from gannorm import callbacks, screen, tracking
from gannorm.callbacks.interrupts import EXIT_CODES
from gannorm.callbacks.mode_coverage import log
from gannorm.callbacks.post_mortem import write_post_mortem
from gannorm.files import NotWrittenError
from gannorm.training.again import first_not_finite
from gannorm.training.errors import (
    ConfigError,
    RunFailedError,
    RunFolderError,
    WorkerLostError,
    lost_worker,
    without_deterministic_form,
)
from gannorm.training.final import final_figures
from gannorm.training.flat_config import flat_config
from gannorm.training.judging import label_of
from gannorm.training.metrics_file import MetricsFile
from gannorm.training.observers import Observers
from gannorm.training.outcome import Outcome
from gannorm.training.page import complete_page, write_page
from gannorm.training.parser import Configuration, arguments_of
from gannorm.training.preparation import check_numbers, check_synchronized, prepare
from gannorm.training.processes import Processes
from gannorm.training.quiet import quiet_lightning
from gannorm.training.results import results_of
from gannorm.training.run_folder import RunFolder, check_disk, choose, existing, identity
from gannorm.training.run_lock import locked
from gannorm.training.saving import save_network

STATES_PER_PARAMETER = 3  # in a checkpoint: the weight, or its average, and two moments of Adam


def train(config: str | Path | Mapping[str, Any] | None = None, **overrides: Any) -> dict[str, Any]:
    """Train one configuration and return its results.

    Args:
        config: A YAML file, the name of one that ships, such as "group", or a mapping; None = the main job.
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
    processes = Processes(settings.trainer.devices, settings.trainer.num_nodes)
    with screen.quiet(settings.quiet or processes.rank > 0):
        if processes.rank:
            return follow(configuration, processes, arguments)
        folder = choose(configuration.plain(), settings.resume, settings.fresh)
        if folder.finished():
            complete_page(folder.path)
            return Outcome(folder, folder.results() or {}, quiet=settings.quiet, was_finished=True)
        prepared = Run(configuration, folder, processes)
        with processes.started(arguments):
            return prepared.go()


def follow(configuration: Configuration, processes: Processes, arguments: list[str]) -> Outcome:
    """Train as another process of a run: with its share of each batch, writing nothing.

    Which folder it is matters only where the run goes on from a checkpoint. The first process has looked at it, and has
    put the one to go on from in the last one's place before training begins. How the run ends it says, too.

    Raises:
        RunFailedError: Another process is gone.
    """
    folder = choose(configuration.plain(), configuration.config.resume or True, False)
    if folder.finished() and not configuration.config.fresh:
        return Outcome(folder, {}, quiet=True, is_first=False)
    run = Run(configuration, folder, processes)
    checkpoint = None if run.checkpoint is None else folder.last_checkpoint
    try:
        with processes.started(arguments), run.interrupts, contextlib.suppress(callbacks.NotFiniteError):
            run.trainer.fit(run.gan, run.data, ckpt_path=checkpoint, weights_only=True)
    except RuntimeError as error:
        why = str(error).partition("\n")[0]
        raise RunFailedError(f"process {processes.rank} of {processes.size} cannot go on: {why}") from error
    return Outcome(folder, {}, quiet=True, is_first=False)


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
    if identity(theirs.plain()) != identity(Configuration([f"--config={folder.config}"]).plain()):
        raise RunFolderError(f"--resume {path}: other options make another run; leave them out")
    return theirs


class Run:
    """One attempt at one configuration.

    Args:
        configuration: What to train.
        folder: Where.
        processes: That train it.

    Raises:
        ValueError: The configuration cannot be built, or the folder's disk is full.
    """

    def __init__(self, configuration: Configuration, folder: RunFolder, processes: Processes) -> None:
        self.configuration = configuration
        self.config = configuration.config
        self.plain = configuration.plain()
        self.folder = folder
        self.processes = processes
        check_numbers(self.config)
        self.gan, self.data = configuration.build()
        self.times = self.gan.packing if self.config.compare_at == "steps" else 1
        check_synchronized(self.gan, processes.size)
        prepare(self.gan, self.data, self.config, self.times * self.config.images)
        self.checkpoint, self.resumed_at = folder.checkpoint(bool(self.config.resume))
        self.observers = Observers(self.gan, self.data, self.config, folder.path, self.times)
        self.coverage = self.observers.coverage
        self.clock, self.interrupts = self.observers.clock, self.observers.interrupts
        self.callbacks = self.observers.in_order()
        self.trainer = configuration.trainer_with(self.loggers, self.callbacks)
        num_bytes = STATES_PER_PARAMETER * sum(p.numel() * p.element_size() for p in self.gan.parameters())
        check_disk(folder, num_bytes)

    def loggers(self, chosen: Any) -> list[Logger]:
        """Return the run folder's own logger, and the chosen ones or Weights & Biases beside it; the first process'."""
        if self.processes.rank:
            return []
        own = MetricsFile(self.folder.path / "metrics.csv", self.resumed_at, now=lambda: self.gan.images_seen)
        if chosen is not None and chosen is not True:
            return [own, *(chosen if isinstance(chosen, list) else [chosen] if chosen else [])]
        if tracking.mode() == "disabled":
            return [own]
        grouped = flat_config(self.plain)
        tags = [f"{key}:{grouped[key]}" for key in ("norm_g", "norm_d") if key in grouped]
        name, id_ = f"{self.plain['name']} {self.folder.path.name}", tracking.last_id(self.folder.path)
        return [own, tracking.WandbLogger(self.folder.path, name=name, id=id_, job_type=tracking.job_type(), tags=tags)]

    def go(self) -> Outcome:
        """Train, evaluate, write down what came out.

        Raises:
            NotFiniteError: A loss is no number any more.
            NotWrittenError: The disk is full, or takes nothing for another reason.
            ConfigError: An operation cannot be deterministic, as was wanted.
            WorkerLostError: A process that loads data was killed.
            RunFailedError: Anything else ended the training; results.json says what.
            RunFolderError: Another process writes to the run folder, or nobody can.
        """
        with locked(self.folder.path):
            return self.attempt()

    def attempt(self) -> Outcome:
        """Do what `go` says, in a folder that is this process's own."""
        self.checkpoint = self.folder.settle(self.checkpoint)
        self.folder.write_config(self.plain)
        self.folder.forget_results()
        if self.coverage is not None:
            self.folder.write_judge(self.coverage.judge, label_of(self.data, self.coverage.judge))
        exit_code = 1
        try:
            with self.interrupts:
                outcome = self.fit()
            exit_code = outcome.exit_code
        except callbacks.NotFiniteError as error:
            self.write_if_possible("failed", f"{type(error).__name__}: {error}")
            raise self.traced(error) from error
        except NotWrittenError as error:
            self.write_if_possible("failed", str(error))
            raise NotWrittenError(f"{error}; {self.what_is_left('make room')}") from error
        except (KeyboardInterrupt, SystemExit):  # Lightning makes the one the other
            exit_code = EXIT_CODES[self.interrupts.received or SIGINT]
            outcome = self.stopped(self.interrupts.received or SIGINT)
        except Exception as error:
            raise self.ended_by(error) from error
        finally:
            self.close_loggers(exit_code)
            write_page(self.folder.path)
        return outcome

    def fit(self) -> Outcome:
        """Train; evaluate if the run came to its end."""
        for logger in self.trainer.loggers:
            logger.log_hyperparams({**self.plain, **flat_config(self.plain)})
        where = f"{self.processes.size} processes" if self.processes.size > 1 else self.trainer.strategy.root_device
        screen.say(f"run {self.folder.path}: {self.observers.total_images:,} images on {where}")
        self.trainer.fit(self.gan, self.data, ckpt_path=self.checkpoint, weights_only=True)
        self.processes.part()
        if self.interrupts.received is not None:
            return self.stopped(self.interrupts.received)
        if self.observers.stop is not None and self.observers.stop.reason:
            return self.collapsed(self.observers.stop.reason)
        generator = self.gan.snapshot()
        self.save_networks(generator)
        return Outcome(self.folder, self.write("finished", "", **self.evaluate(generator)), quiet=self.config.quiet)

    def stopped(self, signal: Signals) -> Outcome:
        """Write down that a signal ended the run."""
        return Outcome(self.folder, self.write("stopped", signal.name), quiet=self.config.quiet, signal=signal)

    def collapsed(self, reason: str) -> Outcome:
        """Write down that the run's modes collapsed, and all that a person may want to know of it."""
        assert self.coverage is not None
        write_post_mortem(self.folder.path, reason, self.coverage, self.plain)
        return Outcome(self.folder, self.write("stopped", reason), quiet=self.config.quiet, collapsed=True)

    def evaluate(self, generator: nn.Module) -> dict[str, Any]:
        """Return the final figures, logged too; nothing where nobody can judge."""
        if self.coverage is None:
            return {}
        figures = final_figures(self.gan, generator, self.data, self.coverage.judge, self.config.evaluation)
        log(self.trainer, figures["evaluation"], self.gan.images_seen, prefix="final")
        return figures

    def write(self, status: str, reason: str, **figures: Any) -> dict[str, Any]:
        """Write results.json, and return what stands in it."""
        observers = [callback for callback in self.callbacks if callback is not self.clock]
        reading = [callback for callback in observers if isinstance(callback, callbacks.Instruments)]
        results = results_of(
            self.gan,
            self.plain,
            status=status,
            reason=reason,
            id=self.folder.path.name,
            data=getattr(self.data, "name", type(self.data).__name__),
            training_seconds=self.clock.training_seconds,
            looking_seconds=seconds_of(observers),
            instrument_seconds=seconds_of(reading),
            final_seconds=self.clock.seconds - self.clock.training_seconds,
            coverage=self.coverage,
            figures=figures,
        )
        self.folder.write_results(results)
        return results

    def traced(self, error: callbacks.NotFiniteError) -> callbacks.NotFiniteError:
        """Return the error with the name of the first tensor that was no number, written down too."""
        self.processes.part()  # all of them have it, and this one alone looks for its cause
        last = self.folder.last_checkpoint if self.folder.last_checkpoint.exists() else None
        screen.say("a number is none any more; the steps since the last checkpoint are taken again to find the first")
        told = f"{error}; {first_not_finite(self.configuration, last, self.gan.images_seen)}"
        self.write_if_possible("failed", f"{type(error).__name__}: {told}")
        return callbacks.NotFiniteError(told)

    def write_if_possible(self, status: str, reason: str) -> None:
        """Write results.json where the disk takes it: the files of the run say as much without it."""
        try:
            self.write(status, reason)
        except NotWrittenError as error:
            screen.warn(str(error))

    def ended_by(self, error: Exception) -> Exception:
        """Write down an error for which nobody here has a class, and return what is said of it."""
        missing, run = self.processes.missing(), f"run {self.folder.path}"
        self.write_if_possible("failed", missing or f"{type(error).__name__}: {error}")
        if (operation := without_deterministic_form(error)) is not None:
            told = f"{operation} has no deterministic form; leave out trainer.deterministic, or that operation"
            return ConfigError(f"{run}: {told}")
        if (worker := lost_worker(error)) is not None:
            told = f"a process that loads data {worker}, as where memory is out; {self.what_is_left('free memory')}"
            return WorkerLostError(f"{run}: {told}")
        return RunFailedError(f"{run} failed: {missing or error}")

    def what_is_left(self, remedy: str) -> str:
        """Return what a run that the machine has ended can go on from, and what is to be done before."""
        last = self.folder.last_checkpoint
        left = f"the last good checkpoint is {last}" if last.exists() else "there is no checkpoint yet"
        return f"{left}; {remedy} and go on with --resume"

    def save_networks(self, generator: nn.Module) -> None:
        """Write generator/ (averaged, with its own statistics) and discriminator/."""
        for key, network in (("generator", generator), ("discriminator", self.gan.discriminator)):
            save_network(network, self.folder.path / key, self.plain["model"][key], self.gan)

    def close_loggers(self, exit_code: int) -> None:
        """Let every logger write what it holds back."""
        for logger in self.trainer.loggers:
            logger.finalize("success" if exit_code == 0 else "failed")
            if isinstance(logger, tracking.WandbLogger):
                logger.finish(exit_code)


def seconds_of(observers: Iterable[Callback]) -> float:
    """Return how long callbacks have acted, in all attempts."""
    return sum((getattr(callback, "seconds", 0.0) for callback in observers), 0.0)

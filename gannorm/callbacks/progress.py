"""The progress bar: images, images per second, covered modes, time left; redrawn by the clock, not by the step."""

from typing import Any

import pytorch_lightning as pl
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from gannorm import screen
from gannorm.callbacks.mode_coverage import ModeCoverage
from gannorm.gan import GAN

REDRAWS_PER_SECOND = 2


class ProgressBar(pl.Callback):
    """Show a bar where there is a terminal; elsewhere the lines of the other callbacks have to do.

    Args:
        images: Length of the run.
        coverage: Whose covered modes are shown; None = none.
    """

    def __init__(self, images: int, coverage: ModeCoverage | None) -> None:
        self.images = images
        self.coverage = coverage
        self.bar: Progress | None = None
        self.task = TaskID(0)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Show the bar."""
        assert isinstance(pl_module, GAN)
        console = screen.console()
        if not trainer.is_global_zero or not console.is_terminal or console.quiet:
            return
        columns = (
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[speed]} images/s  {task.fields[modes]}"),
            TimeRemainingColumn(),
        )
        self.bar = Progress(*columns, console=console, refresh_per_second=REDRAWS_PER_SECOND, transient=True)
        self.task = self.bar.add_task("", total=self.images, completed=pl_module.images_seen, speed="", modes="")
        self.bar.start()

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:  # noqa: ARG002
        """Tell the bar where the run is; it redraws when its time has come."""
        if self.bar is None:
            return
        assert isinstance(pl_module, GAN)
        speed = self.bar.tasks[0].speed
        self.bar.update(
            self.task,
            completed=pl_module.images_seen,
            speed=f"{speed:,.0f}" if speed else "",
            modes=self.modes(),
        )

    def modes(self) -> str:
        """Return the covered modes at the last look."""
        if self.coverage is None or self.coverage.latest is None:
            return ""
        metrics = self.coverage.latest.metrics
        return f"{metrics['covered_modes']}/{metrics['num_modes']} modes"

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:  # noqa: ARG002
        """Take the bar away."""
        if self.bar is not None:
            self.bar.stop()
            self.bar = None

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:  # noqa: ARG002
        """Take it away where Lightning does not tear down."""
        self.teardown(trainer, pl_module, "fit")

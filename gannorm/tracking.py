"""Weights & Biases: the only file that imports wandb, and only when something is to be logged.

Offline by default; online as soon as the user is logged in. The x axis of every chart is `images_seen`.
"""

import contextlib
import gc
import os
import re
import subprocess
import threading
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytorch_lightning.loggers
from PIL import Image
from pytorch_lightning.loggers.logger import DummyExperiment, rank_zero_experiment
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from gannorm.patience import Patience

Mode = Literal["online", "offline", "disabled"]

MODES: dict[str, Mode] = {
    "online": "online",
    "run": "online",
    "shared": "online",
    "offline": "offline",
    "dryrun": "offline",
    "disabled": "disabled",
}
# That a run waits for W&B no longer than 10 seconds, whatever happens there; all in seconds.
INIT_TIMEOUT = 4.0  # for a server to answer; then the run goes on offline
FINISH_TIMEOUT = 5.0  # for the last uploads; what is left can be sent with `wandb sync`
LOG_TIMEOUT = 3.0  # for wandb's own process to take a row
ALL = 9.0  # whatever hangs, and however often
LATE = 0.5  # after which wandb's own process, which is to keep the first two, does not keep them


def job_type() -> str:
    """Return what kind of job a run is: "study" where a study runs it, or whatever WANDB_JOB_TYPE says; else "train".

    Example:
        >>> job_type()
        'train'
    """
    return os.environ.get("WANDB_JOB_TYPE", "train")


def mode() -> Mode:
    """Return where runs are logged, without asking any server or anybody.

    WANDB_MODE decides; without it the choice made by `wandb offline` or `wandb disabled`; without that a run is online
    if there is a key (WANDB_API_KEY, netrc or wandb's settings), else offline.

    Raises:
        ValueError: WANDB_MODE is something else.

    Example:
        >>> mode()  # the tests set WANDB_MODE
        'offline'
    """
    if asked := os.environ.get("WANDB_MODE"):
        if asked not in MODES:
            raise ValueError(f"WANDB_MODE={asked!r} is none of online, offline, disabled")
        return MODES[asked]
    from wandb.sdk import wandb_setup

    chosen = MODES[wandb_setup.singleton().settings.mode]
    return ("online" if is_logged_in() else "offline") if chosen == "online" else chosen


def is_logged_in() -> bool:
    """Return whether wandb would find credentials; whether a server takes them is not asked."""
    if os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    import wandb.errors
    from wandb.sdk import wandb_setup
    from wandb.sdk.lib import wbauth

    settings = wandb_setup.singleton().settings
    try:
        return bool(settings.api_key or wbauth.read_netrc_auth(host=settings.base_url))
    except wandb.errors.Error:
        return True  # a damaged key: logging in fails then, and says why


class WandbLogger(pytorch_lightning.loggers.WandbLogger):
    """Lightning's logger, without its step counter: every chart is drawn over `images_seen`.

    Where WANDB_MODE is "disabled" it does nothing and leaves no folder. A server that does not answer costs 4 seconds;
    the run then goes on offline. Where wandb itself fails later on, the run goes on without it. After a resume the same
    id makes a second offline folder; `wandb sync` joins them.

    Args:
        folder: The run folder; wandb's own goes to `<folder>/wandb`.
        name: Of the run, as shown.
        id: The same id is the same run. None = made up.
        group: Of runs, such as a study.
        tags: Such as the names of the norms; cut to 64 characters.
        job_type: train, evaluate and so on.
        project: None = WANDB_PROJECT, or "gannorm".

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     logger = WandbLogger(folder, name="group norm", id="1")
        ...     logger.log_metrics({"images_seen": 64, "loss": 0.5})
        ...     logger.finish()
        ...     len(offline_runs(folder))
        1
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        name: str | None = None,
        id: str | None = None,
        group: str | None = None,
        tags: Sequence[str] = (),
        job_type: str | None = None,
        project: str | None = None,
    ) -> None:
        super().__init__(
            name=name,
            save_dir=str(folder),
            id=None if id is None else re.sub(r"[/\\#?%:]", "-", id),
            project=project or os.environ.get("WANDB_PROJECT") or "gannorm",
            group=group,
            tags=[tag[:64] for tag in tags],
            job_type=job_type,
        )
        # wandb warns of this argument in every run, and is about to remove it.
        self._wandb_init.pop("anonymous", None)
        self._patience = Patience(ALL, end_service)

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """The run; it is started by the first use. Other processes than the first get one that does nothing."""
        if self._experiment is None:
            chosen = mode()
            if chosen == "disabled":
                return DummyExperiment()
            self._experiment = start(self._wandb_init, chosen, self._patience)
            if not isinstance(self._experiment, DummyExperiment):
                self._id = self._wandb_init["id"] = self._experiment.id
        return self._experiment

    def __getstate__(self) -> dict[str, Any]:
        """Leave the connection behind: another process starts its own, with the same id."""
        return {**self.__dict__, "_experiment": None}

    @property
    def url(self) -> str | None:
        """Where the run can be seen; None if it is offline or has not started."""
        return None if self._experiment is None or self._experiment.offline else self._experiment.url

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:  # noqa: ARG002
        """Log numbers; `images_seen` among them is the place on the x axis, and Lightning's step is dropped."""
        run = self.experiment
        with self.going_on():
            run.log(dict(metrics))

    @rank_zero_only
    def log_hyperparams(self, params: Mapping[str, Any]) -> None:  # type: ignore[override]
        """Log the configuration."""
        if not isinstance(self.experiment, DummyExperiment):
            with self.going_on():
                super().log_hyperparams(dict(params))

    @rank_zero_only
    def log_image(self, key: str, image: Image.Image | np.ndarray, images_seen: int) -> None:  # type: ignore[override]
        """Log one picture: a PIL image, or (H, W, 1 or 3) uint8.

        Raises:
            ValueError: The array is not uint8.
        """
        picture = image if isinstance(image, Image.Image) else to_picture(image)
        if not isinstance(run := self.experiment, DummyExperiment):
            import wandb

            with self.going_on():
                run.log({key: wandb.Image(picture), "images_seen": images_seen})

    @rank_zero_only
    def log_bar(self, key: str, values: Sequence[float], images_seen: int) -> None:
        """Log one number per mode as a histogram with one bin for each: over images seen a lost mode goes dark.

        W&B's own bar chart would be a table, an artifact and four files each time, and ask the server in mid-run; that
        of the last values is a panel of the dashboard.
        """
        if not isinstance(run := self.experiment, DummyExperiment):
            import wandb

            bins = wandb.Histogram(np_histogram=(np.array(values), np.arange(len(values) + 1) - 0.5))
            with self.going_on():
                run.log({key: bins, "images_seen": images_seen})

    @rank_zero_only
    def alert(self, title: str, text: str) -> None:
        """Send a warning to the user's W&B alerts; the title is cut to 64 characters."""
        run = self.experiment
        with self.going_on():
            run.alert(title=title[:64], text=text, level="WARN")

    @contextlib.contextmanager
    def going_on(self) -> Iterator[None]:
        """Let no failure of wandb, whose own process may have died or hang, reach the training; then let it be."""
        try:
            with self._patience.at_most(LOG_TIMEOUT):
                yield
        except Exception as error:  # of whatever kind
            warnings.warn(
                f"W&B fails ({type(error).__name__}: {first_line(error)}); the run goes on without it, and metrics.csv "
                "has all that it has not",
                stacklevel=4,
            )
            self._experiment = DummyExperiment()  # type: ignore[assignment]
            forget_service()

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """End the run if it failed. Lightning calls this after each fit, so more may come."""
        if status != "success":
            self.finish(1)

    @rank_zero_only
    def finish(self, exit_code: int = 0) -> None:
        """End the run; a later use would resume it. What goes wrong there is a warning: what is local is not lost."""
        if self._experiment is None or isinstance(self._experiment, DummyExperiment):
            return
        start, folder = time.monotonic(), getattr(self._experiment, "dir", "")
        try:
            with self._patience.at_most(FINISH_TIMEOUT + LATE):
                self._experiment.finish(exit_code=exit_code)
        except Exception as error:  # wandb's own process may have died, of whatever, or hang
            warnings.warn(f"W&B did not end well ({type(error).__name__}: {error})", stacklevel=2)
            forget_service()
        else:
            if time.monotonic() - start >= FINISH_TIMEOUT:
                warnings.warn(
                    f"W&B was still sending after {FINISH_TIMEOUT:.0f} seconds; "
                    f"`wandb sync {Path(str(folder)).parent}` sends the rest",
                    stacklevel=2,
                )
        self._experiment = None


def start(init: Mapping[str, Any], chosen: Mode, patience: Patience) -> Any:
    """Return a new run; an online one that cannot start is offline, and where wandb hangs nothing is logged to it.

    Raises:
        wandb.errors.Error: An offline run cannot start.
    """
    import wandb

    if chosen == "online":
        try:
            with patience.at_most(INIT_TIMEOUT + LATE):
                return new_run(init, chosen)
        except (wandb.errors.Error, TimeoutError) as error:
            warnings.warn(
                f"W&B cannot be reached ({first_line(error)}); the run goes on offline, `wandb sync` sends it later",
                stacklevel=2,
            )
    try:
        with patience.at_most(ALL):  # nobody but wandb's own process is waited for, which a busy machine starts late
            if chosen == "online":
                tear_down()  # otherwise the attempt keeps the run's id
            return new_run(init, "offline")
    except TimeoutError as error:
        warnings.warn(
            f"W&B does not start ({first_line(error)}); the run goes on without it, and metrics.csv has all",
            stacklevel=2,
        )
        forget_service()
        return DummyExperiment()


def new_run(init: Mapping[str, Any], chosen: Mode) -> Any:
    """Return a new run with `images_seen` as its x axis; runs of one process stay apart: a study trains several."""
    import wandb

    settings = wandb.Settings(
        console="off",
        quiet=True,
        silent=chosen == "offline",
        init_timeout=INIT_TIMEOUT,
        finish_timeout=FINISH_TIMEOUT,
    )
    run = wandb.init(**init, mode=chosen, reinit="create_new", settings=settings)
    run.define_metric("images_seen", hidden=True)
    run.define_metric("*", step_metric="images_seen")
    return run


def services() -> list[subprocess.Popen[bytes]]:
    """Return wandb's own processes that this one has started: wandb says nowhere which they are."""
    return [found for found in gc.get_objects() if type(found) is subprocess.Popen and "wandb-core" in str(found.args)]


def end_service() -> None:
    """Kill wandb's own process, and all who wait for it are told that it is gone; its own threads say nothing of it."""
    told = threading.excepthook
    threading.excepthook = lambda failed: None if getattr(failed.thread, "name", "") == "NetStatThr" else told(failed)
    for process in services():
        process.kill()


def forget_service() -> None:
    """Let a next run start wandb's process anew if it is gone, and the end of this one not ask for it."""
    started = services()
    if started and all(process.poll() is not None for process in started):
        tear_down()


def tear_down() -> None:
    """End wandb's own process, however it ends."""
    import wandb

    with contextlib.suppress(Exception, SystemExit):  # the latter is how wandb says that it was killed
        wandb.teardown(exit_code=1)


def first_line(error: Exception) -> str:
    """Return the first line of an error's text."""
    return str(error).partition("\n")[0]


def offline_runs(folder: str | Path) -> list[Path]:
    """Return the offline runs of a run folder, oldest first: what `wandb sync` takes.

    Example:
        >>> offline_runs("no/such/folder")
        []
    """
    return sorted(Path(folder).glob("wandb/offline-run-*"))


def last_id(folder: str | Path) -> str | None:
    """Return the id of a run folder's last W&B run, which a resumed run has again; None where there is none.

    Example:
        >>> last_id("no/such/folder") is None
        True
    """
    runs = sorted(Path(folder).glob("wandb/*run-*_*-*"), key=lambda path: path.name.partition("run-")[2])
    return runs[-1].name.partition("run-")[2].partition("-")[2] if runs else None


def to_picture(pixels: np.ndarray) -> Image.Image:
    """Return pixels as a PIL picture, grey or RGB."""
    if pixels.dtype != np.uint8:
        raise ValueError(f"image has dtype {pixels.dtype}; a picture needs uint8, 0 to 255")
    return Image.fromarray(pixels.squeeze(2) if pixels.shape[2:] == (1,) else pixels)

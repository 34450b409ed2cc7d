"""Weights & Biases: what an offline run holds is read back from its file; nothing is sent anywhere."""

import copy
import io
import json
import pickle
import re
import shutil
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
import wandb
from PIL import Image
from pytorch_lightning.loggers import CSVLogger

from gannorm import tracking
from gannorm.tracking import WandbLogger, mode, offline_runs
from gannorm.training.flat_config import flat_config
from tests import wandb_records, wandb_server

CONFIG = {
    "seed_everything": 3,
    "model": {
        "generator": {"class_path": "DCGANGenerator", "init_args": {"norm": "batch", "weight_norm": None, "width": 32}},
        "discriminator": {"norm": {"name": "group", "num_groups": 8}, "weight_norm": "spectral"},
        "betas": [0.5, 0.999],
    },
}
PICTURE = np.arange(28 * 28, dtype=np.uint8).reshape(28, 28, 1)


@pytest.fixture(autouse=True)
def _no_run_is_left():
    yield
    wandb.teardown()


@pytest.fixture
def logged(tmp_path):
    """A run with everything in it, as its offline folder."""
    logger = WandbLogger(
        tmp_path, name="first", id="first-1", group="study", tags=["g:batch", "x" * 99], job_type="train"
    )
    logger.log_hyperparams({**CONFIG, **flat_config(CONFIG)})
    for images_seen in (64, 128, 192):
        logger.log_metrics({"images_seen": images_seen, "train/loss": 1 / images_seen}, step=images_seen // 64)
    logger.log_image("samples", Image.fromarray(PICTURE[..., 0]), 200)
    logger.log_image("array", PICTURE, 201)
    for images_seen in (210, 220):
        logger.log_bar("shares", [0.5, 0.25, 0.25], images_seen)
    logger.alert("mode dropped: " + "3" * 60, "220 images: no longer covered: 3")
    logger.finalize("success")
    logger.finish()
    (folder,) = offline_runs(tmp_path)
    return folder


def test_every_row_carries_images_seen(logged):
    rows = wandb_records.history(logged)
    assert [row["images_seen"] for row in rows] == [64, 128, 192, 200, 201, 210, 220]
    assert [row["_step"] for row in rows] == list(range(7))
    assert not any("trainer/global_step" in row for row in rows)
    assert [row["train/loss"] for row in rows if "train/loss" in row] == [1 / 64, 1 / 128, 1 / 192]


def test_every_chart_is_drawn_over_images_seen(logged):
    axis, everything = wandb_records.of_type(logged, "metric")
    assert (axis.name, axis.options.hidden) == ("images_seen", True)
    assert (everything.glob_name, everything.step_metric) == ("*", "images_seen")


def test_run_says_what_it_is(logged):
    run = wandb_records.of_type(logged, "run")[0]
    assert (run.run_id, run.display_name, run.project, run.run_group, run.job_type) == (
        "first-1", "first", "gannorm", "study", "train",
    )  # fmt: skip
    assert list(run.tags) == ["g:batch", "x" * 64]
    (exit_record,) = wandb_records.of_type(logged, "exit")
    assert exit_record.exit_code == 0


def test_runs_can_be_grouped_by_norm(logged):
    config = wandb_records.config(logged)
    grouped = {"norm_g": "batch", "weight_norm_g": "none", "norm_d": "group", "weight_norm_d": "spectral", "seed": 3}
    assert grouped.items() <= config.items()
    assert config["model"] == CONFIG["model"]
    assert config["seed_everything"] == 3


def test_pictures_are_in_the_run(logged):
    rows = wandb_records.history(logged)
    for key in ("samples", "array"):
        (row,) = [row for row in rows if f"{key}._type" in row]
        assert (row[f"{key}._type"], row[f"{key}.width"], row[f"{key}.height"]) == ("image-file", 28, 28)
        saved = np.asarray(Image.open(logged / "files" / row[f"{key}.path"]))
        assert np.array_equal(saved, PICTURE[..., 0])


def test_bars_are_a_histogram_each_time(logged):
    bars = [row for row in wandb_records.history(logged) if row.get("shares._type") == "histogram"]
    assert [row["images_seen"] for row in bars] == [210, 220]
    assert all(row["shares.values"] == [0.5, 0.25, 0.25] for row in bars)
    assert all(row["shares.bins"] == [-0.5, 0.5, 1.5, 2.5] for row in bars)
    assert not (logged.parent / "artifacts").exists()


def test_alert_is_recorded(logged):
    (alert,) = wandb_records.of_type(logged, "alert")
    assert alert.title == ("mode dropped: " + "3" * 60)[:64]
    assert (alert.text, alert.level) == ("220 images: no longer covered: 3", "WARN")


def test_reader_crosses_blocks_and_stops_at_a_torn_end(tmp_path):
    logger = WandbLogger(tmp_path)
    for images_seen in range(1, 300):
        logger.log_metrics({"images_seen": images_seen, "text": "x" * 997})
    logger.finish()
    (folder,) = offline_runs(tmp_path)
    assert [row["images_seen"] for row in wandb_records.history(folder)] == list(range(1, 300))
    (path,) = folder.glob("run-*.wandb")
    path.write_bytes(path.read_bytes()[:100_000])
    left = [record.history for record in wandb_records.read(path) if record.HasField("history")]
    images_seen = [wandb_records.row_of(row)["images_seen"] for row in left]
    assert images_seen == list(range(1, len(left) + 1))
    assert 10 < len(left) < 150


def test_disabled_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    logger = WandbLogger(tmp_path / "run")
    logger.log_hyperparams({**CONFIG, **flat_config(CONFIG)})
    logger.log_metrics({"images_seen": 1, "a": 2.0})
    logger.log_image("samples", PICTURE, 1)
    logger.log_bar("shares", [1.0], 1)
    logger.alert("title", "text")
    logger.finalize("success")
    logger.finish()
    assert logger.url is None
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_made_before_the_first_use(tmp_path):
    logger = WandbLogger(tmp_path / "run", name="x")
    logger.finalize("success")
    logger.finish()
    assert list(tmp_path.iterdir()) == []


class Module(pl.LightningModule):
    """Somebody's module, logging Lightning's way."""

    def __init__(self):
        super().__init__()
        self.save_hyperparameters({"generator": {"norm": "group"}})
        self.layer = torch.nn.Linear(1, 1)
        self.images_seen = 0

    def training_step(self, batch, _):
        self.images_seen += len(batch)
        self.log_dict({"loss": 1.0, "images_seen": float(self.images_seen)})
        return self.layer(batch).mean()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def trainer(folder, loggers):
    options = {"enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
    return pl.Trainer(
        max_epochs=2,
        accelerator="cpu",
        devices=1,
        default_root_dir=folder,
        logger=loggers,
        log_every_n_steps=1,
        **options,
    )


@pytest.mark.filterwarnings("ignore:.*does not have many workers")
@pytest.mark.filterwarnings("ignore:.*treespec, LeafSpec")
def test_an_ordinary_logger_of_lightning(tmp_path):
    loggers = [CSVLogger(tmp_path, name="csv"), WandbLogger(tmp_path)]
    trainer(tmp_path, loggers).fit(Module(), torch.utils.data.DataLoader(torch.ones(8, 1), batch_size=4))
    loggers[1].finish()
    (folder,) = offline_runs(tmp_path)
    rows = [row for row in wandb_records.history(folder) if "loss" in row]
    assert [row["images_seen"] for row in rows] == [4, 8, 12, 16]
    assert not any("trainer/global_step" in row for row in rows)
    assert wandb_records.config(folder)["generator"]["norm"] == "group"


def test_a_failed_run_says_so(tmp_path):
    logger = WandbLogger(tmp_path)
    logger.log_metrics({"images_seen": 1})
    logger.finalize("failed")
    (folder,) = offline_runs(tmp_path)
    (exit_record,) = wandb_records.of_type(folder, "exit")
    assert exit_record.exit_code == 1


def test_same_id_makes_a_second_folder(tmp_path):
    for images_seen in (1, 2):
        logger = WandbLogger(tmp_path, id="a/b")
        logger.log_metrics({"images_seen": images_seen})
        logger.finish()
        if images_seen == 1:  # wandb names folders by the second
            (first,) = offline_runs(tmp_path)
            first.rename(first.with_name("offline-run-20200101_000000-a-b"))
    folders = offline_runs(tmp_path)
    assert [wandb_records.history(folder)[0]["images_seen"] for folder in folders] == [1, 2]
    assert {wandb_records.of_type(folder, "run")[0].run_id for folder in folders} == {"a-b"}


def test_two_runs_of_one_process_stay_apart(tmp_path):
    loggers = [WandbLogger(tmp_path / name, id=name) for name in "ab"]
    for images_seen in (1, 2):
        for logger in loggers:
            logger.log_metrics({"images_seen": images_seen, logger.version: 1.0})
    for logger, name in zip(loggers, "ab", strict=True):
        logger.finish()
        (folder,) = offline_runs(tmp_path / name)
        rows = wandb_records.history(folder)
        assert [set(row) & {"a", "b"} for row in rows] == [{name}] * 2


def test_logger_can_be_sent_to_another_process(tmp_path):
    logger = WandbLogger(tmp_path, id="a")
    logger.log_metrics({"images_seen": 1})
    for again in (pickle.loads(pickle.dumps(logger)), copy.deepcopy(logger)):
        assert again.version == "a"
        assert again._experiment is None
    logger.finish()


def test_only_bytes_are_pictures(tmp_path):
    with pytest.raises(ValueError, match="image has dtype float64; a picture needs uint8"):
        WandbLogger(tmp_path).log_image("samples", np.zeros((2, 2, 3)), 1)
    assert tracking.to_picture(np.zeros((2, 3, 3), np.uint8)).mode == "RGB"
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A user without any settings of W&B."""
    for name in ("WANDB_MODE", "WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    wandb.teardown()
    return tmp_path


def test_offline_without_an_account(home):
    assert mode() == "offline"


def test_online_when_logged_in(home, monkeypatch):
    (home / "netrc").write_text(f"machine 127.0.0.1:9\n  login user\n  password {'x' * 40}\n")
    assert mode() == "online"
    for asked in ("offline", "disabled", "online"):
        monkeypatch.setenv("WANDB_MODE", asked)
        assert mode() == asked
    monkeypatch.delenv("WANDB_MODE")
    (home / "netrc").unlink()
    assert mode() == "offline"
    monkeypatch.setenv("WANDB_API_KEY", "x" * 40)
    assert mode() == "online"


@pytest.mark.parametrize("chosen", ["offline", "disabled"])
def test_choice_made_on_the_command_line_holds(home, monkeypatch, chosen):
    (home / "config").mkdir()
    (home / "config" / "settings").write_text(f"[default]\nmode = {chosen}\n")
    monkeypatch.setenv("WANDB_API_KEY", "x" * 40)
    assert mode() == chosen


def test_no_such_mode(monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "onlin")
    with pytest.raises(ValueError, match="WANDB_MODE='onlin' is none of online, offline, disabled"):
        mode()


def test_goes_on_offline_where_no_server_answers(home, monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "x" * 40)
    monkeypatch.setattr(tracking, "INIT_TIMEOUT", 1.0)
    logger = WandbLogger(home / "run", id="a")
    with pytest.warns(UserWarning, match="W&B cannot be reached .*; the run goes on offline") as warned:
        logger.log_metrics({"images_seen": 64, "loss": 1.0})
    assert [str(warning.message).count("\n") for warning in warned] == [0]
    logger.log_metrics({"images_seen": 128, "loss": 1.0})
    logger.finish()
    assert logger.url is None
    (folder,) = offline_runs(home / "run")
    assert [row["images_seen"] for row in wandb_records.history(folder)] == [64, 128]


@pytest.fixture
def server(home, monkeypatch):
    """A server of W&B's protocol, and a user who is logged in to it."""
    monkeypatch.setenv("WANDB_API_KEY", "x" * 40)
    with wandb_server.serving() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        wandb.teardown()
        yield server
        wandb.teardown()


def log_something(logger):
    logger.log_hyperparams(CONFIG)
    logger.log_metrics({"images_seen": 64, "loss": 0.5})
    logger.log_image("samples", PICTURE, 128)
    logger.log_bar("shares", [0.5, 0.25, 0.25], 192)
    logger.alert("mode dropped", "3 is no longer covered")


def check_arrived(run):
    assert [row["images_seen"] for row in run.history] == [64, 128, 192]
    assert run.history[0]["loss"] == 0.5
    assert np.array_equal(
        np.asarray(Image.open(io.BytesIO(run.files[run.history[1]["samples"]["path"]]))), PICTURE[..., 0]
    )
    assert run.history[2]["shares"]["values"] == [0.5, 0.25, 0.25]
    assert run.config["model"] == CONFIG["model"]
    assert (run.fields["displayName"], run.fields["groupName"], run.exit_code) == ("first", "study", 0)


def test_online_a_server_has_it_all_while_the_run_is_going_on(server, tmp_path):
    assert mode() == "online"
    logger = WandbLogger(tmp_path / "run", name="first", id="a", group="study")
    log_something(logger)
    assert logger.url == f"{server.url}/{wandb_server.ENTITY}/gannorm/runs/a"
    logger.finish()
    check_arrived(server.runs["a"])
    assert [told["title"] for told in server.alerts] == ["mode dropped"]
    assert offline_runs(tmp_path / "run") == []


def test_an_offline_run_is_sent_later(server, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    logger = WandbLogger(tmp_path / "run", name="first", id="a", group="study")
    log_something(logger)
    logger.finish()
    assert not server.seen
    (folder,) = offline_runs(tmp_path / "run")
    monkeypatch.delenv("WANDB_MODE")
    program = shutil.which("wandb") or str(Path(sys.executable).with_name("wandb"))
    subprocess.run([program, "sync", str(folder)], check=True, capture_output=True, cwd=tmp_path, timeout=120)
    check_arrived(server.runs["a"])


def test_a_resumed_run_goes_on_where_it_was(server, tmp_path):
    for images_seen in (64, 128):
        logger = WandbLogger(tmp_path / "run", id="a")
        logger.log_metrics({"images_seen": images_seen})
        logger.finish()
    assert [row["images_seen"] for row in server.runs["a"].history] == [64, 128]
    assert [row["_step"] for row in server.runs["a"].history] == [0, 1]


def test_a_run_is_not_lost_where_wandb_fails_at_the_end(tmp_path):
    class Dead:
        def finish(self, exit_code):
            raise ConnectionResetError(exit_code)

    logger = WandbLogger(tmp_path)
    logger._experiment = Dead()
    with pytest.warns(UserWarning, match="W&B did not end well .ConnectionResetError: 0"):
        logger.finish()
    logger.finish()


def stop_answering(server):
    server.shutdown()
    server.server_close()


def kill_core(_):
    """Kill wandb's own process, as the system does where memory is out."""
    for process in tracking.services():
        process.kill()
        process.wait()


def stop_core(_):
    """Let wandb's own process hang without dying; what asks to be answered may be."""
    for process in tracking.services():
        process.send_signal(signal.SIGSTOP)
    return True


NOTHING_IS_SENT = (kill_core, stop_core)  # what wandb had not written is in metrics.csv alone
FAULTS = {  # from the start, after so many rows; what is said
    "the key is refused": (wandb_server.refusing_the_key, {}, "W&B cannot be reached .*401"),
    "no answer": (wandb_server.silent, {}, "W&B cannot be reached"),
    "late answers": (wandb_server.slow, {}, "W&B cannot be reached"),
    "the server goes away": (
        None,
        {50: stop_answering},
        r"W&B was still sending after \d seconds; `wandb sync .*/run-",
    ),
    "the server says no more": (
        None,
        {50: lambda server: setattr(server, "trouble", wandb_server.silent)},
        "W&B was still",
    ),
    "wandb's process is killed": (None, {50: kill_core}, "W&B fails .*the run goes on without it"),
    "wandb's process hangs at the start": (stop_core, {}, r"W&B cannot be reached \(no answer within"),
    "wandb's process hangs in mid-run": (None, {50: stop_core}, r"W&B fails \(TimeoutError: no answer within"),
    "wandb's process hangs at the end": (None, {100: stop_core}, r"W&B did not end well \(TimeoutError"),
}
QUICK = ("the key is refused", "wandb's process is killed", "wandb's process hangs in mid-run")


def logged_with(logger, server, later):
    """Log a hundred rows, of a size that no pipe holds back, and end; return how long all of it has taken."""
    import wandb.sdk.wandb_run  # so that its import is not counted  # noqa: F401

    spent = 0.0
    for number in range(1, 101):
        start = time.monotonic()
        logger.log_metrics({"images_seen": number, "text": "x" * 10_000})
        logger.log_image("samples", PICTURE, number)
        spent += time.monotonic() - start
        if number in later:
            later[number](server)
    start = time.monotonic()
    logger.finish()
    return spent + time.monotonic() - start


@pytest.mark.parametrize(
    "fault", [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in FAULTS if name not in QUICK)]
)
def test_a_run_waits_no_longer_than_ten_seconds_and_loses_nothing_whatever_wandb_does(server, tmp_path, fault):
    server.trouble, later, words = FAULTS[fault]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        spent = logged_with(WandbLogger(tmp_path / "run", id="a"), server, later)
    assert spent < 10, f"{spent:.1f} s"
    told = [str(warning.message) for warning in caught if "W&B" in str(warning.message)]
    assert re.match(words, told[0])
    if not set(later.values()) & set(NOTHING_IS_SENT):
        rows = max((wandb_records.rows_written(folder) for folder in (tmp_path / "run").glob("wandb/*run-*")), key=len)
        assert sorted({row["images_seen"] for row in rows}) == list(range(1, 101))


@pytest.mark.slow
def test_importing_does_not_import_wandb():
    code = "import sys; import gannorm.tracking, gannorm.losses; sys.exit('wandb' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.slow
def test_reader_agrees_with_wandb(logged):
    program = shutil.which("wandb") or str(Path(sys.executable).with_name("wandb"))
    shown = subprocess.run(
        [program, "leet", "inspect", "--json", str(logged)], check=True, capture_output=True, text=True
    )
    lines = [json.loads(line) for line in shown.stdout.splitlines()]
    theirs = [line["history"]["item"] for line in lines if line["type"] == "history"]
    ours = wandb_records.history(logged)
    assert [{key: row[key] for key in row if key in other} for row, other in zip(ours, theirs, strict=True)] == theirs
    assert len([line for line in lines if line["type"] == "alert"]) == len(wandb_records.of_type(logged, "alert")) == 1

"""One run in several processes: two of gloo on the CPU do what one does, and none outlives another."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.strategies import DDPStrategy
from torch import multiprocessing
from torch.utils.data import DataLoader

from gannorm import norms
from gannorm.gan import ManualDDP
from gannorm.gan.ranks import Ranks
from gannorm.training.errors import ConfigError
from gannorm.training.preparation import check_shares
from gannorm.training.processes import Processes, free_port
from tests import tiny
from tests.test_training import tiny_run

SHAPE, BATCH = (1, 28, 28), 16
ON_A_GPU = {"sync_batch"}  # torch has it for CUDA only
WITHOUT_A_BATCH = [  # nothing here has to do with more than one sample, or one pack of them
    *({"norm": norm} for norm in ("group", "layer", "instance")),
    {"packing": 2},
    {"updates": "simultaneous"},
    {"fakes": "fresh", "generator_steps": 2},
    {"penalties": {"name": "r1", "interval": 2}},
]


def gan(**options):
    """Small image networks in float64, so that only the order of sums differs."""
    return tiny.image_gan(**options).double()


def batches_for(model, steps):
    """Return batches that are the same in each process."""
    return tiny.image_batches(model, steps, BATCH, torch.float64)


def train(model, batches, strategy="auto", devices=1):
    """Train on these batches, which each process is given."""
    model.prepare(batches[0])
    several = {"devices": devices, "strategy": strategy, "precision": "64-true", "use_distributed_sampler": False}
    tiny.fit(model, DataLoader(batches, batch_size=None), **several)
    return model


def in_two(rank, port, folder, cases, steps):
    """Train each case as one of two processes, and keep what it ends with."""
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), LOCAL_RANK=str(rank), NODE_RANK="0")
    torch.set_num_threads(1)
    for number, options in enumerate(cases):
        model = gan(**options)
        train(model, batches_for(model, steps), ManualDDP(), devices=2)
        means = model.take_means()
        torch.save(
            {"state": model.state_dict(), "means": means, "seen": model.images_seen}, folder / f"{number}-{rank}"
        )
    (folder / f"different-{rank}").write_text(refusal(gan(), torch.full((BATCH, *SHAPE), rank / 2).double()))
    torch.distributed.destroy_process_group()


def refusal(model, batch):
    """Return why this process cannot train with the others on a batch of its own."""
    try:
        train(model, [batch], ManualDDP(), devices=2)
    except ValueError as error:
        return str(error)
    return ""


def ends_of(folder, cases, steps):
    """Return for each case what both processes end with."""
    multiprocessing.spawn(in_two, (free_port(), folder, cases, steps), nprocs=2)
    return [[torch.load(folder / f"{number}-{rank}") for rank in range(2)] for number in range(len(cases))]


def test_two_processes_take_the_steps_of_one(tmp_path):
    for options, both in zip(WITHOUT_A_BATCH, ends_of(tmp_path, WITHOUT_A_BATCH, steps=6), strict=True):
        alone = gan(**options)
        train(alone, batches_for(alone, 6))
        means = alone.take_means()
        for end in both:
            assert end["seen"] == alone.images_seen == 6 * BATCH
            assert end["means"] == pytest.approx(means, rel=1e-6)
            for name, value in alone.state_dict().items():
                torch.testing.assert_close(end["state"][name], value, rtol=1e-6, atol=1e-9, msg=f"{options}: {name}")
    for rank in range(2):
        assert "the 2 processes were given different batches" in (tmp_path / f"different-{rank}").read_text()


@pytest.mark.slow
def test_both_processes_have_the_same_networks_after_200_steps_with_every_norm(tmp_path):
    cases = [{"norm": norm} for norm in norms.names() if norm not in ON_A_GPU]
    cases += [{"remedies": "mode_seeking"}, {"remedies": "instance_noise", "penalties": "wgan_gp"}]
    for options, (first, second) in zip(cases, ends_of(tmp_path, cases, steps=200), strict=True):
        different = [name for name, value in first["state"].items() if not torch.equal(value, second["state"][name])]
        assert not different, options


def test_a_share_is_a_part_of_each_batch_and_of_each_pack():
    with pytest.raises(ConfigError, match="batch_size=10 is not shared evenly by 4 processes; a multiple of 4 is"):
        check_shares(20, packing=2, num_processes=4)
    check_shares(16, packing=2, num_processes=4)
    check_shares(None, packing=1, num_processes=3)  # anybody's data may not say


def test_batch_norm_that_is_synchronized_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="norm 'sync_batch' in 2 processes: one of them looks at samples alone"):
        tiny_run(tmp_path, **{"trainer.devices": 2, "trainer.accelerator": "cpu", "model.generator.norm": "sync_batch"})
    assert not list(tmp_path.iterdir())


def test_a_batch_that_cannot_be_shared_is_refused_by_all(tmp_path):
    Ranks(0, 2).check_shares(8, packing=2)
    for rank in range(2):
        with pytest.raises(ValueError, match=r"a batch of 9 samples is not shared evenly by 2 processes; .* of 4"):
            Ranks(rank, 2).check_shares(9, packing=2)


SLURM = {"SLURM_NTASKS": "2", "SLURM_NTASKS_PER_NODE": "2", "SLURM_JOB_NAME": "gan"}
SLURM |= {"SLURM_PROCID": "1", "SLURM_LOCALID": "1", "SLURM_NODEID": "0"}


@pytest.mark.parametrize(
    ("variables", "devices", "external", "rank"),
    [
        ({}, 2, False, 0),
        ({"LOCAL_RANK": "1"}, 2, False, 0),  # left over of something else
        ({"LOCAL_RANK": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}, 2, True, 1),
        (SLURM, 2, True, 1),
        (SLURM, 1, False, 0),  # each task is a run of its own
        (SLURM | {"SLURM_NTASKS": "1"}, 2, False, 0),
    ],
)
def test_who_has_started_the_processes(monkeypatch, variables, devices, external, rank):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    processes = Processes(devices, 1)
    processes.part()
    assert (processes.external, processes.rank, processes.size) == (external, rank, devices)


def test_other_numbers_of_processes_are_refused(monkeypatch):
    with pytest.raises(ConfigError, match="nobody has started the processes of the other machines"):
        Processes(1, 2)
    for name, value in SLURM.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=r"SLURM has started 2 processes, and .* is 4"):
        Processes(4, 1)
    monkeypatch.delenv("SLURM_NTASKS_PER_NODE")
    with pytest.raises(ConfigError, match="Use `--ntasks-per-node=2` instead"):
        Processes(2, 1)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ConfigError, match=r"torchrun has started 2 processes, and .* is 1"):
        Processes(1, 1)


def test_another_strategy_is_refused():
    model = gan()
    model.trainer = pl.Trainer(accelerator="cpu", devices=2, strategy=DDPStrategy(), logger=False)
    with pytest.raises(ValueError, match="DDPStrategy: it expects one backward pass"):
        model.setup("fit")


@pytest.mark.slow
def test_a_signal_stops_both_after_the_same_step_and_the_run_goes_on_bit_for_bit(tmp_path):
    ends = []
    for name, signalled in (("whole", False), ("stopped", True)):
        process = start(tmp_path, name=name, images=25_600)
        wait_for(tmp_path / name)
        if signalled:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=120)
        assert process.returncode == (143 if signalled else 0)
    again = start(tmp_path, name="stopped", images=25_600, resume=True)
    assert (again.communicate(timeout=120), again.returncode)[1] == 0
    for name in ("whole", "stopped"):
        (folder,) = (tmp_path / name).iterdir()
        weights = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
        ends.append((weights, (folder / "metrics.csv").read_text()))
    assert tiny.same_state(ends[0][0], ends[1][0])
    assert ends[0][1] == ends[1][1]


def wait_for(folder):
    """Wait until a run has written its first figures."""
    deadline = time.monotonic() + 120
    while not list(folder.glob("*/metrics.csv")) and time.monotonic() < deadline:
        time.sleep(0.2)


def start(folder, **overrides):
    """Start a tiny run of two processes as a user does."""
    options = {**tiny.TINY_RUN, "trainer.devices": 2, "trainer.accelerator": "cpu", "name": "two", **overrides}
    arguments = [f"--{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in options.items()]
    command = [sys.executable, "-m", "gannorm", "train", "--folder", str(folder), *arguments]
    environment = os.environ | {"WANDB_MODE": "disabled", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_a_run_of_two_processes_is_one_run(tmp_path):
    process = start(tmp_path, **{"model.generator.norm": "layer"})
    out, err = process.communicate(timeout=180)
    assert process.returncode == 0, err
    (folder,) = (tmp_path / "two").iterdir()
    results = json.loads((folder / "results.json").read_text())
    assert (results["processes"], results["samples_per_process"], results["images_seen"]) == (2, 32, 640)
    alone = tiny_run(tmp_path, name="one", **{"model.generator.norm": "layer"})
    assert out.count("modes") == 2  # each look is said once
    assert results["d_steps"] == alone["d_steps"]
    both, one = ((next((tmp_path / name).iterdir()) / "metrics.csv").read_text() for name in ("two", "one"))
    for row, other in zip(csv.DictReader(io.StringIO(both)), csv.DictReader(io.StringIO(one)), strict=True):
        assert row.keys() == other.keys()
        for key in row:
            if key.startswith(("train/", "coverage/")) and row[key] not in ("", "True", "False"):
                assert float(row[key]) == pytest.approx(float(other[key]), rel=1e-3, abs=1e-3), key


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_no_process_outlives_another_that_was_killed(tmp_path, rank):
    process = start(tmp_path, images=10_000_000)
    wait_for(tmp_path / "two")
    listing = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True)
    child = int(listing.stdout.split()[0])
    os.kill(process.pid if rank == 0 else child, signal.SIGKILL)
    _, err = process.communicate(timeout=30)  # until both have closed their ends
    assert process.returncode == (-signal.SIGKILL if rank == 0 else 1)
    assert ("process 1 of 2 ended with SIGKILL" if rank == 1 else "process 1 of 2 cannot go on: ") in err

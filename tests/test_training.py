"""Whole runs, in process: the run folder, resuming, configurations, networks on their own."""

import csv
import json
import os
import re
import shutil
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
import yaml
from torch import nn

import gannorm
from gannorm import callbacks
from gannorm.data import MNIST
from gannorm.gan import GAN
from gannorm.gan.fitting import check_fit
from gannorm.training import ConfigError, RunFolderError, run
from gannorm.training.flat_config import flat_config
from gannorm.training.parser import Configuration, arguments_of
from gannorm.training.run import Run
from gannorm.training.run_folder import check_disk, identity
from gannorm.training.saving import load
from tests import tiny

CONFIGS = sorted(Path("configs").glob("*.yaml"))  # those of papers are longer: test_reproduction.py


@pytest.fixture(autouse=True)
def _no_wandb(monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")


def tiny_run(folder, **overrides):
    return gannorm.train(None, **{**tiny.TINY_RUN, "folder": str(folder), "quiet": True, **overrides})


def folder_of(results, folder):
    return folder / results["name"] / results["id"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_MODE", "disabled")
        results = tiny_run(folder)
    return results, folder_of(results, folder)


def test_a_run_folder_explains_itself(finished):
    results, folder = finished
    assert json.loads((folder / "results.json").read_text()) == results
    assert {path.name for path in folder.iterdir()} == {
        *("config.yaml", "results.json", "metrics.csv", "events.jsonl", "report.html"),
        *("samples", "checkpoints", "generator", "discriminator", "judge.json", "run.lock"),
    }
    assert {path.name for path in (folder / "checkpoints").iterdir()} == {"last.ckpt", "previous.ckpt", "best.ckpt"}
    assert results["status"] == "finished"
    assert results["images_seen"] == 640
    assert results["d_steps"] == results["g_steps"] == 10
    assert results["generator"]["norm"]["name"] == "batch"
    assert results["discriminator"]["norm"] == {"name": "layer", "eps": 1e-05, "affine": True}
    assert results["discriminator"]["weight_norm"] is None
    assert results["evaluation"]["num_samples"] == 128
    assert results["evaluation"]["generator"] == "averaged"
    assert results["evaluation"]["statistics"] == "standing"
    assert results["evaluation_raw"]["generator"] == "raw"
    assert results["real"]["covered_modes"] == 10
    assert results["real"]["high_quality"] == pytest.approx(0.99, abs=0.005)
    assert results["seconds"] > results["evaluation_seconds"] > 0


def test_metrics_have_one_row_for_each_moment(finished):
    rows = list(csv.DictReader((finished[1] / "metrics.csv").read_text().splitlines()))
    moments = [int(row["images_seen"]) for row in rows]
    assert moments == sorted(set(moments))
    assert set(moments) == {128, 256, 320, 384, 512, 640}
    by_moment = {int(row["images_seen"]): row for row in rows}
    assert by_moment[320]["coverage/covered_modes"]
    assert by_moment[640]["coverage/covered_modes"]
    assert by_moment[640]["train/discriminator_loss"]
    assert by_moment[128]["train/generator_loss"]
    assert not by_moment[128]["coverage/covered_modes"]


def test_the_same_command_again_prints_the_result_and_fresh_starts_beside_it(finished, tmp_path):
    results, folder = finished
    copy = tmp_path / results["name"] / results["id"]
    shutil.copytree(folder, copy)
    again = run(arguments_of(None, {**tiny.TINY_RUN, "folder": str(tmp_path), "quiet": True}))
    assert again.was_finished
    assert again.results == results
    beside = tiny_run(tmp_path, fresh=True)
    assert beside["id"] == f"{results['id']}-2"
    assert weights(tmp_path / "mnist" / beside["id"]) == weights(folder)


def weights(folder):
    return {name: (folder / name / "model.safetensors").read_bytes() for name in ("generator", "discriminator")}


def test_the_resolved_config_gives_the_same_run(finished, tmp_path):
    results, folder = finished
    again = gannorm.train(folder / "config.yaml", folder=str(tmp_path), quiet=True)
    assert again["id"] == results["id"]
    assert weights(folder_of(again, tmp_path)) == weights(folder)
    assert comparable(again) == comparable(results)


def comparable(results):
    return {key: value for key, value in results.items() if "seconds" not in key and "per_second" not in key}


class StopAfter(pl.Callback):
    """Ends the process's work in the middle of a run, as a user's Ctrl-C does."""

    def __init__(self, images):
        self.images = images

    def on_train_batch_end(self, trainer, module, *_):
        if module.images_seen == self.images:
            interrupts = next(c for c in trainer.callbacks if isinstance(c, callbacks.Interrupts))
            interrupts.receive(2, None)


def interrupted(folder, monkeypatch, images, **overrides):
    with monkeypatch.context() as patch:
        original = Configuration.trainer_with

        def trainer_with(self, loggers, own):
            return original(self, loggers, [StopAfter(images), *own])

        patch.setattr(Configuration, "trainer_with", trainer_with)
        return tiny_run(folder, **overrides)


def test_what_an_attempt_before_came_to_is_forgotten_when_a_run_goes_on(tmp_path, monkeypatch):
    interrupted(tmp_path, monkeypatch, 64)
    seen, fit = [], Run.fit
    monkeypatch.setattr(Run, "fit", lambda self: seen.append(self.folder.results()) or fit(self))
    assert tiny_run(tmp_path, resume=True)["status"] == "finished"
    assert seen == [None]


def test_a_generators_own_folder_loads_as_a_hub_has_it(finished, tmp_path):
    shutil.copytree(finished[1] / "generator", tmp_path / "from a hub")
    mine, theirs = gannorm.load(tmp_path / "from a hub"), gannorm.load(finished[1])
    assert all(torch.equal(a, b) for a, b in zip(mine.parameters(), theirs.parameters(), strict=True))


@pytest.mark.parametrize("images", [64, 320, 448])
def test_resumed_in_the_middle_of_an_epoch_equals_uninterrupted(finished, tmp_path, monkeypatch, images):
    results, folder = finished
    first = interrupted(tmp_path, monkeypatch, images)
    assert first["status"] == "stopped"
    assert first["reason"] == "SIGINT"
    assert "evaluation" not in first
    resumed = tiny_run(tmp_path, resume=True)
    mine = folder_of(resumed, tmp_path)
    assert comparable(resumed) == comparable(results)
    assert weights(mine) == weights(folder)
    assert (mine / "metrics.csv").read_text() == (folder / "metrics.csv").read_text()
    assert (mine / "events.jsonl").read_text() == (folder / "events.jsonl").read_text()
    one, other = (torch.load(f / "checkpoints" / "last.ckpt", weights_only=True) for f in (mine, folder))
    assert tiny.same_state(one["state_dict"], other["state_dict"])
    assert resumed["seconds"] > first["seconds"]


def mlp(kind, norm):
    arguments = {"hidden": [16], "norm": norm, "norm_at": "all" if kind == "Discriminator" else "inner"}
    return {"class_path": f"gannorm.networks.MLP{kind}", "init_args": arguments}


@pytest.mark.parametrize("norm", ["virtual_batch", "batch_renorm", {"name": "ghost_batch", "ghost_size": 16}])
def test_a_run_with_norms_that_remember_more_resumes_and_loads_too(tmp_path, monkeypatch, norm):
    overrides = {f"model.{kind.lower()}": mlp(kind, norm) for kind in ("Generator", "Discriminator")}
    whole = tiny_run(tmp_path / "whole", **overrides)
    interrupted(tmp_path / "parts", monkeypatch, 320, **overrides)
    resumed = tiny_run(tmp_path / "parts", resume=True, **overrides)
    assert comparable(resumed) == comparable(whole)
    folder, other = folder_of(whole, tmp_path / "whole"), folder_of(resumed, tmp_path / "parts")
    assert weights(folder) == weights(other)
    images = load(folder)(torch.zeros(3, 64))
    assert load(folder, "discriminator")(images).shape == (3,)


def test_a_run_with_every_kind_of_option_resumes_in_the_middle_of_a_round(tmp_path, monkeypatch):
    overrides = {
        "model.discriminator": {"class_path": "MLPDiscriminator", "init_args": {"hidden": [16], "packing": 2}},
        "model.penalties": [{"name": "r1", "interval": 2, "strength": {"start": 1.0, "end": 0.1}}, "weight_clipping"],
        "model.remedies": ["diff_augment", "instance_noise", "mode_seeking"],
        "model.discriminator_steps": 2,
        "model.generator_rate": {"start": 1e-3, "end": 0.0, "shape": "cosine"},
        "model.discriminator_optimizer": "torch.optim.RMSprop",
    }
    whole = tiny_run(tmp_path / "whole", **overrides)
    assert interrupted(tmp_path / "parts", monkeypatch, 384, **overrides)["d_steps"] == 3
    resumed = tiny_run(tmp_path / "parts", resume=True, **overrides)
    assert comparable(resumed) == comparable(whole)
    folders = folder_of(whole, tmp_path / "whole"), folder_of(resumed, tmp_path / "parts")
    assert weights(folders[0]) == weights(folders[1])
    assert folders[0].joinpath("metrics.csv").read_text() == folders[1].joinpath("metrics.csv").read_text()
    assert (whole["images_seen"], whole["d_steps"], whole["g_steps"]) == (640, 5, 2)


def test_a_run_with_packs_takes_as_many_steps_or_as_many_images(tmp_path):
    packs = {"model.discriminator": {"class_path": "MLPDiscriminator", "init_args": {"hidden": [16], "packing": 2}}}
    counted = {
        compare_at: tiny_run(tmp_path, **packs, compare_at=compare_at, images=256) for compare_at in ("images", "steps")
    }
    assert {key: (run["images_seen"], run["d_steps"]) for key, run in counted.items()} == {
        "images": (256, 2),
        "steps": (512, 4),
    }


def test_a_run_that_was_killed_after_its_last_checkpoint_resumes_to_the_same_end(finished, tmp_path):
    results, folder = finished
    killed = tmp_path / results["name"] / results["id"]
    shutil.copytree(folder, killed)
    (killed / "results.json").unlink()
    shutil.copy(folder / "checkpoints" / "best.ckpt", killed / "checkpoints" / "last.ckpt")
    resumed = tiny_run(tmp_path, resume=True)
    assert comparable(resumed) == comparable(results)
    assert weights(killed) == weights(folder)
    assert (killed / "metrics.csv").read_text() == (folder / "metrics.csv").read_text()


def test_damaged_files_of_a_run_are_named(finished, tmp_path):
    results, folder = finished
    mine = tmp_path / results["name"] / results["id"]
    shutil.copytree(folder, mine)
    (mine / "results.json").unlink()
    for name in ("last.ckpt", "previous.ckpt"):
        (mine / "checkpoints" / name).write_bytes(b"no checkpoint")
    with pytest.raises(RunFolderError, match=r"last\.ckpt is damaged; put .*best\.ckpt in its place"):
        tiny_run(tmp_path, resume=True)
    (mine / "generator" / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(RunFolderError, match=r"model\.safetensors is missing or damaged"):
        gannorm.load(mine)


def cut_off(content):
    return content[:10_000]


def turned(content):
    middle = len(content) // 2
    return content[:middle] + bytes(byte ^ 255 for byte in content[middle : middle + 8]) + content[middle + 8 :]


@pytest.mark.parametrize("damage", [cut_off, turned])
def test_a_damaged_last_checkpoint_falls_back_to_the_one_before(finished, tmp_path, capsys, damage):
    results, folder = finished
    mine = tmp_path / results["name"] / results["id"]
    shutil.copytree(folder, mine)
    (mine / "results.json").unlink()
    last = mine / "checkpoints" / "last.ckpt"
    last.write_bytes(damage(last.read_bytes()))
    assert comparable(tiny_run(tmp_path, resume=True)) == comparable(results)
    told = capsys.readouterr().err
    assert "last.ckpt is damaged" in told
    assert "the run goes on from the one before, at 320 images" in told
    assert weights(mine) == weights(folder)
    assert (mine / "metrics.csv").read_text() == (folder / "metrics.csv").read_text()


def test_a_kept_checkpoint_is_there_before_the_one_that_says_so(tmp_path, monkeypatch):
    killed = KeyError("killed")
    replace = os.replace

    def stop_before_the_last_step(source, target):
        if Path(target).name == "last.ckpt":
            raise killed
        replace(source, target)

    monkeypatch.setattr(os, "replace", stop_before_the_last_step)
    with pytest.raises(RuntimeError, match="killed"):
        tiny_run(tmp_path)
    (folder,) = tmp_path.glob("mnist/*/checkpoints")
    assert {path.name for path in folder.iterdir()} == {"next.ckpt", "best.ckpt"}
    assert torch.load(folder / "next.ckpt", weights_only=True)["callbacks"]["Checkpoints"]["best"] is not None


def test_a_moved_run_can_be_resumed(tmp_path, monkeypatch, finished):
    interrupted(tmp_path, monkeypatch, 64)
    (path,) = (tmp_path / "mnist").iterdir()
    moved = path.rename(tmp_path / "moved")
    assert gannorm.train(None, resume=str(moved), quiet=True)["status"] == "finished"
    assert weights(moved) == weights(finished[1])


@pytest.mark.parametrize("statistics", ["running", "batch", "standing"])
def test_results_say_which_statistics_were_used(tmp_path, statistics):
    results = tiny_run(tmp_path, **{"model.statistics": statistics, "images": 64, "evaluation.every_images": 0})
    assert results["evaluation_raw"]["statistics"] == statistics
    assert results["evaluation"]["statistics"] == {"running": "standing"}.get(statistics, statistics)


def test_an_unfinished_run_is_not_started_over(tmp_path, monkeypatch):
    interrupted(tmp_path, monkeypatch, 64)
    with pytest.raises(RunFolderError, match=r"is not finished; go on with --resume, or start beside it with --fresh"):
        tiny_run(tmp_path)
    path = next((tmp_path / "mnist").iterdir())
    by_path = gannorm.train(None, resume=str(path), quiet=True)
    assert by_path["status"] == "finished"
    assert by_path["id"] == path.name


def test_resume_before_the_first_checkpoint_starts_from_the_beginning(tmp_path, finished):
    results, folder = finished
    empty = tmp_path / results["name"] / results["id"]
    empty.mkdir(parents=True)
    shutil.copy(folder / "config.yaml", empty)
    assert comparable(tiny_run(tmp_path, resume=True)) == comparable(results)


def test_a_generator_loads_in_two_lines_and_makes_what_was_evaluated(finished):
    _, folder = finished
    generator = gannorm.load(folder)
    images = generator(torch.zeros(3, generator.latent_dim))
    assert images.shape == (3, 1, 28, 28)
    assert not generator.training
    discriminator = load(folder, "discriminator")
    assert discriminator(images).shape == (3,)
    checkpoint = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    assert torch.equal(discriminator.logit.weight, checkpoint["discriminator.logit.weight"])
    name = "blocks.0.layer.weight"
    assert torch.equal(generator.get_parameter(name), checkpoint[f"averaged.network.{name}"])
    with pytest.raises(RunFolderError, match="no run folder"):
        gannorm.load(folder / "samples")


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_config_builds_and_says_little(path):
    configuration = Configuration([f"--config={path}"])
    gan, data = configuration.build()
    check_fit(gan, data.image_shape)
    lines = [line for line in path.read_text().splitlines() if line.strip() and not line.strip().startswith("#")]
    assert len(lines) <= 12


def test_another_class_has_its_own_defaults(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text("model: {discriminator: {class_path: gannorm.networks.SNGANDiscriminator}}\n")
    arguments = [f"--config={path}", "--model.generator=StridedGenerator", "--model.generator.latent_dim=50"]
    model = Configuration(arguments).plain()["model"]
    discriminator, generator = (model[key]["init_args"] for key in ("discriminator", "generator"))
    assert (discriminator["weight_norm"], discriminator["norm"]) == ("spectral", None)
    assert (generator["latent_dim"], generator["latent"], generator["channels"]) == (50, "uniform", 3)


def test_the_default_config_is_the_code():
    plain = Configuration(["--config=configs/mnist.yaml"]).plain()
    default = Configuration([]).plain()
    assert identity(plain) == identity(default)
    assert yaml.safe_load(Path("configs/mnist.yaml").read_text()) == {"name": "mnist"}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, {}),
        ({"generator": {"norm": None}}, {"norm_g": "none"}),
        ({"generator": {"norm": {"class_path": "torch.nn.BatchNorm2d"}}}, {"norm_g": "torch.nn.BatchNorm2d"}),
        ({"model": {"discriminator": {"init_args": {"weight_norm": "spectral"}}}}, {"weight_norm_d": "spectral"}),
    ],
    ids=str,
)
def test_what_runs_are_grouped_by(config, expected):
    assert flat_config(config) == expected


def test_identity_is_of_what_is_computed():
    def of(**overrides):
        return identity(Configuration(arguments_of(None, overrides)).plain())

    assert of() == of(name="other", folder="elsewhere", quiet=True, fresh=True) == of(**{"trainer.logger": False})
    assert of() == of(**{"model.cuda_graph": True})  # it takes the same steps
    assert len({of(), of(images=640), of(seed_everything=1), of(**{"model.generator.norm": "group"})}) == 4


SYNC = "sync_batch"
INSTANCE = {"model.discriminator.norm": "instance"}
BACKWARDS = {"start": 1.0, "end": 0.5, "begin": 0.5, "until": 100}
R1_EVERY_2, R2_EVERY_3 = {"name": "r1", "interval": 2}, {"name": "r2", "interval": 3}
POINTS = {
    "data": {"class_path": "gannorm.data.Mixture"},
    "model.generator": {"class_path": "gannorm.networks.MLPGenerator", "init_args": {"shape": [2]}},
    "model.discriminator": {"class_path": "gannorm.networks.MLPDiscriminator", "init_args": {"shape": [2]}},
}


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"model.generator.norm": "bach"}, "no norm is called 'bach'.*'batch'.*instance, .*group, layer"),
        ({"model.generator.norm": {"name": "group", "groups": 8}}, "'groups'"),
        ({"model.generator.norm": {"name": "group", "num_groups": 7}}, "7.*1, 2, 3, 4, 6, 8"),
        ({"model.discriminator": "MLPDiscriminator", "model.discriminator.norm": "instance"}, "'instance': dims=0"),
        ({"imges": 3}, "unknown option 'imges'; did you mean 'images'"),
        ({"images": "many"}, "images.*int.*many"),
        ({"images": 0}, "images=0"),
        ({"minutes": -1}, "minutes=-1"),
        ({"evaluation.final_samples": 0}, "evaluation.final_samples=0"),
        ({"model.generator_rate": -1}, "generator_rate=-1"),
        ({"model.betas": [0.5]}, "betas="),
        ({"seed_everything": True}, "seed_everything=True"),
        ({"resume": True, "fresh": True}, "--resume and --fresh exclude each other"),
        ({"trainer.callbacks": "pytorch_lightning.callbacks.ModelCheckpoint"}, "ModelCheckpoint"),
        ({"trainer.max_steps": 3}, "max_steps has no effect here: .*--images"),
        ({"trainer.gradient_clip_val": 1}, "gradient_clip_val has no effect"),
        ({"optimizer": "Adam"}, "optimizer has no effect"),
        ({"lr_scheduler": "StepLR"}, "lr_scheduler has no effect"),
        ({"model.loss": "hinj"}, "no loss is called 'hinj'"),
        ({"model.loss": {"name": "hinge", "label_smoothing": 0.1}}, "hinge.*label_smoothing"),
        ({"model.penalties": "r3"}, "no penalty is called 'r3'"),
        ({"model.penalties": {"name": "r1", "interval": 0}}, "interval=0"),
        ({"model.penalties": "r1", "model.discriminator.norm": "batch"}, "N01 discriminator.*'r1'.*--allow N01"),
        ({"model.penalties": "wgan_gp", "model.discriminator.norm": SYNC}, "N01 .*couples the samples"),
        ({"model.penalties": "weight_clipping", "model.discriminator.weight_norm": "spectral"}, "contradict each"),
        ({"model.penalties": [R1_EVERY_2, R2_EVERY_3]}, r"intervals \[2, 3\].*one interval"),
        ({"model.remedies": {"name": "unrolling", "steps": 0}}, "unrolling of 0 steps is no unrolling"),
        ({"model.remedies": "packing"}, "set model.discriminator.packing"),
        ({"model.remedies": "unrolling", "model.discriminator_optimizer": "torch.optim.RMSprop"}, "RMSprop"),
        ({"model.remedies": "unrolling", "model.updates": "simultaneous"}, "needs updates='alternating'"),
        ({"model.remedies": "unrolling", "model.penalties": "r1", **INSTANCE}, "third derivative through penalty 'r1'"),
        ({"model.remedies": "diff_augment", **POINTS}, "diff_augment.*images"),
        ({"model.discriminator.packing": 0}, "packing=0"),
        ({"model.discriminator_optimizer": "torch.nn.Linear"}, "is no torch.optim.Optimizer"),
        ({"model.discriminator_optimizer": "torch.optim.LBFGS"}, "'torch.optim.LBFGS' cannot take a step here"),
        ({"model.generator_optimizer": "torch.optim.SparseAdam"}, "'torch.optim.SparseAdam' cannot take a step here"),
        ({"model.generator_optimizer": {"class_path": 3}}, "3 is no import path"),
        ({"model.generator_optimizer": {"class_path": "torch.optim.SGD", "init_args": [1]}}, r"init_args=\[1\] are no"),
        ({"model.generator_rate": {"start": 1.0}}, "generator_rate: .*needs start and end"),
        ({"model.generator_rate": BACKWARDS}, "until comes before begin in a run of 320000 images"),
        ({"model.penalties": {"name": "r1", "strength": BACKWARDS}}, "until comes before begin"),
        ({"model.remedies": {"name": "instance_noise", "std": BACKWARDS}}, "until comes before begin"),
        ({"model.penalties": {"name": "r1", "interval": 30}, "images": 640}, "interval.*=30, and the run has 10 steps"),
        ({"model.discriminator_steps": 30, "images": 640}, "discriminator_steps=30, and the run has 10 steps"),
        ({"model.discriminator.packing": 2000}, "packing=2000 takes 64000 samples a batch; there are fewer"),
        ({"model.generator.latent_dim": 0}, "latent_dim=0"),
        ({"model.generator": {"class_path": "MLPGenerator", "init_args": {"hidden": [4, 0]}}}, r"hidden=\[4, 0\]"),
        ({"model.generator.size": 30}, "size=30 .* nearest is"),
        ({"model.generator.size": 32}, r"\(1, 32, 32\).*\(1, 28, 28\)"),
        ({"data.folder": "no/such/folder"}, "no/such/folder"),
        ({"data.batch_size": 0}, "batch_size=0"),
        ({"resume": "no/such/run"}, "no/such/run is no run folder"),
        ({"model.generator.widht": 8}, "unknown option 'widht'; did you mean 'width'"),
        ({"trainer.precision": "16-mixed"}, "precision"),
    ],
    ids=str,
)  # fmt: skip
def test_bad_input_is_one_line_and_leaves_no_folder(tmp_path, overrides, words):
    with pytest.raises(ValueError, match=r"(?s).*") as error:
        gannorm.train(None, **{"folder": str(tmp_path), "quiet": True, **overrides})
    message = str(error.value)
    assert len(message) < 400
    assert "\n" not in message
    assert re.search(words, message), message
    assert not list(tmp_path.iterdir())


def test_a_config_file_with_an_unknown_key(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text("model:\n  generator_rte: 0.1\n")
    with pytest.raises(ConfigError, match="generator_rte"):
        gannorm.train(path, folder=str(tmp_path / "runs"))
    with pytest.raises(ConfigError, match=r"no/such\.yaml"):
        gannorm.train("no/such.yaml")


def test_a_full_disk_is_seen_before_the_first_step(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(RunFolderError, match=r"0 MiB free and this run needs \d+; make room"):
        tiny_run(tmp_path)
    assert not list(tmp_path.iterdir())
    monkeypatch.undo()
    check_disk(gannorm.training.run_folder.RunFolder(tmp_path / "a" / "b"), 1000)


def test_a_loss_that_is_no_number_fails_the_run_and_says_so(tmp_path):
    with pytest.raises(ArithmeticError, match="is nan after 320 images"):
        tiny_run(tmp_path, log_every_images=320, **{"model.loss": "tests.test_callbacks.NotANumber"})
    results = json.loads(next(tmp_path.glob("mnist/*/results.json")).read_text())
    assert results["status"] == "failed"
    assert "NotFiniteError" in results["reason"]


PAIR = {
    "model.generator": {"class_path": "tests.test_training.MyGenerator", "init_args": {"units": 12}},
    "model.discriminator": {"class_path": "tests.test_training.MyDiscriminator"},
    "model.loss": "tests.test_gan.Hinge",
}


class MyGenerator(nn.Module):
    """A user's own network, by class path in YAML."""

    def __init__(self, units: int = 8):
        super().__init__()
        self.latent_dim = 4
        self.body = nn.Sequential(nn.Linear(4, units), nn.ReLU(), nn.Linear(units, 784), nn.Tanh())

    def forward(self, z):
        return self.body(z).view(-1, 1, 28, 28)


class MyDiscriminator(pl.LightningModule):
    """A LightningModule that saves no hyperparameters."""

    def __init__(self):
        super().__init__()
        self.body = nn.Linear(784, 1)

    def forward(self, x):
        return self.body(x.flatten(1)).squeeze(1)


def test_anybodys_networks_by_class_path_train_and_load_again(tmp_path):
    results = tiny_run(tmp_path, **{key: value for key, value in tiny.TINY_RUN.items() if "model" not in key}, **PAIR)
    assert results["status"] == "finished"
    assert results["generator"] == {"parameters": 12 * 5 + 784 * 13}
    folder = folder_of(results, tmp_path)
    assert isinstance(gannorm.load(folder), MyGenerator)
    assert isinstance(load(folder, "discriminator"), MyDiscriminator)


def test_objects_from_python_in_a_trainer_of_ones_own():
    gan = GAN(generator=MyGenerator(), discriminator=MyDiscriminator())
    coverage = callbacks.ModeCoverage(every_images=128, num_samples=32)
    trainer = pl.Trainer(
        accelerator="cpu", max_epochs=1, limit_train_batches=4, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, callbacks=[coverage],
    )  # fmt: skip
    trainer.fit(gan, MNIST(batch_size=64))
    assert coverage.looked_at == 256


def test_data_without_a_judge_trains_and_says_that_modes_are_not_counted(tmp_path, capsys):
    settings = {key: value for key, value in tiny.TINY_RUN.items() if key != "data.batch_size"}
    results = gannorm.train(settings | {"data": "tests.test_training.Unlabelled"}, folder=str(tmp_path), quiet=True)
    assert "data 'unlabelled' has no judge" in capsys.readouterr().err
    assert "evaluation" not in results
    assert results["status"] == "finished"


class Unlabelled(pl.LightningDataModule):
    """A user's own data: an ordinary DataLoader."""

    name = "unlabelled"

    def train_dataloader(self):
        return tiny.loader(20, size=64, shape=(1, 28, 28))

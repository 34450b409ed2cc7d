"""Runs that watch for collapse: what they do about it, what they write, and what they refuse before the first step."""

import json

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from gannorm import callbacks
from gannorm.collapse import STATES
from gannorm.gan import GAN
from gannorm.networks import DCGANDiscriminator, DCGANGenerator, MLPDiscriminator, MLPGenerator
from gannorm.training import ConfigError, run
from gannorm.training.parser import arguments_of
from gannorm.training.summary import next_lines
from tests import tiny
from tests.test_training import comparable, folder_of, interrupted, tiny_run, weights

NOW = {"collapse.thresholds": {"warm_up_images": 0}}
PLAIN = {"class_path": "gannorm.networks.MLPGenerator", "init_args": {"hidden": [16], "latent_dim": 8, "norm": "none"}}
# Its samples stay as alike as they are before the first step: they vary by a third of what digits do.
ALIKE = {"collapse.thresholds": {"warm_up_images": 0, "immature_images": 0, "spread": 0.5}}
COLLAPSED = {**ALIKE, "model.generator_rate": 0.0, "model.generator": PLAIN}


@pytest.fixture(autouse=True)
def _no_wandb(monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")


@pytest.fixture(scope="module")
def collapsed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("collapsed")
    options = {
        **tiny.TINY_RUN,
        "folder": str(folder),
        "quiet": True,
        **COLLAPSED,
        "collapse.reactions": ["log", "stop"],
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_MODE", "disabled")
        return run(arguments_of(None, options))


def test_a_run_that_collapses_ends_with_exit_code_3_at_its_first_look(collapsed):
    assert collapsed.exit_code == 3
    assert (collapsed.results["status"], collapsed.results["images_seen"]) == ("stopped", 320)
    assert collapsed.results["reason"] == "collapse: total at 320 images"
    assert [event["state"] for event in collapsed.results["events"]] == ["total"]
    assert "evaluation" not in collapsed.results
    assert "post-mortem.md" in " ".join(next_lines(collapsed))


def test_its_post_mortem_says_what_happened_when_and_what_is_left(collapsed):
    text = (collapsed.folder.path / "post-mortem.md").read_text()
    for part in (
        "collapse: total at 320 images",
        "detected at 320",
        STATES["total"].meaning,
        "samples/000000320.png",
        "last.ckpt",
        "MLPGenerator",
        "What to try",
        "| 320 | total |",
    ):
        assert part in text, part
    facts = json.loads((collapsed.folder.path / "post-mortem.json").read_text())
    assert facts["moments"]["onset"] == facts["moments"]["first_detection"] == 320
    assert facts["moments"]["lead"] is None
    assert (collapsed.folder.path / facts["sheets"]["after"]).exists()
    assert len(facts["looks"]) == 1


def test_all_it_did_stays_when_it_is_only_logged(tmp_path):
    results = tiny_run(tmp_path, **COLLAPSED)
    folder = folder_of(results, tmp_path)
    assert results["status"] == "finished"
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    assert events == results["events"]
    header, *_ = (folder / "metrics.csv").read_text().splitlines()
    assert {"collapse/state", "collapse/severity", "signals/fake_gradient"} <= set(header.split(","))
    assert not (folder / "post-mortem.md").exists()


def test_checkpoints_are_kept_looks_come_more_often_and_a_resumed_run_is_the_same(tmp_path, monkeypatch):
    options = {**COLLAPSED, "collapse.reactions": ["log", "keep", "look_more"]}
    whole = tiny_run(tmp_path / "whole", **options)
    folder = folder_of(whole, tmp_path / "whole")
    assert [path.name for path in sorted((folder / "samples").iterdir())] == [
        f"{images:09d}.png"
        for images in (320, 448, 512, 576, 640)  # 80 instead of 320 images from look to look
    ]
    assert not (folder / "checkpoints" / "last-healthy.ckpt").exists()
    interrupted(tmp_path / "parts", monkeypatch, 448, **options)
    resumed = tiny_run(tmp_path / "parts", resume=True, **options)
    other = folder_of(resumed, tmp_path / "parts")
    assert comparable(resumed) == comparable(whole)
    assert weights(folder) == weights(other)
    assert (folder / "metrics.csv").read_text() == (other / "metrics.csv").read_text()
    assert (folder / "events.jsonl").read_text() == (other / "events.jsonl").read_text()


def test_the_best_coverage_is_what_fresh_noise_says_of_it(tmp_path, monkeypatch):
    begin = callbacks.KeptCheckpoints.__init__

    def with_any(self, *arguments):
        begin(self, *arguments)
        self.best_effective = -1.0  # so that a run of no accepted sample has a best look too

    monkeypatch.setattr(callbacks.KeptCheckpoints, "__init__", with_any)
    results = tiny_run(tmp_path, **NOW, **{"collapse.reactions": ["keep"], "evaluation.every_images": 128})
    folder = folder_of(results, tmp_path) / "checkpoints"
    best = json.loads((folder / "best-coverage.json").read_text())
    saved = torch.load(folder / "best-coverage.ckpt", weights_only=True)
    assert saved["gannorm_gan"]["images_seen"] == best["images_seen"]


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"collapse.thresholds": {"partial": 1.4}}, "partial=1.4: a share between 0 and 1"),
        ({"collapse.thresholds": {"partal": 0.5}}, "did you mean 'partial'"),
        ({"collapse.reactions": ["stap"]}, "did you mean 'stop'"),
        ({"collapse.reactions": ["alert"]}, "alert cannot be done; Weights & Biases is off"),
        ({"collapse.reactions": ["stop"], "evaluation.every_images": 0}, "stop cannot be done; nobody looks"),
        ({"collapse.reactions": ["keep"], "data.shares": [1] * 9 + [0]}, "keep needs a judge"),
        ({"collapse.stop_at": "sever"}, "did you mean 'severe'"),
        ({"collapse.stop_at": "imbalance"}, "none of never healthy, intra-mode, mode dropped"),
        ({"collapse.look_more_often": 1}, "at least 2 times as often"),
        ({"evaluation.cells": -1}, "evaluation.cells=-1 is negative"),
    ],
)
def test_what_a_run_cannot_do_is_refused_before_anything_is_written(tmp_path, options, word):
    with pytest.raises(ConfigError, match=word):
        tiny_run(tmp_path / "runs", **options)
    assert not (tmp_path / "runs").exists()


def test_an_alert_is_sent_once_for_each_change_of_state(tmp_path, monkeypatch):
    sent = []
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setattr("gannorm.tracking.WandbLogger.alert", lambda _, title, text: sent.append((title, text)))
    results = tiny_run(tmp_path, **COLLAPSED, **{"collapse.reactions": ["alert"]})
    assert [title for title, _ in sent] == [event["state"] for event in results["events"]] == ["total"]


def test_unlabelled_data_are_watched_with_cells(tmp_path):
    options = {"data.shares": [1] * 9 + [0], "evaluation.cells": 8, **COLLAPSED, "collapse.reactions": ["stop"]}
    results = tiny_run(tmp_path, **options)
    assert results["reason"] == "collapse: total at 320 images"


def pairs():
    torch.manual_seed(0)
    generator, discriminator = DCGANGenerator(width=2, latent_dim=4), DCGANDiscriminator(width=2, norm="batch")
    yield GAN(generator, discriminator)
    yield GAN(DCGANGenerator(width=2), DCGANDiscriminator(width=2, packing=2, minibatch="stddev"))
    yield GAN(
        DCGANGenerator(width=2, latent_dim=4, num_classes=10),
        DCGANDiscriminator(width=2, num_classes=10, weight_norm="spectral"),
    )
    shape = {"shape": (1, 28, 28), "hidden": (8,)}
    yield GAN(MLPGenerator(**shape), MLPDiscriminator(**shape), updates="simultaneous", fakes="shared")


@pytest.mark.parametrize("number", range(4))
def test_signals_of_every_kind_of_pair_are_numbers_and_leave_no_trace(number):
    def trained(*watching):
        gan = list(pairs())[number]
        torch.manual_seed(1)
        images = torch.cat(tiny.batches(4, shape=(1, 28, 28)))
        labels = (torch.arange(len(images)) % 10,) if gan.num_classes else ()
        tiny.fit(gan, DataLoader(TensorDataset(images, *labels), batch_size=8), *watching)
        return gan

    signals = callbacks.Signals(8)
    watched = trained(signals)
    assert tiny.same_state(watched.state_dict(), trained().state_dict())
    costly = signals.costly(watched)
    assert {"fake_gradient", "steepness", "logit_gap", "feature_deviation"} <= set(signals.latest)
    assert 0 < costly["discriminator_rank"] <= 1
    assert costly["feature_rank"] > 0
    assert all(torch.isfinite(torch.tensor(value)) for value in signals.latest.values())

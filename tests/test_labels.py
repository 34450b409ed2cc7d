"""Labels on their way: asked for when sampling, in the loop's surroundings, judged, in a run's results and commands."""

import csv
import json
import re

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from torch import nn
from torch.utils.data import TensorDataset

import gannorm
from gannorm import cli, norms, rng
from gannorm.data import MNIST, Mixture
from gannorm.data.module import Images
from gannorm.evaluation import evaluate, look, score
from gannorm.gan import GAN
from gannorm.gan.labels import check_classes
from gannorm.judges import CellJudge, DigitJudge, MixtureJudge
from gannorm.metrics import AskedFor, asked_for
from gannorm.networks import MLPDiscriminator, MLPGenerator
from gannorm.sampling import ConditionalSampler, LabelledSample, sampler
from gannorm.scorecard import measure
from gannorm.sources import open_source
from gannorm.training.saving import load, load_sampler
from tests import tiny
from tests.reference import metrics as reference
from tests.test_scorecard import thinned
from tests.test_training import comparable, folder_of, interrupted, tiny_run, weights

DIGITS, LABELS = MNIST().held_out()
RING = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])


class Ring(nn.Module):
    """A conditional generator that makes points of a ring of three, right or turned by one place."""

    latent_dim = 2

    def __init__(self, turned=0, num_classes=3):
        super().__init__()
        self.turned, self.num_classes = turned, num_classes

    def forward(self, z, labels):
        return RING[(labels + self.turned) % 3] + 0.001 * z


class RealDigits:
    """Real digits of the class that is asked for: a perfect conditional generator; or of another one."""

    num_classes = 10

    def __init__(self, made_of=lambda label: label):
        self.made_of = made_of

    def __call__(self, num, rng):
        return self.labelled(num, rng)[0]

    def labelled(self, num, rng):
        labels = torch.randint(10, (num,), generator=rng)
        made = [self.one(self.made_of(label), rng) for label in labels.tolist()]
        return DIGITS[torch.tensor(made)], labels

    @staticmethod
    def one(digit, rng):
        of_digit = (digit == LABELS).nonzero().squeeze(1)
        return int(of_digit[torch.randint(len(of_digit), (1,), generator=rng)])


def pair(norm="batch", d_norm=None, **options):
    torch.manual_seed(0)
    generator = MLPGenerator(shape=(2,), hidden=(16,), latent_dim=4, norm=norm, num_classes=8)
    discriminator = MLPDiscriminator(shape=(2,), hidden=(16,), norm=d_norm, num_classes=8)
    return GAN(generator, discriminator, **options)


def test_classes_are_asked_for_as_often_as_the_generator_says():
    generator = Ring()
    draw = sampler(generator)
    assert isinstance(draw, ConditionalSampler)
    assert isinstance(draw, LabelledSample)
    images, labels = draw.labelled(3000, rng.generator(1))
    assert torch.equal(images, draw(3000, rng.generator(1)))
    assert torch.equal(labels, draw.asked(3000, rng.generator(1)))
    assert (images - RING[labels]).abs().max() < 0.01
    assert labels.bincount() / 3000 == pytest.approx(torch.full((3,), 1 / 3), abs=0.03)
    generator.class_shares = [0.7, 0.3, 0.0]
    assert sampler(generator).asked(3000, rng.generator(1)).bincount(minlength=3)[1:].tolist() == pytest.approx(
        [900, 0], abs=80
    )


def test_one_class_is_asked_for():
    generator = Ring()
    images, labels = sampler(generator).labelled(5, rng.generator(0), label=2)
    assert labels.tolist() == [2] * 5
    assert (images - RING[2]).abs().max() < 0.01
    with pytest.raises(ValueError, match="label 3: the generator has classes 0 to 2"):
        sampler(generator).labelled(5, rng.generator(0), label=3)
    generator.class_shares = [0.5, 0.0, 0.5]
    with pytest.raises(ValueError, match=r"label 1: .* trained on no sample of this class"):
        sampler(generator).labelled(5, rng.generator(0), label=1)


def test_with_batch_statistics_one_class_is_taken_out_of_whole_batches_of_all():
    network = pair().generator.eval()
    draw = sampler(network, "batch", batch_size=16)
    stream = rng.generator(0)
    whole = [draw.labelled(16, stream) for _ in range(12)]
    images, labels = (torch.cat(parts) for parts in zip(*whole, strict=True))
    ones = draw.labelled(9, rng.generator(0), label=5)[0]
    assert torch.equal(ones, images[labels == 5][:9])
    assert torch.equal(draw.labelled(5, rng.generator(0))[0], images[:5])


@pytest.mark.parametrize("statistics", ["running", "standing", "batch"])
@pytest.mark.parametrize("norm", ["batch", "virtual_batch", "none"])
def test_a_conditional_gan_trains_on_a_datamodule_and_is_sampled(norm, statistics):
    data = Mixture(preset="ring/pacgan", weights=[3.0] + [1.0] * 7, batch_size=16, seed=0)
    gan = pair(norm=norm, d_norm=norm if norm == "virtual_batch" else None, statistics=statistics)
    if gan.needs_data():
        gan.prepare(next(iter(data.train_dataloader())))
    tiny.fit(gan, data, limit_train_batches=6)
    assert gan.generator.class_shares == gan.averaged.network.class_shares == pytest.approx([0.3] + [0.1] * 7)
    before = gan.state_dict()
    for which in ("raw", "averaged"):
        points, labels = gan.sample(which).labelled(20, rng.generator(0))
        assert points.shape == (20, 2)
        assert torch.equal(points, gan.sample(which)(20, rng.generator(0)))
        assert labels.max() < 8
    assert tiny.same_state(before, gan.state_dict())


def test_standing_statistics_are_of_labels_as_frequent_as_in_training():
    gan = pair(ema_half_life=0, statistics="standing")
    gan.generator.class_shares = [0.0] * 7 + [1.0]
    norm = next(m for m in gan.snapshot("raw").modules() if isinstance(m, norms.ConditionalNorm))
    plain = next(m for m in norm.modules() if getattr(m, "running_mean", None) is not None)
    labels = torch.full((100_000,), 7)
    layer = gan.generator.blocks[0].layer
    z = torch.randn(len(labels), 4, generator=rng.generator(0))
    assert plain.running_mean == pytest.approx(layer(z).mean(0).detach(), abs=0.05)


def test_a_perfect_an_ignorant_and_a_collapsed_generator():
    num_classes, num = 10, 20_000
    stream = rng.generator(0)
    labels, other = (torch.randint(num_classes, (num,), generator=stream) for _ in range(2))
    every = torch.ones(num, dtype=torch.bool)

    def figures(modes, are_modes=every):
        metric = AskedFor(num_classes)
        for part in (slice(0, 7), slice(7, None)):
            metric.update(modes[part], are_modes[part], labels[part])
        return metric.compute()

    collapsed = figures(torch.full((num,), 3))
    assert collapsed["asked_for"] == pytest.approx(0.1, abs=0.01)
    assert collapsed["asked_for_by_class"] == [0.0] * 3 + [1.0] + [0.0] * 6
    perfect = figures(labels)
    assert perfect["asked_for"] == perfect["asked_for_all"] == perfect["asked_for_high"] == 1.0
    assert perfect["asked_for_low"] > 0.999
    ignorant = figures(other)
    assert ignorant["asked_for_low"] < 0.1 < ignorant["asked_for_high"]
    half = figures(labels, torch.rand(num, generator=stream) < 0.5)
    assert half["asked_for"] == 1.0
    assert half["asked_for_all"] == pytest.approx(0.5, abs=0.02)
    nothing = figures(labels, ~every)
    assert (nothing["asked_for"], nothing["asked_for_all"]) == (None, 0.0)
    assert nothing["asked_for_by_class"] == [None] * 10


def test_it_is_what_plain_loops_count():
    stream = rng.generator(2)
    modes, labels = (torch.randint(4, (300,), generator=stream) for _ in range(2))
    accepted = torch.rand(300, generator=stream) < 0.6
    metric = AskedFor(4)
    metric.update(modes, accepted, labels)
    expected = reference.asked_for(modes.tolist(), accepted.tolist(), labels.tolist(), 4)
    assert {name: metric.compute()[name] for name in expected} == expected


def test_what_cannot_be_counted_is_refused():
    three = torch.tensor([3, 3])
    with pytest.raises(ValueError, match="right ≤ accepted ≤ asked"):
        asked_for(three, three, three - 1)
    with pytest.raises(ValueError, match="at least one sample"):
        asked_for(three * 0, three * 0, three * 0)
    with pytest.raises(ValueError, match="labels has 2; with num_classes=2"):
        AskedFor(2).update(torch.tensor([0]), torch.tensor([True]), torch.tensor([2]))
    with pytest.raises(ValueError, match="1 labels for 2 samples"):
        AskedFor(2).update(torch.tensor([0, 1]), torch.tensor([True, True]), torch.tensor([1]))


def test_a_look_says_how_often_the_digit_came():
    perfect = evaluate(RealDigits(), num_samples=600)
    assert perfect["asked_for"] > 0.99
    assert perfect["asked_for_ceiling"] > 0.995
    collapsed = evaluate(RealDigits(lambda label: 4), num_samples=600)
    assert collapsed["asked_for"] == pytest.approx(0.1, abs=0.05)
    turned = evaluate(RealDigits(lambda label: (label + 1) % 10), num_samples=600)
    assert turned["asked_for"] < 0.01
    assert turned["covered_modes"] == 10
    assert "asked_for" not in evaluate(lambda num, rng: DIGITS[:num], num_samples=20)


def test_modules_streams_and_judges_of_something_else():
    judge = MixtureJudge(RING, 0.01)
    options = {"num_samples": 50, "seed": 0}
    right = look(Ring(), judge, **options)
    assert right.metrics["asked_for"] == 1.0
    assert right.metrics["asked_for_ceiling"] is None
    assert look(Ring(turned=1), judge, **options).metrics["asked_for"] == 0.0
    points, labels = sampler(Ring()).labelled(50, rng.generator(0))
    streamed = score(points.split(7), judge, labels=labels).figures
    assert streamed["asked_for"] == 1.0
    with pytest.raises(ValueError, match="labels for"):
        score(points.split(7), judge, labels=labels[:-1])
    cells = CellJudge(RING.repeat(200, 1) + 0.01 * torch.randn(600, 2, generator=rng.generator(0)), num_cells=3)
    assert cells.num_modes == 3
    assert "asked_for" not in look(Ring(), cells, **options).metrics
    assert "asked_for" not in look(Ring(num_classes=2), judge, **options).metrics


CONDITIONAL = {
    f"model.{role.lower()}": {
        "class_path": f"gannorm.networks.MLP{role}", "init_args": {"hidden": [16], "num_classes": 10, **more}
    }
    for role, more in (("Generator", {"latent_dim": 8}), ("Discriminator", {}))
}  # fmt: skip
SHARES = [0.5, *[1.0] * 8, 2.0]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("labels")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_MODE", "disabled")
        results = tiny_run(folder, **CONDITIONAL, **{"data.shares": SHARES})
    return results, folder_of(results, folder)


def test_a_run_says_how_often_the_class_came(finished):
    results, folder = finished
    for key in ("evaluation", "evaluation_raw"):
        found = json.loads((folder / "results.json").read_text())[key]
        assert {"asked_for", "asked_for_low", "asked_for_all", "asked_for_by_class", "asked_for_ceiling"} <= set(found)
    assert "asked_for" not in results["real"]
    columns = next(csv.reader((folder / "metrics.csv").read_text().splitlines()))
    assert {"coverage/asked_for_all", "final/asked_for_all"} <= set(columns)


def test_what_is_loaded_asks_for_classes_as_often_as_training_had_them(finished):
    _, folder = finished
    expected = MNIST(shares=SHARES).prior
    assert load(folder).class_shares == pytest.approx(expected.tolist())
    draw = load_sampler(folder)
    labels = draw.asked(4000, rng.generator(0))
    assert labels.bincount(minlength=10) / 4000 == pytest.approx(expected, abs=0.03)
    assert not hasattr(load(folder, "discriminator"), "class_shares")


def test_sources_of_a_run_and_of_its_checkpoint_know_their_labels(finished):
    _, folder = finished
    draw, stream = load_sampler(folder), rng.generator(3, "evaluation", "evaluation")
    expected = [draw.labelled(num, stream) for num in (512, 88)]
    for path in (folder, folder / "checkpoints" / "last.ckpt"):
        source = open_source(path, expected_shape=(1, 28, 28))
        assert source.num_classes == 10
        assert torch.equal(torch.cat(list(source.chunks(600, seed=3))), torch.cat([images for images, _ in expected]))
        assert torch.equal(source.labels(600, 3), torch.cat([labels for _, labels in expected]))


def test_evaluate_finds_what_the_run_found(finished, monkeypatch, capsys):
    results, folder = finished
    full = measure.reference_of
    monkeypatch.setattr(measure, "reference_of", lambda data, judge: thinned(full(data, judge)))
    assert cli.main(["evaluate", str(folder), "--number=128", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)["evaluation"]
    assert {name: figures[name] for name in figures if name.startswith("asked_for")} == {
        name: value for name, value in results["evaluation"].items() if name.startswith("asked_for")
    }


def test_sample_takes_a_label(finished, tmp_path, capsys):
    _, folder = finished
    draw = ["sample", str(folder), "--number=20", f"--output={tmp_path}/x.npz"]
    assert cli.main(draw) == 0
    with np.load(tmp_path / "x.npz") as file:
        assert len(set(file["labels"].tolist())) > 3
    assert cli.main([*draw, "--label=3"]) == 0
    with np.load(tmp_path / "x.npz") as file:
        assert file["labels"].tolist() == [3] * 20
    capsys.readouterr()
    assert cli.main([*draw, "--label=10"]) == 2
    assert capsys.readouterr().err == "gannorm: label 10: the generator has classes 0 to 9\n"


def test_a_label_is_refused_where_there_are_no_classes(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    results = tiny_run(tmp_path, images=64, **{"evaluation.every_images": 0, "evaluation.final_samples": 8})
    folder = folder_of(results, tmp_path)
    assert "asked_for" not in results["evaluation"]
    assert cli.main(["sample", str(folder), "--label=3", f"--output={tmp_path}/x.npz"]) == 2
    assert re.fullmatch(r"gannorm: --label 3: the generator of \S+ has no classes; .*\n", capsys.readouterr().err)


def test_a_resumed_run_equals_one_that_never_stopped(finished, tmp_path, monkeypatch):
    results, folder = finished
    monkeypatch.setenv("WANDB_MODE", "disabled")
    options = {**CONDITIONAL, "data.shares": SHARES}
    interrupted(tmp_path, monkeypatch, 448, **options)
    resumed = tiny_run(tmp_path, resume=True, **options)
    assert comparable(resumed) == comparable(results)
    assert weights(folder_of(resumed, tmp_path)) == weights(folder)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"model.discriminator.init_args.num_classes": 0}, "the generator has num_classes=10, the discriminator 0"),
        (dict.fromkeys(("model.generator.init_args.num_classes", "model.discriminator.init_args.num_classes"), 7),
         "num_classes=7: data 'mnist' have 10 classes; give both networks 10"),
        ({"data": {"class_path": "tests.test_training.Unlabelled"}}, "num_classes=10: no labels from 0 to 9"),
    ],
    ids=["one network", "too few", "no labels"],
)  # fmt: skip
def test_labels_that_do_not_fit_are_one_line_and_leave_no_folder(tmp_path, changed, words):
    plain = {name: value for name, value in tiny.TINY_RUN.items() if name != "data.batch_size"}  # not all data have one
    with pytest.raises(ValueError, match=r"(?s).*") as error:
        gannorm.train(None, **{**plain, **CONDITIONAL, **changed, "folder": str(tmp_path), "quiet": True})
    assert words in str(error.value)
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_data_that_do_not_say_how_many_classes_they_have_are_looked_at():
    images, labels = torch.zeros(8, 1, 2, 2), torch.arange(8) % 3
    state = torch.get_rng_state()
    check_classes(3, Images(TensorDataset(images, labels), batch_size=8, seed=0))
    check_classes(0, Images(TensorDataset(images), batch_size=8, seed=0))
    for data, num_classes in ((TensorDataset(images, labels), 2), (TensorDataset(images), 3)):
        with pytest.raises(ValueError, match="no labels from 0 to"):
            check_classes(num_classes, Images(data, batch_size=8, seed=0))
    assert torch.equal(state, torch.get_rng_state())


def test_frequencies_of_other_classes_are_refused_before_the_first_step():
    with pytest.raises(ValueError, match="num_classes=8 and the data's prior has 10 numbers"):
        tiny.fit(pair(), MNIST(batch_size=16))


def test_a_trainer_of_ones_own_with_a_loader_asks_for_all_alike():
    gan = pair()
    loader = Mixture(preset="ring/pacgan", batch_size=16, seed=0).train_dataloader()
    tiny.fit(gan, loader, limit_train_batches=2)
    assert gan.generator.class_shares is None
    assert isinstance(gan, pl.LightningModule)
    assert gan.sample().asked(800, rng.generator(0)).bincount(minlength=8).min() > 60


def test_the_judge_of_digits_says_what_a_perfect_generator_gets():
    judge = DigitJudge()
    labels = LABELS[:2000]
    found = score(DIGITS[:2000].split(500), judge, labels=labels).figures
    assert found["asked_for"] == pytest.approx(found["asked_for_ceiling"], abs=0.003)
    assert gannorm.evaluate is evaluate

import copy
import json
import math
import os
import signal

import pytest
import pytorch_lightning as pl
import torch
from PIL import Image, ImageColor
from torch import nn

from gannorm import callbacks, rng
from gannorm.callbacks.every import EveryImages
from gannorm.callbacks.losses import NotFiniteError
from gannorm.callbacks.reactions import Log, LookMore, Stop
from gannorm.callbacks.sample_grid import grid, picture_of
from gannorm.collapse import Thresholds
from gannorm.evaluation import measured
from gannorm.evaluation.scatter import ACCEPTED, REJECTED
from gannorm.evaluation.sheet import COLUMNS, GAP
from gannorm.gan import GAN
from gannorm.judges import DigitJudge, MixtureJudge
from gannorm.networks import DCGANDiscriminator, DCGANGenerator
from tests import tiny

MNIST_SHAPE = (1, 28, 28)


def image_gan():
    torch.manual_seed(0)
    generator = DCGANGenerator(width=2, latent_dim=4, weight_norm="spectral")
    return GAN(generator, DCGANDiscriminator(width=2, norm="batch", weight_norm="spectral"))


def watchers(folder, every):
    coverage = callbacks.ModeCoverage(every_images=every, num_samples=64)
    return [
        coverage,
        callbacks.SampleGrid(coverage, folder / "samples"),
        callbacks.EventFile(folder / "events.jsonl", coverage),
        callbacks.Losses(folder / "last.ckpt", every),
        callbacks.Checkpoints(folder / "checkpoints", every, coverage),
        callbacks.Interrupts(),
        callbacks.ProgressBar(100, coverage),
    ]


@pytest.mark.parametrize("every", [8, 24])
def test_observers_leave_no_trace(tmp_path, every):
    watched, alone = image_gan(), image_gan()
    torch.manual_seed(5)
    tiny.fit(watched, tiny.loader(9, shape=MNIST_SHAPE), *watchers(tmp_path, every))
    state = torch.get_rng_state()
    torch.manual_seed(5)
    tiny.fit(alone, tiny.loader(9, shape=MNIST_SHAPE))
    assert tiny.same_state(watched.state_dict(), alone.state_dict())
    assert torch.equal(state, torch.get_rng_state())


class Moments(EveryImages):
    def __init__(self, every_images):
        super().__init__(every_images)
        self.moments = []

    def act(self, trainer, module):
        self.moments.append(self.images_seen)


def test_moments_are_counted_in_images():
    moments = Moments(20)
    tiny.fit(tiny.gan(), tiny.loader(9, size=8), moments)
    assert moments.moments == [24, 40, 64]
    with pytest.raises(ValueError, match="every_images=-1"):
        Moments(-1)


class SomebodysGAN(pl.LightningModule):
    """A module that knows nothing of gannorm: automatic optimization, another attribute name, no counters."""

    def __init__(self):
        super().__init__()
        self.netG = nn.Sequential(nn.Linear(4, 784), nn.BatchNorm1d(784), nn.Tanh(), nn.Unflatten(1, MNIST_SHAPE))
        self.netG.latent_dim = 4

    def training_step(self, batch, _):
        return (self.netG(torch.randn(len(batch[0]), 4)) - batch[0]).square().mean()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def make_digits(n, generator):
    return torch.zeros(n, *MNIST_SHAPE) - 0.5 * torch.rand(n, *MNIST_SHAPE, generator=generator)


@pytest.mark.parametrize("generator", ["netG", make_digits])
def test_coverage_in_anybodys_module_leaves_no_trace(generator):
    def run(*watching):
        torch.manual_seed(0)
        module = SomebodysGAN()
        tiny.fit(module, tiny.loader(6, shape=MNIST_SHAPE), *watching)
        return module

    coverage = callbacks.ModeCoverage(generator=generator, every_images=16, num_samples=50)
    watched = run(coverage)
    assert coverage.looked_at == 48
    assert coverage.latest.metrics["num_samples"] == 50
    assert tiny.same_state(watched.state_dict(), run().state_dict())
    assert all(module.training for module in watched.modules())


def test_coverage_without_a_generator_says_what_to_name():
    with pytest.raises(ValueError, match=r"SomebodysGAN is no GAN of gannorm; name its attribute"):
        tiny.fit(SomebodysGAN(), tiny.loader(1, shape=MNIST_SHAPE), callbacks.ModeCoverage(every_images=8))


def real_digits(labels):
    from gannorm.data import MNIST

    digits, truth = MNIST().held_out()
    pool = digits[torch.isin(truth, torch.tensor(labels))]
    return lambda n, generator: pool[torch.randint(len(pool), (n,), generator=generator)]


def watching_digits(generator, *reactions, **options):
    """Return a callback that has looked once, at all digits, and its trainer; nothing is too early for it."""
    coverage = callbacks.ModeCoverage(
        generator=real_digits(range(10)),
        every_images=8,
        num_samples=500,
        thresholds=Thresholds(warm_up_images=0),
        reactions=reactions or (Log(),),
        **options,
    )
    trainer = tiny.fit(SomebodysGAN(), tiny.loader(1, shape=MNIST_SHAPE), coverage)
    coverage.generator = generator
    return coverage, trainer


def look_at(coverage, trainer, images_seen):
    coverage.images_seen = images_seen
    coverage.act(trainer, trainer.lightning_module)


def test_a_lost_mode_is_warned_of_at_the_second_look_and_dated(tmp_path, capsys):
    coverage, trainer = watching_digits(real_digits([0, 1, 2, 3, 4, 5, 6, 8, 9]))
    events = callbacks.EventFile(tmp_path / "events.jsonl", coverage)
    look_at(coverage, trainer, 16)
    assert coverage.events == []
    look_at(coverage, trainer, 24)
    events.on_train_batch_end(trainer, trainer.lightning_module)
    (event,) = coverage.events
    assert (event["images_seen"], event["onset"], event["state"], event["modes"]) == (24, 16, "mode dropped", [7])
    assert [json.loads(line) for line in events.path.read_text().splitlines()] == coverage.events
    screen = capsys.readouterr()
    assert "10/10 modes" in screen.out
    assert "warning: 24 images: mode dropped, since 16: some modes are made no more" in screen.err


def test_a_collapse_is_looked_at_again_with_fresh_noise_and_told_at_once():
    coverage, trainer = watching_digits(real_digits([1]))
    look_at(coverage, trainer, 16)
    assert [event["state"] for event in coverage.events] == ["total"]


def test_one_picture_that_the_judge_rejects_is_a_total_collapse():
    noise = torch.rand(1, *MNIST_SHAPE, generator=rng.generator(0)) * 2 - 1
    coverage, trainer = watching_digits(lambda n, _: noise.repeat(n, 1, 1, 1))
    look_at(coverage, trainer, 16)
    assert [(event["state"], event["statistics"]["spread"]) for event in coverage.events] == [("total", 0.0)]


def test_few_pictures_of_each_digit_are_an_intra_mode_collapse():
    pool = real_digits(range(10))(40, rng.generator(0))
    coverage, trainer = watching_digits(lambda n, g: pool[torch.randint(40, (n,), generator=g)])
    look_at(coverage, trainer, 16)
    look_at(coverage, trainer, 24)
    assert {event["state"] for event in coverage.events} - {"imbalance"} == {"intra-mode"}


def test_looks_come_more_often_while_something_is_raised():
    coverage, trainer = watching_digits(real_digits([1]), LookMore(8, 4))
    assert coverage.intervals == [8]
    look_at(coverage, trainer, 16)
    assert coverage.intervals == [2]
    coverage.generator = real_digits(range(10))
    for images_seen in (18, 20, 22):
        look_at(coverage, trainer, images_seen)
    assert coverage.intervals == [8]


def test_a_stop_is_for_its_state_and_worse_ones():
    for stop_at, generator, stopped in (("severe", [1], True), ("severe", [0, 1, 2, 3, 4, 5, 6], False)):
        stop = Stop(stop_at)
        coverage, trainer = watching_digits(real_digits(generator), stop)
        trainer.should_stop = False
        look_at(coverage, trainer, 16)
        assert (trainer.should_stop, bool(stop.reason)) == (stopped, stopped)


def test_the_grid_has_one_row_for_each_digit_and_one_of_what_is_none():
    digits = real_digits([4, 7])(100, rng.generator(0))
    noise = torch.rand(30, *MNIST_SHAPE) * 2 - 1
    evaluation = measured(torch.cat([digits, noise]), DigitJudge())
    rows = grid(evaluation, 10)[0].split(28 + GAP)
    assert len(rows) == 11
    of_mode = [int((evaluation.accepted & (evaluation.judged.mode == mode)).sum()) for mode in range(10)]
    assert of_mode[4] > 20
    assert of_mode[7] > 20
    for row, number in zip(rows, [*of_mode, int((~evaluation.accepted).sum())], strict=True):
        places = [place[:28, :28] for place in row.split(28 + GAP, dim=1)]
        assert [len(place.unique()) > 1 for place in places] == [j < number for j in range(COLUMNS)]
    first_four = evaluation.images[evaluation.accepted & (evaluation.judged.mode == 4)][0, 0]
    assert torch.equal(rows[4][:28, :28], ((first_four + 1) * 127.5).round().byte())


def test_sheets_are_saved_under_the_images_seen(tmp_path):
    tiny.fit(image_gan(), tiny.loader(4, shape=MNIST_SHAPE), *watchers(tmp_path, 16))
    assert sorted(path.name for path in (tmp_path / "samples").iterdir()) == ["000000016.png", "000000032.png"]
    with Image.open(tmp_path / "samples" / "000000016.png") as picture:
        assert picture.size == ((28 + GAP) * COLUMNS - GAP, (28 + GAP) * 11 - GAP)
        assert picture.mode == "L"


class NotANumber:
    def discriminator(self, real_logits, fake_logits):
        return real_logits * math.nan

    def generator(self, real_logits, fake_logits):
        return fake_logits


def test_a_loss_that_is_no_number_stops_with_the_date_and_the_last_checkpoint(tmp_path):
    good = tmp_path / "last.ckpt"
    gan = tiny.gan(loss=NotANumber())
    with pytest.raises(NotFiniteError, match=r"^20\d\d-.*T.*: discriminator_loss is nan after 16 images; there is no"):
        tiny.fit(gan, tiny.loader(4), callbacks.Losses(good, 16))
    good.touch()
    with pytest.raises(NotFiniteError, match=r"the last good checkpoint is .*last\.ckpt"):
        tiny.fit(tiny.gan(loss=NotANumber()), tiny.loader(4), callbacks.Losses(good, 16))


def test_weights_that_are_no_numbers_replace_no_checkpoint(tmp_path):
    checkpoints = callbacks.Checkpoints(tmp_path, 8)
    gan = tiny.gan()
    trainer = tiny.fit(gan, tiny.loader(1), checkpoints)
    good = checkpoints.last.read_bytes()
    with torch.no_grad():
        next(gan.generator.parameters()).fill_(math.inf)
    with pytest.raises(
        NotFiniteError, match=r"^20\d\d-.*T.*: generator\S+ is not finite .*; the last good checkpoint is"
    ):
        checkpoints.act(trainer, gan)
    assert checkpoints.last.read_bytes() == good


def test_best_is_most_modes_then_lowest_kl(tmp_path):
    checkpoints = callbacks.Checkpoints(tmp_path, 8)
    order = [(3, None), (3, 0.5), (3, 0.4), (3, 0.6), (4, 2.0), (3, 0.1)]
    improving = [checkpoints.improves({"covered_modes": modes, "kl": kl}) for modes, kl in order]
    assert improving == [True, True, True, False, True, False]


def test_points_in_the_plane_are_a_picture_and_others_are_none():
    centers = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    points = torch.tensor([[1.0, 0.0], [0.0, 0.5], [40.0, 0.0]])
    picture = picture_of(measured(points, MixtureJudge(centers, 0.1)), MixtureJudge(centers, 0.1))
    assert picture is not None
    kinds = {colour: number for number, colour in picture.getcolors()}
    assert kinds[ImageColor.getrgb(ACCEPTED)] == 9  # one dot
    assert kinds[ImageColor.getrgb(REJECTED)] == 9 + 6  # another, and one that is half outside
    many = MixtureJudge(torch.eye(2, 5), 0.1)
    assert picture_of(measured(torch.zeros(3, 5), many), many) is None


def test_a_run_stops_at_its_images_and_at_its_minutes():
    for stop, seen in ((callbacks.StopAt(20), 24), (callbacks.StopAt(10_000, minutes=1e-9), 8)):
        gan = tiny.gan()
        tiny.fit(gan, tiny.loader(9), stop, callbacks.StopTogether(stop, callbacks.Interrupts()))
        assert gan.images_seen == seen


def test_minutes_are_those_of_all_attempts():
    stop = callbacks.StopAt(20, minutes=1.0)
    stop.load_state_dict({"seconds": 60.0})
    gan = tiny.gan()
    tiny.fit(gan, tiny.loader(9), stop, callbacks.StopTogether(stop, callbacks.Interrupts()))
    assert gan.images_seen == 0


class Kill(pl.Callback):
    def __init__(self, number):
        self.number = number

    def on_train_batch_end(self, trainer, module, *_):
        if module.d_steps == 2:
            os.kill(os.getpid(), self.number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_between_two_steps_and_is_given_back(number):
    before = signal.getsignal(number)
    gan, interrupts = tiny.gan(), callbacks.Interrupts()
    with interrupts:
        tiny.fit(
            gan, tiny.loader(9), Kill(number), interrupts, callbacks.StopTogether(callbacks.StopAt(1000), interrupts)
        )
    assert interrupts.received == number
    assert gan.d_steps == gan.g_steps == 2
    assert signal.getsignal(number) == before


def test_a_loss_after_the_last_reading_is_read_where_the_run_stops(tmp_path):
    with pytest.raises(NotFiniteError, match="after 24 images"):
        tiny.fit(tiny.gan(loss=NotANumber()), tiny.loader(9), callbacks.StopAt(24), callbacks.Losses(tmp_path, 1000))


def test_a_generator_that_is_not_there_is_missed_before_the_first_step():
    with pytest.raises(ValueError, match="generator='G': SomebodysGAN has no such attribute"):
        tiny.fit(SomebodysGAN(), tiny.loader(1, shape=MNIST_SHAPE), callbacks.ModeCoverage("G", every_images=8))


def test_states_survive_a_checkpoint():
    coverage, trainer = watching_digits(real_digits([1]), LookMore(8, 4))
    look_at(coverage, trainer, 16)
    again = callbacks.ModeCoverage(every_images=8)
    again.load_state_dict(copy.deepcopy(coverage.state_dict()))
    assert again.state_dict() == coverage.state_dict()
    assert again.intervals == [2]

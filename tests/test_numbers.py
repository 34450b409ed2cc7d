"""Numbers that are none, too small or too large, and that the same run has the same ones twice."""

import json
import math
import re

import pytest
import torch
from torch.nn.functional import softplus
from torch.utils.data import DataLoader

import gannorm
from gannorm import cli, norms
from gannorm.callbacks import NotFiniteError
from gannorm.data import MNIST
from gannorm.losses import LOSSES
from gannorm.training.parser import arguments_of
from tests import tiny


@pytest.fixture(autouse=True)
def _no_wandb(monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")


class Plain:
    """The loss of the main job, to be spoiled."""

    def discriminator(self, real_logits, fake_logits):
        return softplus(-real_logits) + softplus(fake_logits)

    def generator(self, real_logits, fake_logits):
        return softplus(-fake_logits)


class Steep(Plain):
    """A loss whose value is that of the plain one and whose gradient is infinite: the slope of a root at 0."""

    def discriminator(self, real_logits, fake_logits):
        return super().discriminator(real_logits, fake_logits) + (fake_logits - fake_logits.detach()).abs().sqrt()


class Huge(Plain):
    def discriminator(self, real_logits, fake_logits):
        return super().discriminator(real_logits, fake_logits) * 3e38


class Strong(Plain):
    def discriminator(self, real_logits, fake_logits):
        return super().discriminator(real_logits, fake_logits) * 1e6


class Tiny(Plain):
    def discriminator(self, real_logits, fake_logits):
        return super().discriminator(real_logits, fake_logits) * 1e-44  # a denormal number in float32


class Holes(MNIST):
    """Digits, one of which has a hole."""

    def train_dataloader(self):
        return Poisoned(super().train_dataloader())


class Poisoned:
    def __init__(self, loader):
        self.loader = loader

    def __len__(self):
        return len(self.loader)

    def __iter__(self):
        for number, (images, labels) in enumerate(self.loader):
            if number == 3:
                images = images.clone()
                images[5, 0, 3, 3] = math.nan
            yield images, labels


def failed(folder, **overrides):
    """Return what a run says that ends because of a number, and what stands in its results."""
    with pytest.raises(NotFiniteError) as caught:
        gannorm.train(None, **{**tiny.TINY_RUN, **overrides}, folder=str(folder), quiet=True)
    results = json.loads(next(folder.glob("mnist/*/results.json")).read_text())
    assert results["status"] == "failed"
    assert results["reason"] == f"NotFiniteError: {caught.value}"
    return str(caught.value)


@pytest.mark.parametrize(
    ("overrides", "first"),
    [
        (
            {"data": {"class_path": "tests.test_numbers.Holes", "init_args": {"batch_size": 64}}},
            r"the first was the data \(1 of 50,176 entries, nan\) in the step after 192 images",
        ),
        (
            {"model.loss": "tests.test_callbacks.NotANumber"},
            r"the first was the loss of the discriminator \(1 of 1 entries, nan\) in the step after 0 images",
        ),
        (
            {"model.loss": "tests.test_numbers.Steep"},
            r"the first was the gradient of discriminator\.\S+weight \(.* in the step after 0 images",
        ),
        (
            {
                "model.loss": "tests.test_numbers.Strong",
                "model.discriminator_optimizer": "torch.optim.SGD",
                "model.discriminator_rate": 3e38,
            },
            r"the first was discriminator\.\S+weight \([\d,]+ of [\d,]+ entries, -?inf\) in the step after 0 images",
        ),
        (
            {"model.loss": "tests.test_numbers.Huge", "trainer.precision": "bf16-mixed"},
            r"the first was the (loss of the discriminator|gradient of discriminator\S+) \(",
        ),
    ],
    ids=["data", "loss", "gradient", "weights", "bf16 overflow"],
)
def test_the_first_tensor_that_is_no_number_is_named_and_dated(tmp_path, overrides, first):
    message = failed(tmp_path, **overrides)
    assert re.match(r"20\d\d-\d\d-\d\dT[\d:+-]+: ", message)
    assert re.search(first, message), message


def test_figures_that_are_no_numbers_are_null_in_the_results(tmp_path):
    overrides = {"model.generator_optimizer": "torch.optim.SGD", "model.generator_rate": 1e38}
    results = gannorm.train(None, **{**tiny.TINY_RUN, **overrides}, folder=str(tmp_path), quiet=True)
    text = next(tmp_path.glob("mnist/*/results.json")).read_text()
    assert "NaN" not in text
    assert json.loads(text)["status"] == results["status"] == "finished"


def test_denormal_numbers_train_on(tmp_path):
    results = gannorm.train(
        None, **{**tiny.TINY_RUN, "model.loss": "tests.test_numbers.Tiny"}, folder=str(tmp_path), quiet=True
    )
    assert results["status"] == "finished"
    state = gannorm.load(tmp_path / "mnist" / results["id"], "discriminator").state_dict()
    assert all(value.isfinite().all() for value in state.values())


def trained(precision="32-true", **options):
    """Return all weights of a small pair after a few steps."""
    gan = tiny.gan(**options)
    gan.prepare(tiny.batches(1, size=16)[0])
    tiny.fit(gan, tiny.loader(4, size=16), precision=precision)
    return gan.state_dict()


def trained_on_images(norm, precision):
    """Return all weights of image networks with a norm after a few steps."""
    gan = tiny.image_gan(norm=norm)
    batches = tiny.image_batches(gan, 3)
    gan.prepare(batches[0])
    tiny.fit(gan, DataLoader(batches, batch_size=None), precision=precision)
    return gan.state_dict()


@pytest.mark.filterwarnings("ignore:Mismatch dtype between input and weight")  # torch's own, of its RMSNorm in bfloat16
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@pytest.mark.parametrize("norm", [norm for norm in norms.names() if norm != "sync_batch"])  # torch has it for CUDA only
def test_a_norm_trains_to_the_same_weights_twice(norm, precision):
    assert tiny.same_state(*(trained_on_images(norm, precision) for _ in range(2)))


@pytest.mark.parametrize("loss", list(LOSSES))
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_a_loss_trains_to_the_same_weights_twice(loss, precision):
    assert tiny.same_state(*(trained(precision, loss=loss) for _ in range(2)))


def test_another_seed_trains_to_others():
    assert not tiny.same_state(trained(seed=0), trained(seed=1))


class Put(Plain):
    """A loss with an operation of which torch has no deterministic form."""

    def discriminator(self, real_logits, fake_logits):
        nothing = torch.zeros_like(fake_logits).put_(torch.zeros(1, dtype=torch.int64), torch.zeros(1))
        return super().discriminator(real_logits, fake_logits) + nothing


@pytest.fixture
def _as_before():
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.usefixtures("_as_before")
def test_a_deterministic_run_is_the_same_on_a_cpu(tmp_path):
    plain = {**tiny.TINY_RUN, "folder": str(tmp_path), "quiet": True}
    ends = [gannorm.train(None, **plain), gannorm.train(None, **plain, **{"trainer.deterministic": True})]
    assert torch.are_deterministic_algorithms_enabled()
    states = [gannorm.load(tmp_path / "mnist" / end["id"]).state_dict() for end in ends]
    assert ends[0]["id"] != ends[1]["id"]
    assert tiny.same_state(*states)


@pytest.mark.usefixtures("_as_before")
def test_what_has_no_deterministic_form_is_named_in_one_line(tmp_path, capsys):
    run = {**tiny.TINY_RUN, "trainer.deterministic": True, "model.loss": "tests.test_numbers.Put"}
    code = cli.train([*arguments_of(None, run), f"--folder={tmp_path}", "--quiet"])
    assert code == cli.WRONG
    said = capsys.readouterr().err.splitlines()[-1]
    assert re.search(r"^gannorm: .*put_ has no deterministic form; leave out trainer\.deterministic, or that", said)

"""The bundled digits are the right ones, and a run that stops in the middle of an epoch goes on with the next batch."""

import gzip
import shutil
import warnings
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from torch.utils.data import TensorDataset

from gannorm.data import MNIST, DataError, Images, ResidentLoader, ResumableDataModule, mnist, to_images, to_pixels
from gannorm.data.idx import FILES, FOLDER

NUM_IMAGES, BATCH_SIZE = 23, 4  # 5 full batches, 3 images left out
NUM_BATCHES = NUM_IMAGES // BATCH_SIZE


def test_the_digits_are_mnist():
    images, labels = mnist("train")
    assert images.shape == (60_000, 1, 28, 28)
    assert torch.bincount(labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert images.float().div(255).mean().item() == pytest.approx(0.1307, abs=5e-5)
    assert images.float().div(255).std().item() == pytest.approx(0.3081, abs=5e-5)
    assert torch.bincount(mnist("test")[1]).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def test_read_once_per_process():
    assert mnist("test")[0] is mnist("test", FOLDER)[0]


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    for name, _ in FILES.values():
        if name.startswith("t10k"):
            shutil.copy(FOLDER / name, tmp_path)
    return tmp_path


def test_missing_file_is_named(copied: Path):
    (copied / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte.gz is missing: reinstall gannorm[^\n]*$"):
        mnist("test", copied)


def test_cut_off_file_is_named(copied: Path):
    path = copied / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(DataError, match=r"t10k-images-idx3-ubyte.gz is damaged [^\n]*reinstall[^\n]*$"):
        mnist("test", copied)


def test_one_changed_label_is_noticed(copied: Path):
    path = copied / "t10k-labels-idx1-ubyte.gz"
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[8] = 3
    path.write_bytes(gzip.compress(bytes(content)))
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte.gz is damaged"):
        mnist("test", copied)


def test_pixels_survive_the_way_there_and_back():
    pixels = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(to_pixels(to_images(pixels)), pixels)
    assert to_images(pixels).aminmax() == (-1, 1)


def loader(seed: int = 0) -> ResidentLoader:
    numbers = torch.arange(NUM_IMAGES)
    pixels = numbers.byte().view(-1, 1, 1, 1).expand(-1, 1, 2, 2).contiguous()
    return ResidentLoader(pixels, numbers, batch_size=BATCH_SIZE, seed=seed)


def seen(batches) -> list[list[int]]:
    return [labels.tolist() for _, labels in batches]


def test_each_epoch_shows_each_image_at_most_once_in_another_order():
    ours = loader()
    first, second = seen(ours), seen(ours)
    assert len(first) == len(ours) == NUM_BATCHES
    assert len({number for batch in first for number in batch}) == NUM_BATCHES * BATCH_SIZE
    assert first != second
    assert [first, second] == [seen(again := loader()), seen(again)]
    assert seen(loader(seed=1)) != first


def test_images_belong_to_their_labels():
    for images, labels in loader():
        assert torch.equal(to_pixels(images)[:, 0, 0, 0].long(), labels)


@pytest.mark.parametrize("stop", range(1, 2 * NUM_BATCHES + 1))
def test_loader_goes_on_where_its_state_was_taken(stop: int):
    ours = loader()
    whole = seen(ours) + seen(ours) + seen(ours)
    stopped, resumed = loader(), loader()
    iterator = iter(stopped)
    for number in range(stop):
        if number == NUM_BATCHES:
            iterator = iter(stopped)
        next(iterator)
    resumed.load_state_dict(stopped.state_dict())
    rest = seen(resumed) + seen(resumed)
    assert rest[: len(whole) - stop] == whole[stop : stop + len(rest)]


def test_an_epoch_that_was_broken_off_is_not_continued():
    ours = loader()
    next(iter(ours))
    complete = loader()
    seen(complete)
    assert seen(ours) == seen(complete)


class Recorder(pl.LightningModule):
    """Trains by hand, as GANs do, and writes down what it was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.shown: list[list[int]] = []

    def training_step(self, batch, batch_idx):
        images, labels = batch
        self.shown.append(labels.tolist())
        optimizer = self.optimizers()
        optimizer.zero_grad()
        self.manual_backward((self.weight - images.mean()).square())
        optimizer.step()

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), 0.01)


class Data(ResumableDataModule):
    def train_dataloader(self):
        return loader()


class SaveAfter(pl.Callback):
    def __init__(self, batches: int, path: Path, hook: str) -> None:
        self.batches, self.path = batches, path
        setattr(self, hook, self.look)

    def look(self, trainer, module, *_) -> None:
        if len(module.shown) == self.batches:
            trainer.save_checkpoint(self.path)
            trainer.should_stop = True


def fit(folder: Path, *callbacks: pl.Callback, resume: Path | None = None, epochs: int = 4, limit: int | None = None):
    module = Recorder()
    trainer = pl.Trainer(
        max_epochs=epochs, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, default_root_dir=folder, callbacks=list(callbacks), limit_train_batches=limit,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*treespec.*")
        trainer.fit(module, Data(), ckpt_path=resume, weights_only=True)
    return module


@pytest.mark.parametrize("limit", [None, 3])
@pytest.mark.parametrize("stop", [1, 3, 5, 6, 7, 10])
def test_lightning_goes_on_with_the_next_batch(tmp_path: Path, stop: int, limit: int | None):
    whole = fit(tmp_path, limit=limit)
    stopped = fit(tmp_path, SaveAfter(stop, tmp_path / "a.ckpt", "on_train_batch_end"), limit=limit)
    resumed = fit(tmp_path, resume=tmp_path / "a.ckpt", limit=limit)
    assert stopped.shown[:stop] == whole.shown[:stop]
    assert resumed.shown == whole.shown[stop:]
    assert torch.equal(resumed.weight, whole.weight)


@pytest.mark.parametrize(("stop", "more"), [(2, 1), (2, 3), (5, 1), (4, 5), (7, 3)])
def test_lightning_goes_on_twice(tmp_path: Path, stop: int, more: int):
    whole = fit(tmp_path)
    fit(tmp_path, SaveAfter(stop, tmp_path / "a.ckpt", "on_train_batch_end"))
    fit(tmp_path, SaveAfter(more, tmp_path / "b.ckpt", "on_train_batch_end"), resume=tmp_path / "a.ckpt")
    resumed = fit(tmp_path, resume=tmp_path / "b.ckpt")
    assert resumed.shown == whole.shown[stop + more :]
    assert torch.equal(resumed.weight, whole.weight)


@pytest.mark.parametrize("hook", ["on_train_epoch_end", "on_train_end"])
def test_lightning_goes_on_after_a_whole_epoch(tmp_path: Path, hook: str):
    whole = fit(tmp_path)
    fit(tmp_path, SaveAfter(2 * NUM_BATCHES, tmp_path / "a.ckpt", hook), epochs=4 if "epoch" in hook else 2)
    resumed = fit(tmp_path, resume=tmp_path / "a.ckpt")
    assert resumed.shown == whole.shown[2 * NUM_BATCHES :]


def test_mnist_module():
    data = MNIST(batch_size=32, seed=3)
    images, labels = next(iter(data.train_dataloader()))
    assert images.shape == (32, *data.image_shape)
    assert images.aminmax() == (-1, 1)
    assert data.prior[1].item() == pytest.approx(6742 / 60_000)
    held_out, held_out_labels = data.held_out()
    assert len(held_out) == len(held_out_labels) == 10_000
    assert torch.equal(labels, next(iter(MNIST(batch_size=32, seed=3).train_dataloader()))[1])


def test_mnist_seed_is_the_run_s_and_resumes():
    torch.manual_seed(11)
    data, resumed = MNIST(), MNIST()
    first = next(iter(data.train_dataloader()))[1]
    torch.manual_seed(12)
    resumed.load_state_dict(data.state_dict())
    assert torch.equal(first, next(iter(resumed.train_dataloader()))[1])
    assert torch.equal(first, next(iter(MNIST(seed=11).train_dataloader()))[1])


def test_mnist_through_an_ordinary_dataloader():
    batches = iter(MNIST(batch_size=100, loader="dataloader", seed=0).train_dataloader())
    images, labels = next(batches)
    assert images.shape == (100, 1, 28, 28)
    assert labels.unique().tolist() == list(range(10))


@pytest.mark.parametrize("batch_size", [0, 60_001])
def test_batch_size_must_fit(batch_size: int):
    with pytest.raises(DataError, match=f"batch_size={batch_size} does not fit: choose 1 to 60000"):
        MNIST(batch_size=batch_size)


def test_images_of_anybody():
    data = Images(TensorDataset(torch.rand(10, 3, 8, 8) * 2 - 1, torch.arange(10)), batch_size=5)
    images, labels = data.on_before_batch_transfer(next(iter(data.train_dataloader())), 0)
    assert images.shape == (5, *data.image_shape)
    assert data.num_modes is None
    assert labels.min() >= 0


def test_images_without_labels():
    data = Images(TensorDataset(torch.zeros(10, 3, 8, 8)), batch_size=5)
    _, labels = data.on_before_batch_transfer(next(iter(data.train_dataloader())), 0)
    assert labels.tolist() == [-1] * 5


@pytest.mark.parametrize("images", [torch.full((8, 1, 4, 4), 3.0), torch.ones(8, 1, 4, 4, dtype=torch.uint8)])
def test_first_batch_must_be_in_range(images: torch.Tensor):
    data = Images(TensorDataset(images), batch_size=8)
    with pytest.raises(DataError, match="scale them to"):
        data.on_before_batch_transfer(next(iter(data.train_dataloader())), 0)

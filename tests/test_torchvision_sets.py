"""Fashion-MNIST and CIFAR-10 from tiny files in torchvision's own formats; nothing is ever fetched."""

import hashlib
import inspect
import pickle
import struct
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
import torchvision.datasets

from gannorm import cli, rng
from gannorm.data import CIFAR10, MNIST, DataError, FashionMNIST, ImageFiles, Mixture, StackedMNIST, to_images
from gannorm.training.parser import Configuration

NUM = {"train": 60, "test": 30}


def labels_of(split):
    return np.arange(NUM[split], dtype=np.uint8) % 10


def pixels_of(split, *shape):
    return np.random.default_rng(NUM[split]).integers(0, 256, (NUM[split], *shape), dtype=np.uint8)


@pytest.fixture
def fashion(tmp_path: Path) -> Path:
    raw = tmp_path / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for split, prefix in (("train", "train"), ("test", "t10k")):
        images, labels = pixels_of(split, 28, 28), labels_of(split)
        header = struct.pack(">IIII", 0x803, len(images), 28, 28)
        (raw / f"{prefix}-images-idx3-ubyte").write_bytes(header + images.tobytes())
        (raw / f"{prefix}-labels-idx1-ubyte").write_bytes(struct.pack(">II", 0x801, len(labels)) + labels.tobytes())
    return tmp_path


@pytest.fixture
def cifar(tmp_path: Path, monkeypatch) -> Path:
    """Six batches, and torchvision's table of hashes made to fit them."""
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    hashes = {"batches.meta": written(folder / "batches.meta", {"label_names": [str(k) for k in range(10)]})}
    for number in range(5):
        part = slice(number * 12, number * 12 + 12)
        batch = {"data": pixels_of("train", 3072)[part], "labels": labels_of("train")[part].tolist()}
        hashes[f"data_batch_{number + 1}"] = written(folder / f"data_batch_{number + 1}", batch)
    test = {"data": pixels_of("test", 3072), "labels": labels_of("test").tolist()}
    hashes["test_batch"] = written(folder / "test_batch", test)
    theirs = torchvision.datasets.CIFAR10
    for table in ("train_list", "test_list"):
        monkeypatch.setattr(theirs, table, [[name, hashes[name]] for name, _ in getattr(theirs, table)])
    monkeypatch.setattr(theirs, "meta", {**theirs.meta, "md5": hashes["batches.meta"]})
    return tmp_path


def written(path, content):
    path.write_bytes(pickle.dumps(content))
    return hashlib.md5(path.read_bytes()).hexdigest()


@pytest.fixture(autouse=True)
def _no_download(monkeypatch):
    def refuse(self):
        raise AssertionError("a download that nobody asked for")

    for theirs in (torchvision.datasets.CIFAR10, torchvision.datasets.FashionMNIST):
        monkeypatch.setattr(theirs, "download", refuse)


def test_fashion_mnist_is_what_the_files_say(fashion):
    data = FashionMNIST(folder=str(fashion), batch_size=60, seed=0)
    assert (data.name, data.image_shape, data.num_modes) == ("fashion_mnist", (1, 28, 28), 10)
    images, labels = next(iter(data.train_dataloader()))
    order = data.train_dataloader().order(0)
    assert torch.equal(images[:, 0], to_images(torch.from_numpy(pixels_of("train", 28, 28)))[order])
    assert torch.equal(labels, torch.from_numpy(labels_of("train")).long()[order])
    held_out, held_out_labels = data.held_out()
    assert torch.equal(held_out[:, 0], to_images(torch.from_numpy(pixels_of("test", 28, 28))))
    assert held_out_labels.tolist() == labels_of("test").tolist()


def test_cifar_has_its_channels_first(cifar):
    data = CIFAR10(folder=str(cifar), batch_size=60, seed=0)
    assert (data.name, data.image_shape, data.num_modes) == ("cifar10", (3, 32, 32), 10)
    rows_of_the_file = torch.from_numpy(pixels_of("test", 3072)).view(-1, 3, 32, 32)  # red, green, blue planes
    assert torch.equal(data.held_out()[0], to_images(rows_of_the_file))
    assert torch.allclose(data.prior, torch.full((10,), 0.1))


@pytest.mark.parametrize("kind", [FashionMNIST, CIFAR10])
def test_real_and_shares_follow_as_for_digits(kind, fashion, cifar):
    data = kind(folder=str(fashion), batch_size=4, shares=[1.0, 0.5] + [0.0] * 8)
    assert torch.bincount(data.training[1]).tolist() == [6, 3]
    images, modes = data.real(300, rng.generator(0))
    assert images.shape == (300, *data.image_shape)
    assert modes.unique().tolist() == [0, 1]
    assert (modes == 0).float().mean().item() == pytest.approx(2 / 3, abs=0.1)
    assert len(images.flatten(1).unique(dim=0)) == 6


@pytest.mark.parametrize(("kind", "name"), [(FashionMNIST, "fashion_mnist"), (CIFAR10, "cifar10")])
def test_missing_files_are_one_line_with_the_way_out(kind, name, tmp_path):
    with pytest.raises(DataError, match=rf"^folder={tmp_path}: no whole {name} there [^\n]* or say download=true$"):
        kind(folder=str(tmp_path))


def test_damaged_files_are_one_line(fashion, cifar):
    path = fashion / "FashionMNIST" / "raw" / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(DataError, match=r"^[^\n]*no whole fashion_mnist there[^\n]*$"):
        FashionMNIST(folder=str(fashion))
    (cifar / "cifar-10-batches-py" / "test_batch").write_bytes(b"")
    with pytest.raises(DataError, match=r"^[^\n]*no whole cifar10 there \(Dataset not found or corrupted\)[^\n]*$"):
        CIFAR10(folder=str(cifar))


def test_labels_beyond_ten_classes_are_refused(fashion):
    path = fashion / "FashionMNIST" / "raw" / "train-labels-idx1-ubyte"
    path.write_bytes(path.read_bytes()[:-1] + b"\x0b")
    with pytest.raises(DataError, match="60 images have 60 labels up to 11"):
        FashionMNIST(folder=str(fashion))


@pytest.mark.parametrize("kind", [FashionMNIST, CIFAR10])
def test_offline_is_one_line(kind, tmp_path, monkeypatch):
    def offline(self):
        raise URLError("no route to host")

    monkeypatch.setattr(getattr(torchvision.datasets, kind.__name__), "download", offline)
    with pytest.raises(DataError, match=rf"^{kind.name} could not be fetched to [^\n]*no route to host[^\n]*offline"):
        kind(folder=str(tmp_path), download=True)


def test_the_command_line_names_class_folder_and_download(cifar, monkeypatch):
    asked = []
    monkeypatch.setattr(torchvision.datasets.CIFAR10, "download", lambda self: asked.append(self.root))
    size = ["--model.generator.size", "32", "--model.generator.channels", "3"]
    arguments = ["--data", "CIFAR10", "--data.folder", str(cifar), "--data.download", "true", *size]
    configuration = Configuration([*arguments, "--data.batch_size", "20"])
    _, data = configuration.build()
    assert isinstance(data, CIFAR10)
    assert (data.batch_size, asked) == (20, [cifar])
    assert configuration.plain()["data"]["class_path"] == "gannorm.data.CIFAR10"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["CIFAR10", "--data.folder", "no/such"], "folder=no/such: no whole cifar10 there"),
        (["StackedMNIST", "--data.size", "30"], "size"),
        (["Mixture", "--data.preset", "ring/veegan"], "does not state its radius"),
        (["ImageFiles", "--data.path", "no/such"], "path=no/such is not there"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_one_line_and_exit_code_2(arguments, words, capsys):
    assert cli.train(["--data", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1, printed.err
    assert words in printed.err
    assert len(printed.err) < 500


def test_all_sets_have_the_same_batch_size_where_none_is_said():
    # On the command line another class takes over what it shares with the default's: MNIST's batch size among it.
    for kind in (MNIST, StackedMNIST, Mixture, FashionMNIST, CIFAR10, ImageFiles):
        assert inspect.signature(kind).parameters["batch_size"].default == 32

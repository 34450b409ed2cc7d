"""Samples from whatever holds or makes them, as other programs write them."""

import json
import pickle
import re
import shutil
import subprocess
import sys
import tracemalloc
import warnings
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import gannorm
from gannorm import rng
from gannorm.data import to_images
from gannorm.sources import SourceError, open_source, pictures
from gannorm.sources.layouts import recognise_layout
from gannorm.sources.opening import READERS
from gannorm.sources.ranges import recognise_range
from gannorm.training.saving import load_sampler
from tests import foreign_samples, tiny

NUM = 40
DIGIT, STACK = (1, 28, 28), (3, 28, 28)
GREY_LEVEL = 2 / 255
WORDS = {
    "adm.npz": "NHWC (recognised; --layout overrides)",
    "compressed.npz": "NHW (recognised",
    "unit.npy": "0..1 (recognised; --range overrides), NCHW",
    "signed.npy": "-1..1 (recognised",
    "flat.npy": "0..255 (recognised; --range overrides), NP",
    "pictures": "evenly spread ones are taken",
    "greys": "grey pictures stored as RGB",
    "zipped.zip": ".zip of pictures",
}


def samples_of(source, num=None, seed=0, size=512):
    return torch.cat([*source.chunks(num, seed, size)])


def save(path, array, **options):
    np.save(path, array, **options)
    return path


def refused(words, *, path, expected_shape=DIGIT, num=None, **options):
    """Assert that a source is refused, when it is opened or read, by one line with these words."""
    with pytest.raises(ValueError, match=r"(?s).*") as error:
        list(open_source(path, expected_shape=expected_shape, **options).chunks(num))
    message = str(error.value)
    assert re.search(words, message), message
    assert "\n" not in message
    assert len(message) < 400


@pytest.mark.parametrize("name", foreign_samples.GREY)
def test_digits_written_by_another_program_come_back(tmp_path, name):
    digits = foreign_samples.digits(NUM)
    foreign_samples.GREY[name](tmp_path / name, digits)
    source = open_source(tmp_path / name, expected_shape=DIGIT)
    assert source.num_samples == NUM
    samples = samples_of(source, size=7)
    assert samples.dtype == torch.float32
    assert samples.shape == (NUM, *DIGIT)
    assert (samples - to_images(torch.from_numpy(digits.copy())[:, None])).abs().max() < GREY_LEVEL / 2
    assert WORDS[name] in source.describe()
    assert "\n" not in source.describe()
    assert json.loads(json.dumps(source.facts(), allow_nan=False))["num_samples"] == NUM


@pytest.mark.parametrize("name", foreign_samples.COLOUR)
def test_stacked_digits_written_by_another_program_come_back(tmp_path, name):
    stacks = foreign_samples.stacks(NUM)
    foreign_samples.COLOUR[name](tmp_path / name, stacks)
    samples = samples_of(open_source(tmp_path / name, expected_shape=STACK))
    expected = to_images(torch.from_numpy(stacks.copy()).permute(0, 3, 1, 2))
    assert (samples - expected).abs().max() < GREY_LEVEL / 2
    refused("3 channels?.*the judge takes 1", path=tmp_path / name)


def test_bytes_come_back_bit_by_bit_as_the_data_modules_scale_them(tmp_path):
    levels = np.arange(256, dtype=np.uint8).repeat(28 * 28).reshape(256, 28, 28)
    samples = samples_of(open_source(save(tmp_path / "x.npy", levels), expected_shape=DIGIT))
    assert torch.equal(samples, to_images(torch.from_numpy(levels)[:, None]))


def test_jpegs_and_subfolders(tmp_path):
    digits = foreign_samples.digits(NUM)
    foreign_samples.jpeg_folder(tmp_path / "jpegs", digits)
    samples = samples_of(open_source(tmp_path / "jpegs", expected_shape=DIGIT))
    assert (samples - to_images(torch.from_numpy(digits.copy())[:, None])).abs().mean() < 5 * GREY_LEVEL
    for digit in range(4):  # of one class each: the first 20 by name would be two classes
        foreign_samples.png_folder(tmp_path / f"class{digit}", np.full((10, 28, 28), digit, np.uint8))
        (tmp_path / f"class{digit}").rename(tmp_path / "jpegs" / f"class{digit}")
    shutil.rmtree(tmp_path / "jpegs" / "class0")
    for file in (tmp_path / "jpegs").glob("*.jpg"):
        file.unlink()
    source = open_source(tmp_path / "jpegs", expected_shape=DIGIT)
    classes = ((samples_of(source, 15)[:, 0, 0, 0] + 1) * 127.5).round().int().tolist()
    assert classes == [1] * 5 + [2] * 5 + [3] * 5
    assert "in 3 subfolders" in source.describe()


@pytest.mark.parametrize("order", ["C", "F"])
def test_points_stay_as_they_are(tmp_path, order):
    points = np.asarray(np.random.default_rng(0).normal(size=(1100, 2)) * 7, order=order)
    np.savez(tmp_path / "x.npz", points=points, labels=np.zeros(1100))
    for path in (tmp_path / "x.npz", save(tmp_path / "x.npy", points)):
        source = open_source(path, expected_shape=(2,))
        assert torch.equal(samples_of(source, size=100), torch.from_numpy(points).float())
        assert torch.equal(samples_of(source, 3), torch.from_numpy(points[[0, 366, 733]]).float())
        assert source.facts()["range"] is None
    refused("--range 0..1 has no effect on points", path=path, expected_shape=(2,), value_range="0..1")


NOISE = np.random.default_rng(0).random((50, 784))
RANGES = {
    "0..255": [
        NOISE * 255,
        (NOISE * 255).astype(np.uint8),
        (NOISE * 255).astype(np.int64),
        np.zeros((9, 784), np.uint8),  # a generator that collapsed to black
        NOISE * 255.9,  # what resampling leaves
    ],
    "0..1": [NOISE, NOISE > 0.9, NOISE**4, NOISE * 1.04 - 0.02],
    "-1..1": [NOISE * 2 - 1, NOISE * 1.8 - 0.9, NOISE * 0 - 1],
}
NOBODY_KNOWS = {
    "might be 0..1 or -1..1; say which with --range": [0.4 + NOISE * 0.2, NOISE * 0 + 0.7, NOISE * 0, NOISE * 0.4],
    r"all but black 0..255; say which with --range": [(NOISE > 0.5).astype(np.uint8)],
    "in no known range": [NOISE * 1.4, NOISE * 300, (NOISE * 300).astype(np.int64), (NOISE * -9).astype(np.int8)],
    r"\[-0.5, 0.5\]": [NOISE - 0.5],
    "might be a dark 0..255": [np.round(NOISE * 16), NOISE * 2],
    "standardized": [NOISE * 3.2 - 0.42],
}


@pytest.mark.parametrize(("name", "values"), [(name, values) for name, rows in RANGES.items() for values in rows])
def test_a_range_is_recognised(name, values):
    assert recognise_range(values) == name


@pytest.mark.parametrize(("words", "values"), [(words, each) for words, rows in NOBODY_KNOWS.items() for each in rows])
def test_a_range_that_nobody_can_know_is_refused(tmp_path, words, values):
    refused(words, path=save(tmp_path / "x.npy", values))


def test_a_given_range_overrides_and_is_checked(tmp_path):
    faint = save(tmp_path / "faint.npy", np.full((5, 784), 0.5))
    assert samples_of(open_source(faint, expected_shape=DIGIT, value_range="-1..1"))[0, 0, 0, 0] == 0.5
    assert samples_of(open_source(faint, expected_shape=DIGIT, value_range="0..1"))[0, 0, 0, 0] == 0
    assert "0..1 (given)" in open_source(faint, expected_shape=DIGIT, value_range="0..1").describe()
    two_colours = save(tmp_path / "two.npy", np.ones((5, 784), np.uint8))
    assert samples_of(open_source(two_colours, expected_shape=DIGIT, value_range="0..1")).min() == 1
    wide = save(tmp_path / "wide.npy", np.full((5, 784), 2.0))
    refused(r"sample 0 has values from 2 to 2, not in the range -1..1 \(given\)", path=wide, value_range="-1..1")


def test_what_leaves_the_recognised_range_later_is_named(tmp_path):
    values = np.tile(NOISE, (24, 1))  # of which the first 512 are looked at when it is opened
    values[777, 5] = 200
    path = save(tmp_path / "x.npy", values)
    assert open_source(path, expected_shape=DIGIT).facts()["range"] == "0..1"
    refused(r"sample 777 has values from .* to 200, not in the range 0..1 \(recognised\).*--range", path=path)


def test_what_overshoots_a_little_is_cut_off(tmp_path):
    path = save(tmp_path / "x.npy", NOISE * 1.04 - 0.02)
    samples = samples_of(open_source(path, expected_shape=DIGIT))
    assert (samples.min(), samples.max()) == (-1, 1)


@pytest.mark.parametrize(
    ("found", "expected", "name"),
    [
        ((1, 28, 28), DIGIT, "NCHW"),
        ((28, 28, 1), DIGIT, "NHWC"),
        ((28, 28), DIGIT, "NHW"),
        ((784,), DIGIT, "NP"),
        ((32, 20, 3), (3, 32, 20), "NHWC"),
        ((2,), (2,), "ND"),
    ],
)
def test_a_layout_is_recognised(found, expected, name):
    assert recognise_layout(found, expected) == name


@pytest.mark.parametrize(
    ("found", "expected", "words"),
    [
        ((28, 28), STACK, "1 channel; the judge takes 3"),
        ((4, 28, 28), STACK, "4 channels; the judge takes 3"),
        ((32, 32, 3), STACK, r"\(32, 32, 3\) do not fit: the judge takes \(3, 28, 28\), and nothing is resized"),
        ((2352,), STACK, "do not fit"),
        ((3,), (2,), "do not fit"),
        ((3, 3, 3), (3, 3, 3), "NCHW or NHWC; say which with --layout"),
    ],
)
def test_a_layout_that_does_not_fit_is_refused(found, expected, words):
    with pytest.raises(SourceError, match=words):
        recognise_layout(found, expected)


def test_a_given_layout_decides_where_two_fit_and_is_checked(tmp_path):
    images = np.arange(27, dtype=np.uint8).reshape(1, 3, 3, 3)
    path = save(tmp_path / "x.npy", images)
    one, other = (samples_of(open_source(path, expected_shape=(3, 3, 3), layout=layout)) for layout in ("NCHW", "NHWC"))
    assert torch.equal(one, other.movedim(1, -1))
    refused(r"--layout NHWC: samples of shape \(1, 28, 28\)", path=save(path, NOISE.reshape(-1, *DIGIT)), layout="NHWC")


def test_chunks_do_not_change_samples_and_a_file_gives_its_first(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (1300, 4), np.uint8)
    source = open_source(save(tmp_path / "x.npy", pixels), expected_shape=(1, 2, 2))
    every = samples_of(source)
    assert torch.equal(every, to_images(torch.from_numpy(pixels)).view(-1, 1, 2, 2))
    for size in (1, 300, 512, 5000):
        chunks = [*source.chunks(1299, seed=3, size=size)]
        assert {len(chunk) for chunk in chunks[:-1]} <= {size}
        assert torch.equal(torch.cat(chunks), every[:1299])
    refused(r"has 1,300 samples and 2,500 are needed; make 1,200 more, or ask for 1,300", path=source.path,
            expected_shape=(1, 2, 2), num=2500)  # fmt: skip
    refused("num=0", path=source.path, expected_shape=(1, 2, 2), num=0)
    with pytest.raises(SourceError, match="size=0"):
        source.chunks(1, size=0)


def test_a_file_is_read_a_block_at_a_time(tmp_path):
    pixels = np.zeros((12_000, 28, 28), np.uint8)
    for path in (save(tmp_path / "x.npy", pixels), tmp_path / "x.npz"):
        if path.suffix == ".npz":
            np.savez_compressed(path, pixels)
        tracemalloc.start()
        assert sum(len(chunk) for chunk in open_source(path, expected_shape=DIGIT).chunks(None)) == len(pixels)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < pixels.nbytes / 2


@pytest.mark.slow
def test_a_million_digits_need_little_memory(tmp_path):
    path = tmp_path / "million.npy"
    np.lib.format.open_memmap(path, "w+", np.float32, (1_000_000, 28, 28))[::1000] = 1  # the rest is a hole in the file
    program = (
        "import resource, sys; from gannorm.sources import open_source; "
        "source = open_source(sys.argv[1], expected_shape=(1, 28, 28), value_range='0..1'); "
        "print(sum(len(chunk) for chunk in source.chunks(None))); "
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    num, kilobytes = map(int, done.stdout.split())
    assert num == 1_000_000
    assert kilobytes < 1_500_000


def test_samples_that_are_no_numbers_are_counted_and_the_first_is_named(tmp_path):
    values = np.tile(NOISE, (30, 1)).astype(np.float32)
    values[[700, 701, 1401], 3] = (np.nan, np.inf, np.nan)
    path = save(tmp_path / "x.npy", values)
    refused(r"x\.npy: 3 of 1,500 samples are not finite .* the first is number 700", path=path)
    assert len(samples_of(open_source(path, expected_shape=DIGIT), 7)) == 7  # 0, 214, 428, 642, ...
    refused("1 of 15 samples are not finite .* the first is number 7", path=path, num=15)  # every hundredth
    huge = save(tmp_path / "huge.npy", np.where(np.arange(784) == 3, 1e300, NOISE))
    refused("not finite", path=huge, value_range="0..1")
    refused("none of the first 9 samples is finite", path=save(path, np.full((9, 784), np.nan)))


def test_pictures_that_cannot_be_read_are_counted_and_named(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "BLOCK", 16)  # so that they lie in several
    folder = tmp_path / "fakes"
    foreign_samples.png_folder(folder, foreign_samples.digits(60))
    for index, keep in ((3, 60), (17, 0), (50, 200)):
        file = folder / f"{index:06d}.png"
        file.write_bytes(file.read_bytes()[:keep])
    refused(r"3 of 60 pictures cannot be read: 000003\.png, 000017\.png, 000050\.png;", path=folder)
    assert len(samples_of(open_source(folder, expected_shape=DIGIT), 3)) == 3
    (folder / "000010.png").write_bytes(b"")
    refused(r"4 of 60 pictures cannot be read: 000003\.png, 000010\.png, 000017\.png, \.\.\.;", path=folder)


def test_pictures_that_do_not_fit_are_refused(tmp_path):
    stack = foreign_samples.stacks(1)[0]
    foreign_samples.png_folder(tmp_path / "x", foreign_samples.digits(3))
    refused(r"000000\.png: .* 1 channel; the judge takes 3", path=tmp_path / "x", expected_shape=STACK)
    refused("holds pictures, and the judge takes points", path=tmp_path / "x", expected_shape=(2,))
    refused("--range 0..1 has no effect on a folder of", path=tmp_path / "x", value_range="0..1")
    Image.fromarray(stack).save(tmp_path / "x" / "000001.png")
    refused(r"000001\.png is in colour", path=tmp_path / "x")
    Image.fromarray(stack).convert("RGBA").save(tmp_path / "x" / "000001.png")
    refused(r"000001\.png is stored as RGBA", path=tmp_path / "x")
    Image.fromarray(stack[:, :, 0]).resize((32, 32)).save(tmp_path / "x" / "000001.png")
    refused(r"000001\.png: samples of shape \(1, 32, 32\) do not fit", path=tmp_path / "x")
    Image.fromarray(stack[:, :, 0]).quantize(16).save(tmp_path / "x" / "000001.png")
    (tmp_path / "x" / "notes.txt").write_text("a palette of greys is grey")
    source = open_source(tmp_path / "x", expected_shape=DIGIT)
    assert len(samples_of(source)) == 3
    assert "other files left alone: 1" in source.describe()


class Trap:
    """Tells when it is unpickled."""

    def __reduce__(self):
        return (pytest.fail, ("it was unpickled",))


def test_nothing_is_unpickled(tmp_path):
    array = np.array([[Trap()]], dtype=object)
    refused(r"x\.npy holds pickled Python objects, .* never unpickled", path=save(tmp_path / "x.npy", array))
    np.savez(tmp_path / "x.npz", samples=array)
    refused(r"x\.npz\[samples\] holds pickled Python objects", path=tmp_path / "x.npz")
    for name in ("x.ckpt", "x.pt"):
        torch.save({"gannorm_gan": Trap()}, tmp_path / name)
        refused("holds pickled objects beside weights, and is not loaded", path=tmp_path / name)
    (tmp_path / "plain.npy").write_bytes(pickle.dumps(Trap()))
    refused("damaged", path=tmp_path / "plain.npy")


def test_the_array_is_chosen_by_name(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, images=np.full((4, 784), 255, np.uint8), masks=np.zeros((6, 784), np.uint8))
    assert open_source(path, expected_shape=DIGIT).num_samples == 4
    source = open_source(path, expected_shape=DIGIT, key="masks")
    assert source.num_samples == 6
    assert source.facts()["key"] == "masks"
    refused("no array 'mask'; it has images, masks", path=path, key="mask")
    np.savez(path, left=np.zeros((4, 784)), right=np.zeros((4, 784)))
    refused("the arrays left, right; say with --key", path=path)


def test_what_is_no_source(tmp_path):
    digits = foreign_samples.digits(NUM)
    refused("no/such/file does not exist", path="no/such/file")
    (tmp_path / "empty").mkdir()
    refused("empty holds no PNG or JPEG pictures: it is empty", path=tmp_path / "empty")
    (tmp_path / "empty" / "a.txt").write_text("")
    refused(r"no PNG or JPEG pictures: it has a\.txt", path=tmp_path / "empty")
    (tmp_path / "x.mat").write_bytes(b"MATLAB")
    refused(r"x\.mat is damaged or of no known kind; a source is a run folder, ", path=tmp_path / "x.mat")
    for name in ("adm.npz", "unit.npy", "zipped.zip"):
        foreign_samples.GREY[name](tmp_path / name, digits)
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content[: len(content) // 2])
        refused(f"{name}.* damaged", path=tmp_path / name)
    refused("holds no samples", path=save(tmp_path / "x.npy", np.zeros((0, 784))))
    refused("holds no samples", path=save(tmp_path / "x.npy", np.zeros(784)))
    refused("holds complex128, no real numbers", path=save(tmp_path / "x.npy", NOISE * 1j))
    refused("--latent 3 has no effect on an .npy file", path=tmp_path / "x.npy", latent_dim=3)
    refused("--key a has no effect on an .npy file", path=tmp_path / "x.npy", key="a")


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_MODE", "disabled")
        options = {"images": 192, "evaluation.every_images": 0, "evaluation.final_samples": 8, "seed_everything": 3}
        results = gannorm.train(None, **{**tiny.TINY_RUN, **options, "folder": str(folder), "quiet": True})
    return folder / results["name"] / results["id"]


def test_a_run_its_generator_and_its_checkpoint_make_what_its_evaluation_saw(run_folder, tmp_path):
    expected = load_sampler(run_folder)
    state = torch.get_rng_state()
    source = open_source(run_folder, expected_shape=DIGIT)
    samples = samples_of(source, 600, seed=3, size=64)
    stream = rng.generator(3, "evaluation", "evaluation")
    assert torch.equal(samples, torch.cat([expected(512, stream), expected(88, stream)]))
    assert torch.equal(samples, samples_of(source, 600, seed=3))
    assert not torch.equal(samples, samples_of(source, 600))
    assert "averaged generator with standing statistics" in source.describe()

    shutil.copytree(run_folder / "generator", tmp_path / "mine")
    for path, name in ((run_folder / "generator", "averaged"), (tmp_path / "mine", "saved")):
        other = open_source(path, expected_shape=DIGIT)
        assert torch.equal(samples, samples_of(other, 600, seed=3))
        assert other.generator_name == name
    checkpoint = open_source(run_folder / "checkpoints" / "last.ckpt", expected_shape=DIGIT)
    assert torch.equal(samples, samples_of(checkpoint, 600, seed=3))
    assert checkpoint.facts() | {"path": ""} == {
        "kind": "checkpoint at 192 images", "path": "", "num_samples": None, "range": "-1..1", "range_from": "known",
        "layout": "NCHW", "layout_from": "known", "generator": "averaged", "statistics": "standing",
        "images_seen": 192, "notes": [],
    }  # fmt: skip
    assert torch.equal(state, torch.get_rng_state())
    refused("is a generator: say how many", path=run_folder)
    refused("discriminator makes no samples: .* no latent_dim", path=run_folder / "discriminator", num=3)
    refused("3 channels?|1 channel; the judge takes 3", path=run_folder, expected_shape=STACK)
    refused("--range 0..1 has no effect on a run folder", path=run_folder, value_range="0..1")


def test_a_run_that_is_not_finished_and_checkpoints_of_something_else(run_folder, tmp_path):
    (tmp_path / "checkpoints").mkdir()
    shutil.copy(run_folder / "config.yaml", tmp_path)
    refused("is a run that is not finished; it has no checkpoint yet", path=tmp_path)
    last = shutil.copy(run_folder / "checkpoints" / "last.ckpt", tmp_path / "checkpoints")
    refused(r"not finished; its checkpoint .*last\.ckpt can be measured", path=tmp_path)
    assert len(samples_of(open_source(last, expected_shape=DIGIT), 3)) == 3
    config = (tmp_path / "config.yaml").read_text()
    (tmp_path / "config.yaml").write_text(config.replace("latent_dim: 8", "latent_dim: 9"))
    refused("does not fit the networks of its configuration", path=last)
    (tmp_path / "config.yaml").unlink()
    refused("nothing says how its networks are built", path=last)
    torch.save({"state_dict": nn.Linear(2, 2).state_dict()}, last)
    refused("holds weights, but of no GAN of this package", path=last)


def test_a_checkpoint_that_says_itself_how_it_is_built_without_an_average(tmp_path):
    gan = tiny.gan(ema_half_life=0)
    tiny.fit(gan, tiny.loader(3))
    checkpoint = {"state_dict": gan.state_dict()}
    gan.on_save_checkpoint(checkpoint)
    generator = {"class_path": "gannorm.networks.MLPGenerator"}
    generator["init_args"] = {"shape": [2], "hidden": [16, 16], "latent_dim": 4}
    checkpoint["hyper_parameters"] = {"generator": generator, "ema_half_life": 0}
    torch.save(checkpoint, tmp_path / "x.ckpt")
    source = open_source(tmp_path / "x.ckpt", expected_shape=(2,))
    expected = gan.sample("raw")(9, rng.generator(0, "evaluation", "evaluation"))
    assert torch.equal(samples_of(source, 9), expected)
    assert (source.generator_name, source.statistics) == ("raw", "running")


def scripted(path, network):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*torch.jit.script.* is deprecated")
        torch.jit.script(network).save(str(path))
    return path


def test_a_torchscript_generator_of_digits(tmp_path):
    digits = foreign_samples.digits(NUM)
    foreign_samples.torchscript(tmp_path / "G.pt", digits)
    source = open_source(tmp_path / "G.pt", expected_shape=DIGIT)
    state = torch.get_rng_state()
    samples = samples_of(source, 700, size=50)
    real = to_images(torch.from_numpy(digits.copy()))
    nearest = torch.cdist(samples.flatten(1), real.flatten(1)).argmin(dim=1)
    assert (samples[:, 0] - real[nearest]).abs().max() < 1e-6
    assert len(nearest.unique()) == NUM
    assert torch.equal(samples, samples_of(source, 700))
    assert not torch.equal(samples, samples_of(source, 700, seed=1))
    assert torch.equal(state, torch.get_rng_state())
    assert "z ~ N(0, I) of length 1" in source.describe()
    narrow = open_source(tmp_path / "G.pt", expected_shape=DIGIT, latent="uniform")
    seen = torch.cdist(samples_of(narrow, 700).flatten(1), real.flatten(1)).argmin(dim=1)
    # Φ(-1) = 0.159 of the digits on either side are out of reach of U[-1, 1]
    assert (seen.min(), seen.max()) == (int(0.159 * NUM), NUM - 1 - int(0.159 * NUM))


class Deconvolution(nn.Module):
    """A generator as in DCGAN's tutorial: z is (N, Z, 1, 1), and nothing says how long it is."""

    def __init__(self):
        super().__init__()
        self.layer = nn.ConvTranspose2d(5, 1, 28)

    def forward(self, z):
        return torch.tanh(9 * self.layer(z))


def test_what_a_torchscript_file_does_not_say_has_to_be_said(tmp_path):
    path = scripted(tmp_path / "G.pt", Deconvolution())
    refused("does not say how long its latent vectors are; say it with --latent", path=path, num=9)
    source = open_source(path, expected_shape=DIGIT, latent_dim=5)
    assert samples_of(source, 300).shape == (300, *DIGIT)
    assert source.facts()["latent_shape"] == [5, 1, 1]
    refused(r"cannot be run on latent vectors of length 6 \(--latent\)", path=path, latent_dim=6, num=9)
    refused(r"G\.pt: samples of shape \(1, 28, 28\) have 1 channel; the judge takes 3", path=path, latent_dim=5,
            num=9, expected_shape=STACK)  # fmt: skip
    for record in ("constants.pkl", "archive_format"):
        with zipfile.ZipFile(tmp_path / "damaged", "w") as archive:
            archive.writestr(f"G/{record}", "pt2")
        refused("damaged cannot be read or run", path=tmp_path / "damaged", latent_dim=5, num=9)


class Noisy(nn.Module):
    """A generator with noise of its own, whose samples would else depend on the global state."""

    latent_dim: int

    def __init__(self):
        super().__init__()
        self.latent_dim = 2

    def forward(self, z):
        return torch.tanh(z + torch.randn_like(z))


def test_a_generator_that_draws_by_itself_follows_the_seed_and_leaves_the_global_state(tmp_path):
    source = open_source(scripted(tmp_path / "G.pt", Noisy()), expected_shape=(2,))
    one = samples_of(source, 600)
    torch.manual_seed(7)
    state = torch.get_rng_state()
    assert torch.equal(one, samples_of(source, 600, size=3))
    assert not torch.equal(one, samples_of(source, 600, seed=1))
    assert len(one.unique(dim=0)) == 600
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("batch_size", [6, None])
def test_an_exported_generator_gets_the_batches_that_it_takes(tmp_path, batch_size):
    digits = foreign_samples.digits(NUM)
    memory = foreign_samples.memory_of(digits)
    batch = {0: torch.export.Dim("batch", min=2, max=100)} if batch_size is None else None
    program = torch.export.export(memory, (torch.zeros(batch_size or 4, 1),), dynamic_shapes=(batch,))
    torch.export.save(program, tmp_path / "G.pt2")
    source = open_source(tmp_path / "G.pt2", expected_shape=DIGIT)
    assert source.facts()["batch_size"] == (batch_size or 100)
    samples = samples_of(source, 103)
    generator = rng.generator(0, "sources", "latent")
    z = torch.cat([torch.randn(batch_size or 100, 1, generator=generator) for _ in range(18 if batch_size else 2)])
    assert torch.equal(samples, memory(z)[:103])
    refused("--latent 3: .* was exported for latent vectors of shape", path=source.path, latent_dim=3, num=1)


def test_every_kind_of_source_says_what_it_is():
    assert len({reader.kind for reader in READERS}) == len(READERS)
    assert all(reader.kind.split()[0] in ("a", "an") for reader in READERS)

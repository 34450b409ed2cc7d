"""`gannorm evaluate` on files that another program wrote: what it finds, what it says, what it refuses."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from gannorm import cli, rng
from gannorm.data import MNIST
from gannorm.evaluation import Reference, score
from gannorm.judges import DigitJudge, MixtureJudge
from gannorm.protocols import protocol
from gannorm.scorecard import measure
from gannorm.scorecard.setting import setting_of_run
from tests.foreign_samples import digits, stacks

LABELS = MNIST().held_out()[1].numpy()


@pytest.fixture(autouse=True)
def small_reference(monkeypatch):
    """A reference of 1,500 samples: the same comparisons, in a tenth of the time."""
    full = measure.reference_of
    monkeypatch.setattr(measure, "reference_of", lambda data, judge: thinned(full(data, judge, num=1_500)))


def thinned(reference):
    step = max(1, len(reference.features) // 1_500)
    points = None if reference.points is None else reference.points[::step]
    return Reference(reference.features[::step], reference.modes[::step], reference.accepted[::step], points)


def evaluate(capsys, *arguments):
    assert cli.main(["evaluate", *map(str, arguments), "--json"]) == cli.DONE
    return json.loads(capsys.readouterr().out)


def points(path, *, modes=8, sigma=0.01, num=3_000):
    """Points of some of the modes of a ring, drawn by numpy."""
    draws = np.random.default_rng(0)
    angle = 2 * np.pi * draws.integers(0, modes, num) / 8
    centers = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    np.save(path, (centers + sigma * draws.standard_normal((num, 2))).astype(np.float32))
    return path


def png_folder(folder, images):
    folder.mkdir()
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{number:05d}.png")
    return folder


def test_a_folder_of_half_the_digits(tmp_path, capsys):
    half = digits(10_000)[LABELS < 5][:1_200]
    found = evaluate(capsys, png_folder(tmp_path / "half", half), "--number", 1_200)
    figures, real = found["evaluation"], found["real"]
    assert figures["covered"] == [0, 1, 2, 3, 4]
    assert figures["effective_modes_low"] < 5.1 < figures["effective_modes_high"] + 0.1
    assert figures["tv_low"] < 0.51 < figures["tv_high"] + 0.02
    assert figures["frechet_low"] > 100 > real["frechet_high"]
    assert (figures["class_coverage_min"], real["covered_modes"]) == (0.0, 10)
    assert figures["coverage_ratio"] < 0.65 < 0.9 < real["coverage_ratio"]
    assert figures["protocol"] == "mnist v1"
    assert figures["legacy"]["raw_modes"] >= 5
    assert found["classifier_sha256"] == figures["classifier_sha256"] == DigitJudge().sha256
    assert (found["source"]["kind"], figures["generator"]) == ("folder of pictures", None)


def test_the_table_says_what_its_numbers_are(tmp_path, capsys):
    points(tmp_path / "ring.npy", modes=6, sigma=0.005)
    arguments = [str(tmp_path / "ring.npy"), "--data", "ring/pacgan", "--compare", "ring"]
    assert cli.main(["evaluate", *arguments]) == cli.DONE
    text = capsys.readouterr().out
    said = (
        "ring/pacgan v1",
        "natural logarithms",
        "95 % intervals",
        "2,500",
        "6/8",
        "σ ratio of a mode",
        "real data: 98.89 %",
    )
    for words in (*said, "as papers count", "raw modes 6", "PacGAN2", "a perfect", "yours"):
        assert words in text, words
    assert "0.5" in next(line for line in text.splitlines() if "σ ratio" in line)


def test_two_sources_and_what_tells_them_apart(tmp_path, capsys):
    all_of_it, most = points(tmp_path / "a.npy"), points(tmp_path / "b.npy", modes=7)
    found = evaluate(capsys, all_of_it, most, "--data", "ring/pacgan")
    assert [part["evaluation"]["covered_modes"] for part in found["sources"]] == [8, 7]
    assert found["differences"]["modes_p"] < 0.001 > found["differences"]["effective_modes_p"] - 0.001
    same = evaluate(capsys, all_of_it, all_of_it, "--data", "ring/pacgan")["differences"]
    assert same["modes_p"] == same["effective_modes_p"] == 1.0


def test_stacks_among_published_results(tmp_path, capsys):
    np.savez(tmp_path / "x.npz", arr_0=stacks(2_000))
    found = evaluate(
        capsys, tmp_path / "x.npz", "--data", "smnist/veegan-pacgan", "--number", 2_000, "--compare", "smnist"
    )
    assert found["evaluation"]["num_modes"] == 1000
    rows = {row["method"]: row for row in found["comparison"]["rows"]}
    assert rows["yours"]["num_samples"] == 2_000
    assert rows["yours"]["modes"] == found["evaluation"]["legacy"]["raw_modes"]
    assert found["evaluation"]["high_quality"] == pytest.approx(DigitJudge().ceiling ** 3, abs=0.02)


def test_a_generator_is_drawn_from_again_for_each_seed(tmp_path, capsys):
    class Ring(torch.nn.Module):
        latent_dim: int = 2

        def forward(self, z):
            angle = torch.floor((torch.atan2(z[:, 0], z[:, 1]) / 6.2832 + 0.5) * 6) * 0.7853982
            return torch.stack([angle.cos(), angle.sin()], dim=1) + 0.01 * (z - z.round())

    with pytest.warns((FutureWarning, DeprecationWarning), match="script"):
        torch.jit.script(Ring()).save(str(tmp_path / "ring.pt"))
    found = evaluate(capsys, tmp_path / "ring.pt", "--data", "ring/pacgan", "--seeds", 3, "--latent", 2)
    seeds = found["evaluation"]["seeds"]["effective_modes"]
    assert (len(seeds["values"]), len(set(seeds["values"]))) == (3, 3)
    assert found["evaluation"]["generator"] == "exported"


def test_a_judge_of_ones_own_and_cells(tmp_path, capsys):
    np.savez(tmp_path / "x.npz", arr_0=digits(1_000)[..., None])
    own = evaluate(capsys, tmp_path / "x.npz", "--judge", "gannorm.judges.DigitJudge", "--number", 1_000)
    assert own["evaluation"]["protocol"] == "mnist, judge gannorm.judges.DigitJudge"
    assert "legacy" not in own["evaluation"]
    points(tmp_path / "ring.npy", modes=4)
    cells = evaluate(capsys, tmp_path / "ring.npy", "--data", "ring/pacgan", "--cells", 8)["evaluation"]
    assert 3 <= cells["covered_modes"] <= 5 < cells["num_modes"]


def test_images_of_ones_own_need_a_judge(tmp_path, capsys):
    np.savez(tmp_path / "real.npz", images=digits(2_000)[..., None], labels=LABELS[:2_000])
    np.savez(tmp_path / "fake.npz", arr_0=digits(500)[..., None])
    refused(capsys, "has no judge of its own", tmp_path / "fake.npz", "--data", tmp_path / "real.npz")
    cells = evaluate(capsys, tmp_path / "fake.npz", "--data", tmp_path / "real.npz", "--cells", 5)["evaluation"]
    assert cells["num_samples"] == 500
    assert cells["covered_modes"] == cells["num_modes"]


def test_duplicates_of_real_digits_cover_all_modes_and_are_seen():
    images, labels = MNIST().held_out()
    judge = DigitJudge()
    judged = judge(images[5_000:7_500])
    real = Reference(judged.features, judged.mode, judged.confidence >= judge.threshold)
    few = images[[int((labels == digit).nonzero()[0]) for digit in range(10)]].repeat(200, 1, 1, 1)
    figures = score(few.split(500), judge, real).figures
    assert figures["covered_modes"] == 10
    assert figures["class_rke_ratio_min"] < 0.1
    assert figures["class_coverage_mean"] < 0.1
    assert figures["coverage_ratio"] < 0.1


def test_points_and_the_spread_of_their_modes():
    spec = protocol("ring/pacgan").make_data()
    real = spec.real(4_000, rng.generator(0))[0]
    judge = MixtureJudge(spec.centers, spec.sigma)
    nearest = spec.centers[judge(real).mode].float()
    perfect, narrow = (score([sample], judge).figures for sample in (real, nearest + (real - nearest) / 2))
    assert perfect["deviation_ratios"] == pytest.approx([1.0] * 8, abs=0.1)
    assert narrow["deviation_ratios"] == pytest.approx([0.5] * 8, abs=0.05)
    assert narrow["high_quality"] == 1.0 > judge.ceiling


def test_a_run_is_measured_against_what_it_was_trained_on(tmp_path, capsys):
    config = {
        "data": {"class_path": "gannorm.data.MNIST", "init_args": {"shares": [9.0] + [1.0] * 9, "batch_size": 8}},
        "model": {"generator": {}},
    }
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "config.yaml").write_text(json.dumps(config))
    for path in (tmp_path, tmp_path / "checkpoints" / "last.ckpt"):
        setting = setting_of_run(path)
        assert setting.label == f"mnist v1, shares {[9.0] + [1.0] * 9}"
        assert setting.judge.prior[0] == pytest.approx(0.5, abs=0.02)
    assert setting_of_run(tmp_path.parent / "samples.npz") is None
    config["data"]["class_path"] = "gannorm.data.StackedMNIST"
    config["data"]["init_args"] = {"size": 32}
    (tmp_path / "config.yaml").write_text(json.dumps(config))
    refused(capsys, "name real data with --data", tmp_path)


def test_a_range_that_begins_with_a_minus_can_be_typed(tmp_path, capsys):
    np.save(tmp_path / "faint.npy", digits(300).astype(np.float32)[:, None] / 255 * 0.6 - 0.3)
    refused(capsys, "--range", tmp_path / "faint.npy", "--number", 300)
    found = evaluate(capsys, tmp_path / "faint.npy", "--range", "-1..1", "--number", 300)
    assert found["source"]["range"] == "-1..1"
    assert found["evaluation"]["high_quality"] < 0.1


def refused(capsys, message, *arguments):
    assert cli.main(["evaluate", *map(str, arguments)]) == cli.WRONG
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1
    assert message in captured.err, captured.err


def test_what_is_refused_in_one_line(tmp_path, capsys):
    grey = np.full((200, 28, 28, 1), 0.5, np.float32)
    holes = digits(200).astype(np.float32)[..., None] / 127.5 - 1
    holes[7, 3, 3] = np.nan
    files = {
        "grey.npz": grey,
        "holes.npz": holes,
        "rgb.npz": stacks(200),
        "few.npz": digits(200)[..., None],
        "small.npz": digits(200)[:, :20, :20, None],
    }
    for name, images in files.items():
        np.savez(tmp_path / name, arr_0=images)
    (tmp_path / "empty").mkdir()
    broken = png_folder(tmp_path / "broken", digits(20))
    (broken / "00003.png").write_bytes((broken / "00003.png").read_bytes()[:60])
    (tmp_path / "weights.safetensors").write_bytes(b"another")
    weights = tmp_path / "weights.safetensors"
    ring = points(tmp_path / "ring.npy")
    np.save(tmp_path / "huge.npy", np.load(ring) * 1e30)
    for message, *arguments in (
        ("--range", tmp_path / "grey.npz", "--number", 200),
        ("number 7", tmp_path / "holes.npz", "--number", 200),
        ("3 channels; the judge takes 1", tmp_path / "rgb.npz", "--number", 200),
        ("200 samples, mnist v1 needs 10,000", tmp_path / "few.npz"),
        ("20", tmp_path / "small.npz", "--number", 200),
        ("empty", tmp_path / "empty"),
        ("1 of 20 pictures cannot be read: 00003.png", broken, "--number", 20),
        ("is pinned to", tmp_path / "few.npz", "--classifier", weights, "--number", 200),
        ("has no classifier", ring, "--data", "ring/pacgan", "--classifier", weights),
        ("did you mean 'ring/pacgan'", ring, "--data", "ring/pagcan"),
        ("does not state its radius and σ", ring, "--data", "ring/veegan"),
        ("one judge at a time", ring, "--cells", 4, "--judge", "a.B"),
        ("only a generator can be asked again", tmp_path / "few.npz", "--number", 200, "--seeds", 2),
        ("points are no pictures", ring, "--data", "ring/pacgan", "--sheet", tmp_path / "x.png"),
        ("has 1000 modes and your result 10", tmp_path / "few.npz", "--number", 200, "--compare", "smnist"),
        ("nothing", tmp_path / "nothing"),
        ("the generator diverged", tmp_path / "huge.npy", "--data", "ring/pacgan"),
        ("end its name with .png", tmp_path / "few.npz", "--number", 200, "--sheet", tmp_path / "x.foo"),
        ("cannot be written", tmp_path / "few.npz", "--number", 200, "--sheet", tmp_path / "few.npz" / "x.png"),
        ("no such file or folder", tmp_path / "few.npz", "--data", "/nowhere/at/all"),
        ("needs --folder", tmp_path / "few.npz", "--data", "cifar10"),
        ("at least one", tmp_path / "few.npz", "--number", 0),
    ):
        refused(capsys, message, *arguments)

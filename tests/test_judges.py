"""Judges know what a sample is, refuse what they cannot know, and say which ones they are."""

import json
from pathlib import Path

import pytest
import torch
from scipy import stats

from gannorm import cli, rng
from gannorm.callbacks.sample_grid import grid
from gannorm.classifier import WeightsError, labelled, labelled_recipe, material
from gannorm.classifier.confusion import confusion, smoothed
from gannorm.classifier.generic import INVERTED, TRAINED, UNSEEN, of_other_classes
from gannorm.classifier.inputs import check_range
from gannorm.classifier.judge import SHIPPED_CONFUSION
from gannorm.data import MNIST, to_images
from gannorm.evaluation import measured, score
from gannorm.evaluation.sheet import GAP, MOST_ROWS
from gannorm.judges import (
    CellJudge,
    ClassifierJudge,
    DigitJudge,
    Judge,
    MixtureJudge,
    StackedDigitJudge,
    accepted,
    own_judge,
)
from gannorm.judges.mixtures import RULES
from gannorm.metrics import mode_coverage
from tests.judged import Shapes, Sign
from tests.reference import judges as reference

DIGITS, LABELS = MNIST().held_out()
RING = torch.stack([(torch.arange(8) * torch.pi / 4).cos(), (torch.arange(8) * torch.pi / 4).sin()], dim=1)
HIGH = torch.tensor([-1.0, -0.5, 0.0, 0.5, -2.0])[:, None].expand(5, 1200)  # of VEEGAN's set


def points(centers, sigma, num, noisy_dims=None, modes=None):
    """Return what a perfect generator of a mixture draws, and the modes."""
    generator = rng.generator(0, "points")
    if modes is None:
        modes = torch.randint(len(centers), (num,), generator=generator)
    noise = torch.randn(num, centers.shape[1], generator=generator) * sigma
    if noisy_dims is not None:
        noise[:, noisy_dims:] = 0
    return centers[modes] + noise, modes


def stacks(num, pool=None, seed=0):
    """Return stacks of test digits and their modes."""
    pool = torch.arange(len(LABELS)) if pool is None else pool
    chosen = pool[torch.randint(len(pool), (num, 3), generator=rng.generator(seed, "stacks"))]
    return DIGITS[chosen].squeeze(2), LABELS[chosen] @ torch.tensor([100, 10, 1])


# Digits


@pytest.fixture(scope="module")
def digit():
    return DigitJudge()


def test_the_shipped_confusion_is_counted_anew(digit):
    judged = digit(DIGITS)
    is_accepted = accepted(digit, judged)
    counts = confusion(judged.mode[is_accepted], LABELS[is_accepted], 10)
    assert counts.tolist() == [list(row) for row in SHIPPED_CONFUSION]
    assert digit.ceiling == is_accepted.double().mean().item()
    assert torch.equal(digit.confusion_counts, counts)


def test_confusion_is_a_distribution_that_excludes_nothing(digit):
    assert torch.allclose(digit.confusion.sum(dim=1), torch.ones(10, dtype=torch.float64))
    assert (digit.confusion > 0).all()
    errors = 1 - digit.confusion.diag().mean()
    seen = 1 - digit.confusion_counts.diag().sum() / digit.confusion_counts.sum()
    assert seen < errors < 2 * seen  # smoothing does not drown what was counted; Jeffreys' prior would
    assert 1 - smoothed(digit.confusion_counts, 0.5).diag().mean() > 2 * seen


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (torch.zeros(2, 3, 28, 28), r"images \(N, 3, 28, 28\): the classifier takes \(N, 1, 28, 28\)$"),
        (torch.zeros(2, 28, 28, 1), r"channels last\? permute\(0, 3, 1, 2\)"),
        (torch.zeros(2, 784), r"images \(N, 784\): the classifier takes"),
        (torch.zeros(2, 1, 28, 28, dtype=torch.uint8), r"torch.uint8: the classifier takes floats in \[-1, 1\]"),
        (torch.full((2, 1, 28, 28), torch.nan), "2 of 2 images hold NaN or infinity: the classifier"),
        (torch.linspace(0, 255, 784).view(1, 1, 28, 28), r"images from 0 to 255 \(pixels\? x / 127.5 - 1\): the"),
        (torch.linspace(-3, 3, 784).view(1, 1, 28, 28), r"images from -3 to 3: the classifier takes images in \[-1"),
        (DIGITS[:20] / 2 + 0.5, r"images in \[0, 1\]\? scale to \[-1, 1\]"),
    ],
)
def test_images_that_nobody_can_judge(digit, images, words):
    with pytest.raises(ValueError, match=words) as error:
        digit(images)
    assert "\n" not in str(error.value)


def test_other_images_in_0_1_are_known_by_their_ends():
    bright = torch.rand(20, 3, 8, 8, generator=rng.generator(0))
    with pytest.raises(ValueError, match=r"in \[0, 1\]\?"):
        check_range(bright, is_dark=False)
    check_range(bright, is_dark=True)  # no background: not digits in [0, 1], but a failing generator's
    check_range(bright * 0.5 + 0.4, is_dark=False)
    check_range(bright * 2 - 1, is_dark=False)


# Stacks


@pytest.fixture(scope="module")
def stacked():
    return StackedDigitJudge()


def test_a_stack_is_three_digits_one_by_one(digit, stacked):
    images, _ = stacks(12)
    images[3, 1] = 0.3  # no digit in one channel
    judged = stacked(images)
    for image, mode, confidence in zip(images, judged.mode.tolist(), judged.confidence.tolist(), strict=True):
        assert (mode, pytest.approx(confidence, abs=1e-5)) == reference.stack(digit, image)
    assert torch.allclose(judged.features[:, 96:192], digit(images[:, 1:2]).features, atol=1e-5)
    assert not accepted(stacked, judged)[3]


@pytest.fixture(scope="module")
def real_stacks(stacked):
    """What the judge says of a perfect generator, and the truth."""
    images, modes = stacks(1000)
    return stacked(images), modes


def test_a_perfect_generator_of_stacks_meets_the_ceiling(stacked, real_stacks):
    judged, modes = real_stacks
    is_accepted = accepted(stacked, judged)
    assert is_accepted.float().mean().item() == pytest.approx(stacked.ceiling, abs=0.02)
    assert (judged.mode == modes)[is_accepted].float().mean() > 0.985
    assert stacked.ceiling == pytest.approx(0.97, abs=0.005)


def test_a_generator_of_two_digits_has_eight_of_a_thousand_modes(stacked):
    images, _ = stacks(600, pool=torch.isin(LABELS, torch.tensor([3, 8])).nonzero().squeeze(1))
    judged = stacked(images)
    counts = torch.bincount(judged.mode[accepted(stacked, judged)], minlength=1000)
    assert counts.nonzero().flatten()[counts[counts > 0] > 5].tolist() == [333, 338, 383, 388, 833, 838, 883, 888]


def test_the_prior_of_stacks_is_the_digits_multiplied(digit, stacked):
    assert stacked.prior.shape == (1000,)
    assert stacked.prior[721] == pytest.approx(float(digit.prior[7] * digit.prior[2] * digit.prior[1]))
    assert stacked.prior.sum().item() == pytest.approx(1, abs=1e-5)
    assert (stacked.channels, len(stacked.confusion)) == (3, 10)


def test_a_wrong_prior_shows(stacked, real_stacks):
    judged, _ = real_stacks
    counts = torch.bincount(judged.mode[accepted(stacked, judged)], minlength=1000)
    wrong = StackedDigitJudge(prior=torch.tensor([0.9, 0.1]).repeat_interleave(500) / 500).prior
    assert mode_coverage(counts, 1000, stacked.prior)["kl"] + 0.4 < mode_coverage(counts, 1000, wrong)["kl"]


def test_noise_is_no_stack_and_one_channel_no_stack_either(stacked):
    noise = torch.rand(50, 3, 28, 28, generator=rng.generator(0)) * 2 - 1
    assert not accepted(stacked, stacked(noise)).any()
    with pytest.raises(ValueError, match=r"images \(N, 1, 28, 28\): the classifier takes \(N, 3, 28, 28\)"):
        stacked(DIGITS[:2])
    assert len(stacked(DIGITS[:0].expand(0, 3, 28, 28)).features) == 0


def test_a_sheet_of_a_thousand_modes_has_32_rows(stacked):
    images, modes = stacks(60)
    images[10:40] = images[:1]
    evaluation = measured(images, stacked)
    rows = grid(evaluation, 1000)[0].split(28 + GAP)
    assert len(rows) == MOST_ROWS
    assert modes[0] == evaluation.judged.mode[0]
    assert torch.equal(rows[0][:28, :28], ((images[0, 0] + 1) * 127.5).round().byte())  # the most frequent one first
    assert all(len(row.unique()) == 1 for row in rows[16:31])  # the least frequent ones were never drawn


# Mixtures


@pytest.mark.parametrize(
    ("rule", "centers", "sigma", "noisy_dims"),
    [
        ("circle", RING, 0.01, None),
        ("box", RING, 0.01, None),
        ("circle", RING * 2, 0.3, None),
        ("shell", HIGH[:, :12], 1.0, 7),
        ("shell", HIGH[:, :6], 1.0, None),
        ("legacy", HIGH[:, :150], 1.0, 90),
    ],
)
def test_each_rule_is_the_papers(rule, centers, sigma, noisy_dims):
    x, _ = points(centers, sigma * 1.3, 200, noisy_dims)
    judge = MixtureJudge(centers, sigma, rule=rule, noisy_dims=noisy_dims)
    judged = judge(x)
    dims = noisy_dims or centers.shape[1]
    modes = [reference.nearest(point, centers.tolist()) for point in x.tolist()]
    good = [
        reference.is_good(point, centers[mode].tolist(), sigma, rule, dims)
        for point, mode in zip(x.tolist(), modes, strict=True)
    ]
    assert judged.mode.tolist() == modes
    assert accepted(judge, judged).tolist() == good
    assert 0 < sum(good) < 200
    assert torch.equal(judged.features, x)


@pytest.mark.parametrize(
    ("rule", "centers", "sigma", "noisy_dims", "num"),
    [
        ("circle", RING, 0.01, None, 100_000),
        ("box", RING, 0.01, None, 100_000),
        ("shell", HIGH, 1.0, 700, 500),
        ("legacy", HIGH, 1.0, 700, 500),
        ("shell", HIGH[:, :40] * 4, 1.0, 30, 20_000),
    ],
)
def test_a_perfect_generator_meets_the_ceiling(rule, centers, sigma, noisy_dims, num):
    x, modes = points(centers, sigma, num, noisy_dims)
    judge = MixtureJudge(centers, sigma, rule=rule, noisy_dims=noisy_dims)
    judged = judge(x)
    share = accepted(judge, judged).double().mean().item()
    spread = (judge.ceiling * (1 - judge.ceiling) / num) ** 0.5
    assert share == pytest.approx(judge.ceiling, abs=4 * spread + 1e-9)
    assert (judged.mode == modes).float().mean() > 0.99


def test_the_ceilings_are_the_known_ones():
    circle, box = (MixtureJudge(RING, 0.01, rule=rule).ceiling for rule in ("circle", "box"))
    assert circle == pytest.approx(1 - 2.718281828459045**-4.5)
    assert box == pytest.approx(0.9973**2, abs=1e-4)
    assert MixtureJudge(HIGH, 1.0, rule="legacy", noisy_dims=700).ceiling < 1e-50  # the trap of that rule
    assert MixtureJudge(HIGH, 1.0, rule="shell", noisy_dims=700).ceiling > 0.999
    assert MixtureJudge(RING[:, :1], 0.01).ceiling == pytest.approx(2 * stats.norm.cdf(3) - 1)


def test_a_collapsed_and_a_contracted_generator_of_points():
    judge = MixtureJudge(RING, 0.01)
    x, _ = points(RING, 0.001, 1000, modes=torch.full((1000,), 5))
    judged = judge(x)
    counts = torch.bincount(judged.mode[accepted(judge, judged)], minlength=8)
    assert counts.tolist() == [0, 0, 0, 0, 0, 1000, 0, 0]
    between, _ = points((RING + RING.roll(1, 0)) / 2, 0.01, 1000)
    assert not accepted(judge, judge(between)).any()


def test_the_border_itself_is_accepted_and_a_little_more_is_not():
    judge = MixtureJudge(torch.zeros(1, 2), 1.0)
    assert accepted(judge, judge(torch.tensor([[3.0, 0.0], [3.0001, 0.0]]))).tolist() == [True, False]
    box = MixtureJudge(torch.zeros(1, 2), 1.0, rule="box")
    assert accepted(box, box(torch.tensor([[3.0, 3.0], [3.0001, 0.0]]))).tolist() == [True, False]


@pytest.mark.parametrize(("rule", "dims"), [("circle", 2), ("circle", 3), ("box", 2), ("shell", 200), ("legacy", 2)])
def test_how_wide_accepted_points_lie(rule, dims):
    judge = MixtureJudge(torch.zeros(1, dims), 0.5, rule=rule)
    points = 0.5 * torch.randn(20_000, dims, generator=rng.generator(0, rule))
    kept = points[accepted(judge, judge(points))].double()
    assert judge.deviation == pytest.approx(float(kept.square().mean().sqrt()), rel=0.006)
    assert MixtureJudge(torch.zeros(1, 3), 0.5, noisy_dims=2).deviation is None
    assert MixtureJudge(torch.zeros(1, 5_000), 0.5, rule="legacy").deviation is None  # it accepts none


def test_a_mixture_is_named_by_all_that_decides():
    judges = [
        MixtureJudge(RING, 0.01), MixtureJudge(RING, 0.02), MixtureJudge(RING * 2, 0.01),
        MixtureJudge(RING, 0.01, rule="box"), MixtureJudge(RING, 0.01, noisy_dims=1),
    ]  # fmt: skip
    assert len({judge.sha256 for judge in judges}) == 5
    assert MixtureJudge(RING.clone(), 0.01, prior=torch.arange(1, 9) / 36).sha256 == judges[0].sha256
    assert {judge.rule for judge in judges} < set(RULES)
    assert all(isinstance(judge, Judge) for judge in judges)


def test_what_is_wrong_with_points_is_one_line():
    judge = MixtureJudge(RING, 0.01)
    for wrong, words in (
        (torch.zeros(3, 3), r"points \(3, 3\): this mixture's are \(N, 2\)"),
        (torch.tensor([[0.0, torch.nan]]), "1 of 1 points hold NaN"),
    ):
        with pytest.raises(ValueError, match=words):
            judge(wrong)
    with pytest.raises(ValueError, match=r"sigma=0\.0: a standard deviation is positive"):
        MixtureJudge(RING, 0.0)
    with pytest.raises(ValueError, match="noisy_dims=3: centers have 2 coordinates"):
        MixtureJudge(RING, 0.01, noisy_dims=3)


# Labelled images


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A classifier of shapes as the command trains it."""
    path = tmp_path_factory.mktemp("classifier") / "shapes.safetensors"
    options = ["--data", "tests.judged.Shapes", "--output", str(path), "--epochs", "30"]
    assert cli.main(["classifier", "train", *options]) == 0
    return path


@pytest.fixture(scope="module")
def shapes(trained):
    return ClassifierJudge(trained)


def fresh_shapes():
    found = Shapes(num=300, seed=1)
    return to_images(found.images), found.labels


def test_the_command_says_what_a_classifier_is_worth(trained, capsys):
    assert cli.main(["classifier", "test", "--weights", str(trained)]) == 0
    printed = capsys.readouterr().out
    assert "3 classes of 3x8x8 images from shapes" in printed
    assert "disc" in printed
    assert "pixel_shuffled" in printed


def test_a_classifier_knows_its_classes_and_says_which_it_is(shapes, trained):
    images, labels = fresh_shapes()
    judged = shapes(images)
    assert accepted(shapes, judged).float().mean() > 0.9
    assert (judged.mode == labels).float().mean() > 0.97
    assert isinstance(shapes, Judge)
    assert shapes.classes == ("bar", "post", "disc")
    assert shapes.prior.tolist() == pytest.approx([1 / 3] * 3)
    described = json.loads(trained.with_suffix(".json").read_text())
    assert described["sha256"] == shapes.sha256
    assert described["threshold"] == shapes.threshold
    assert shapes.confusion_counts.sum() == round(shapes.ceiling * described["num_test"])


def test_a_collapsed_half_and_perfect_generator_of_shapes(shapes):
    images, labels = fresh_shapes()
    for classes in ([2], [0, 1], [0, 1, 2]):
        result = measured(images[torch.isin(labels, torch.tensor(classes))], shapes).metrics
        assert result["covered"] == classes
        assert result["tv"] == pytest.approx(1 - len(classes) / 3, abs=0.05)


def test_what_is_no_shape_does_not_pass(shapes):
    images, _ = fresh_shapes()
    noise = torch.rand(images.shape, generator=rng.generator(0)) * 2 - 1
    for none in (noise, noise.round(), torch.zeros_like(images), torch.ones_like(images), -torch.ones_like(images)):
        assert accepted(shapes, shapes(none)).float().mean() <= 0.02
    passed = shapes.classifier.facts.passed
    assert set(passed) == set(TRAINED | INVERTED | UNSEEN)  # shapes are on black, so inverted ones can be told
    assert max(passed[kind] for kind in ("uniform_noise", "pixel_shuffled", "inverted", "blended")) <= 0.1


def test_kinds_of_no_shape_are_pictures_and_the_same_again():
    images, labels = fresh_shapes()
    others = images[of_other_classes(labels, rng.generator(0))]
    for name, kind in (TRAINED | INVERTED | UNSEEN).items():
        made, again = (kind(images[:20], others[:20], rng.generator(0, name)) for _ in range(2))
        assert made.shape == (20, 3, 8, 8), name
        assert made.abs().max() <= 1, name
        assert torch.equal(made, again), name
        assert not torch.equal(made, images[:20]), name
    assert (labels[of_other_classes(labels, rng.generator(0))] != labels).all()


def test_the_same_seed_trains_the_same_classifier_and_leaves_the_global_state(tmp_path):
    state = torch.get_rng_state()
    data = material.material(Shapes(60))
    one, other, another = (
        labelled_recipe.main_train(data, tmp_path / f"{number}.safetensors", seed=seed, epochs=2)
        for number, seed in enumerate((0, 0, 1))
    )
    assert one.sha256 == other.sha256 != another.sha256
    assert torch.equal(state, torch.get_rng_state())
    assert labelled.load(tmp_path / "0.safetensors").facts == one.facts


def test_a_classifier_refuses_other_images(shapes):
    images, _ = fresh_shapes()
    with pytest.raises(ValueError, match=r"images \(N, 1, 8, 8\): the classifier takes \(N, 3, 8, 8\)"):
        shapes(images[:, :1])
    with pytest.raises(ValueError, match=r"in \[0, 1\]\?"):
        shapes(images / 2 + 0.5)


def damaged(path, change):
    content = bytearray(path.read_bytes())
    content[change] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: damaged(path, -1), r"x.safetensors is damaged \(its SHA-256 is another"),
        (lambda path: damaged(path, 30), r"x.safetensors is damaged"),
        (lambda path: path.unlink(), r"x.safetensors is missing"),
        (lambda path: path.with_suffix(".json").write_text("{"), r"x.json is damaged"),
        (lambda path: path.with_suffix(".json").unlink(), r"x.json is missing"),
    ],
)
def test_damaged_weights_are_one_line(trained, tmp_path, spoil, words):
    path = tmp_path / "x.safetensors"
    for suffix in (".safetensors", ".json"):
        path.with_suffix(suffix).write_bytes(trained.with_suffix(suffix).read_bytes())
    assert ClassifierJudge(path).num_modes == 3
    spoil(path)
    with pytest.raises(WeightsError, match=words) as error:
        ClassifierJudge(path)
    assert "\n" not in str(error.value)


def test_one_kind_of_weights_is_not_taken_for_another(trained):
    from gannorm.classifier import load
    from gannorm.classifier.judge import WEIGHTS

    with pytest.raises(WeightsError, match="holds something else, not a labelled classifier"):
        ClassifierJudge(WEIGHTS)
    with pytest.raises(WeightsError, match=r"damaged|another network"):
        load(trained)


class Unlabelled:
    name = "pictures"


class Few(Shapes):
    def __init__(self):
        super().__init__(num=12)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--data", "no/such/folder"], "no/such/folder"),
        (["--data", "imagenet"], "'imagenet' is no folder, no .npz file, no class, and none of mnist"),
        (["--data", "tests.test_judges.Unlabelled"], "pictures: no labelled images"),
        (["--data", "tests.test_judges.Few"], "4 images of class 0; a classifier needs 10"),
        (["--data", "tests.judged.Sign", "--folder", "here"], "unexpected keyword argument 'folder'"),
        (["--epochs", "0"], "--epochs 0"),
    ],
)
def test_what_the_command_cannot_train_on_is_one_line(options, words, capsys):
    assert cli.main(["classifier", "train", *options]) == 2
    printed = capsys.readouterr()
    assert printed.err.count("\n") == 1
    assert words in printed.err


# Cells


PLACES = 10 * torch.tensor([[0.0, 0, 0], [2, 0, 2], [0, 2, 2], [2, 2, 0], [1, 1, 1]])


def blobs(num, seed=0, weights=None):
    """Return points around five places, as unlabelled real data."""
    generator = rng.generator(seed, "blobs")
    weights = torch.ones(5) if weights is None else weights
    modes = torch.multinomial(weights, num, replacement=True, generator=generator)
    return PLACES[modes] + torch.randn(num, 3, generator=generator), modes


@pytest.fixture(scope="module")
def cells():
    return CellJudge(blobs(4000)[0], num_cells=5, seed=0)


def test_cells_of_blobs_are_the_blobs(cells):
    x, modes = blobs(2000, seed=1)
    judged = cells(x)
    assert cells.num_modes == 5
    assert all(len(judged.mode[modes == mode].unique()) == 1 for mode in range(5))
    assert cells.prior.tolist() == pytest.approx([0.2] * 5, abs=0.03)
    share = accepted(cells, judged).double().mean().item()
    assert share == pytest.approx(0.99, abs=0.008)
    assert share == pytest.approx(cells.ceiling, abs=0.01)
    assert isinstance(cells, Judge)
    assert torch.equal(judged.features, x)


def test_a_collapsed_generator_fills_one_cell_and_noise_none(cells):
    x, modes = blobs(2000, seed=1)
    result = measured(x[modes == 3], cells).metrics
    assert (result["covered_modes"], result["effective_modes"]) == (1, pytest.approx(1, abs=0.01))
    far = torch.rand(500, 3, generator=rng.generator(0)) * 20 + 40
    assert not accepted(cells, cells(far)).any()


def test_the_weights_of_cells_are_the_data_s():
    weights = torch.tensor([0.5, 0.3, 0.1, 0.06, 0.04])
    judge = CellJudge(blobs(4000, weights=weights)[0], num_cells=5, seed=0)
    assert judge.prior.sort(descending=True).values.tolist() == pytest.approx(weights.tolist(), abs=0.03)


def test_small_cells_are_merged_and_it_is_said(capsys):
    weights = torch.tensor([1.0, 1.0, 1.0, 1.0, 0.03])
    judge = CellJudge(blobs(1000, weights=weights)[0], num_cells=5, seed=0)
    assert judge.num_modes == 4
    assert judge.prior.sum().item() == pytest.approx(1)
    assert "1 of 5 cells held fewer than 20 real points and were merged" in capsys.readouterr().err


def test_features_are_scaled():
    x, modes = blobs(2000)
    x[:, 2] = 7  # tells nothing
    judge = CellJudge(x * torch.tensor([1e-4, 1.0, 1.0]), num_cells=5, seed=0)  # one that tells the blobs is small
    judged = judge(x * torch.tensor([1e-4, 1.0, 1.0]))
    assert torch.isfinite(judged.confidence).all()
    assert all(len(judged.mode[modes == mode].unique()) == 1 for mode in range(5))


def test_cells_are_the_same_again_and_read_back(cells, tmp_path):
    x, _ = blobs(500, seed=1)
    state = torch.get_rng_state()
    again = CellJudge(blobs(4000)[0], num_cells=5, seed=0)
    assert torch.equal(state, torch.get_rng_state())
    assert again.sha256 == cells.sha256 == cells.save(tmp_path / "cells.safetensors")
    assert CellJudge(blobs(4000)[0], num_cells=5, seed=1).sha256 != cells.sha256
    read = CellJudge.load(tmp_path / "cells.safetensors")
    assert read.sha256 == cells.sha256
    assert (read.ceiling, read.num_modes) == (cells.ceiling, cells.num_modes)
    assert all(map(torch.equal, read(x), cells(x)))
    damaged(tmp_path / "cells.safetensors", -1)
    with pytest.raises(WeightsError, match="damaged"):
        CellJudge.load(tmp_path / "cells.safetensors")


def test_features_by_a_function_and_by_its_import_path(tmp_path):
    from tests.judged import first_two

    images = blobs(600)[0].view(600, 3, 1, 1)
    by_path = CellJudge(images, num_cells=3, features="tests.judged.first_two")
    by_function = CellJudge(images, num_cells=3, features=first_two)
    assert by_path.sha256 == by_function.sha256
    assert by_path(images).features.shape == (600, 2)
    by_path.save(tmp_path / "cells.safetensors")
    assert CellJudge.load(tmp_path / "cells.safetensors").sha256 == by_path.sha256
    with pytest.raises(ValueError, match=r"have features tests\.judged\.first_two, not tests\.judged\.upside_down"):
        CellJudge.load(tmp_path / "cells.safetensors", features="tests.judged.upside_down")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda x: CellJudge(x[:150], num_cells=5), "num_cells=5 with 150 real samples: .* at most 3"),
        (lambda x: CellJudge(x, num_cells=1), "num_cells=1"),
        (lambda x: CellJudge(x, num_cells=2, features="tests.judged.upside_down"), r"features \(2, 400\) of 400"),
        (lambda x: CellJudge(x, num_cells=2, features="tests.judged.nobody"), "'tests.judged' has no 'nobody'"),
        (lambda x: CellJudge(torch.full_like(x, torch.inf), num_cells=2), "400 of 400 samples have features that"),
        (lambda x: CellJudge(torch.ones_like(x), num_cells=2), "num_cells=2: fewer real samples than that differ"),
        (lambda x: CellJudge(x, num_cells=2)(x[:, :2]), "2 features of each sample; the real data's have 3"),
    ],
)
def test_what_makes_no_cells_is_one_line(make, words):
    with pytest.raises(ValueError, match=words) as error:
        make(blobs(400)[0])
    assert "\n" not in str(error.value)


# Anybody's own


def test_a_judge_by_class_path():
    judge = own_judge("tests.judged.Sign", threshold=0.5)
    judged = judge(torch.tensor([[-2.0], [0.1], [3.0]]))
    assert judged.mode.tolist() == [0, 1, 1]
    assert accepted(judge, judged).tolist() == [True, False, True]
    assert judge.prior.tolist() == pytest.approx([0.4, 0.6])
    assert isinstance(judge, Judge)
    lenient = own_judge("tests.judged.Sign")
    assert accepted(lenient, lenient(torch.zeros(2, 1))).all()
    assert lenient.named_by == "source"
    assert lenient.sha256 != judge.sha256  # other arguments make another judge
    assert lenient.sha256 == own_judge("tests.judged.Sign").sha256


def test_a_confusion_may_be_a_list():
    judge = own_judge("tests.judged.Sign", confusion=[[0.9, 0.1], [0.0, 1.0]])
    figures = score([torch.tensor([[-1.0]] * 900 + [[1.0]] * 100)], judge).figures
    assert (figures["covered"], figures["reliable"]) == ([0], True)


def test_the_package_s_own_judges_fit_too():
    judge = own_judge("gannorm.judges.DigitJudge")
    assert (judge.sha256, judge.named_by, judge.ceiling) == (DigitJudge().sha256, "itself", DigitJudge().ceiling)
    assert torch.equal(judge(DIGITS[:4]).mode, DigitJudge()(DIGITS[:4]).mode)


@pytest.mark.parametrize(
    ("path", "options", "words"),
    [
        ("judge", {}, "'judge' is no import path"),
        ("no_such_package.Judge", {}, "there is no module 'no_such_package'"),
        ("tests.judged.Sgin", {}, "module 'tests.judged' has no 'Sgin'"),
        ("tests.judged.Sign", {"sign": 1}, "unexpected keyword argument 'sign'"),
        ("tests.judged.first_two", {}, "num_modes is None"),
        ("tests.judged.first_two", {"a": 1}, "not a class, so it takes no a"),
        ("tests.judged.Shapes", {}, "not callable"),
        ("tests.judged.Sign", {"num_modes": 2.0}, "num_modes is 2.0"),
        ("tests.judged.Sign", {"prior": None}, "no prior"),
        ("tests.judged.Sign", {"prior": "even"}, "is no tensor of 2 numbers"),
        ("tests.judged.Sign", {"prior": (0.5, 0.4, 0.1)}, r"prior of shape \(3,\); 2 modes need \(2,\)"),
        ("tests.judged.Sign", {"prior": (5, 6)}, "prior from 5 with sum 11; frequencies are positive, their sum 1"),
        ("tests.judged.Sign", {"prior": (0.0, 1.0)}, "prior from 0"),
        ("tests.judged.Sign", {"confusion": "some"}, "confusion a str of 4 is no table of numbers"),
        ("tests.judged.Sign", {"confusion": torch.eye(3)}, r"confusion of shape \(3, 3\); 2 modes in 1 channels"),
        ("tests.judged.Sign", {"confusion": [[9, 1], [0, 5]]}, r"confusion is P\(called a \| is i\)"),
    ],
)
def test_what_is_wrong_with_a_judge_is_one_line(path, options, words):
    with pytest.raises(ValueError, match=words) as error:
        own_judge(path, **options)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"columns": 2}, "returned a tuple of 2, not"),
        ({"mode": torch.tensor([0, 2])}, "modes from 0 to 2, not 0 to 1; a sample of no mode has a confidence below"),
        ({"mode": torch.tensor([-1, 0])}, "modes from -1 to 0"),
        ({"mode": torch.tensor([0.0, 1.0])}, "mode of type torch.float32, not integers"),
        ({"mode": torch.tensor([0])}, r"mode of shape \(1,\), not \(2,\)"),
    ],
)
def test_what_is_wrong_with_its_answers_is_one_line(options, words):
    judge = own_judge("tests.judged.Sign", **options)
    with pytest.raises(ValueError, match=words) as error:
        judge(torch.ones(2, 1))
    assert "\n" not in str(error.value)


def test_its_numbers_may_not_be_nan_and_its_features_are_a_table():
    judge = own_judge("tests.judged.Sign")
    with pytest.raises(ValueError, match="features hold NaN"):
        judge(torch.full((2, 1), torch.nan))
    with pytest.raises(ValueError, match=r"features of shape \(2, 1, 1\), not \(2, D\)"):
        own_judge("tests.judged.Sign", mode=torch.tensor([0, 1]))(torch.ones(2, 1, 1))
    assert Sign().num_modes == 2
    assert Path(material.__file__).name == "material.py"

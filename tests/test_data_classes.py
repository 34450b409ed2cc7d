"""Digits and stacks of them: real samples follow the training set's frequencies, imbalance included."""

import pytest
import torch

from gannorm import rng
from gannorm.data import MNIST, DataError, StackedMNIST, mnist, to_images
from gannorm.data.resident import EpochLoader
from gannorm.data.shares import subset
from gannorm.data.stacked import StackLoader
from tests.reference import data as reference

LONG_TAIL = [0.5**digit for digit in range(10)]
NO_SEVENS = [1.0] * 7 + [0.0, 1.0, 1.0]


def matches(modes, prior, num_sigmas=5):
    """Say whether counts are within the scatter of independent draws."""
    counts = torch.bincount(modes, minlength=len(prior)).double()
    expected = prior.double() * len(modes)
    return bool(((counts - expected).abs() <= num_sigmas * (expected * (1 - prior.double())).sqrt() + 1e-6).all())


@pytest.mark.parametrize("shares", [LONG_TAIL, NO_SEVENS, [1.0] * 10], ids=["long tail", "no sevens", "even"])
def test_shares_thin_the_training_set_and_prior_and_real_follow(shares):
    data = MNIST(shares=shares)
    counts = torch.bincount(data.training[1], minlength=10)
    assert counts.tolist() == reference.most_of_each_class(torch.bincount(mnist("train")[1]).tolist(), shares)
    wanted = torch.tensor(shares) / sum(shares)
    assert torch.allclose(data.prior, wanted, atol=1e-3)
    assert torch.equal(data.prior, counts.float() / counts.sum())
    _, modes = data.real(5_000, rng.generator(0))
    assert matches(modes, data.prior)
    if 0.0 in shares:
        assert 7 not in modes


def test_shares_keep_the_same_digits_for_every_seed():
    one, other = (MNIST(shares=LONG_TAIL, seed=seed) for seed in (0, 1))
    assert torch.equal(one.training[0], other.training[0])
    assert not torch.equal(next(iter(one.train_dataloader()))[1], next(iter(other.train_dataloader()))[1])


def test_what_is_kept_is_no_beginning_of_the_file():
    labels = torch.zeros(1000, dtype=torch.long)
    labels[::2] = 1
    kept = subset(labels, [1.0, 0.2], 2)
    ones = kept[labels[kept] == 1]
    assert len(ones) == 100
    assert ones.float().mean().item() == pytest.approx(500, abs=100)


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ([1.0] * 9, r"shares=\[1, 1, 1, 1, 1, 1, 1, 1, 1\] are 9 numbers: give 10"),
        ([-1.0] + [1.0] * 9, "of 0 or more"),
        ([0.0] * 10, "not all 0"),
        ([float("nan")] * 10, "give 10 of 0 or more"),
        ([1.0] * 9 + [1e-6], "1e-06 for class 9 leaves none of its 5949 samples"),
    ],
)
@pytest.mark.parametrize("kind", [MNIST, StackedMNIST])
def test_shares_that_are_none(kind, shares, words):
    with pytest.raises(DataError, match=rf"^[^\n]*{words}[^\n]*$"):
        kind(shares=shares)


def test_real_digits_are_held_out_ones_and_none_comes_twice_while_they_last():
    data = MNIST()
    images, modes = data.real(2_000, rng.generator(0))
    assert matches(modes, data.prior)
    held_out, labels = data.held_out()
    found = {image.numpy().tobytes(): int(label) for image, label in zip(held_out, labels, strict=True)}
    drawn = [image.numpy().tobytes() for image in images]
    assert [found[one] for one in drawn] == modes.tolist()
    assert len(set(drawn)) == len(drawn)
    assert torch.equal(data.real(2_000, rng.generator(0))[0], images)
    assert not torch.equal(data.real(2_000, rng.generator(1))[0], images)


def test_more_real_digits_than_there_are_come_again_evenly():
    images, modes = MNIST().real(25_000, rng.generator(0))
    eights = images[modes == 8].flatten(1)
    _, times = eights.unique(dim=0, return_counts=True)
    assert len(times) == 974
    assert set(times.tolist()) == {len(eights) // 974, len(eights) // 974 + 1}


def test_real_leaves_the_global_random_numbers_alone():
    before = torch.get_rng_state()
    MNIST().real(100, rng.generator(0))
    StackedMNIST().real(100, rng.generator(0))
    next(iter(StackedMNIST(seed=0).train_dataloader()))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("fixed", [None, 640])
def test_stacks_are_three_digits_and_their_mode(fixed):
    data = StackedMNIST(batch_size=2, seed=3, fixed=fixed)
    loader = data.train_dataloader()
    triples = loader.fixed[loader.order(1)] if fixed else loader.drawn(1)
    loader.set_epoch(1)
    stacks, modes = next(iter(loader))
    pixels, labels = mnist("train")
    for image, mode, triple in zip(stacks, modes, triples, strict=False):
        expected, number = reference.stack(pixels, labels, triple)
        assert torch.allclose(image, torch.from_numpy(expected), atol=1e-6)
        assert mode == number
    assert stacks.shape == (2, *data.image_shape)


def test_the_prior_of_stacks_is_the_product():
    prior = StackedMNIST().prior
    expected = reference.stack_prior(mnist("train")[1].tolist())
    assert prior.shape == (1000,)
    assert prior.sum().item() == pytest.approx(1, abs=1e-5)
    for digits in ("000", "123", "907", "999"):
        assert prior[int(digits)].item() == pytest.approx(expected[digits], rel=1e-5)


def test_with_test_digits_training_draws_from_seventy_thousand():
    data = StackedMNIST(with_test=True, fixed=128_000)
    assert len(data.digits[1]) == 70_000
    assert len(data.train_dataloader()) == 128_000 // 32
    ones = (6742 + 1135) / 70_000
    assert data.prior[111].item() == pytest.approx(ones**3, rel=1e-5)


def test_channels_are_independent_and_follow_the_prior():
    data = StackedMNIST()
    (_, modes) = next(iter(SmallStacks(data)))
    assert matches(modes, data.prior)
    _, modes = data.real(2_000, rng.generator(0))
    for place in (100, 10, 1):
        assert matches(modes // place % 10, data.digit_prior)


def test_the_divergence_of_real_stacks_from_uniform_is_the_published_floor():
    (_, modes) = next(iter(SmallStacks(StackedMNIST())))
    shares = torch.bincount(modes[:26_000]).double() / 26_000
    assert (shares * (shares * 1000).log()).nansum().item() == pytest.approx(0.0236, abs=0.002)


class SmallStacks(StackLoader):
    """Pixels cut down to one, so that a whole epoch can be looked at."""

    def __init__(self, data):
        pixels, labels = data.digits
        super().__init__(pixels[:, 14:15, 14:15], labels, fixed=None, batch_size=60_000, seed=0)


def test_stacks_of_a_thinned_set_hold_what_is_left():
    data = StackedMNIST(shares=NO_SEVENS, seed=0)
    assert data.prior[777] == data.prior[170] == 0
    assert data.prior[888].item() == pytest.approx(1 / 729, rel=0.02)
    for modes in (next(iter(data.train_dataloader()))[1], data.real(500, rng.generator(0))[1]):
        assert not any("7" in f"{mode:03d}" for mode in modes.tolist())


def test_real_stacks_are_made_of_test_digits():
    stacks, modes = StackedMNIST().real(20, rng.generator(0))
    pixels, labels = mnist("test")
    known = {image.numpy().tobytes(): int(label) for image, label in zip(to_images(pixels), labels, strict=True)}
    for stack, mode in zip(stacks, modes, strict=True):
        a, b, c = (known[channel[None].numpy().tobytes()] for channel in stack)
        assert mode == 100 * a + 10 * b + c


def test_a_fixed_set_comes_again_and_stacks_on_the_fly_do_not():
    fixed, fly = ([one.tobytes() for one in stacks_of_two_epochs(number)] for number in (64, None))
    assert sorted(fixed[:64]) == sorted(fixed[64:])
    assert fixed[:64] != fixed[64:]
    assert not set(fly[:64]) & set(fly[64:])


def stacks_of_two_epochs(fixed):
    loader = StackedMNIST(batch_size=64, seed=0, fixed=fixed).train_dataloader()
    first = next(iter(loader))[0]
    loader.set_epoch(1)
    return torch.cat([first, next(iter(loader))[0]]).numpy()


def test_a_border_of_two_black_pixels_makes_them_32_wide():
    narrow, wide = (next(iter(StackedMNIST(batch_size=3, seed=0, size=size).train_dataloader())) for size in (28, 32))
    assert torch.equal(wide[0][:, :, 2:-2, 2:-2], narrow[0])
    assert (wide[0][:, :, :2] == -1).all()
    assert (wide[0][:, :, :, -2:] == -1).all()
    assert torch.equal(wide[1], narrow[1])
    assert StackedMNIST(size=32).real(2, rng.generator(0))[0].shape == (2, 3, 32, 32)


@pytest.mark.parametrize("fixed", [None, 300])
def test_stacks_go_on_where_the_state_was_taken(fixed):
    data = StackedMNIST(batch_size=100, seed=5, fixed=fixed)
    goes_on_where_its_state_was_taken(data)


def goes_on_where_its_state_was_taken(data):
    """Two batches, a state, the next two: across the end of an epoch of three where the set is fixed."""
    whole, resumed = data.train_dataloader(), data.train_dataloader()
    assert isinstance(whole, EpochLoader)
    iterator = iter(whole)
    begun = [next(iterator), next(iterator)]
    resumed.load_state_dict(whole.state_dict())
    rest = iter(resumed)
    later, again = [next(iterator)], [next(rest)]
    if len(whole) == 3:
        whole.set_epoch(1)
        resumed.set_epoch(1)
        iterator, rest = iter(whole), iter(resumed)
    later, again = [*later, next(iterator)], [*again, next(rest)]
    assert all(
        torch.equal(mine, its) for pair in zip(later, again, strict=True) for mine, its in zip(*pair, strict=True)
    )
    assert not any(torch.equal(old, new) for old, _ in begun for new, _ in later)  # and is not where it began


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"fixed": 10}, "batch_size=32 does not fit: choose 1 to 10, the number of stacks"),
        ({"fixed": 0}, "choose 1 to 0"),
        ({"batch_size": 60_001}, "choose 1 to 60000"),
        ({"folder": "no/such"}, "no/such/train-images-idx3-ubyte.gz is missing"),
    ],
)
def test_options_that_stacks_cannot_have(options, words):
    with pytest.raises(DataError, match=rf"^[^\n]*{words}[^\n]*$"):
        StackedMNIST(**options)

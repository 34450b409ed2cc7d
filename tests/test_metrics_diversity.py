"""Diversity within classes: perfect, collapsed, copied, a lost class, a wrong prior; against plain loops."""

import json

import pytest
import torch

from gannorm import rng
from gannorm.metrics import ClassDiversity, per_class
from gannorm.metrics.diversity import class_coverage, rke, rke_ratio
from gannorm.metrics.duplicates import DRAWN, duplicates
from tests.reference import features as reference

K = 4


def drawn(num, seed=0, dims=6, shares=(0.25,) * K):
    """Real data of K classes: features and modes."""
    stream = rng.generator(seed, "classes")
    modes = torch.multinomial(torch.tensor(shares), num, replacement=True, generator=stream)
    return torch.randn(num, dims, generator=stream) + 10.0 * modes[:, None], modes


REAL = drawn(2000, seed=1)


def measured(features, modes, **options):
    return per_class(features, modes, *REAL, num_modes=K, **options)


def test_a_perfect_generator():
    result = measured(*drawn(2000, seed=2))
    assert all(0.95 < value < 1.03 for value in result["class_coverage"])
    assert all(0.8 < value < 1.25 for value in result["class_rke_ratio"])
    for mode in range(K):
        share, low, high, real = (result[f"class_duplicates{end}"][mode] for end in ("", "_low", "_high", "_real"))
        assert low <= share <= high
        assert abs(share - real) < 0.5
    assert result["class_coverage_min"] == min(result["class_coverage"])
    assert result["class_coverage_mean"] == pytest.approx(sum(result["class_coverage"]) / K)
    json.dumps(result, allow_nan=False)


def test_one_picture_in_each_class():
    _, modes = drawn(2000, seed=2)
    collapsed = torch.zeros(2000, 6) + 10.0 * modes[:, None]
    result = measured(collapsed, modes)
    assert result["class_coverage_mean"] < 0.2
    assert result["class_rke_ratio_min"] < 0.05
    assert result["class_duplicates"] == [1.0] * K


def test_one_class_repeats_fifty_pictures():
    features, modes = drawn(2000, seed=2)
    where = (modes == 2).nonzero().flatten()
    features[where] = features[where[torch.arange(len(where)) % 50]]
    result = measured(features, modes)
    assert result["class_coverage"].index(result["class_coverage_min"]) == 2
    assert result["class_rke_ratio"].index(result["class_rke_ratio_min"]) == 2
    assert result["class_duplicates"][2] == 1.0 > max(result["class_duplicates"][:2])


def test_a_class_that_is_lacking_or_nearly_so():
    features, modes = drawn(2000, seed=2)
    kept = modes != 1
    result = measured(features[kept], modes[kept])
    assert result["class_coverage"][1] == result["class_coverage_min"] == 0.0
    assert result["class_rke_ratio"][1] is None
    assert result["class_duplicates"][1] is None
    assert result["class_duplicates_real"][1] is not None
    kept[(modes == 1).nonzero().flatten()[:3]] = True  # three strays, as of an erring judge
    assert measured(features[kept], modes[kept])["class_coverage"][1] < 0.05


def test_half_of_each_class():
    features, modes = drawn(4000, seed=2)
    kept = features[:, 0] > 10.0 * modes  # the upper half in one direction
    result = measured(features[kept], modes[kept])
    assert all(0.4 < value < 0.85 for value in result["class_coverage"])


def test_the_true_prior_counts():
    shares = (0.4, 0.4, 0.1, 0.1)
    fake = drawn(1000, seed=2, shares=shares)
    told, guessed = measured(*fake, prior=torch.tensor(shares)), measured(*fake)
    assert all(0.9 < value < 1.1 for value in told["class_coverage"])
    assert guessed["class_coverage"][3] < 0.95 * told["class_coverage"][3]  # as if it deserved 250, not 100


def test_too_few_samples_of_a_class():
    result = measured(*drawn(60, seed=2))  # 15 of each
    assert result["class_coverage"] == [None] * K
    assert result["class_coverage_min"] is None
    assert result["class_coverage_mean"] is None
    assert result["class_rke_ratio_min"] is None
    assert result["class_duplicates"] == [None] * K
    assert class_coverage(torch.zeros(5, 2), torch.rand(19, 2), deserved=100) is None


def test_rke_equals_the_double_loop():
    features = drawn(40)[0].double()
    assert rke(features, 2.5) == pytest.approx(reference.rke(features.numpy(), 2.5), rel=1e-9)
    assert rke(features[:1].repeat(9, 1), 1.0) == pytest.approx(1)
    assert rke(features * 1e3, 1.0) == pytest.approx(40)


def test_the_ratio_does_not_depend_on_how_many_fakes_there_are():
    real = torch.randn(300, 6, generator=rng.generator(1))
    fake = torch.randn(900, 6, generator=rng.generator(2))
    assert rke_ratio(fake, real) == pytest.approx(1, abs=0.15)
    assert rke_ratio(fake[:150], real) == pytest.approx(1, abs=0.2)
    assert rke_ratio(fake, real[:1].repeat(300, 1)) is None


def test_the_fewer_pictures_the_more_birthdays():
    real = torch.randn(1000, 6, generator=rng.generator(1))
    pool = torch.randn(20_000, 6, generator=rng.generator(2))
    of = lambda support: pool[torch.randint(support, (1000,), generator=rng.generator(3))]  # noqa: E731
    shares = [duplicates(of(support), real)["class_duplicates"] for support in (500, 7000, 20_000)]
    assert shares[0] == 1.0
    assert shares[0] > shares[1] > shares[2]
    assert duplicates(of(500)[: 2 * DRAWN - 1], real)["class_duplicates"] is None


def test_the_same_seed_draws_the_same_and_leaves_the_global_state():
    before = torch.get_rng_state()
    one, other, third = (measured(*drawn(2000, seed=2), seed=seed) for seed in (0, 0, 1))
    assert one == other != third
    assert torch.equal(before, torch.get_rng_state())


def test_parts_make_the_whole():
    features, modes = drawn(1000, seed=2)
    one, other = ClassDiversity(*REAL, num_modes=K), ClassDiversity(*REAL, num_modes=K)
    other.update(features[:333], modes[:333])
    one.update(features[333:], modes[333:])
    one.merge_state(other)  # whose samples stand first then; draws of duplicates depend on the order
    assert one.compute() == measured(features, modes)


def test_a_user_gets_one_line():
    with pytest.raises(ValueError, match="fake_modes has 4; with num_modes=4 they are 0 to 3"):
        measured(torch.zeros(1, 6), torch.tensor([4]))
    with pytest.raises(ValueError, match="real_modes has -1; with num_modes=4"):
        ClassDiversity(torch.zeros(1, 6), torch.tensor([-1]), num_modes=4)
    with pytest.raises(ValueError, match="fakes have 5 features, real 6: use one judge"):
        measured(torch.zeros(1, 5), torch.tensor([0]))
    with pytest.raises(ValueError, match="num_modes=0"):
        per_class(torch.zeros(1, 5), torch.tensor([0]), torch.zeros(1, 5), torch.tensor([0]), num_modes=0)

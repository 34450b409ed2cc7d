"""The leakage test on simulated generators of stacked digits, read by a classifier that errs."""

import numpy as np
import pytest
import torch

from gannorm.metrics import ModeCoverage
from gannorm.metrics.leakage import inflated, leakage_test

N, FEWEST = 26_000, torch.full((1000,), 3)


def confusion(error, rng, *, lumpy):
    """Return a digit classifier's confusion; lumpy: each digit errs at a rate of its own, toward few others."""
    wrong = rng.gamma(0.3, size=(10, 10)) + 1e-3 if lumpy else np.ones((10, 10))
    np.fill_diagonal(wrong, 0)
    rates = error * (rng.gamma(2, size=10) / 2 if lumpy else np.ones(10))
    wrong *= (rates / wrong.sum(1))[:, None]
    return wrong + np.diag(1 - rates)


def read(num_modes, errors, rng):
    """Return counts of N stacks of `num_modes` equally likely modes as the classifier reads them."""
    shares = np.zeros(1000)
    shares[rng.permutation(1000)[:num_modes]] = 1 / num_modes
    shares = np.einsum("ijk,ia,jb,kc->abc", shares.reshape(10, 10, 10), errors, errors, errors)
    return torch.from_numpy(rng.multinomial(N, shares.ravel() / shares.sum()))


@pytest.mark.parametrize("num_modes", [10, 99, 500, 1000])
@pytest.mark.parametrize("lumpy", [False, True])
def test_the_number_of_modes_where_the_confusion_is_known(num_modes, lumpy):
    rng = np.random.default_rng(num_modes + lumpy)
    for error in (0.003, 0.01, 0.02):
        errors = confusion(error, rng, lumpy=lumpy)
        counts = read(num_modes, errors, rng)
        found = leakage_test(counts, FEWEST, torch.from_numpy(errors))
        assert abs(int(found.covered.sum()) - num_modes) <= 0.01 * num_modes
        assert found.reliable
        assert found.misreading < 1.5
        if num_modes == 99 and error == 0.01:
            assert int((counts > 0).sum()) > 3 * num_modes  # what papers count


@pytest.mark.parametrize("num_modes", [10, 99, 500, 1000])
@pytest.mark.parametrize("lumpy", [False, True])
def test_samples_that_are_misread_five_times_as_often(num_modes, lumpy):
    rng = np.random.default_rng(num_modes + lumpy)
    for error in (0.003, 0.01, 0.02):
        errors = confusion(error, rng, lumpy=lumpy)
        counts = read(num_modes, inflated(errors, 5.0), rng)
        found = leakage_test(counts, FEWEST, torch.from_numpy(errors))
        assert abs(int(found.covered.sum()) - num_modes) <= 0.1 * num_modes or not found.reliable
        if num_modes < 1000:
            assert found.misreading == pytest.approx(5, rel=0.3)


def test_a_score_can_be_unreliable():
    errors = torch.tensor([[0.9, 0.1, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], dtype=torch.float64)
    counts, fewest = torch.tensor([1000, 140, 0]), torch.tensor([2, 2, 2])
    found = leakage_test(counts, fewest, errors)
    assert (found.covered.tolist(), found.reliable) == ([True, True, False], False)


def test_digits_one_channel():
    errors = torch.from_numpy(confusion(0.01, np.random.default_rng(0), lumpy=False))
    metric = ModeCoverage(10, confusion=errors)
    metric.update(torch.tensor([3] * 2000 + [8] * 20), torch.ones(2020, dtype=torch.bool))
    result = metric.compute()
    assert (result["covered"], result["raw_modes"], result["reliable"]) == ([3], 2, True)
    for wrong in (1, 12):
        with pytest.raises(ValueError, match=f"confusion of 10 modes does not fit {wrong} modes"):
            leakage_test(*torch.ones(2, wrong, dtype=torch.int64), errors)

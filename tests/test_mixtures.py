"""Published mixtures: the geometry that their sources state, fresh points of it, and a run that resumes bit for bit."""

import math

import numpy as np
import pytest
import torch

import gannorm
from gannorm import rng
from gannorm.data import MIXTURES, DataError, Mixture
from tests import tiny
from tests.reference import data as reference
from tests.test_data_classes import goes_on_where_its_state_was_taken, matches
from tests.test_training import comparable, folder_of, interrupted, weights

STATED = [name for name, spec in MIXTURES.items() if spec.centers is not None]
RINGS = {
    "ring/pacgan": (8, 1, 0.01),
    "ring/selfcond": (8, 2, 0.01),
    "ring/unrolled-paper": (8, 2, 0.02),
    "ring/unrolled-demo": (7, 1, 0.01),
    "ring/presgan": (10, 3, 0.05),
}


def as_complex(centers):
    return {complex(round(x, 4), round(y, 4)) + 0 for x, y in centers.tolist()}


@pytest.mark.parametrize("name", RINGS)
def test_rings_are_regular_polygons(name):
    number, radius, sigma = RINGS[name]
    data = Mixture(preset=name)
    assert (data.num_modes, data.image_shape, data.sigma) == (number, (2,), sigma)
    swapped = data.centers.flip(1) if name in ("ring/selfcond", "ring/unrolled-demo") else data.centers
    polygon = torch.view_as_real(torch.tensor(reference.roots(number, radius)))
    assert torch.allclose(swapped, polygon.float(), atol=1e-6)


def test_the_much_copied_ring_of_eight_has_seven_modes():
    eight = reference.demo_centers()
    distinct, times = np.unique(eight.round(6), axis=0, return_counts=True)
    data = Mixture(preset="ring/unrolled-demo")
    assert data.num_modes == len(distinct) == 7
    for center, share in zip(data.centers, data.prior, strict=True):
        nearest = np.abs(distinct - center.numpy()).sum(axis=1).argmin()
        assert np.abs(distinct[nearest] - center.numpy()).max() < 1e-5
        assert share.item() == times[nearest] / 8


@pytest.mark.parametrize("name", ["grid/pacgan", "grid/selfcond"])
def test_grids_are_five_by_five(name):
    data = Mixture(preset=name)
    places = (-4, -2, 0, 2, 4)
    assert data.centers.tolist() == [[x, y] for x in places for y in places]
    assert data.sigma == 0.05


def test_ten_gaussians_in_1200_dimensions():
    data = Mixture(preset="veegan-1200d", batch_size=10)
    points, modes = data.real(200, rng.generator(0))
    assert points.shape == (200, 1200)
    offset = points - data.centers[modes]
    assert (offset[:, 700:] == 0).all()
    assert offset[:, :700].std().item() == pytest.approx(1, abs=0.01)
    # Read literally, VEEGAN's rule of ten standard deviations accepts no real sample.
    assert offset.norm(dim=1).min() > 20
    assert sorted(data.centers[:, 0].tolist()) == [-13, -5.5, -2.5, -2, -1, -0.5, 0, 0.25, 0.5, 10]
    assert (data.centers == data.centers[:, :1]).all()


@pytest.mark.parametrize("name", STATED)
def test_real_points_are_of_their_modes_as_often_as_the_prior_says(name):
    data = Mixture(preset=name)
    num = 500 if data.image_shape[0] > 2 else 20_000
    points, modes = data.real(num, rng.generator(0))
    assert matches(modes, data.prior)
    assert data.prior.sum().item() == pytest.approx(1)
    assert torch.equal(torch.cdist(points, data.centers).argmin(dim=1), modes)
    assert not torch.equal(points, data.real(num, rng.generator(1))[0])
    if num == 20_000:  # the ceiling of the circle rule: 1 - exp(-9/2)
        inside = (points - data.centers[modes]).norm(dim=1) < 3 * data.sigma
        assert inside.float().mean().item() == pytest.approx(1 - math.exp(-4.5), abs=0.004)


@pytest.mark.parametrize("name", MIXTURES)
def test_rows_say_where_they_are_from(name):
    spec = MIXTURES[name]
    assert spec.name == name
    assert "arXiv" in spec.source or "github" in spec.source
    assert spec.read or "remembered" in spec.note
    assert (spec.centers is None) == (spec.sigma is None)


def test_weights_make_modes_rare():
    data = Mixture(weights=[1.0, 0.0, 0.1, 1.0, 1.0, 1.0, 1.0, 1.0], batch_size=5_000, seed=0)
    assert data.prior[2].item() == pytest.approx(0.1 / 6.1)
    _, modes = next(iter(data.train_dataloader()))
    assert matches(modes, data.prior)
    assert 1 not in modes


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"preset": "ring/veegan"}, "does not state its radius and σ; there are ring/pacgan, "),
        ({"preset": "ring/pakgan"}, "preset='ring/pakgan': no such mixture; there are ring/pacgan, "),
        ({"weights": [1.0, 2.0]}, r"weights=\[1, 2\] are 2 numbers: give 8"),
        ({"batch_size": 0}, "batch_size=0 does not fit: choose 1 to 100000, the number of points"),
        ({"fixed": 20}, "choose 1 to 20"),
    ],
)
def test_options_that_are_none(options, words):
    with pytest.raises(DataError, match=rf"^[^\n]*{words}[^\n]*$"):
        Mixture(**options)


@pytest.mark.parametrize("fixed", [None, 300])
def test_points_go_on_where_the_state_was_taken(fixed):
    goes_on_where_its_state_was_taken(Mixture(batch_size=100, seed=5, fixed=fixed))


def test_fixed_points_come_again_in_another_order():
    loader = Mixture(batch_size=100, seed=5, fixed=300).train_dataloader()
    first, second = (torch.cat([points for points, _ in loader]) for _ in range(2))
    assert not torch.equal(first, second)
    assert sorted(first.tolist()) == sorted(second.tolist())
    fresh = Mixture(batch_size=100, seed=5).train_dataloader()
    assert not torch.equal(next(iter(fresh))[0], next(iter(fresh))[0])


@pytest.mark.parametrize(
    ("data", "options"),
    [
        ("Mixture", {}),
        ("StackedMNIST", {"fixed": 256}),
        pytest.param("Mixture", {"fixed": 256}, marks=pytest.mark.slow),
        pytest.param("StackedMNIST", {}, marks=pytest.mark.slow),
    ],
)
def test_a_run_resumes_bit_for_bit(tmp_path, monkeypatch, data, options):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    layers = {"shape": [2] if data == "Mixture" else [3, 28, 28], "hidden": [8]}
    run = {
        **{key: value for key, value in tiny.TINY_RUN.items() if not key.startswith(("model", "data"))},
        "data": {"class_path": f"gannorm.data.{data}", "init_args": {"batch_size": 64, **options}},
        "model.generator": {"class_path": "gannorm.networks.MLPGenerator", "init_args": layers},
        "model.discriminator": {"class_path": "gannorm.networks.MLPDiscriminator", "init_args": layers},
    }
    monkeypatch.setattr(tiny, "TINY_RUN", run)
    whole = gannorm.train(None, **run, folder=str(tmp_path / "whole"), quiet=True)
    assert whole["status"] == "finished"
    assert interrupted(tmp_path / "parts", monkeypatch, 448)["status"] == "stopped"
    resumed = gannorm.train(None, **run, folder=str(tmp_path / "parts"), quiet=True, resume=True)
    assert comparable(resumed) == comparable(whole)
    assert weights(folder_of(whole, tmp_path / "whole")) == weights(folder_of(resumed, tmp_path / "parts"))

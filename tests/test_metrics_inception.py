"""FID and KID by torchmetrics, with a small TorchScript network in Inception's place: no weights are here."""

import importlib.util
import warnings

import pytest
import torch
from torch import nn

from gannorm import rng
from gannorm.metrics import frechet_distance, kernel_distance, moments
from gannorm.metrics.inception import WeightsFileError, extractor, features_of, inception_distances


class Tiny(nn.Module):
    """Means of each channel's quarters, or, with the switch of the well-known script, features of them."""

    def forward(self, images: torch.Tensor, return_features: bool = False) -> torch.Tensor:
        quarters = nn.functional.adaptive_avg_pool2d(images.float() / 255, 2).flatten(1)
        return quarters if return_features else quarters[:, :1]


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    path = tmp_path_factory.mktemp("script") / "tiny.pt"
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message=".*torch.jit.script.* is deprecated"
        )  # TorchScript is deprecated; the files are still there
        torch.jit.script(Tiny()).save(path)
    return path


def images(num, seed, low=-1.0):
    return torch.rand(num, 3, 8, 8, generator=rng.generator(seed)) * (1 - low) + low


def test_distances_equal_ours_on_the_same_features(script):
    fake, real = images(60, 1, low=0.0), images(50, 2)
    result = inception_distances(fake.split(25), [real], weights=script)
    network = extractor(script)
    a, b = features_of(fake, network), features_of(real, network)
    assert a.shape == (60, 12)
    assert result["fid"] == pytest.approx(frechet_distance(*moments(a), *moments(b)), rel=1e-5)
    assert result["inception_samples"] == 50
    # KID is the mean over subsets of the fakes: near the distance of all of them
    assert result["kid"] == pytest.approx(kernel_distance(a, b), rel=0.05)
    assert result["kid_std"] > 0


def test_perfect_is_near_and_collapsed_is_far(script):
    real = images(200, 2)
    fakes = images(200, 1), images(1, 1).repeat(200, 1, 1, 1)
    near, far = (inception_distances([fake], [real], weights=script) for fake in fakes)
    assert near["fid"] < 0.2 * far["fid"]
    assert near["kid"] < far["kid"]


def test_the_same_seed_draws_the_same_and_leaves_the_global_state(script):
    before = torch.get_rng_state()
    fake, real = images(60, 1), images(50, 2)
    one, other, third = (inception_distances([fake], [real], weights=script, seed=seed) for seed in (0, 0, 1))
    assert one == other
    assert third["kid"] != one["kid"]
    assert torch.equal(before, torch.get_rng_state())


def test_one_channel_stands_for_three(script):
    grey = images(4, 1)[:, :1]
    network = extractor(script)
    assert torch.equal(features_of(grey, network), features_of(grey.repeat(1, 3, 1, 1), network))


@pytest.mark.skipif(importlib.util.find_spec("torch_fidelity") is not None, reason="the way out is installed")
def test_weights_without_torch_fidelity(tmp_path):
    torch.save({"weight": torch.zeros(1)}, tmp_path / "inception.pth")
    with pytest.raises(WeightsFileError, match="pip install torch-fidelity, or give a TorchScript file"):
        inception_distances([], [], weights=tmp_path / "inception.pth")


def test_a_user_gets_one_line(script, tmp_path):
    with pytest.raises(WeightsFileError, match=r"nowhere.pt' is no file: give the weights of Inception"):
        extractor(tmp_path / "nowhere.pt")
    with pytest.raises(ValueError, match="0 fakes and 5 real images; each side needs 2 or more"):
        inception_distances([], [images(5, 1)], weights=script)
    with pytest.raises(ValueError, match="images have 2 channels"):
        inception_distances([torch.zeros(2, 2, 8, 8)], [], weights=script)
    with pytest.raises(ValueError, match=r"images from 0 to 255: scale them to \[-1, 1\]"):
        inception_distances([torch.tensor([0.0, 255.0]).expand(2, 3, 8, 2)], [], weights=script)

"""FID and KID on Inception features, computed by torchmetrics: for natural images, with weights that the user has.

The one module of metrics that runs a network, because these two are defined by it. Nothing is fetched.
"""

import warnings
import zipfile
from collections.abc import Iterable
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance, NoTrainInceptionV3
from torchmetrics.image.kid import KernelInceptionDistance

from gannorm import rng

NUM_FEATURES = 2048  # of the last pooling layer, which papers use
SUBSET_SIZE = 1000  # of KID; with SUBSETS as in the paper's code (remembered) and in torchmetrics
SUBSETS = 100
CHUNK = 64  # images at once: each is enlarged to 299 x 299


class WeightsFileError(ValueError):
    """The weights of a feature network cannot be used."""


class Scripted(nn.Module):
    """A TorchScript network of uint8 images; one with the switch `return_features` is asked for its features.

    Args:
        network: The loaded script.
    """

    def __init__(self, network: torch.jit.ScriptModule) -> None:
        super().__init__()
        self.network = network.eval()
        names = [argument.name for argument in network.forward.schema.arguments]  # type: ignore[attr-defined]
        self.options = {"return_features": True} if "return_features" in names else {}

    def forward(self, images: UInt8[Tensor, "n 3 h w"]) -> Float[Tensor, "n d"]:
        """Return the features of images in 0 to 255."""
        return self.network(images, **self.options).flatten(start_dim=1)


def inception_distances(
    fake: Iterable[Float[Tensor, "_ _ _ _"]],
    real: Iterable[Float[Tensor, "_ _ _ _"]],
    *,
    weights: str | Path,
    seed: int = 0,
) -> dict[str, float | int]:
    """Return `fid`, `kid`, `kid_std` (over subsets) and `inception_samples` of images in [-1, 1].

    Compare them only with numbers of the same weights, number of samples and resizing. FID is biased upwards by few
    samples, so below 50,000 of each it cannot be compared with papers at all. KID is the mean over 100 subsets of 1,000
    images, or of as many as there are.

    Args:
        fake: Batches of images, 1 or 3 channels.
        real: Batches of real images.
        weights: A TorchScript file that maps uint8 images (N, 3, H, W) to features, or the weights that torchmetrics
            loads into its own Inception, for which torch-fidelity has to be installed.
        seed: Of the subsets of KID.

    Raises:
        WeightsFileError: The file is missing, or needs torch-fidelity.
        ValueError: Fewer than two images on a side, or images outside [-1, 1].

    Source: Heusel et al., 2017 (arXiv:1706.08500); Bińkowski et al., 2018 (arXiv:1801.01401); torchmetrics 1.9 (read).
    """
    network = extractor(weights)
    fakes, reals = (
        torch.cat([features_of(batch, network) for batch in images] or [torch.zeros(0, 1)]) for images in (fake, real)
    )
    fewest = min(len(fakes), len(reals))
    if fewest < 2:
        raise ValueError(f"{len(fakes)} fakes and {len(reals)} real images; each side needs 2 or more")
    with rng.untouched(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*will save all extracted features in buffer.*")
        torch.manual_seed(seed)
        passed = Passed(fakes.shape[1])
        fid = FrechetInceptionDistance(passed)
        kid = KernelInceptionDistance(passed, subsets=SUBSETS, subset_size=min(SUBSET_SIZE, fewest))
        for metric in (fid, kid):
            metric.update(fakes, real=False)
            metric.update(reals, real=True)
        kid_mean, kid_std = kid.compute()
    return {"fid": float(fid.compute()), "kid": float(kid_mean), "kid_std": float(kid_std), "inception_samples": fewest}


class Passed(nn.Module):
    """What torchmetrics takes for the network where features are there already, so that it runs once for both.

    Args:
        num_features: D.
    """

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, features: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """Return the features themselves."""
        return features


def extractor(weights: str | Path) -> nn.Module:
    """Return a network from uint8 images (N, 3, H, W) to features, from a file.

    Raises:
        WeightsFileError: The file is missing, or needs torch-fidelity and that is not installed, or is damaged.
    """
    path = Path(weights)
    if not path.is_file():
        raise WeightsFileError(
            f"weights={str(path)!r} is no file: give the weights of Inception, or a TorchScript file"
        )
    if is_torchscript(path):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*torch.jit.load.* is deprecated")
            return Scripted(torch.jit.load(path, map_location="cpu"))
    try:
        network = NoTrainInceptionV3("inception-v3-compat", [str(NUM_FEATURES)], str(path))
    except ModuleNotFoundError:
        raise WeightsFileError(
            f"weights={str(path)!r} need torch-fidelity: pip install torch-fidelity, or give a TorchScript file"
        ) from None
    except Exception as error:  # torch tells a damaged file in many ways
        raise WeightsFileError(f"weights={str(path)!r} are not those of Inception: {error}".splitlines()[0]) from None
    return network


def is_torchscript(path: Path) -> bool:
    """Return whether a file is a TorchScript archive: one that holds code beside the numbers."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any("/code/" in name for name in archive.namelist())


@torch.no_grad()
def features_of(images: Float[Tensor, "n c h w"], network: nn.Module) -> Float[Tensor, "n d"]:
    """Return the features of images in [-1, 1]; one channel stands for three.

    Raises:
        ValueError: Images outside [-1, 1], or neither 1 nor 3 channels.
    """
    if images.shape[1] not in (1, 3):
        raise ValueError(f"images have {images.shape[1]} channels; Inception takes 3, or 1 that stands for them")
    low, high = (value.item() for value in images.aminmax()) if images.numel() else (0.0, 0.0)
    if not (low >= -1.001 and high <= 1.001):  # also where a value is NaN
        raise ValueError(f"images from {low:.3g} to {high:.3g}: scale them to [-1, 1]")
    pixels = (images.cpu() * 127.5 + 127.5).round().clamp(0, 255).byte().expand(-1, 3, -1, -1)
    return torch.cat([network(chunk).float() for chunk in pixels.split(CHUNK)])

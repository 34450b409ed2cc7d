"""Samples as other programs write them: this file uses numpy, Pillow and, for one form, torch; nothing of the package.

    python tests/foreign_samples.py FOLDER 26000

writes real MNIST digits, what a perfect generator would make, in every form below.
"""

import gzip
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

MNIST = Path(__file__).parents[1] / "gannorm" / "data" / "mnist"


def digits(num: int) -> np.ndarray:
    """The first test digits, uint8 (N, 28, 28)."""
    content = gzip.decompress((MNIST / "t10k-images-idx3-ubyte.gz").read_bytes())
    stored = np.frombuffer(content, np.uint8)[16:].reshape(-1, 28, 28)
    return stored[np.arange(num) % len(stored)]


def stacks(num: int) -> np.ndarray:
    """Three digits as colour channels, uint8 (N, 28, 28, 3)."""
    return np.stack(np.split(digits(3 * num), 3), axis=-1)


def adm_npz(path: Path, images: np.ndarray) -> None:
    """uint8 NHWC under `arr_0`, labels beside it: what ADM's samplers write and torch-fidelity reads."""
    np.savez(path, images if images.ndim == 4 else images[..., None], np.zeros(len(images), np.int64))


def compressed_npz(path: Path, images: np.ndarray) -> None:
    np.savez_compressed(path, samples=images)


def unit_npy(path: Path, images: np.ndarray) -> None:
    """What a sigmoid gives, float32 NCHW in [0, 1]."""
    planes = images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2)
    np.save(path, planes.astype(np.float32) / 255)


def signed_npy(path: Path, images: np.ndarray) -> None:
    """What a tanh gives, float64 and big-endian for good measure."""
    np.save(path, (images / 127.5 - 1).astype(">f8"))


def flat_npy(path: Path, images: np.ndarray) -> None:
    """One row for each digit, floats in 0 to 255."""
    np.save(path, images.reshape(len(images), -1).astype(np.float16))


def png_folder(path: Path, images: np.ndarray) -> None:
    path.mkdir()
    for index, image in enumerate(images):
        Image.fromarray(image).save(path / f"{index:06d}.png")


def png_of_greys(path: Path, images: np.ndarray) -> None:
    """Three equal channels: torchvision's `save_image` writes one-channel images so."""
    png_folder(path, np.repeat(images[..., None], 3, axis=-1))


def png_zip(path: Path, images: np.ndarray) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for index in reversed(range(len(images))):
            with archive.open(f"fake/{index:06d}.png", "w") as file:
                Image.fromarray(images[index]).save(file, format="png")


def jpeg_folder(path: Path, images: np.ndarray) -> None:
    path.mkdir()
    for index, image in enumerate(images):
        Image.fromarray(image).save(path / f"{index:06d}.jpg", quality=95)


def torchscript(path: Path, images: np.ndarray) -> None:
    """A generator that knows digits by heart: it looks one up by where z lies in N(0, 1)."""
    import torch

    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message=".*torch.jit.script.* is deprecated"
        )  # TorchScript is deprecated, and still in use
        torch.jit.script(memory_of(images)).save(str(path))


def memory_of(images: np.ndarray, shape: tuple[int, ...] = (1,)):
    import torch
    from torch import nn

    class Memory(nn.Module):
        latent_dim: int

        def __init__(self) -> None:
            super().__init__()
            self.latent_dim = 1
            planes = images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2)
            self.register_buffer("images", torch.from_numpy(planes / np.float32(127.5) - 1))

        def forward(self, z: torch.Tensor) -> torch.Tensor:
            share = (1 + torch.erf(z.flatten(1)[:, 0] / 2**0.5)) / 2
            number = (share * self.images.shape[0]).long()
            return self.images[number.clamp(max=self.images.shape[0] - 1)]

    return Memory().eval()


GREY: dict[str, Callable[[Path, np.ndarray], None]] = {
    "adm.npz": adm_npz,
    "compressed.npz": compressed_npz,
    "unit.npy": unit_npy,
    "signed.npy": signed_npy,
    "flat.npy": flat_npy,
    "pictures": png_folder,
    "greys": png_of_greys,
    "zipped.zip": png_zip,
}
"""Digits in forms that keep them to 1/255."""
COLOUR = {name: GREY[name] for name in ("adm.npz", "compressed.npz", "unit.npy", "signed.npy", "pictures")}
"""Stacked digits, the same."""


def main(folder: Path, num: int) -> None:
    folder.mkdir(parents=True)
    for name, write in {**GREY, "jpegs": jpeg_folder, "generator.pt": torchscript}.items():
        write(folder / name, digits(num))
    for name, write in COLOUR.items():
        write(folder / f"stacked_{name}", stacks(num))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))

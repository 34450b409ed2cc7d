"""The trained classifier as a judge: features, mode and confidence of each image, always the same way."""

import hashlib
import json
from pathlib import Path
from typing import NamedTuple

import safetensors.torch
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from gannorm import files, rng
from gannorm.classifier.inputs import check_range, check_shape
from gannorm.classifier.network import NOT_A_DIGIT, DigitNetwork

WEIGHTS = Path(__file__).parent / "assets" / "classifier.safetensors"
# Of the weights that ship: every published number names the first, and means nothing without the second.
SHIPPED_SHA256 = "240e0aaf288ea20396cd667ab0c79d9489538bd4d6b66a704145d765d366c5eb"
SHIPPED_THRESHOLD = 0.6395266652107239
# Of MNIST's test digits that they accept: how many of each digit (row) they take for each (column). A test counts anew.
SHIPPED_CONFUSION = (
    (974, 0, 0, 0, 0, 0, 0, 1, 0, 0),
    (0, 1127, 1, 0, 0, 0, 0, 0, 0, 0),
    (0, 0, 1022, 0, 0, 0, 0, 1, 0, 0),
    (0, 0, 0, 1002, 0, 0, 0, 0, 0, 0),
    (0, 0, 0, 0, 967, 0, 0, 0, 0, 2),
    (0, 0, 0, 4, 0, 877, 1, 0, 0, 0),
    (1, 1, 0, 0, 1, 0, 941, 0, 0, 0),
    (0, 1, 1, 0, 0, 0, 0, 1017, 0, 0),
    (0, 0, 1, 0, 1, 1, 0, 0, 959, 1),
    (0, 0, 0, 0, 3, 0, 0, 1, 0, 995),
)
SHIPPED_HELD_OUT = tuple(map(sum, zip(*SHIPPED_CONFUSION, strict=True)))  # accepted as each digit
CHUNK = 256  # images at once: their activations stay in the processor's cache


class WeightsError(ValueError):
    """The classifier's weights are missing or damaged."""


class Judged(NamedTuple):
    """What a classifier, or any judge, says of N samples; the digit classifier has D = 96 features."""

    features: Float[Tensor, "n d"]
    mode: Int64[Tensor, " n"]
    confidence: Float[Tensor, " n"]


class DigitClassifier(nn.Module):
    """A trained, frozen digit classifier. It is always in evaluation mode.

    An image's mode is the likeliest of the ten digits, its confidence that digit's probability among all eleven
    answers: low for pictures between two digits and for pictures that are no digit. It is accepted if its confidence
    reaches `threshold`, which 99 % of held-out training digits do.

    Args:
        network: The trained network; it is frozen.
        threshold: Lowest confidence that is accepted.
        sha256: Of the file with the weights, to be written beside every number that they gave.

    Example:
        >>> from gannorm.data import mnist, to_images
        >>> pixels, labels = mnist("test")
        >>> judged = load().judge(to_images(pixels[:4]))
        >>> judged.mode.tolist(), labels[:4].tolist()
        ([7, 2, 1, 0], [7, 2, 1, 0])
    """

    def __init__(self, network: DigitNetwork, threshold: float, sha256: str) -> None:
        super().__init__()
        self.network = network.requires_grad_(False).to(memory_format=torch.channels_last)
        self.threshold = threshold
        self.sha256 = sha256
        self.train(False)

    def train(self, mode: bool = True) -> "DigitClassifier":  # noqa: ARG002 (torch's signature)
        """Stay in evaluation mode, whatever is asked for."""
        return super().train(False)

    def forward(self, images: Float[Tensor, "n 1 28 28"]) -> Float[Tensor, "n 11"]:
        """Return the logits of the ten digits and of "not a digit", of images in [-1, 1]."""
        return self.network(images)

    @torch.no_grad()
    def judge(self, images: Tensor) -> Judged:
        """Return features (N, 96), mode (N,) and confidence (N,) of images (N, 1, 28, 28) in [-1, 1], from any device.

        Raises:
            ValueError: The images have another shape, are not numbers in [-1, 1], or seem to be in [0, 1].
        """
        check_shape(images, (1, 28, 28))
        check_range(images)
        device = self.network.head.weight.device
        parts = [self._judge_chunk(chunk.to(device, torch.float32)) for chunk in images.split(CHUNK)]
        return Judged(*(torch.cat(column) for column in zip(*parts, strict=True)))

    def accepts(self, judged: Judged) -> Bool[Tensor, " n"]:
        """Return which of the images count as digits."""
        return judged.confidence >= self.threshold

    def _judge_chunk(self, images: Tensor) -> Judged:
        features = self.network.features(images.contiguous(memory_format=torch.channels_last))
        probabilities = self.network.head(features).softmax(dim=1)
        confidence, mode = probabilities[:, :NOT_A_DIGIT].max(dim=1)
        return Judged(features, mode, confidence)


def save(network: DigitNetwork, threshold: float, path: Path, **facts: float | str) -> str:
    """Write the weights, beside them a JSON file with threshold, SHA-256 and other facts; return the SHA-256."""
    files.folder(path.parent)
    state = {name: value.contiguous() for name, value in network.state_dict().items()}
    content = safetensors.torch.save(state)
    files.write(path, content)
    sha256 = hashlib.sha256(content).hexdigest()
    description = {"sha256": sha256, "threshold": threshold, **facts}
    files.write(path.with_suffix(".json"), json.dumps(description, indent=2) + "\n")
    return sha256


def load(path: Path | None = None) -> DigitClassifier:
    """Return a trained classifier.

    Args:
        path: The weights, with their JSON file beside them; None = those that ship with gannorm.

    Raises:
        WeightsError: A file is missing or damaged.

    Example:
        >>> classifier = load()
        >>> bool(classifier.judge(torch.zeros(1, 1, 28, 28)).confidence < classifier.threshold)
        True
    """
    path = path or WEIGHTS
    way_out = "reinstall gannorm, or make them anew with `gannorm classifier train`"
    try:
        content = path.read_bytes()
        description = json.loads(path.with_suffix(".json").read_text())
        expected, threshold = description["sha256"], float(description["threshold"])
    except OSError as error:
        raise WeightsError(f"the classifier's file {error.filename} is missing: {way_out}") from None
    except (ValueError, KeyError, TypeError):
        raise WeightsError(f"the classifier's file {path.with_suffix('.json')} is damaged: {way_out}") from None
    if path == WEIGHTS and (expected, threshold) != (SHIPPED_SHA256, SHIPPED_THRESHOLD):
        raise WeightsError(f"the classifier's file {path.with_suffix('.json')} is not the one that shipped: {way_out}")
    if hashlib.sha256(content).hexdigest() != expected:
        raise WeightsError(f"the classifier's file {path} is damaged (its SHA-256 is another): {way_out}")
    with torch.device("cpu"), rng.untouched():
        network = DigitNetwork()
    try:
        network.load_state_dict(safetensors.torch.load(content))
    except RuntimeError:
        raise WeightsError(f"the classifier's file {path} holds another network than the digit classifier's") from None
    return DigitClassifier(network, threshold, expected)

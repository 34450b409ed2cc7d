"""A classifier of any labelled images that can say "none of these": network, answers, and the file that holds both."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from gannorm import rng
from gannorm.classifier import named_file
from gannorm.classifier.inputs import check_range, check_shape
from gannorm.classifier.judge import CHUNK, Judged

KIND = "a labelled classifier"
FEATURES = 128
WIDTH = 16  # channels of the first layer: about 6 million multiplications per image of 1x28x28
SMALLEST = 4  # pixels a side
POOLED = 4  # places a side that the features are made from


@dataclass(frozen=True)
class Facts:
    """What is known about a classifier; it stands in its file.

    Attributes:
        image_shape: (C, H, W).
        classes: K names.
        threshold: Lowest confidence that is accepted: 99 % of held-out images reach it.
        accuracy: Share of test images whose likeliest class is theirs, accepted or not.
        accepted: Share of test images that are accepted.
        num_test: How many test images.
        confusion_counts: Of the accepted test images: each class (row) called each class.
        class_counts: Images of each class in the data, those that set the threshold too.
        passed: Share that is accepted of each kind of picture that is none of the classes.
        data: What it was trained on.
        seed: Of the training.
        epochs: Passes over the training images.
        is_dark: Whether more than half of the pixels are background.
    """

    image_shape: tuple[int, ...]
    classes: tuple[str, ...]
    threshold: float
    accuracy: float
    accepted: float
    num_test: int
    confusion_counts: tuple[tuple[int, ...], ...]
    class_counts: tuple[int, ...]
    passed: dict[str, float]
    data: str
    seed: int
    epochs: int
    is_dark: bool


class LabelledNetwork(nn.Module):
    """A convolutional network that halves the image to about 7 pixels a side, with K + 1 answers.

    Args:
        image_shape: (C, H, W), 4 pixels a side or more.
        num_modes: K; the last answer is "none of these".
        width: Channels of the first layer; they double with each halving, up to 128.

    Raises:
        ValueError: The images are smaller than 4 pixels a side.

    Shapes:
        Images (N, C, H, W) in [-1, 1] to logits (N, K + 1).

    Example:
        >>> with rng.untouched():
        ...     LabelledNetwork((3, 32, 32), 10)(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 11])
    """

    def __init__(self, image_shape: tuple[int, ...], num_modes: int, width: int = WIDTH) -> None:
        super().__init__()
        channels, *sides = image_shape
        if min(sides) < SMALLEST:
            raise ValueError(f"images of {sides[0]}x{sides[1]} pixels: a classifier needs {SMALLEST} a side")
        layers = [_convolution(channels, width, 1)]
        while min(sides) > 10 or len(layers) == 1:
            sides = [(side + 1) // 2 for side in sides]
            wider = min(2 * width, 128)
            layers += [_convolution(width, wider, 2), _convolution(wider, wider, 1)]
            width = wider
        self.convolutions = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(POOLED)
        self.hidden = nn.Linear(width * POOLED**2, FEATURES)
        self.dropout = nn.Dropout(0.3)
        self.head = nn.Linear(FEATURES, num_modes + 1)

    def features(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n 128"]:
        """Return what the last layer sees."""
        return self.hidden(self.pool(self.convolutions(images)).flatten(1)).relu()

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n answers"]:
        """Return the logits."""
        return self.head(self.dropout(self.features(images)))


def _convolution(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    layer = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs), nn.ReLU())


class LabelledClassifier:
    """A trained, frozen classifier with its facts; see `gannorm.classifier.DigitClassifier`, which answers alike.

    Args:
        network: The trained network; it is frozen and put into evaluation mode.
        facts: What is known about it.
        sha256: Of its file.
    """

    def __init__(self, network: LabelledNetwork, facts: Facts, sha256: str) -> None:
        self.network = network.requires_grad_(False).eval()
        self.facts = facts
        self.sha256 = sha256

    @torch.no_grad()
    def judge(self, images: Tensor) -> Judged:
        """Return features (N, 128), class (N,) and confidence (N,) of images (N, C, H, W) in [-1, 1].

        Raises:
            ValueError: The images have another shape, or are not numbers in [-1, 1], or seem to be in [0, 1].
        """
        check_shape(images, tuple(self.facts.image_shape))
        check_range(images, is_dark=self.facts.is_dark)
        return answers(self.network, images)

    def accepts(self, judged: Judged) -> Bool[Tensor, " n"]:
        """Return which of the images count as one of the classes."""
        return judged.confidence >= self.facts.threshold


@torch.no_grad()
def answers(network: LabelledNetwork, images: Float[Tensor, "n c h w"]) -> Judged:
    """Return features, likeliest class and its probability among all K + 1 answers, of a network that is not training.

    Args:
        network: In evaluation mode.
        images: From any device.
    """
    device = network.head.weight.device
    parts = [_answers(network, chunk.to(device, torch.float32)) for chunk in images.split(CHUNK)]
    return Judged(*(torch.cat(column).cpu() for column in zip(*parts, strict=True)))


def _answers(network: LabelledNetwork, images: Tensor) -> Judged:
    features = network.features(images)
    confidence, mode = network.head(features).softmax(dim=1)[:, :-1].max(dim=1)
    return Judged(features, mode, confidence)


def save(network: LabelledNetwork, facts: Facts, path: Path) -> str:
    """Write the weights with the facts, and a JSON file of the facts beside them; return the SHA-256."""
    return named_file.write(path, network.state_dict(), {"kind": KIND, **asdict(facts)})


def load(path: Path) -> LabelledClassifier:
    """Return a trained classifier.

    Raises:
        WeightsError: A file is missing, damaged, or of another kind.
    """
    state, described, sha256 = named_file.read(path, KIND)
    facts = Facts(**{name: _tuples(value) for name, value in described.items() if name != "kind"})
    first = state["convolutions.0.0.weight"]
    with torch.device("cpu"), rng.untouched():
        network = LabelledNetwork(facts.image_shape, len(facts.classes), width=len(first))
    network.load_state_dict(state)
    return LabelledClassifier(network, facts, sha256)


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value

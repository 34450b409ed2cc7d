"""Judges of handwritten digits, one at a time or three on top of each other in the channels of one image."""

import torch
from jaxtyping import Float
from torch import Tensor

from gannorm import classifier
from gannorm.classifier import Judged
from gannorm.classifier.confusion import smoothed
from gannorm.classifier.inputs import check_shape
from gannorm.classifier.judge import SHIPPED_CONFUSION
from gannorm.data import MNIST, mnist

DIGITS = 10


class DigitJudge:
    """The shipped digit classifier as a judge of 28x28 digits, with its reject rule.

    `ceiling` is the share of MNIST's 10,000 test digits that it accepts, `confusion_counts` what it calls these, and
    `confusion` the probabilities they suggest (`gannorm.classifier.confusion.smoothed`).

    Args:
        prior: (10,) frequencies of the digits in the data; None = MNIST's training digits.

    Example:
        >>> import torch
        >>> from gannorm.judges import accepted
        >>> judge = DigitJudge()
        >>> blank = judge(torch.full((1, 1, 28, 28), -1.0))
        >>> accepted(judge, blank).item(), judge.ceiling
        (False, 0.9904)
    """

    num_modes = DIGITS
    sample_shape = (1, 28, 28)
    channels = 1

    def __init__(self, prior: Float[Tensor, " k"] | None = None) -> None:
        self.classifier = classifier.load()
        self.prior = MNIST().prior if prior is None else prior
        self.threshold = self.classifier.threshold
        self.sha256 = self.classifier.sha256
        self.confusion_counts = torch.tensor(SHIPPED_CONFUSION)
        self.confusion = smoothed(self.confusion_counts)
        self.ceiling = int(self.confusion_counts.sum()) / len(mnist("test")[1])

    def __call__(self, images: Tensor) -> Judged:
        """Return features (N, 96), digit and confidence of images (N, 1, 28, 28) in [-1, 1].

        Raises:
            ValueError: The images have another shape, are not in [-1, 1] or not finite.
        """
        return self.classifier.judge(images.cpu())


class StackedDigitJudge:
    """Three digits in the channels of one image: 1,000 modes, 100·a + 10·b + c.

    Each channel is judged by `DigitJudge`; the stack is accepted if all three are, so its confidence is the lowest of
    the three (Stacked MNIST after Metz et al. 2017, arXiv:1611.02163; the reject rule is this package's). Its features
    are the three channels' side by side. `ceiling` is the digits' cubed, as the channels are drawn independently;
    `confusion` is that of one channel.

    Args:
        prior: (1000,) frequencies of the stacks; None = products of those of MNIST's training digits.

    Example:
        >>> import torch
        >>> from gannorm.data import mnist, to_images
        >>> pixels, labels = mnist("test")
        >>> judged = StackedDigitJudge()(to_images(pixels[:3]).view(1, 3, 28, 28))
        >>> labels[:3].tolist(), judged.mode.item(), judged.features.shape
        ([7, 2, 1], 721, torch.Size([1, 288]))
    """

    num_modes = DIGITS**3
    sample_shape = (3, 28, 28)
    channels = 3

    def __init__(self, prior: Float[Tensor, " k"] | None = None) -> None:
        self.digit = DigitJudge()
        one = self.digit.prior
        self.prior = torch.einsum("i,j,k->ijk", one, one, one).flatten() if prior is None else prior
        self.threshold = self.digit.threshold
        self.sha256 = self.digit.sha256
        self.confusion_counts = self.digit.confusion_counts
        self.confusion = self.digit.confusion
        self.ceiling = self.digit.ceiling**self.channels

    def __call__(self, images: Tensor) -> Judged:
        """Return features (N, 288), mode and confidence of images (N, 3, 28, 28) in [-1, 1], in one pass of 3·N digits.

        Raises:
            ValueError: The images have another shape, are not in [-1, 1] or not finite.
        """
        check_shape(images, self.sample_shape)
        features, digits, confidence = self.digit(images.reshape(-1, 1, 28, 28))
        places = torch.tensor([DIGITS**2, DIGITS, 1])
        return Judged(
            features.view(len(images), self.channels * features.shape[1]),
            (digits.view(-1, self.channels) * places).sum(dim=1),
            confidence.view(-1, self.channels).amin(dim=1),
        )

"""A judge of any labelled data, from weights that `gannorm classifier train --data ...` wrote."""

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from gannorm.classifier import Judged, labelled
from gannorm.classifier.confusion import smoothed


class ClassifierJudge:
    """A trained classifier of labelled images as a judge, with its reject rule.

    Its modes are the classes, named in `classes`. `ceiling` is the share of its test images that it accepts,
    `confusion_counts` what it calls these, `confusion` the probabilities they suggest.

    Args:
        path: The weights, with their JSON file beside them.
        prior: (K,) frequencies of the classes in the data; None = those of the images it was trained on.

    Raises:
        WeightsError: A file is missing, damaged, or holds something else.
        ValueError: `prior` has another number of classes.
    """

    channels = 1

    def __init__(self, path: Path | str, prior: Float[Tensor, " k"] | None = None) -> None:
        self.classifier = labelled.load(Path(path))
        facts = self.classifier.facts
        self.classes = facts.classes
        self.num_modes = len(facts.classes)
        self.sample_shape = facts.image_shape
        counts = torch.tensor(facts.class_counts)
        self.prior = counts / counts.sum() if prior is None else prior
        if len(self.prior) != self.num_modes:
            raise ValueError(f"prior has {len(self.prior)} numbers; the classifier has {self.num_modes} classes")
        self.threshold = facts.threshold
        self.sha256 = self.classifier.sha256
        self.confusion_counts = torch.tensor(facts.confusion_counts)
        self.confusion = smoothed(self.confusion_counts)
        self.ceiling = facts.accepted
        self.accuracy = facts.accuracy

    def __call__(self, images: Tensor) -> Judged:
        """Return features (N, 128), class and confidence of images (N, C, H, W) in [-1, 1].

        Raises:
            ValueError: The images have another shape, are not in [-1, 1] or not finite.
        """
        return self.classifier.judge(images)

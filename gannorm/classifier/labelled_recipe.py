"""How a classifier of any labelled images is trained, and what it is worth."""

import math
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Generator, Tensor
from torch.nn.functional import cross_entropy, pad

from gannorm import rng
from gannorm.classifier import generic
from gannorm.classifier.confusion import confusion
from gannorm.classifier.labelled import WIDTH, Facts, LabelledClassifier, LabelledNetwork, answers, save
from gannorm.classifier.material import Material, Pixels
from gannorm.data.pixels import to_images
from gannorm.data.shares import split_by_class

EPOCHS = 10
FEWEST_STEPS = 1_000  # small sets are seen more often than EPOCHS times
BATCH, NEGATIVES = 128, 64
KINDS = 8  # of negatives in a batch
RATE = 3e-3
WEIGHT_DECAY = 1e-3
PASS_SHARE = 0.99
HELD_OUT = 0.1  # of each class, to count errors on, and to set the threshold
PICTURES = 500  # of each kind, in the figures


def train(
    material: Material, *, seed: int = 0, epochs: int | None = None, width: int = WIDTH
) -> tuple[LabelledNetwork, Facts]:
    """Train a classifier, and measure it on images that it has not seen.

    A tenth of the training images of each class sets the threshold and nothing else; the test images, or another tenth,
    count errors.

    Args:
        material: Images with classes.
        seed: Of weights, order and pictures; the same seed on the same machine gives the same weights.
        epochs: Passes over the training images; None = 10, or as many as make 1,000 steps.
        width: Channels of the first layer.
    """
    training, threshold_set, testing = split(material, seed)
    steps = max(1, len(training[1]) // min(BATCH, len(training[1])))
    epochs = max(EPOCHS, math.ceil(FEWEST_STEPS / steps)) if epochs is None else epochs
    with rng.untouched():
        torch.manual_seed(seed)  # weights and dropout draw from the global state
        network = LabelledNetwork(tuple(training[0].shape[1:]), len(material.classes), width)
        _train(network, training, seed, epochs)
    confidence = answers(network, to_images(threshold_set[0])).confidence
    threshold = confidence.quantile(1 - PASS_SHARE, interpolation="lower").item()
    facts = Facts(
        image_shape=tuple(training[0].shape[1:]),
        classes=material.classes,
        threshold=threshold,
        class_counts=tuple(torch.bincount(material.training[1], minlength=len(material.classes)).tolist()),
        data=material.name,
        seed=seed,
        epochs=epochs,
        **measured(network, threshold, testing, len(material.classes)),
    )
    return network, facts


def split(material: Material, seed: int) -> tuple[Pixels, Pixels, Pixels]:
    """Return what is trained on, what sets the threshold, and what errors are counted on."""

    def halved(pixels: Pixels, name: str) -> tuple[Pixels, Pixels]:
        kept = split_by_class(pixels[1], HELD_OUT, rng.generator(seed, "classifier", name))
        return (pixels[0][~kept], pixels[1][~kept]), (pixels[0][kept], pixels[1][kept])

    training, testing = material.training, material.testing
    if testing is None or not len(testing[1]):
        training, testing = halved(training, "test")
    training, threshold_set = halved(training, "threshold")
    return training, threshold_set, testing


def _train(network: LabelledNetwork, training: Pixels, seed: int, epochs: int) -> None:
    pixels, labels = training
    size = min(BATCH, len(labels))
    kinds = generic.kinds_for(to_images(pixels[:PICTURES]))
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=WEIGHT_DECAY)
    total = max(2, epochs * (len(labels) // size))  # the schedule cannot have one step only
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=total, pct_start=0.15)
    network.train()
    for epoch in range(epochs):
        generator = rng.generator(seed, "classifier", "epoch", epoch)
        for chosen in torch.randperm(len(labels), generator=generator).split(size):
            if len(chosen) < size:
                break
            pictures, targets = batch(pixels, labels, chosen, kinds, generator)
            optimizer.zero_grad()
            cross_entropy(network(pictures), targets.where(targets >= 0, network.head.out_features - 1)).backward()
            optimizer.step()
            schedule.step()
    network.eval().requires_grad_(False)


def batch(
    pixels: Tensor, labels: Tensor, chosen: Tensor, kinds: dict[str, generic.Kind], generator: Generator
) -> tuple[Float[Tensor, "b c h w"], Int64[Tensor, " b"]]:
    """Return images moved a little, then pictures that are none, with their answers; -1 is "none of these"."""
    number = max(2, len(chosen) * NEGATIVES // BATCH)
    others = torch.randint(len(labels), (number,), generator=generator)
    made = generic.negatives(to_images(pixels[others]), labels[others], kinds, min(KINDS, number), generator)
    return torch.cat([moved(to_images(pixels[chosen]), generator), made]), torch.cat(
        [labels[chosen], torch.full((len(made),), -1)]
    )


def moved(images: Float[Tensor, "n c h w"], generator: Generator) -> Float[Tensor, "n c h w"]:
    """Shift each quarter of the images by up to a fourteenth of their sides, and add a little noise."""
    n, _, height, width = images.shape
    down, right = max(1, height // 14), max(1, width // 14)
    parts = []
    for part in images.chunk(4):
        y, x = (int(torch.randint(2 * reach + 1, (), generator=generator)) for reach in (down, right))
        framed = pad(part, (right, right, down, down), mode="replicate")
        parts.append(framed[..., y : y + height, x : x + width])
    amount = (torch.rand(n, 1, 1, 1, generator=generator) * 0.1 - 0.05).clamp_min(0)
    return (torch.cat(parts) + amount * torch.randn(images.shape, generator=generator)).clamp(-1, 1)


def measured(network: LabelledNetwork, threshold: float, testing: Pixels, num_modes: int) -> dict[str, Any]:
    """Return what a network is worth on test images, and what it lets pass that is none of the classes."""
    images, labels = to_images(testing[0]), testing[1]
    judged = answers(network, images)
    is_accepted = judged.confidence >= threshold
    counts = confusion(judged.mode[is_accepted], labels[is_accepted], num_modes)
    return {
        "accuracy": (judged.mode == labels).double().mean().item(),
        "accepted": is_accepted.double().mean().item(),
        "num_test": len(labels),
        "confusion_counts": tuple(map(tuple, counts.tolist())),
        "passed": passed(network, threshold, images[:PICTURES], labels[:PICTURES]),
        "is_dark": bool((images[:PICTURES] < -0.8).double().mean() > 0.5),
    }


def passed(network: LabelledNetwork, threshold: float, images: Tensor, labels: Tensor) -> dict[str, float]:
    """Return the share of each kind of picture that is accepted, made from these images."""
    shares = {}
    for name, kind in (generic.kinds_for(images) | generic.UNSEEN).items():
        generator = rng.generator(0, "report", name)
        others = images[generic.of_other_classes(labels, generator)]
        confidence = answers(network, kind(images, others, generator)).confidence
        shares[name] = (confidence >= threshold).double().mean().item()
    return shares


def main_train(
    material: Material, output: Path, *, seed: int = 0, epochs: int | None = None, width: int = WIDTH
) -> LabelledClassifier:
    """Train a classifier, write its weights to `output` with a JSON file beside them, and return it."""
    network, facts = train(material, seed=seed, epochs=epochs, width=width)
    return LabelledClassifier(network, facts, save(network, facts, output))


def text(classifier: LabelledClassifier) -> str:
    """Return what is known about a classifier as a table to be read."""
    facts = classifier.facts
    wide = max(5, max(len(str(count)) for row in facts.confusion_counts for count in row) + 1)
    shape = "x".join(map(str, facts.image_shape))
    lines = [
        f"weights {classifier.sha256[:12]}, accepted from confidence {facts.threshold:.4f}",
        f"{len(facts.classes)} classes of {shape} images from {facts.data}, {facts.epochs} epochs, seed {facts.seed}",
        f"accuracy on {facts.num_test:,} test images {facts.accuracy:.2%}, accepted {facts.accepted:.2%}",
        "",
        "confusion of the accepted (row: label, column: answer)",
        *(
            "  " + "".join(f"{count:{wide}d}" for count in row) + f"  {name}"
            for row, name in zip(facts.confusion_counts, facts.classes, strict=True)
        ),
        "",
        f"{'none of the classes':28} accepted",
        *(f"  {name:26} {share:8.1%}" for name, share in facts.passed.items()),
    ]
    return "\n".join(lines)

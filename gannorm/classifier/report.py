"""What the classifier is worth on the test digits, and what it lets pass that is no digit."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from gannorm import rng
from gannorm.classifier.confusion import confusion
from gannorm.classifier.deform import as_drawn, noisy_border
from gannorm.classifier.half_trained import stored
from gannorm.classifier.judge import DigitClassifier
from gannorm.classifier.network import NUM_DIGITS
from gannorm.classifier.pictures import TRAINED, UNSEEN
from gannorm.data.idx import mnist
from gannorm.data.pixels import to_images

PICTURES = 500  # of each kind


def pictures_of_all_kinds() -> dict[str, dict[str, Float[Tensor, "n 1 28 28"]]]:
    """Return pictures that are no digits, made from test digits: those of a trained kind, and of a kind never seen."""
    digits = to_images(mnist("test")[0][:PICTURES])
    made = {
        part: {name: kind(digits, rng.generator(0, "report", name)) for name, kind in kinds.items()}
        for part, kinds in (("trained", TRAINED), ("unseen", UNSEEN))
    }
    made["trained"]["half_trained"] = stored("trained")
    made["unseen"]["half_trained_others"] = stored("held_out")
    return made


def digits_of_all_kinds() -> dict[str, Float[Tensor, "n 1 28 28"]]:
    """Return the first test digits as they are, drawn less well, and in frames of noise."""
    digits = to_images(mnist("test")[0][:PICTURES])
    generator = rng.generator(0, "report", "digits")
    return {
        "digits": digits,
        "digits_as_drawn": as_drawn(digits, generator),
        "digits_in_faint_noise": noisy_border(digits, generator, 0.05, 0.2),
        "digits_in_noise": noisy_border(digits, generator, 0.2, 0.6),
        "digits_in_strong_noise": noisy_border(digits, generator, 0.7, 1.0),
        "digits_in_rare_noise": in_rare_pixels(digits, generator),
    }


def in_rare_pixels(digits: Float[Tensor, "n 1 28 28"], generator: torch.Generator) -> Float[Tensor, "n 1 28 28"]:
    """Put one fixed black and white pattern where nearly all digits are black, as some collapsed GANs do."""
    lit = (mnist("train")[0] > 0).float().mean(dim=0)
    pattern = torch.randint(0, 2, lit.shape, generator=generator).float() * 2 - 1
    return torch.where(lit < 0.01, pattern, digits)


def figures(classifier: DigitClassifier) -> dict[str, Any]:
    """Return accuracy and confusion on the 10,000 test digits, and the share of each kind of picture that passes.

    Keys:
        accuracy, confusion: Of the likeliest of the ten digits, accepted or not.
        passed: Share of the 10,000 test digits that are accepted.
        digits: For each way to draw digits: share accepted, and share of the accepted that are called rightly.
        trained, unseen: For each kind of picture that is no digit, the share that is accepted all the same.
    """
    pixels, labels = mnist("test")
    judged = classifier.judge(to_images(pixels))

    def passed(images: Tensor) -> float:
        return classifier.accepts(classifier.judge(images)).float().mean().item()

    return {
        "sha256": classifier.sha256,
        "threshold": classifier.threshold,
        "accuracy": (judged.mode == labels).float().mean().item(),
        "confusion": confusion(judged.mode, labels, NUM_DIGITS).tolist(),
        "passed": classifier.accepts(judged).float().mean().item(),
        "digits": {
            name: {"passed": passed(images), "right": right_among_accepted(classifier, images, labels[:PICTURES])}
            for name, images in digits_of_all_kinds().items()
        },
        **{
            part: {name: passed(images) for name, images in kinds.items()}
            for part, kinds in pictures_of_all_kinds().items()
        },
    }


def right_among_accepted(classifier: DigitClassifier, images: Tensor, labels: Tensor) -> float | None:
    """Return the share of accepted images whose mode is their label; None where none is accepted."""
    judged = classifier.judge(images)
    accepted = classifier.accepts(judged)
    return (judged.mode == labels)[accepted].float().mean().item() if accepted.any() else None


def text(classifier: DigitClassifier) -> str:
    """Return the figures of a classifier as a table to be read."""
    return table(figures(classifier))


def table(found: dict[str, Any]) -> str:
    """Lay out what `figures` returned."""
    lines = [
        f"weights {found['sha256'][:12]}, accepted from confidence {found['threshold']:.4f}",
        f"accuracy on the 10,000 test digits {found['accuracy']:.2%}, accepted {found['passed']:.2%}",
        "",
        "confusion (row: label, column: answer)",
        *("  " + " ".join(f"{count:5d}" for count in row) for row in found["confusion"]),
        "",
        f"{'digits':28} accepted  of these right",
    ]
    for name, shares in found["digits"].items():
        right = "      -" if shares["right"] is None else f"{shares['right']:7.1%}"
        lines.append(f"  {name:26} {shares['passed']:8.1%}  {right}")
    for part, title in (("trained", "no digits, of a kind trained on"), ("unseen", "no digits, of a kind never seen")):
        lines += ["", f"{title:36} accepted", *(f"  {name:34} {share:8.1%}" for name, share in found[part].items())]
    return "\n".join(lines)

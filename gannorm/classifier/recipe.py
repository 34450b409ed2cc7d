"""How the shipped classifier was trained: a plain loop over digits, pictures that are none, and digits in noise."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import torch
from jaxtyping import Bool, Float, Int64
from torch import Generator, Tensor
from torch.nn.functional import cross_entropy, softplus

from gannorm import rng
from gannorm.classifier.deform import as_drawn, noisy_border
from gannorm.classifier.half_trained import stored
from gannorm.classifier.judge import DigitClassifier, save
from gannorm.classifier.network import NOT_A_DIGIT, DigitNetwork, folded
from gannorm.classifier.pictures import negatives
from gannorm.data.idx import mnist
from gannorm.data.pixels import to_images

EPOCHS = 9
HELD_OUT = 5_000  # training digits that set the threshold and nothing else
PASS_SHARE = 0.99  # of them that shall be accepted
DIGITS, NEGATIVES, HALF_TRAINED, BORDERED = 256, 144, 24, 24  # pictures of each sort in a batch
KINDS = 12  # of negatives in a batch
RATE = 4e-3
WEIGHT_DECAY = 1e-4
AVERAGING = 0.998  # decay of the weights' moving average, which is what is kept


def train(seed: int = 0, epochs: int = EPOCHS, folder: Path | None = None) -> tuple[DigitNetwork, float]:
    """Train a classifier on the training digits, all but the last 5,000.

    Args:
        seed: Of weights, order and pictures; the same seed on the same machine gives the same weights.
        epochs: Passes over the training digits; about 45 seconds each on one core.
        folder: Where MNIST's files are; None = those that ship with gannorm.

    Returns:
        The network, and the threshold that 99 % of the held-out training digits reach.
    """
    pixels, labels = mnist("train", folder)
    images = to_images(pixels)
    with rng.untouched():
        torch.manual_seed(seed)  # weights and dropout draw from the global state
        network = _train(images[:-HELD_OUT], labels[:-HELD_OUT], seed, epochs)
    return network, threshold_of(network, images[-HELD_OUT:])


def _train(images: Float[Tensor, "n 1 28 28"], labels: Int64[Tensor, " n"], seed: int, epochs: int) -> DigitNetwork:
    network = DigitNetwork(norm=True).to(memory_format=torch.channels_last)
    averaged = torch.optim.swa_utils.AveragedModel(
        network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(AVERAGING), use_buffers=True
    )
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=WEIGHT_DECAY)
    steps = epochs * (len(labels) // DIGITS)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps, pct_start=0.15)
    for epoch in range(epochs):
        for pictures, answers, graded in batches(images, labels, rng.generator(seed, "classifier", epoch)):
            optimizer.zero_grad()
            loss(network(pictures), answers, graded).backward()
            optimizer.step()
            schedule.step()
            averaged.update_parameters(network)
    return folded(cast(DigitNetwork, averaged.module))


def batches(
    images: Float[Tensor, "n 1 28 28"], labels: Int64[Tensor, " n"], generator: Generator
) -> Iterator[tuple[Float[Tensor, "b 1 28 28"], Int64[Tensor, " b"], Bool[Tensor, " b"]]]:
    """Yield one epoch: pictures, answers (0 to 10), and whether being a digit is asked for at all.

    It is not for digits in a frame of noise: which digit they are shall be known, from how much noise on they are no
    digit is left open.
    """
    failures = stored("trained")
    answers = torch.full((DIGITS + BORDERED + NEGATIVES + HALF_TRAINED,), NOT_A_DIGIT)
    graded = torch.ones(len(answers), dtype=torch.bool)
    graded[DIGITS : DIGITS + BORDERED] = False
    for chosen in torch.randperm(len(labels), generator=generator).split(DIGITS):
        if len(chosen) < DIGITS:
            return
        digits, framed = images[chosen], images[chosen[:BORDERED]]
        material = images[torch.randint(len(images), (NEGATIVES,), generator=generator)]
        failed = failures[torch.randint(len(failures), (HALF_TRAINED,), generator=generator)]
        pictures = [
            as_drawn(digits, generator),
            noisy_border(framed, generator, 0.1, 1.0),
            negatives(material, KINDS, generator),
            (failed + torch.randn(failed.shape, generator=generator) * 0.05).clamp(-1, 1),
        ]
        answers[:DIGITS] = labels[chosen]
        answers[DIGITS : DIGITS + BORDERED] = labels[chosen[:BORDERED]]
        yield torch.cat(pictures).contiguous(memory_format=torch.channels_last), answers, graded


def loss(logits: Float[Tensor, "b 11"], answers: Int64[Tensor, " b"], graded: Bool[Tensor, " b"]) -> Float[Tensor, ""]:
    """Return the cross-entropy over eleven answers, as its two parts: is it a digit, and which.

    -log p(k) = -log p(digit) - log p(k | digit), with logit of p(digit) = logsumexp of the ten digits - the eleventh.
    The first part is left out where it is not graded, the second for pictures that are no digit.
    """
    is_digit = answers != NOT_A_DIGIT
    digit_logit = logits[:, :NOT_A_DIGIT].logsumexp(dim=1) - logits[:, NOT_A_DIGIT]
    whether = softplus(torch.where(is_digit, -digit_logit, digit_logit))[graded]
    which = cross_entropy(logits[is_digit, :NOT_A_DIGIT], answers[is_digit])
    return whether.mean() + which


def threshold_of(network: DigitNetwork, digits: Float[Tensor, "n 1 28 28"]) -> float:
    """Return the confidence that 99 % of these digits reach."""
    confidence = DigitClassifier(network, 0.0, "").judge(digits).confidence
    return confidence.quantile(1 - PASS_SHARE).item()


def main_train(output: Path, seed: int = 0, epochs: int = EPOCHS) -> DigitClassifier:
    """Train a classifier, write its weights to `output` with a JSON file beside them, and return it."""
    network, threshold = train(seed, epochs)
    sha256 = save(network, threshold, output, seed=seed, epochs=epochs)
    return DigitClassifier(network, threshold, sha256)

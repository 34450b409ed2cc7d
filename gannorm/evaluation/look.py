"""Sample once, judge once, compute all metrics: with random numbers of its own and without a trace."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from gannorm import norms, rng
from gannorm.classifier.judge import SHIPPED_HELD_OUT, SHIPPED_SHA256
from gannorm.data import MNIST
from gannorm.evaluation.reference import CHUNK, drawn_real
from gannorm.evaluation.score import asked_for_ceiling, coverage_of
from gannorm.judges import Judge, Judged, accepted, judges_labels
from gannorm.metrics import AskedFor, mode_coverage
from gannorm.protocols import protocol
from gannorm.sampling import LabelledSample, Sample, Statistics, sampler

YARDSTICK = 10_000  # real samples, where they are drawn
ALONE: dict[str, Any] = {"sync_on_compute": False}  # of several processes that train, one looks while the others wait


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Samples, what the judge said of them, and the metrics.

    Attributes:
        images: (N, C, H, W) in [-1, 1].
        judged: Features, mode and confidence of each.
        accepted: Which of them belong to a mode.
        metrics: Plain numbers, as they stand in results.json.
        labels: The class that was asked for in each; None where none was.
    """

    images: Float[Tensor, "n ..."]
    judged: Judged
    accepted: Bool[Tensor, " n"]
    metrics: dict[str, Any]
    labels: Int64[Tensor, " n"] | None = None


def evaluate(
    sample: Sample | nn.Module,
    *,
    data: str = "mnist",
    num_samples: int = 2048,
    seed: int = 0,
    statistics: Statistics = "running",
) -> dict[str, Any]:
    """Return how many modes of a data set a generator covers, how evenly, and how many samples are none of them.

    One call per evaluation is all that a training loop of one's own needs. Global random state, the module's modes and
    its buffers stay as they are.

    Args:
        sample: `sample(n, rng)` to n images in [-1, 1], or a generator module with `latent_dim`. If it has
            `num_classes`, the judge's modes, it is asked for each class as often as its attribute `class_shares` says
            (all alike without it), and the result has `asked_for`; a function then has `labelled(n, rng)` to images and
            labels, as `gannorm.sampling.LabelledSample`.
        data: Name of the protocol whose judge and mode frequencies count, such as "mnist", "stacked_mnist" or
            "ring/pacgan"; `gannorm.protocols.names()` lists them.
        num_samples: N; 2,048 detects a dropped mode of ten, 10,000 is for a final figure.
        seed: Of the samples.
        statistics: For a module: what its batch norm samples with, "running" or "batch".

    Raises:
        ValueError: No such data set, fewer than one sample, or images that are not in [-1, 1].

    Example:
        >>> from gannorm.data import MNIST
        >>> real, _ = MNIST().held_out()
        >>> result = evaluate(lambda n, rng: real[torch.randint(len(real), (n,), generator=rng)], num_samples=500)
        >>> result["covered_modes"], result["num_samples"]
        (10, 500)
    """
    chosen = protocol(data)
    judge = chosen.make_judge()
    metrics = look(sample, judge, num_samples=num_samples, seed=seed, statistics=statistics).metrics
    return metrics | {"protocol": chosen.label, "log_base": "e", "classifier_sha256": judge.sha256}


def look(
    sample: Sample | nn.Module,
    judge: Judge,
    *,
    num_samples: int,
    seed: int,
    stream: int | str = "evaluation",
    statistics: Statistics = "running",
) -> Evaluation:
    """Sample, judge and measure once; see `evaluate`.

    Args:
        sample: What to draw from.
        judge: Says what each sample is.
        num_samples: N.
        seed: Of the samples.
        stream: Which of the seed's streams, such as the moment of the run, for fresh samples each time.
        statistics: For a module: what its batch norm samples with.
    """
    if num_samples < 1:
        raise ValueError(f"num_samples={num_samples}: an evaluation needs at least one sample")
    generator = rng.generator(seed, "evaluation", stream)
    with rng.untouched(), torch.no_grad():
        images, labels = drawn(sample, num_samples, generator, statistics)
        judging = judges_labels(judge, getattr(sample, "num_classes", 0))
        return measured(images, judge, labels if judging else None)


Drawn = tuple[Tensor, Int64[Tensor, " n"] | None]
"""Images, and the class that was asked for in each where one was."""


def drawn(sample: Sample | nn.Module, num: int, generator: torch.Generator, statistics: Statistics) -> Drawn:
    """Return images from a function or from a module, whose modes and buffers stay as they are."""
    if not isinstance(sample, nn.Module):
        chunks = [asked(sample, min(CHUNK, num - start), generator) for start in range(0, num, CHUNK)]
        images, labels = zip(*chunks, strict=True)
        return torch.cat(images), None if labels[0] is None else torch.cat(labels)
    modes = [(module, module.training) for module in sample.modules()]
    try:
        sample.eval()
        with norms.freeze_state(sample):
            return asked(sampler(sample, statistics), num, generator)
    finally:
        for module, training in modes:
            module.training = training


def asked(sample: Sample, num: int, generator: torch.Generator) -> Drawn:
    """Return `num` samples of a user's function, with labels if it has them, or say what it returned instead."""
    images, labels = (
        sample.labelled(num, generator) if isinstance(sample, LabelledSample) else (sample(num, generator), None)
    )
    if not isinstance(images, Tensor) or len(images) != num:
        what = f"{len(images)} samples" if isinstance(images, Tensor) else type(images).__name__
        raise ValueError(f"sample({num}, rng) returned {what}; it has to return a tensor of {num} samples")
    return images, None if labels is None else labels.cpu()


def measured(images: Float[Tensor, "n ..."], judge: Judge, labels: Int64[Tensor, " n"] | None = None) -> Evaluation:
    """Judge images and compute all metrics.

    Args:
        images: In [-1, 1].
        judge: Says what each is.
        labels: The class that was asked for in each, a mode of the judge; None = none was.
    """
    chunks = [judge(chunk) for chunk in images.split(CHUNK)]
    judged = Judged(*(torch.cat(parts) for parts in zip(*chunks, strict=True)))
    coverage = coverage_of(judge, **ALONE)
    are_modes = accepted(judge, judged)
    coverage.update(judged.mode, are_modes)
    metrics = coverage.compute() | ceiling_of(judge)
    if labels is not None:
        asked_for = AskedFor(judge.num_modes, **ALONE)
        asked_for.update(judged.mode, are_modes, labels)
        metrics |= asked_for.compute() | {"asked_for_ceiling": asked_for_ceiling(judge)}
    return Evaluation(images=images, judged=judged, accepted=are_modes, metrics=metrics, labels=labels)


def yardstick(data: Any, judge: Judge) -> dict[str, Any]:
    """Return the figures of held-out real data, as frequent as in the training data: a perfect generator's.

    The bundled digits and the shipped judge are both checked against their hashes when they are loaded, so what the one
    says of the other is known; anything else is judged now.

    Args:
        data: Has `real(num, rng)`, or `held_out()`; both return samples and modes.
        judge: Says what each sample is.

    Example:
        >>> from gannorm.judges import DigitJudge
        >>> yardstick(MNIST(), DigitJudge())["high_quality"]
        0.9904
    """
    if isinstance(data, MNIST) and data.shares is None and judge.sha256 == SHIPPED_SHA256:
        counts = torch.tensor(SHIPPED_HELD_OUT)
        confusion = getattr(judge, "confusion", None)
        known = mode_coverage(counts, num_samples=YARDSTICK, prior=judge.prior, confusion=confusion)
        return known | ceiling_of(judge)
    if not hasattr(data, "real"):
        return measured(data.held_out()[0], judge).metrics
    coverage = coverage_of(judge, **ALONE)
    for chunk in drawn_real(data, YARDSTICK, "yardstick"):
        judged = judge(chunk)
        coverage.update(judged.mode, accepted(judge, judged))
    return coverage.compute() | ceiling_of(judge)


def ceiling_of(judge: Judge) -> dict[str, float | None]:
    """Return the share of real samples that a judge accepts, as a figure; None where nobody knows."""
    return {"high_quality_ceiling": getattr(judge, "ceiling", None)}

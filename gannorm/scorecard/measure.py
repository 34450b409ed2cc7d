"""Measure one source: its samples once through the judge, real data beside it, and what the numbers are."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from gannorm.evaluation import Reference, Score, reference_of, score, score_again
from gannorm.evaluation.reference import drawn_real, real_chunks
from gannorm.judges import judges_labels
from gannorm.metrics.inception import inception_distances
from gannorm.scorecard.setting import Setting
from gannorm.sources import Source
from gannorm.training.results import versions

REAL = 10_000  # samples of the yardstick where a protocol does not say
POOLED = ("effective_modes", "kl", "tv", "high_quality", "covered_modes")  # whose spread over seeds is told
HALVED = ("frechet", "kernel", "precision", "recall", "density", "coverage", "clipped", "class", "sliced")


@dataclass(frozen=True, kw_only=True)
class Card:
    """Everything about one source.

    Attributes:
        source: What it is.
        setting: What it was measured under.
        scores: One for each seed.
        real: Figures of real data under the same setting.
        seed: Of the first draw.
        extra: Further figures, such as Inception distances.
    """

    source: Source
    setting: Setting
    scores: list[Score]
    real: dict[str, Any]
    seed: int
    extra: dict[str, Any] = field(default_factory=dict)

    def evaluation(self) -> dict[str, Any]:
        """Return the figures of the first seed with all that names them, plain data for JSON."""
        first = self.scores[0]
        named = {
            "protocol": self.setting.label,
            "log_base": "e",
            "classifier_sha256": self.setting.judge.sha256,
            "generator": self.source.generator_name,
            "statistics": self.source.statistics,
        }
        legacy = {} if self.setting.protocol is None else {"legacy": self.legacy()}
        seeds = {} if len(self.scores) == 1 else {"seeds": self.seeds()}
        return {**first.figures, **self.extra, **named, **legacy, **seeds}

    def legacy(self) -> dict[str, Any]:
        """Return what the protocol's paper would print."""
        assert self.setting.protocol is not None
        first = self.scores[0]
        return self.setting.protocol.legacy(first.counts, first.counts_all, self.setting.judge.prior)

    def seeds(self) -> dict[str, dict[str, Any]]:
        """Return mean and standard deviation over the seeds, and every value."""
        values = {name: [score.figures[name] for score in self.scores] for name in POOLED}
        return {
            name: {"mean": float(np.mean(found)), "sd": float(np.std(found, ddof=1)), "values": found}
            for name, found in values.items()
            if None not in found
        }

    def plain(self) -> dict[str, Any]:
        """Return what `gannorm evaluate --json` prints."""
        return {
            "source": self.source.facts() | {"seed": self.seed},
            "evaluation": self.evaluation(),
            "real": self.real,
            "versions": versions(),
            "classifier_sha256": self.setting.judge.sha256,
        }


def measure(
    source: Source,
    setting: Setting,
    real: Reference,
    *,
    number: int | None = None,
    seed: int = 0,
    seeds: int = 1,
    inception: Path | None = None,
    yardstick: Callable[[int], dict[str, Any]] | None = None,
) -> Card:
    """Measure a source.

    Args:
        source: Where samples come from.
        setting: Real data, judge and protocol.
        real: Real samples, from `reference(setting)`: two sources are compared with the same ones.
        number: N; None = the protocol's, or all that the source has.
        seed: Of the samples that a generator makes.
        seeds: How many times they are drawn, with seeds from `seed` on.
        inception: Weights of an Inception network, for FID and KID.
        yardstick: `real_figures` of the setting by N, which two sources may share; None = they are measured now.

    Raises:
        ValueError: Fewer samples than the protocol needs, or samples that nobody can judge.
    """
    num = number_of(source, setting, number)
    scores = [
        score(source.chunks(num, seed=s), setting.judge, real, seed=s, labels=labels_of(source, setting, num, s))
        for s in range(seed, seed + seeds)
    ]
    extra = {} if inception is None else inception_figures(source, setting, num, seed, inception)
    yardstick = yardstick or partial(real_figures, setting, real)
    figures = yardstick(scores[0].figures["num_samples"])
    return Card(source=source, setting=setting, scores=scores, real=figures, seed=seed, extra=extra)


def labels_of(source: Source, setting: Setting, num: int | None, seed: int) -> Tensor | None:
    """Return the class that is asked for in each sample, where the judge can say whether it came."""
    if source.labels is None or not judges_labels(setting.judge, source.num_classes):
        return None
    return source.labels(source.number(num), seed)


def number_of(source: Source, setting: Setting, number: int | None) -> int | None:
    """Return how many samples to take; None = all of a file."""
    if number is not None:
        return number
    if setting.num_samples is None:
        return REAL if source.num_samples is None else None
    if source.num_samples is not None and source.num_samples < setting.num_samples:
        raise ValueError(
            f"{source.path} has {source.num_samples:,} samples, {setting.label} needs {setting.num_samples:,}: make "
            f"more, or take them as they are with --number {source.num_samples}"
        )
    return setting.num_samples


def reference(setting: Setting) -> Reference:
    """Return the real samples of a setting, judged."""
    return reference_of(setting.data, setting.judge)


def real_figures(setting: Setting, real: Reference, num_samples: int) -> dict[str, Any]:
    """Return the figures of real data: the yardstick.

    Where real samples can be drawn, they are as many as the source's, against the same reference. Of a fixed number of
    held-out ones all are counted, and what compares features compares one half of them with the other.
    """
    if not hasattr(setting.data, "held_out"):
        return score(drawn_real(setting.data, num_samples, "yardstick"), setting.judge, real).figures
    one, other = real.halves()
    halved = score_again(one, setting.judge, other).figures
    counted = score_again(real, setting.judge).figures
    return counted | {name: value for name, value in halved.items() if name.startswith(HALVED)}


def inception_figures(
    source: Source, setting: Setting, num: int | None, seed: int, weights: Path
) -> dict[str, float | int]:
    """Return FID and KID on Inception features, of natural images."""
    real = real_chunks(setting.data, num or source.num_samples or REAL, "reference")
    try:
        return inception_distances(source.chunks(num, seed=seed), real, weights=weights)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"--inception {weights} cannot take these images: {str(error).splitlines()[0]}") from error

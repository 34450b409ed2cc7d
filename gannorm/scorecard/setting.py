"""What a score is taken under: real data, a judge, and how many samples, by a protocol's name or of one's own."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gannorm import protocols, rng
from gannorm.data import CIFAR10, FashionMNIST, ImageFiles, to_images
from gannorm.import_path import by_path
from gannorm.judges import CellJudge, ClassifierJudge, Judge, own_judge
from gannorm.protocols import Protocol
from gannorm.sources.runs import config_of

CELLS_FROM = 20_000  # real images that set k-means cells
CHANGING = ("shares", "weights")  # arguments of data that change the frequencies of the modes
TORCHVISION: dict[str, Callable[..., Any]] = {"fashion_mnist": FashionMNIST, "cifar10": CIFAR10}
"""Sets whose files the user has."""


@dataclass(frozen=True)
class Setting:
    """Real data, who judges, and how many samples.

    Attributes:
        label: Protocol and version, or the name of one's own data.
        data: Real samples.
        judge: Says what a sample is.
        num_samples: N; None = as many as a source has.
        protocol: The protocol; None for data or a judge of one's own.
    """

    label: str
    data: Any
    judge: Judge
    num_samples: int | None
    protocol: Protocol | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one sample, (C, H, W) or (D,)."""
        return tuple(getattr(self.judge, "sample_shape", None) or self.data.image_shape)


class SettingError(ValueError):
    """Data, judge and protocol do not fit together."""


def setting_of(
    data: str,
    *,
    classifier: Path | None = None,
    judge: str | None = None,
    cells: int | None = None,
    features: str | None = None,
    folder: str | None = None,
    download: bool = False,
) -> Setting:
    """Return what to measure under.

    Args:
        data: A protocol's name, a set of torchvision's ("fashion_mnist", "cifar10"), or a path to images of one's own.
        classifier: Weights that `gannorm classifier train --data` wrote.
        judge: Import path of a judge of one's own.
        cells: k-means cells of the real images as modes: how many.
        features: Of the cells: import path of what maps images to features; None = pixels.
        folder: Where a set of torchvision's is.
        download: Fetch it there.

    Raises:
        ValueError: No such data, more than one judge or none, or a classifier that is not the protocol's.

    Example:
        >>> setting = setting_of("mnist")
        >>> setting.label, setting.num_samples, setting.shape
        ('mnist v1', 10000, (1, 28, 28))
    """
    judges = {"--classifier": classifier, "--judge": judge, "--cells": cells}
    chosen = [name for name, value in judges.items() if value is not None]
    if len(chosen) > 1:
        raise SettingError(f"{' and '.join(chosen)}: one judge at a time")
    if features is not None and cells is None:
        raise SettingError(f"--features {features} is for --cells")
    real, protocol = real_data(data, folder, download)
    number = None if protocol is None else protocol.num_samples
    if judge is not None:
        return Setting(f"{data}, judge {judge}", real, own_judge(judge), number)
    if cells is not None:
        found = CellJudge(for_cells(real), num_cells=cells, features=features)
        return Setting(f"{data}, {found.num_modes} cells", real, found, number)
    if protocol is None:
        return Setting(data, real, classified(real, data, classifier), None)
    if classifier is not None:
        check_classifier(protocol, classifier)
    return Setting(protocol.label, real, protocol.make_judge(), number, protocol)


def setting_of_run(source: Path) -> Setting | None:
    """Return the setting of the data that a run, or a checkpoint of one, was trained on; None of anything else.

    Real data and frequencies are the run's, its class shares among them, so that a generator is not measured against
    what it never saw.

    Raises:
        SettingError: No protocol counts the modes of the run's data.
    """
    files = [folder / "config.yaml" for folder in (source, *list(source.parents)[:2])]
    configs = [config for file in files if (config := config_of(file)) is not None]
    if not configs:
        return None
    spec = configs[0]["data"]
    data = by_path(spec["class_path"])(**spec.get("init_args", {}))
    if (judge := protocols.judge_of(data)) is None:
        raise SettingError(
            f"{source} was trained on {data.name!r}, which no protocol counts: name real data with --data"
        )
    protocol = protocols.protocol(data.name)
    changed = {name: spec["init_args"][name] for name in CHANGING if spec.get("init_args", {}).get(name) is not None}
    said = "".join(f", {name} {value}" for name, value in changed.items())
    return Setting(protocol.label + said, data, judge, protocol.num_samples, protocol)


def real_data(data: str, folder: str | None, download: bool) -> tuple[Any, Protocol | None]:
    """Return real data by name or path, and the protocol where the name is one's."""
    if data in TORCHVISION:
        if folder is None:
            raise SettingError(f"--data {data} needs --folder, where its files are (--download fetches them there)")
        return TORCHVISION[data](folder=folder, download=download), None
    if folder is not None or download:
        raise SettingError(f"--folder and --download are for --data {' and '.join(TORCHVISION)}, not for {data}")
    if data not in protocols.names() and Path(data).exists():
        return ImageFiles(path=data, batch_size=1), None
    if data not in protocols.names() and (Path(data).suffix or Path(data).is_absolute()):
        raise SettingError(f"--data {data}: there is no such file or folder, and no such protocol")
    protocol = protocols.protocol(data)
    return protocol.make_data(), protocol


def classified(real: Any, data: str, classifier: Path | None) -> Judge:
    """Return a trained classifier as the judge of data of one's own."""
    if classifier is None:
        raise SettingError(
            f"--data {data} has no judge of its own: give --classifier (gannorm classifier train --data {data}), "
            "--judge, or --cells"
        )
    return ClassifierJudge(classifier, prior=real.prior)


def check_classifier(protocol: Protocol, weights: Path) -> None:
    """Refuse weights that are not the ones that a protocol is pinned to: their numbers cannot be compared.

    Raises:
        SettingError: The weights have another hash, or the protocol has no classifier.
    """
    if protocol.classifier_sha256 is None:
        raise SettingError(f"--classifier {weights}: protocol {protocol.label} has no classifier")
    try:
        found = hashlib.sha256(weights.read_bytes()).hexdigest()
    except OSError:
        raise SettingError(f"--classifier {weights}: there is no such file") from None
    if found != protocol.classifier_sha256:
        raise SettingError(
            f"--classifier {weights} is {found[:12]}, protocol {protocol.label} is pinned to "
            f"{protocol.classifier_sha256[:12]}: leave --classifier out, or measure under --data PATH of your own"
        )


def for_cells(real: Any) -> Tensor:
    """Return real samples that set cells: training images, as the held-out ones are what is compared with."""
    generator = rng.generator(0, "cells")
    if not hasattr(real, "training"):
        return real.real(CELLS_FROM, generator)[0]
    pixels = real.training[0]
    return to_images(pixels[torch.randperm(len(pixels), generator=generator)[:CELLS_FROM]])

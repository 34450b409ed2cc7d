"""Samples of what this package trained: a run folder, its generator on its own, or a checkpoint."""

import pickle
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor, nn

from gannorm import norms, rng
from gannorm.callbacks.checkpoints import FormatError, check_format
from gannorm.gan import GAN
from gannorm.sampling import ConditionalSampler, Sample
from gannorm.sources.errors import SourceError, first_line
from gannorm.sources.form import Form
from gannorm.sources.layouts import Shape, mismatch
from gannorm.sources.noise import own_noise
from gannorm.sources.request import Request
from gannorm.sources.source import Blocks, Labels, Source
from gannorm.training.saving import build, described, sampler_in

BLOCK = 512  # samples made at once; as a run's final evaluation makes them, so that the same seed gives the same ones
STATE = ("generator.", "averaged.")  # what a GAN's state keeps its generators under
UNLOADABLE = (OSError, RuntimeError, EOFError, ValueError)
WAY_OUT = "export the generator with torch.export or TorchScript, or write its samples to an .npz"


def is_run(path: Path) -> bool:
    """Return whether a folder is a run's: it holds its generator, or says in config.yaml how it is built."""
    return (path / "generator" / "config.json").is_file() or config_of(path / "config.yaml") is not None


def open_run(request: Request) -> Source:
    """Return the averaged generator of a finished run (the raw one where nothing was averaged)."""
    if not (request.path / "generator").is_dir():
        last = request.path / "checkpoints" / "last.ckpt"
        way_out = f"its checkpoint {last} can be measured" if last.is_file() else "it has no checkpoint yet"
        raise SourceError(f"{request.path} is a run that is not finished; {way_out}")
    return open_generator(request, request.path / "generator", kind="run folder")


def open_generator(request: Request, folder: Path | None = None, kind: str = "generator folder") -> Source:
    """Return a generator that was saved on its own; whether it is an average is known where its run is around it."""
    folder = folder or request.path
    config = config_of(folder.parent / "config.yaml")
    averaged = {True: "averaged", False: "raw", None: "saved"}
    name = averaged[None if config is None else bool(config["model"].get("ema_half_life"))]
    with trouble_named(folder), rng.untouched():  # weights are drawn before they are overwritten
        sample, statistics = sampler_in(folder), described(folder)["sampling"]["statistics"]
    return source_of(sample, request, kind=kind, generator_name=name, statistics=statistics)


def open_checkpoint(request: Request) -> Source:
    """Return the averaged generator of a checkpoint of a GAN (the raw one where nothing was averaged).

    The networks are built as the run's config.yaml beside it says, or the checkpoint's own `hyper_parameters`. The
    file is read with `weights_only=True`: nothing in it is executed.

    Raises:
        SourceError: It is damaged, a checkpoint of something else, or nothing says how its networks are built.
    """
    path = request.path
    checkpoint = loaded(path)
    gan = rebuilt(checkpoint, path)
    which = "raw" if gan.averaged is None else "averaged"
    return source_of(
        gan.sample(),
        request,
        kind=f"checkpoint at {gan.images_seen:,} images",
        generator_name=which,
        statistics=gan.statistics_of("averaged"),
        images_seen=gan.images_seen,
    )


def loaded(path: Path) -> Mapping[str, Any]:
    """Return the checkpoint of a GAN, or say what the file is instead."""
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise SourceError(f"{path} holds pickled objects beside weights, and is not loaded; {WAY_OUT}") from None
    except UNLOADABLE as error:
        raise SourceError(f"{path} is damaged: {first_line(error)}") from None
    if not isinstance(checkpoint, Mapping) or "gannorm_gan" not in checkpoint:
        raise SourceError(f"{path} holds weights, but of no GAN of this package; {WAY_OUT}")
    try:
        check_format(checkpoint, path)
    except FormatError as error:
        raise SourceError(str(error)) from None
    return checkpoint


def model_of(checkpoint: Mapping[str, Any], path: Path) -> tuple[Mapping[str, Any], bool]:
    """Return the options of the GAN, and whether they are the user's: of the run around a checkpoint, not in it."""
    given = checkpoint.get("hyper_parameters") or {}
    if "generator" in given:
        return given, False
    for folder in (path.parent.parent, path.parent):
        if config := config_of(folder / "config.yaml"):
            return config["model"] | {"seed": int(config["seed_everything"])}, True
    raise SourceError(
        f"{path}: nothing says how its networks are built; leave it in its run folder, beside config.yaml"
    )


def config_of(path: Path) -> dict[str, Any] | None:
    """Return the configuration of a run, None where it has none."""
    if not path.is_file():
        return None
    try:
        config = yaml.safe_load(path.read_text())
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise SourceError(f"{path} is damaged: {first_line(error)}") from None
    return config if isinstance(config, dict) and "generator" in (config.get("model") or {}) else None


def rebuilt(checkpoint: Mapping[str, Any], path: Path) -> GAN:
    """Return a GAN with the generators of a checkpoint; in place of a discriminator, which nothing asks, is nothing."""
    model, own = model_of(checkpoint, path)
    options = {name: model[name] for name in ("ema_half_life", "statistics", "seed") if name in model}
    state = {name: value for name, value in checkpoint["state_dict"].items() if name.startswith(STATE)}
    with trouble_named(path), rng.untouched():
        generator, nothing = build(model["generator"], named_by_user=own), nn.Identity()
        vars(nothing)["num_classes"] = getattr(generator, "num_classes", 0)  # a GAN's networks have the same classes
        gan = GAN(generator=generator, discriminator=nothing, **options)
        norms.prepare_like(gan, state)
        gan.load_state_dict(state)
        gan.on_load_checkpoint(dict(checkpoint))
    return gan


@contextmanager
def trouble_named(path: Path) -> Iterator[None]:
    """Turn what goes wrong while networks are built and filled into one line."""
    try:
        yield
    except (RuntimeError, KeyError, TypeError, ImportError, AttributeError) as error:
        raise SourceError(f"{path} does not fit the networks of its configuration: {first_line(error)}") from error


def source_of(sample: Sample, request: Request, *, kind: str, **facts: Any) -> Source:
    """Return a generator of this package as a source: what it makes is known to be in [-1, 1]."""
    check_shape(sample, request.expected_shape, request.path)
    are_images = len(request.expected_shape) == 3
    form = Form(
        expected_shape=request.expected_shape,
        layout="NCHW" if are_images else "ND",
        range="-1..1" if are_images else None,
    )
    names = {name: facts.pop(name) for name in ("generator_name", "statistics")}
    conditional = sample if isinstance(sample, ConditionalSampler) else None
    return Source(
        kind=kind,
        path=request.path,
        num_samples=None,
        form=form,
        blocks=blocks_of(sample),
        details=tuple(facts.items()),
        num_classes=0 if conditional is None else conditional.num_classes,
        labels=None if conditional is None else labels_of(conditional),
        **names,
    )


def check_shape(sample: Sample, expected: Shape, path: Path) -> None:
    """Make sure that a generator makes what the judge takes."""
    try:
        with own_noise(0, 0):
            found = tuple(sample(2, rng.generator(0, "sources", "shape")).shape[1:])
    except (ValueError, RuntimeError) as error:
        raise SourceError(f"{path} makes no samples: {first_line(error)}") from error
    if found != expected:
        raise SourceError(f"{path}: {mismatch(found, expected)}")


def blocks_of(sample: Sample) -> Blocks:
    """Return what yields a generator's samples, with random numbers of its own."""

    def blocks(num: int, seed: int) -> Iterator[Tensor]:
        generator = noise_of(seed)
        for start in range(0, num, BLOCK):
            with own_noise(seed, start):
                block = sample(min(BLOCK, num - start), generator)
            yield block.float().cpu()

    return blocks


def labels_of(sample: ConditionalSampler) -> Labels:
    """Return what yields the labels of the samples of `blocks_of`."""

    def labels(num: int, seed: int) -> Tensor:
        generator = noise_of(seed)
        return torch.cat([sample.asked(min(BLOCK, num - start), generator) for start in range(0, num, BLOCK)])

    return labels


def noise_of(seed: int) -> torch.Generator:
    """Return the random numbers of a run's final evaluation: the same seed gives the same samples."""
    return rng.generator(seed, "evaluation", "evaluation")

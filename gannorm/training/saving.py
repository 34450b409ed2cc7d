"""Networks on their own: a folder with weights (safetensors) and what they belong to (JSON), nothing that executes."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import safetensors
import safetensors.torch
import yaml
from torch import nn

from gannorm import files, norms
from gannorm.gan import GAN
from gannorm.sampling import Sample, sampler
from gannorm.training.classes import check_named, network_class
from gannorm.training.errors import RunFolderError


def save_network(network: nn.Module, folder: Path, spec: Mapping[str, Any], gan: GAN) -> None:
    """Write model.safetensors and config.json.

    Args:
        network: What to save.
        folder: Where; it is made.
        spec: Its class path and arguments.
        gan: Says what the generator is to be sampled with.
    """
    files.folder(folder)
    state = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    files.write(folder / "model.safetensors", safetensors.torch.save(state))
    sampling = {"statistics": gan.statistics_of("averaged"), "batch_size": gan.batch_size}
    if (shares := getattr(network, "class_shares", None)) is not None:
        sampling["class_shares"] = shares
    text = json.dumps({"network": spec, "sampling": sampling, "images": "[-1, 1]"}, indent=2)
    files.write(folder / "config.json", text + "\n")


def load(
    run: str | Path, which: Literal["generator", "discriminator"] = "generator", *, network: nn.Module | None = None
) -> nn.Module:
    """Return a trained network of a run, in eval mode.

    The generator is the averaged one with recomputed statistics, ready to be sampled.

    Args:
        run: A run folder, or the folder of one network, such as `generator/` as a hub has it.
        which: Which network of a run.
        network: An object to load the weights into, instead of building one.

    Raises:
        RunFolderError: The folder has no such network, or it is damaged.

    Example:
        >>> import gannorm
        >>> generator = gannorm.load("runs/mnist/0123abcd")  # doctest: +SKIP
    """
    folder = Path(run)
    return load_network(folder if (folder / "model.safetensors").is_file() else folder / which, network)


def load_network(folder: Path, network: nn.Module | None = None) -> nn.Module:
    """Return the network that a folder of `save_network` holds; see `load`."""
    description = described(folder)
    network = network or build(description["network"], named_by_user=description["network"] in configured(folder))
    try:
        state = safetensors.torch.load_file(folder / "model.safetensors")
        norms.prepare_like(network, state)
        network.load_state_dict(state)
    except (OSError, RuntimeError, safetensors.SafetensorError) as error:
        raise RunFolderError(f"{folder / 'model.safetensors'} is missing or damaged: {first_line(error)}") from error
    if (shares := description.get("sampling", {}).get("class_shares")) is not None:
        setattr(network, "class_shares", shares)  # noqa: B010 (anybody's network may be a generator)
    return network.eval()


def load_sampler(run: str | Path) -> Sample:
    """Return what draws from a run's generator just as its final evaluation did.

    Of a generator with classes it is a `gannorm.sampling.ConditionalSampler`: it asks for each class as often as it
    occurs in the training data, or for one.

    Raises:
        RunFolderError: As `load`.
    """
    return sampler_in(Path(run) / "generator")


def sampler_in(folder: Path) -> Sample:
    """Return what draws from the generator that a folder of `save_network` holds; see `load_sampler`."""
    sampling = described(folder)["sampling"]
    return sampler(load_network(folder), sampling["statistics"], batch_size=sampling["batch_size"])


def described(folder: Path) -> dict[str, Any]:
    """Return config.json of a saved network."""
    try:
        return json.loads((folder / "config.json").read_text())
    except OSError:
        raise RunFolderError(f"{folder} is not there: no run folder, or its run is not finished") from None
    except ValueError as error:
        raise RunFolderError(f"{folder / 'config.json'} is damaged: {first_line(error)}") from None


def configured(folder: Path) -> list[Any]:
    """Return the networks of the configuration around the folder of one: what the user has trained, and may name."""
    try:
        model = yaml.safe_load((folder.parent / "config.yaml").read_text())["model"]
        return [model.get("generator"), model.get("discriminator")]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError):
        return []


def build(spec: Mapping[str, Any], *, named_by_user: bool) -> nn.Module:
    """Return a network from class path and arguments.

    Args:
        spec: Them.
        named_by_user: Whether they stand in a configuration of the user's, who trusts it; else see `classes`.

    Raises:
        RunFolderError: It names what is no network, or classes that only the user can trust.
    """
    kind = network_class(spec["class_path"], named_by_user=named_by_user)
    arguments = spec.get("init_args", {})
    if not named_by_user:
        check_named(arguments)
    return kind(**arguments)


def first_line(error: Exception) -> str:
    """Return the first line of an error's text."""
    return str(error).partition("\n")[0]

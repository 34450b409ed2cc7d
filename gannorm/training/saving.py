"""Networks on their own: a folder with weights (safetensors) and what they belong to (JSON), nothing that executes."""

import json
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import safetensors.torch
from torch import nn

from gannorm import norms
from gannorm.training.errors import RunFolderError


def spec_of(network: nn.Module) -> dict[str, Any] | None:
    """Return class path and arguments of a network, or None where they are not known as plain data.

    Networks that call Lightning's `save_hyperparameters()` know theirs.
    """
    arguments = {**getattr(network, "hparams", {})}
    kind = type(network)
    spec = {"class_path": f"{kind.__module__}.{kind.__qualname__}", "init_args": arguments}
    try:
        return json.loads(json.dumps(spec)) if hasattr(network, "hparams") else None
    except TypeError:
        return None


def summary_of(network: nn.Module) -> dict[str, Any]:
    """Return what results.json says of a network: its norm, weight norm and number of parameters."""
    arguments = getattr(network, "hparams", {})
    summary: dict[str, Any] = {}
    for name in ("norm", "weight_norm"):
        if name in arguments:
            spec = arguments[name]
            summary[name] = None if spec is None else norms.resolve(spec).to_dict(defaults=True)
    return summary | {"parameters": sum(parameter.numel() for parameter in network.parameters())}


def save_network(network: nn.Module, folder: Path, spec: Mapping[str, Any] | None = None) -> None:
    """Write model.safetensors and config.json.

    Args:
        network: What to save.
        folder: Where; it is made.
        spec: Class path and arguments, where the network does not know its own.
    """
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    safetensors.torch.save_file(state, folder / "model.safetensors")
    text = json.dumps({"network": spec or spec_of(network), "images": "[-1, 1]"}, indent=2)
    (folder / "config.json").write_text(text + "\n")


def load(
    run: str | Path, which: Literal["generator", "discriminator"] = "generator", *, network: nn.Module | None = None
) -> nn.Module:
    """Return a trained network of a run, in eval mode.

    The generator is the averaged one with recomputed statistics, ready to be sampled.

    Args:
        run: A run folder.
        which: Which network.
        network: An object to load the weights into, where the run was started with an object from Python.

    Raises:
        RunFolderError: The folder has no such network, or does not say how to build it.

    Example:
        >>> import gannorm
        >>> generator = gannorm.load("runs/mnist/0123abcd")  # doctest: +SKIP
    """
    folder = Path(run) / which
    if not (folder / "config.json").is_file():
        raise RunFolderError(f"{folder} is not there: {run} is no run folder, or its run is not finished")
    spec = json.loads((folder / "config.json").read_text())["network"]
    if network is None and spec is None:
        raise RunFolderError(f"{folder} does not say how to build its network; give the object: load(..., network=...)")
    network = network or build(spec)
    network.load_state_dict(safetensors.torch.load_file(folder / "model.safetensors"))
    return network.eval()


def build(spec: Mapping[str, Any]) -> nn.Module:
    """Return a network from class path and arguments."""
    module, _, name = spec["class_path"].rpartition(".")
    return getattr(import_module(module), name)(**spec["init_args"])

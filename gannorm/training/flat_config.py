"""What runs are grouped by in a dashboard, at the top of the configuration."""

from collections.abc import Mapping
from typing import Any


def flat_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what runs are grouped by: `norm_g`, `norm_d`, `weight_norm_g`, `weight_norm_d` and `seed`.

    The keys have no dots, because W&B takes those for levels. What the configuration does not say is absent.

    Args:
        config: Of a run; generator and discriminator under `model` or at the top, with or without `init_args`.

    Example:
        >>> flat_config({"seed_everything": 3, "model": {"generator": {"norm": {"name": "group", "num_groups": 8}}}})
        {'norm_g': 'group', 'seed': 3}
    """
    model = arguments(config.get("model"))
    flat: dict[str, Any] = {}
    for network in ("generator", "discriminator"):
        options = arguments(config.get(network)) or arguments(model.get(network))
        flat |= {f"{kind}_{network[0]}": name_of(options[kind]) for kind in ("norm", "weight_norm") if kind in options}
    seeds = [
        value for value in (config.get("seed"), config.get("seed_everything"), model.get("seed")) if value is not None
    ]
    return flat | ({"seed": seeds[0]} if seeds else {})


def arguments(config: Any) -> Mapping[str, Any]:
    """Return the arguments of a part of the configuration, or none where it is no mapping."""
    inner = config.get("init_args") or config if isinstance(config, Mapping) else {}
    return inner if isinstance(inner, Mapping) else {}


def name_of(norm: Any) -> str:
    """Return the name of a norm's spec."""
    if isinstance(norm, Mapping):
        norm = norm.get("name", norm.get("class_path"))
    return getattr(norm, "__name__", str(norm)) if norm else "none"

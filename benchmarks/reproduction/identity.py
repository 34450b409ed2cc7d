"""Whether a run folder is a run of a preset, also where the code has got other options since."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.reproduction import presets
from gannorm.training.parser import Configuration

GONE = {"model.decay_from": 1.0}
"""Options that there were once, and the values that are what happens now."""
ELSEWHERE = ("trainer", "model.seed", "data.init_args.seed", "data.init_args.folder", "config", "resume")
"""Options that say where a run computes, not what; the precision is looked at on its own."""
CALLED = (*presets.OBSERVING, "fresh", "quiet", "allow", *ELSEWHERE)


def check_options(run: Mapping[str, Any], name: str, folder: Path) -> None:
    """Refuse a run whose steps are not those of the preset as it is now.

    What the file of the preset says has to stand in the run. What it leaves open has to have the value that it has by
    default now; options that the run has not, because they are newer, are taken to be at theirs.

    Args:
        run: The configuration in a run folder, with all options of its time.
        name: Of the preset.
        folder: For the message.

    Raises:
        PresetError: An option is another.
    """
    theirs = computed(run)
    said = computed(presets.config_of(name))
    now = computed(Configuration([f"--config={presets.config_path(name)}"]).plain())
    missing = {key for key in said if key not in theirs}
    different = {key for key in theirs if theirs[key] != now.get(key, GONE.get(key))}
    if other := sorted(missing | different):
        raise presets.PresetError(
            f"{folder} is no run of configs/papers/{name}.yaml as it is now: see its {', '.join(other)}"
        )


def computed(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that say what a step computes, each under its whole name.

    Example:
        >>> computed({"images": 64, "model": {"loss": "hinge", "seed": 1}, "trainer": {"accelerator": "cpu"}})
        {'model.loss': 'hinge'}
    """
    kept = {
        key: value
        for key, value in flat(config).items()
        if not any(key == one or key.startswith(f"{one}.") for one in CALLED)
    }
    precision = config.get("trainer", {}).get("precision")
    return kept if precision is None else kept | {"trainer.precision": precision}


def flat(config: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Return nested options under their whole names; lists and empty mappings stay as they are.

    Example:
        >>> flat({"data": {"init_args": {"batch_size": 64}}, "betas": [0.0, 0.99]})
        {'data.init_args.batch_size': 64, 'betas': [0.0, 0.99]}
    """
    found: dict[str, Any] = {}
    for key, value in config.items():
        name = f"{before}{key}"
        found |= flat(value, f"{name}.") if isinstance(value, Mapping) and value else {name: value}
    return found

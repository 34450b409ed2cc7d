"""A finished run folder as a line of the journal: what the paper would print of it, and the curve over time."""

import csv
import json
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import yaml

from benchmarks.reproduction import presets
from benchmarks.reproduction.identity import check_options
from benchmarks.reproduction.journal import Curve, Entry, spread
from gannorm.evaluation import Score, score
from gannorm.metrics import legacy
from gannorm.protocols import Protocol
from gannorm.published import NATS
from gannorm.scorecard.setting import setting_of
from gannorm.sources import open_source

POINTS = 20  # of a curve
LOOKS = {"modes": "coverage/raw_modes", "kl": "coverage/kl_plug_in", "high_quality_percent": "coverage/high_quality"}


def entry_of(folder: Path, made_on: str | None = None) -> Entry:
    """Return the line of a run folder that one of the presets made.

    Args:
        folder: Of the run.
        made_on: Which machine made it; None = this one.

    Raises:
        PresetError: It is no run of a preset as it is now, one that has not ended, or one that takes more to measure.
    """
    config, results = contents(folder)
    name, seed = str(config["name"]), int(config["seed_everything"])
    preset = presets.preset(name)
    if preset.brings:
        raise presets.PresetError(f"{folder}: what measures {name} needs {preset.brings}")
    check_options(config, name, folder)
    done = results["status"] == "finished"
    asked = int(config["images"]) // presets.packs_per_step(config)
    return Entry(
        preset=name,
        seed=seed,
        status="finished" if done else "failed",
        reason="" if done else str(results["reason"]),
        asked=asked,
        steps=int(results["d_steps"]),
        images=int(results["images_seen"]),
        share=asked / presets.full_steps(name),
        curve=curve(folder / "metrics.csv"),
        seconds=round(float(results["seconds"]), 1),
        machine=made_on or machine(str(config["trainer"]["accelerator"])),
        torch=str(results["versions"]["torch"]),
        gannorm=str(results["versions"]["gannorm"]),
        config=presets.config_hash(presets.config_of(name)),
        **(figures(folder, preset, seed) if done else {"protocol": preset.protocol}),
    )


def contents(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a run's configuration and results.

    Raises:
        PresetError: One of them is missing, or the run has not ended.
    """
    try:
        config = yaml.safe_load((folder / "config.yaml").read_text())
        results = json.loads((folder / "results.json").read_text())
    except (OSError, ValueError) as error:
        raise presets.PresetError(f"{folder} is no run that has ended: {error}") from None
    if results["status"] == "stopped":
        raise presets.PresetError(f"{folder} was stopped at {results['images_seen']:,} images; go on with --resume")
    return config, results


def figures(folder: Path, preset: presets.Preset, seed: int) -> dict[str, Any]:
    """Return what the paper would print of a run, and what we say of it."""
    setting = setting_of(preset.protocol)
    assert setting.protocol is not None
    source = open_source(folder, expected_shape=setting.shape)
    number = setting.num_samples or preset.num_samples
    found = score(source.chunks(number, seed=seed), setting.judge, seed=seed)
    return {
        "protocol": setting.label,
        "num_samples": found.figures["num_samples"],
        "generator": source.generator_name,
        "statistics": source.statistics,
        "covered_modes": found.figures["covered_modes"],
        "effective_modes": round(found.figures["effective_modes"], 4),
        **as_printed(setting.protocol, found, setting.judge.prior),
    }


def as_printed(protocol: Protocol, found: Score, prior: Any) -> dict[str, Any]:
    """Return the paper's figures; where it does not say how it counts, accepted samples against equal frequencies."""
    printed = protocol.legacy(found.counts, found.counts_all, prior)
    own = {"raw_modes": legacy.raw_modes(found.counts), "kl": legacy.plug_in_kl(found.counts)}
    told = {key: own[key] if protocol.modes_over is None else printed[key] for key in own}
    unit = 1.0 if protocol.log_base is None else NATS[protocol.log_base]
    accepted = legacy.share(found.counts, found.counts_all)
    return {
        "modes": told["raw_modes"],
        "kl": None if told["kl"] is None else round(told["kl"] * unit, 6),
        "high_quality_percent": None if accepted is None else round(100 * accepted, 4),
    }


def curve(path: Path) -> Curve:
    """Return what the looks of a run saw, at no more than 20 of them, the last one among these."""
    with path.open(newline="") as file:
        looks = [row for row in csv.DictReader(file) if row.get(LOOKS["modes"])]
    chosen = [looks[index] for index in spread(len(looks), POINTS)]
    return Curve(
        images=tuple(int(row["images_seen"]) for row in chosen),
        modes=tuple(int(float(row[LOOKS["modes"]])) for row in chosen),
        kl=tuple(round(float(row[LOOKS["kl"]]), 4) if row.get(LOOKS["kl"]) else None for row in chosen),
        high_quality_percent=tuple(round(100 * float(row[LOOKS["high_quality_percent"]]), 2) for row in chosen),
    )


def machine(accelerator: str) -> str:
    """Return where a run is made that is made here."""
    if accelerator != "cpu" and torch.cuda.is_available():
        return torch.cuda.get_device_name()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def runs_in(folder: Path) -> list[Path]:
    """Return the run folders at or below a folder that one of the presets may have made."""
    own = (folder / "config.yaml").is_file()
    found = [folder] if own else sorted(path.parent for path in folder.glob("*/*/config.yaml"))
    return [path for path in found if named(path) in presets.PRESETS]


def named(folder: Path) -> str | None:
    """Return the name of a run."""
    content = yaml.safe_load((folder / "config.yaml").read_text())
    return content.get("name") if isinstance(content, Mapping) else None

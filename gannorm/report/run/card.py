"""The card of a trained generator: README.md beside its weights, in the layout that model hubs read."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from gannorm import files
from gannorm.report.run.record import RunRecord

FIGURES = {
    "covered_modes": "covered modes",
    "effective_modes": "effective modes",
    "kl": "KL, nats",
    "high_quality": "accepted share",
}
PERFECT = {
    "covered modes": "num_modes",
    "effective modes": "effective_modes_ceiling",
    "KL, nats": "kl_floor",
    "accepted share": "high_quality_ceiling",
}
FILE = Path("generator") / "README.md"


def card(record: RunRecord) -> str:
    """Return the card: front matter with the measured figures, what it is, how to load it, how it was made."""
    final = record.results["evaluation"]
    title, data = f"{record.results['name']} {record.path.name}", record.results["data"]
    measured = {name: float(final[key]) for key, name in FIGURES.items() if final.get(key) is not None}
    kind = "unconditional" if final.get("asked_for") is None else "class-conditional"
    front = yaml.safe_dump(front_matter(title, data, measured, kind), sort_keys=False, allow_unicode=True)
    return f"""---
{front.rstrip()}
---

# {title}

A generator that was trained with gannorm on `{data}`, {record.images_seen:,} samples of it; {kind}. `config.json` says
how it is built and sampled; `model.safetensors` holds its weights, and nothing that executes.

```python
import gannorm

generator = gannorm.load("PATH")  # this folder
```

| figure | {final.get("generator", "")} generator, {final["num_samples"]:,} samples | a perfect one |
| --- | --- | --- |
{chr(10).join(f"| {name} | {value:.4g} | {perfect(final, name)} |" for name, value in measured.items())}

Measured by {final.get("protocol", "a judge of one's own")}, {final.get("statistics", "")} statistics, logarithms to e.
Seed {record.results.get("seed", "unknown")}. {events(record)}
"""


def perfect(final: Mapping[str, Any], name: str) -> str:
    """Return what as many samples of a perfect generator would show, as far as it is known."""
    value = final.get(PERFECT[name])
    return "" if value is None else f"{value:.4g}"


def front_matter(title: str, data: str, measured: dict[str, float], kind: str) -> dict[str, Any]:
    """Return what hubs index; they know no task of making points, or images of a class that is asked for."""
    metrics = [
        {"type": name.replace(",", "").replace(" ", "_"), "name": name, "value": value}
        for name, value in measured.items()
    ]
    task = {"type": "unconditional-image-generation", "name": f"{kind} generation"}
    result = {"task": task, "dataset": {"name": data, "type": data}, "metrics": metrics}
    return {
        "library_name": "gannorm",
        "pipeline_tag": task["type"],
        "tags": ["gan", kind, "normalization", "mode-collapse"],
        "datasets": [data],
        "model-index": [{"name": title, "results": [result]}],
    }


def events(record: RunRecord) -> str:
    """Return one sentence on what happened to its modes."""
    worst = record.worst_event()
    if worst is None:
        return "No event of severity warn or higher while it was trained."
    return f"While it was trained, the worst event was {worst['state']} at {worst['images_seen']:,} images."


def write_card(folder: Path) -> None:
    """Write the card of a finished run's generator; a run without final figures, or without a generator, has none."""
    record = RunRecord.read(folder)
    if "evaluation" in record.results and (folder / FILE).parent.is_dir():
        files.write(folder / FILE, card(record))

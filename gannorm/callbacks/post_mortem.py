"""The post-mortem of a run that collapsed: what happened, when, what it looked like, what is left, what to try."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gannorm import files
from gannorm.callbacks.mode_coverage import ModeCoverage
from gannorm.callbacks.reactions import WARN
from gannorm.callbacks.sample_grid import sheet_name
from gannorm.collapse import STATES

COLUMNS = {
    "effective_modes": ("effective modes", "{:.2f}"),
    "missing": ("modes lost", "{:.0f}"),
    "accepted": ("accepted", "{:.1%}"),
    "hopping_index": ("hopping", "{:.3f}"),
    "spread": ("spread", "{:.2f}"),
    "near_duplicates": ("near-duplicates", "{:.1%}"),
    "churn": ("churn", "{:.1%}"),
    "discriminator_rank": ("rank of D", "{:.3f}"),
    "generator_rank": ("rank of G", "{:.3f}"),
    "statistics_gap": ("statistics gap", "{:.2f}"),
}
"""Figures of a look that stand in the table, with their heads and forms."""

LEGEND = """\
*Effective modes* is e^H of the accepted samples' modes: how many equally frequent modes would be as varied.
*Modes lost* have surely less than a tenth of their frequency, or were not covered twice running.
*Accepted* samples belong to a mode at all.
*Hopping* is the mutual information of look and mode over the last looks, in nats: 0 where nothing changes.
*Spread* is the samples' standard deviation as a share of real ones',
*near-duplicates* the share of samples with a twin (1 % of real ones have one).
*Churn* is the share of fixed latent vectors whose sample has another mode than at the look before.
*Rank* is the effective rank of the network's weights, 1 = all directions alike.
*Statistics gap*: how far batch statistics are from the running ones in the generator's norms, in standard deviations.
A dash: not measured."""

ADVICE = (
    "another norm, or another place for it, in the discriminator (`--model.discriminator.norm layer`, or "
    "`--model.discriminator.weight_norm spectral`): batch norm there is the most frequent culprit",
    "lower rates, or a lower one for one player (`--model.generator_rate`, `--model.discriminator_rate`), and "
    "`--model.betas '[0.0, 0.99]'`",
    "a penalty on the discriminator's gradient (`--model.penalties r1`)",
    "packs (`--model.discriminator.packing 2`), or another remedy of `docs/losses-penalties-remedies.md`",
)


def write_post_mortem(folder: Path, reason: str, coverage: ModeCoverage, config: Mapping[str, Any]) -> None:
    """Write post-mortem.md for a person and post-mortem.json for a program.

    Args:
        folder: The run folder.
        reason: Why the run was stopped.
        coverage: Knows all looks and events.
        config: Of the run, as plain data.
    """
    facts = post_mortem(folder, reason, coverage, config)
    files.write(folder / "post-mortem.json", json.dumps(facts, indent=2) + "\n")
    files.write(folder / "post-mortem.md", as_markdown(facts))


def post_mortem(folder: Path, reason: str, coverage: ModeCoverage, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return all facts: moments, looks, events, sheets, checkpoints, and what the run was."""
    detector = coverage.detector
    bad = [event for event in detector.events if STATES[event["state"]].level >= WARN]
    last = bad[-1] if bad else {"onset": coverage.images_seen, "images_seen": coverage.images_seen}
    healthy = [row["images_seen"] for row in detector.history if row["state"] in ("healthy", "recovered", "precursor")]
    before = [images for images in healthy if images < last["onset"]]
    sheets = {"before": before[-1] if before else None, "after": coverage.looked_at}
    return {
        "reason": reason,
        "run": folder.name,
        "moments": moments(detector.events, bad, before[-1] if before else None),
        "num_modes": coverage.judge.num_modes,
        "num_samples": coverage.num_samples,
        "state": detector.state,
        "active": list(detector.active),
        "events": detector.events,
        "looks": detector.history,
        "sheets": {name: existing_sheet(folder, images) for name, images in sheets.items()},
        "checkpoints": sorted(path.name for path in (folder / "checkpoints").glob("*.ckpt")),
        "config": dict(config),
    }


def moments(
    events: Sequence[Mapping[str, Any]], bad: Sequence[Mapping[str, Any]], last_healthy: int | None
) -> dict[str, int | None]:
    """Return when it began, in images seen: the first precursor, onset and detection, the last event.

    `lead` is how long before the onset of the first bad event the first precursor was; None without one.
    """
    onset = min((int(event["onset"]) for event in bad), default=None)
    signs = [int(event["images_seen"]) for event in events if event["state"] == "precursor"]
    precursor = next((sign for sign in signs if onset is None or sign < onset), None)
    return {
        "last_healthy_look": last_healthy,
        "first_precursor": precursor,
        "onset": onset,
        "first_detection": int(bad[0]["images_seen"]) if bad else None,
        "stop": int(bad[-1]["images_seen"]) if bad else None,
        "lead": None if precursor is None or onset is None else onset - precursor,
    }


def existing_sheet(folder: Path, images: int | None) -> str | None:
    """Return the path of a look's sample sheet inside the run folder; None where there is none."""
    if images is None or not (folder / "samples" / sheet_name(images)).exists():
        return None
    return f"samples/{sheet_name(images)}"


def as_markdown(facts: Mapping[str, Any]) -> str:
    """Return the page for a person."""
    parts = [
        f"# Run {facts['run']}: {facts['reason']}",
        story(facts),
        "## What happened\n\n" + "\n".join(f"- {event['text']}" for event in facts["events"]),
        pictures(facts["sheets"]),
        "## Every look\n\n" + looks_table(facts["looks"]) + "\n\n" + LEGEND,
        "## What is left\n\n" + (listed(facts["checkpoints"]) or "No checkpoint was written."),
        "## The run\n\n" + listed(in_short(facts["config"])) + "\n\n`config.yaml` has all of it.",
        "## What to try\n\n" + "\n".join(f"- {line}" for line in ADVICE),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def story(facts: Mapping[str, Any]) -> str:
    """Return the paragraph that says it all."""
    when = facts["moments"]
    lead = when["lead"]
    sign = (
        f"The first sign came at {when['first_precursor']:,} images, {lead:,} images before"
        if lead is not None
        else "There was no sign before"
    )
    healthy = when["last_healthy_look"]
    was = f"The last healthy look was at {healthy:,} images." if healthy is not None else "No look was healthy before."
    return (
        f"{STATES[facts['state']].meaning[0].upper()}{STATES[facts['state']].meaning[1:]}: that is the state "
        f"*{facts['state']}*. {was} {sign}. The first thing that was wrong shows from {when['onset']:,} images on "
        f"and was detected at {when['first_detection']:,}; the run was stopped at {when['stop']:,}. At each look "
        f"{facts['num_samples']:,} samples were judged, of {facts['num_modes']} modes."
    )


def pictures(sheets: Mapping[str, str | None]) -> str:
    """Return the sample sheets before and after, where there are some."""
    titles = {"before": "The last healthy look", "after": "The last look"}
    shown = [f"{titles[name]}:\n\n![{titles[name]}]({path})" for name, path in sheets.items() if path]
    rows = "Each row is a mode, the last one what belongs to none; grey is empty."
    return "## What it looked like\n\n" + "\n\n".join(shown) + f"\n\n{rows}" if shown else ""


def looks_table(looks: Sequence[Mapping[str, Any]]) -> str:
    """Return every look as a row, with the columns that were ever measured."""
    columns = {name: head for name, head in COLUMNS.items() if any(name in look for look in looks)}
    lines = ["| images | state | " + " | ".join(head for head, _ in columns.values()) + " |"]
    lines.append("|---:|---|" + "---:|" * len(columns))
    for look in looks:
        cells = [form.format(look[name]) if name in look else "–" for name, (_, form) in columns.items()]
        lines.append(f"| {look['images_seen']:,} | {look['state']} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def in_short(config: Mapping[str, Any]) -> list[str]:
    """Return networks, norms, loss and rates as lines."""
    model = config["model"]
    lines = []
    for player in ("generator", "discriminator"):
        arguments = model[player].get("init_args", {})
        norms = ", ".join(f"{kind} {arguments[kind]}" for kind in ("norm", "weight_norm") if kind in arguments)
        lines.append(f"{player}: `{model[player]['class_path']}`, {norms}, rate {model[f'{player}_rate']}")
    others = ("loss", "penalties", "remedies", "discriminator_batches", "betas")
    return [*lines, ", ".join(f"{name} {model[name]}" for name in others), f"seed {config['seed_everything']}"]


def listed(lines: Sequence[str]) -> str:
    """Return lines as a list."""
    return "\n".join(f"- {line}" for line in lines)

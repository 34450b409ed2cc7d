"""docs/collapse-runs.md, written from the journal and the blind judgment alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.collapse_runs.blind import ASKED, VERDICTS, WIDENED
from benchmarks.collapse_runs.journal import WARN
from benchmarks.collapse_runs.training import CONFIGS
from benchmarks.document import paragraph, table
from gannorm.collapse import STATES, Thresholds

FILE = Path(__file__).parents[2] / "docs" / "collapse-runs.md"
IMAGES = FILE.parent / "images" / "collapse"
CONTROLS = ("control",)
INTRODUCTION = """# Runs that really collapse

Each file in `configs/collapse` is a run of a minute or two on one core that loses its modes, or keeps them for
comparison. This page says what each does over seeds, what the [detector](detector.md) says of it, and whether a person
who saw samples only would say the same. Looks are at 2,048 samples. Written by

```
python -m benchmarks collapse_runs --seeds 5 --workers 2 --folder runs
python -m benchmarks collapse_runs --folder runs --blind sheets           # then somebody writes sheets/verdicts.csv
python -m benchmarks collapse_runs --judged sheets --document
```"""


def page(
    runs: Sequence[Mapping[str, Any]], judged: Mapping[str, Any] | None, before: Sequence[Mapping[str, Any]] = ()
) -> str:
    """Return the page.

    Args:
        runs: Lines of the journal.
        judged: The blind judgment of these runs.
        before: Those of earlier runs, with the detector as it was then.
    """
    names = sorted({run["config"] for run in runs})
    parts = [INTRODUCTION, "## What each run does", runs_table(runs, names), heads(names)]
    parts += ["## Do a person and the detector agree?", *judgment(judged), *lessons(before)]
    parts += ["## Signs before", leads(runs), "## The gradient rule of the literature", gradient_rule(runs)]
    return "\n\n".join(parts) + "\n"


def runs_table(runs: Sequence[Mapping[str, Any]], names: Sequence[str]) -> str:
    """Return one row for each configuration, with all seeds in it."""
    rows = []
    for name in names:
        mine = [run for run in runs if run["config"] == name]
        last = [run["looks"][-1] for run in mine]
        rows.append(
            [
                f"`{name}`",
                str(len(mine)),
                ", ".join(f"{look.get('effective_modes', 0):.1f}" for look in last),
                ", ".join(f"{100 * look.get('accepted', 0):.0f}" for look in last),
                "; ".join(worst(run) for run in mine),
            ]
        )
    head = ["configuration", "seeds", "effective modes at the end", "accepted at the end, %", "worst event, at images"]
    return table(head, rows)


def worst(run: Mapping[str, Any]) -> str:
    """Return the worst event of a run, and when it was first raised."""
    order = list(STATES)
    bad = [event for event in run["events"] if STATES[event["state"]].level >= WARN]
    if not bad:
        return "none"
    most = max(bad, key=lambda event: order.index(event["state"]))
    return f"{most['state']} {most['images_seen']:,}"


def heads(names: Sequence[str]) -> str:
    """Return what the head of each file says, with one sheet of samples where there is one."""
    lines = []
    for name in names:
        first = (CONFIGS / f"{name}.yaml").read_text().partition("\n")[0].removeprefix("# ")
        picture = IMAGES / f"{name}.png"
        shown = f"\n\n  ![{name}, seed 0, last look](images/collapse/{name}.png)" if picture.exists() else ""
        lines.append(f"- `{name}`: {first}{shown}")
    return "\n".join(lines)


def judgment(judged: Mapping[str, Any] | None) -> list[str]:
    """Return how the blind judgment was done and what came out."""
    if judged is None:
        return ["Nobody has judged yet."]
    rows = [[*pair.split(" / "), str(number)] for pair, number in judged["pairs"].items()]
    return [
        paragraph(
            f"Of {judged['sheets'] // 2} of these runs two looks were drawn, one of each half of those after the "
            "warm-up: the first hundred samples as they came. They were mixed and numbered, twelve on a page, and "
            "judged by one who saw the pages only; which run and moment a sheet was of, and what the detector had "
            "said, stood in another file. The judge knew the configurations, and which states were to go with which "
            "word had been written down before:"
        ),
        "```text\n" + "\n".join(asked_and_meant()) + "\n```",
        paragraph(
            f"{judged['agreed']} of {judged['sheets']} verdicts agree with the state of that look, "
            f"{100 * judged['share']:.0f} % [{100 * judged['low']:.0f}, {100 * judged['high']:.0f}]; that something "
            "is wrong at all (from severity warn on; any word but healthy and poor) is seen alike in "
            f"{100 * judged['warned_alike']:.0f} %. In {judged['sheets'] - judged['spoken']} of them the detector "
            "says *immature*, which is no statement. A person sees from a hundred samples that they are one picture "
            "or few; not that a single digit is missing, nor how many a strict judge rejects."
        ),
        paragraph(caveats(judged["pairs"])),
        table(["the person said", "the detector", "sheets"], rows),
    ]


def caveats(pairs: Mapping[str, int]) -> str:
    """Return what the share of agreement does not say by itself."""
    seen = [(word, state, number) for pair, number in pairs.items() for word, state in [pair.split(" / ")]]
    total = sum(number for *_, number in seen)
    best = max(VERDICTS, key=lambda word: sum(number for _, state, number in seen if state in VERDICTS[word]))
    constant = sum(number for _, state, number in seen if state in VERDICTS[best])
    strict = sum(n for word, state, n in seen if state in VERDICTS[word] and state not in WIDENED.get(word, ()))
    said = f"Who said *{best}* of every sheet would agree with {constant} of {total}."
    widened = f"with those of the first, {strict} of {total} agree"
    return (
        f"What this is worth: the words leave room. {said} The words' states were widened after each earlier judgment, "
        f"before the next: {widened}. And the sheets are no independent ones: five seeds of a configuration are alike, "
        "so the interval is too narrow."
    )


def asked_and_meant() -> list[str]:
    """Return what each word meant, and which states agree with it."""
    return [
        line
        for word, asked in zip(VERDICTS, ASKED.splitlines(), strict=True)
        for line in (asked, f"    {', '.join(VERDICTS[word])}")
    ]


def lessons(before: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what earlier judgments taught."""
    if not before:
        return []
    counts = " and ".join(f"{one['agreed']} of {one['sheets']}" for one in before)
    return [
        paragraph(
            f"This was the third judgment. In two before it, of other runs and earlier forms of the detector, {counts} "
            "verdicts agreed. The first showed that, where most samples had become unacceptable, the few accepted "
            "ones were taken for a fair choice and their modes for all modes; that one picture of noise with some "
            "flicker passed as several; and that a partial collapse was held up long after the modes were back. The "
            "second showed that few pictures were not told until they had stayed for 20,000 images, that looks at "
            "1,024 samples of which half are rejected say little of each digit, and that the run for comparison was a "
            "poor one: of what plain MLPs make the judge rejects half, unevenly. So few pictures are told at once, "
            "looks are at 2,048 samples, and the healthy runs have the networks of the main job."
        )
    ]


def leads(runs: Sequence[Mapping[str, Any]]) -> str:
    """Return how long before the first loss the first precursor came."""
    found, without, losses = [], 0, 0
    for run in runs:
        bad = [e for e in run["events"] if STATES[e["state"]].level >= WARN and e["state"] != "never healthy"]
        if not bad:
            continue
        losses += 1
        onset = min(event["onset"] for event in bad)
        signs = [e["images_seen"] for e in run["events"] if e["state"] == "precursor" and e["images_seen"] < onset]
        found += [onset - signs[0]] if signs else []
        without += not signs
    at_once = sum(first_warning(run) == first_look(run) for run in runs)
    alone = sum(not any(STATES[e["state"]].level >= WARN for e in r["events"]) and signs_of(r) > 0 for r in runs)
    lead = 0 if without * 2 >= losses else median([*found, *[0] * without])
    text = (
        f"{losses} of {len(runs)} runs have an event of severity warn or higher, by the detector. In {len(found)} of "
        "them a precursor (effective rank of the discriminator's weights, spread of its features of fakes, slow "
        f"fall of the number of modes) came before the onset of the first such event, in {without} none did: the "
        f"median lead is {lead:,.0f} images. {at_once} of them warn at the first look after the warm-up, so that "
        "nothing could come before."
    )
    if found:
        text += f" Where one came: {', '.join(f'{one:,}' for one in sorted(found))} images before."
    return paragraph(f"{text} In {alone} runs without any loss a precursor was raised.")


def first_look(run: Mapping[str, Any]) -> int:
    """Return when the first look was after which the detector may speak."""
    warm_up = Thresholds().warm_up_images
    return next(look["images_seen"] for look in run["looks"] if look["images_seen"] >= warm_up)


def signs_of(run: Mapping[str, Any]) -> int:
    """Return how many precursors were raised."""
    return sum(event["state"] == "precursor" for event in run["events"])


def gradient_rule(runs: Sequence[Mapping[str, Any]]) -> str:
    """Return what the gradient rule does on the same runs."""
    rows = []
    for name in sorted({run["config"] for run in runs}):
        mine = [run for run in runs if run["config"] == name]
        fired = [run["gradient_rule"] for run in mine]
        ours = [first_warning(run) for run in mine]
        rows.append([f"`{name}`", listed(fired), listed(ours)])
    controls = [run for run in runs if run["config"] in CONTROLS]
    alarms = sum(run["gradient_rule"] is not None for run in controls)
    mine = sum(first_warning(run) is not None for run in controls)
    return (
        paragraph(
            "*From Fitting to Collapse* (TMLR 2025) stops where a metric of the discriminator's gradient and the "
            "generator's steepness turns. Its abstract was read, its text could not be had; here their product, "
            "smoothed over three readings, fires at twice its lowest value "
            f"(`benchmarks/collapse_runs/gradient_rule.py`). On the {len(controls)} runs for comparison it fires in "
            f"{alarms}, the detector warns in {mine}. Images seen when each first fires, by seed:"
        )
        + "\n\n"
        + table(["configuration", "gradient rule", "detector, from warn on"], rows)
    )


def first_warning(run: Mapping[str, Any]) -> int | None:
    """Return when the first event from "warn" on was raised."""
    return min((e["images_seen"] for e in run["events"] if STATES[e["state"]].level >= WARN), default=None)


def listed(moments: Sequence[int | None]) -> str:
    """Return moments, – for never."""
    return ", ".join("–" if moment is None else f"{moment:,}" for moment in moments)

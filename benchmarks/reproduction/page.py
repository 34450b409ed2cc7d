"""docs/reproduction.md, written from the journal and the published rows alone."""

import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.document import paragraph, table
from benchmarks.reproduction.comparing import LEVEL, Compared, Group, groups
from benchmarks.reproduction.journal import Entry, spread
from benchmarks.reproduction.presets import PRESETS, full_steps

FILE = Path(__file__).parents[2] / "docs" / "reproduction.md"
COMMAND = "python -m benchmarks reproduction"
SHOWN = 10  # moments of a curve
LEAST = 0.001  # p value that is printed
HEADER = [
    *("preset", "figure", "published", "ours [95 %]", "inside", "p"),
    *("seeds", "steps", "share", "images", "machine", "command"),
]
INTRODUCTION = f"""# Published results, reproduced

Each preset in `configs/papers` is a paper's set-up: its networks, its losses, its length. This page puts our runs of it
beside what the paper prints. Runs stand in `benchmarks/reproduction.jsonl`, one line each; from it and from the
[published numbers](published.md) this page is written by

```
{COMMAND} --document
```

**Published** is the printed mean, behind it ± as printed: SE is a standard error over the paper's runs, SD the
standard deviation of single runs. **Ours** is the mean over seeds with its 95 % interval by Student's t, cut off where
no figure can be; of seeds that all give the same number it has no width, and then says nothing of the seeds that were
not run. **Inside** says whether the published mean lies in our interval. **p** is that of equal means by Welch's test,
the published spread being SE · √runs or SD; papers print an SE with one or two digits, so p is as coarse. Figures are
counted as the paper counts them, under its protocol, without correction. **Share** is the part of the paper's steps
that was run."""


def page(entries: Iterable[Entry]) -> str:
    """Return the page.

    Example:
        >>> page([]).splitlines()[0]
        '# Published results, reproduced'
    """
    found = groups(entries)
    parts = [INTRODUCTION, *compared(found), *over_time(found), *not_run(found)]
    return "\n\n".join(parts) + "\n"


def compared(found: Sequence[Group]) -> list[str]:
    """Return the table and what it says in sentences."""
    if not found:
        return ["No run has ended yet."]
    rows = [cells for group in found for cells in rows_of(group)]
    return ["## Compared", table(HEADER, rows), "\n".join(f"- {sentence(group)}" for group in found)]


def rows_of(group: Group) -> list[list[str]]:
    """Return a row for each figure; what is the same for all of them stands in the first."""
    machines = sorted({run.machine for run in group.runs})
    images = max(run.images for run in group.runs)
    of_all = [
        seeds(group),
        f"{group.asked:,}",
        percent(group.share),
        f"{images:,}",
        "; ".join(machines),
        command(group),
    ]
    figures = [
        [one.figure.label, printed(one), ours(one), yes_no(one.inside), p_value(one.p)] for one in group.compared()
    ] or [["", "", "no run ended", "", ""]]
    return [
        [*([group.preset] if first else [""]), *cells, *(of_all if first else [""] * len(of_all))]
        for first, cells in zip([True] + [False] * len(figures), figures, strict=False)
    ]


def seeds(group: Group, unit: str = "") -> str:
    """Return how many runs there are, and how many failed."""
    failed = len(group.runs) - len(group.finished)
    return f"{len(group.finished)}{unit}" + (f" and {failed} failed" if failed else "")


def command(group: Group) -> str:
    """Return what makes these runs."""
    given = " ".join(str(run.seed) for run in group.runs)
    length = "" if group.asked == full_steps(group.preset) else f" --steps {group.asked}"
    return f"`{COMMAND} {group.preset} --seeds {given}{length}`"


def printed(one: Compared) -> str:
    """Return a published figure with its ±."""
    spread = one.figure.spread(one.row)
    behind = "" if spread is None else f" ± {spread:g}" + (f" ({one.row.spread})" if one.row.spread else "")
    return f"{one.mean:g}{behind}"


def ours(one: Compared) -> str:
    """Return our mean with its interval."""
    mean = f"{statistics.fmean(one.values):{one.figure.digits}}"
    if one.interval is None:
        return mean
    low, high = (f"{end:{one.figure.digits}}" for end in one.interval)
    return f"{mean} [{low}, {high}]"


def sentence(group: Group) -> str:
    """Return what the comparison says of a group, in words."""
    said = [
        f"**{group.preset}**, {counted(group)}, {length_of(group)}.",
        *map(verdict, group.compared()),
        *as_we_count(group),
    ]
    said += [
        f"Seed {run.seed} failed after {run.steps:,} steps: {run.reason.rstrip('.')}."
        for run in group.runs
        if run.status == "failed"
    ]
    if note := PRESETS[group.preset].note:
        said.append(note)
    return " ".join(said)


def as_we_count(group: Group) -> list[str]:
    """Return the modes that the judge's errors do not explain, and how evenly they are filled."""
    covered = [run.covered_modes for run in group.finished if run.covered_modes is not None]
    effective = [run.effective_modes for run in group.finished if run.effective_modes is not None]
    if not covered or not effective:
        return []
    least, most = min(covered), max(covered)
    return [
        f"As [we count](measuring.md): {statistics.fmean(covered):.1f} covered modes ({least} to {most}), "
        f"{statistics.fmean(effective):.2f} effective ones."
    ]


def counted(group: Group) -> str:
    """Return how many runs there are, in words."""
    return seeds(group, " seed" if len(group.finished) == 1 else " seeds")


def length_of(group: Group) -> str:
    """Return how long the runs were beside the paper's, in words."""
    full = full_steps(group.preset)
    if group.asked == full:
        return f"the paper's {full:,} steps"
    return f"the state at {percent(group.share)} of the paper's length ({group.asked:,} of {full:,} steps)"


def verdict(one: Compared) -> str:
    """Return what one figure says, in words."""
    name = one.figure.label[0].upper() + one.figure.label[1:]
    if len(one.values) < one.runs:
        name += f", of the {len(one.values)} of {one.runs} seeds that have it"
    if one.interval is None:
        return f"{name}: one seed has no interval."
    said = f"{name}: published mean inside our interval: {yes_no(one.inside)}"
    if len(set(one.values)) == 1:
        said += f" (every seed gave {one.values[0]:g})"
    if one.p is None:
        return f"{said}; the paper prints no spread, so there is no test."
    told = "differ" if one.p < LEVEL else "are not told apart"
    return f"{said}; the two means {told} (p {'' if one.p < LEAST else '= '}{p_value(one.p)})."


def over_time(found: Sequence[Group]) -> list[str]:
    """Return the tables of modes over the run."""
    parts = [curve_of(group) for group in found if group.finished and group.finished[0].curve.images]
    text = "What the runs' own looks saw: modes with at least one accepted sample, KL to the data's frequencies."
    return ["## Over time", paragraph(text), *parts] if parts else []


def curve_of(group: Group) -> str:
    """Return median and range of modes, and the median KL, at moments that all runs share."""
    curves = [run.curve for run in group.finished]
    shared = [number for number in curves[0].images if all(number in curve.images for curve in curves)]
    rows = []
    for images in (shared[place] for place in spread(len(shared), SHOWN)):
        places = [(curve, curve.images.index(images)) for curve in curves]
        modes = [curve.modes[place] for curve, place in places]
        kls = [kl for curve, place in places if (kl := curve.kl[place]) is not None]
        median = f"{statistics.median(kls):.3f}" if kls else ""
        rows.append([f"{images:,}", f"{statistics.median(modes):g}", f"{min(modes)} to {max(modes)}", median])
    title = f"**{group.preset}**, {length_of(group)}, {counted(group)}:"
    return f"{paragraph(title)}\n\n{table(['images', 'median modes', 'range', 'median KL'], rows)}"


def not_run(found: Sequence[Group]) -> list[str]:
    """Return the presets that were not run at the paper's length, and what runs them."""
    full = {group.preset for group in found if group.asked == full_steps(group.preset) and group.finished}
    missing = [name for name in PRESETS if name not in full]
    if not missing:
        return []
    text = (
        "The same command on another day goes on where this page ends: runs in the journal are not made again, and one "
        "that was broken off is resumed. On a GPU give --workers 1; --share 0.1 runs a tenth of the length. One run is "
        f"`{single('PRESET')}`, and --collect takes it into the journal."
    )
    return ["## Not yet run to the end", paragraph(text), "\n".join(how_to(name) for name in missing)]


def how_to(name: str) -> str:
    """Return the command of a preset."""
    one = PRESETS[name]
    row = f"{one.row.paper}, {one.row.method}"
    if one.brings:
        return f"- {name} ({row}; needs {one.brings}): `{single(name)}`"
    return f"- {name} ({row}; {full_steps(name):,} steps): `{COMMAND} {name}`"


def single(name: str) -> str:
    """Return the command of one run."""
    return f"python train.py --config configs/papers/{name}.yaml --seed_everything 0"


def outcome(entry: Entry) -> str:
    """Return what a run gave, in a few words."""
    if entry.status == "failed":
        return f"failed after {entry.steps:,} steps: {entry.reason}"
    kl = "none" if entry.kl is None else f"{entry.kl:.3f}"
    return f"{entry.modes} modes, KL {kl}, high quality {entry.high_quality_percent:.1f} %"


def percent(share: float) -> str:
    """Return a share in words.

    Example:
        >>> percent(1.0), percent(0.125)
        ('100 %', '12.5 %')
    """
    return f"{100 * share:g} %" if share == round(share, 3) else f"{100 * share:.2g} %"


def yes_no(inside: bool | None) -> str:
    """Return a truth value in words."""
    return {True: "yes", False: "no", None: ""}[inside]


def p_value(p: float | None) -> str:
    """Return a p value with two digits."""
    return "" if p is None else f"< {LEAST}" if p < LEAST else f"{p:.2g}"

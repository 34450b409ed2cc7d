"""docs/detector.md: what the detector says and when, and what the bench measured; written from a recorded result."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import fields
from textwrap import fill
from typing import Any

from gannorm.collapse import STATES, Thresholds
from gannorm.collapse.rules import RULES
from gannorm.collapse_bench.bench import EQUAL, OURS, WITHIN, is_measured
from gannorm.collapse_bench.figures import FIGURES
from gannorm.collapse_bench.rules import SIMPLE_RULES, SimpleRule
from gannorm.training.reacting import REACTIONS

INTRODUCTION = """# Detecting collapse while it happens

At each look at the modes a run hands one row of statistics to a detector, which says in dated events what has changed:
on the screen, in `events.jsonl` and `results.json`, and as `collapse/state` and `collapse/severity` on every chart. It
needs no training loop of this package, and no torch:

```python
from gannorm.collapse import Detector, Row

detector = Detector([0.1] * 10)  # the modes' frequencies in the real data
row = Row(images_seen=64_000, num_samples=2048, counts=[410, 405, 415, 400, 408, 0, 0, 0, 0, 0])
print(detector.needs_confirmation(row))  # True: then draw again with fresh noise
print([event.text for event in detector.update(row, again=row)])
```

A collapse by depth (partial, severe, total) and copies within modes are raised at the first look, if a second one
with fresh noise agrees; without a second one, at the next look. A dropped mode has to be missing in two looks of
three. What was raised is over after three looks that say so with a margin. Thresholds are shares of the modes; what
they mean in effective modes follows from their number, the real frequencies and the number of samples, so that the
same numbers serve two modes and a thousand. With 1,000 modes and 10,000 samples no single look can tell that one mode
is gone: samples of the last looks are added up. Before 20,000 images nothing is said but that a number is none. Until
the modes have been there once, few pictures are told where nearly all samples are copies of each other, or alike:
as an intra-mode collapse at once, as a total one when it has stayed for 20,000 images, for some generators begin so:
a run that has never been healthy is not called a total collapse before 40,000 images.

Loss curves play no part: losses may go round in circles as they like, hopping is told from the modes alone. A judge
that rejects everything, or accepts noise, cannot hide a total collapse: that the samples are all alike is seen
without it."""


def page(result: Mapping[str, Any]) -> str:
    """Return the page.

    Args:
        result: Of `bench.run`, with `sensitivity` beside it.
    """
    parts = [
        INTRODUCTION,
        "## States",
        states_table(),
        "## Thresholds",
        thresholds_text(),
        "## Reactions",
        reactions_text(),
        *bench_parts(result),
    ]
    return "\n\n".join(filled(part) for part in parts) + "\n"


def filled(part: str) -> str:
    """Return a paragraph in lines of 120 characters; headings, tables and pictures as they are."""
    if "\n" in part or part.startswith(("#", "!")):
        return part
    return fill(part, 120, break_long_words=False, break_on_hyphens=False)


def states_table() -> str:
    """Return all states, and the rules that raise them."""
    signs = {name: [rule for rule in RULES if rule.state == name] for name in STATES}
    rows = [[s.name, s.severity, s.meaning, "; ".join(when(rule) for rule in signs[s.name])] for s in STATES.values()]
    return table(["state", "severity", "meaning", "raised by"], rows)


def when(rule: Any) -> str:
    """Return what raises a rule, in the words of its docstring."""
    says = (rule.find.__doc__ or "").partition("\n")[0].rstrip(".")
    persistence = f" ({rule.needed} of {rule.of} looks)" if rule.of > 1 else ""
    return f"{says[:1].lower()}{says[1:]}{persistence}"


def thresholds_text() -> str:
    """Return the defaults, and how to change them."""
    rows = [[f"`{field.name}`", f"{field.default:g}", explained(field.name)] for field in fields(Thresholds)]
    how = "`--collapse.thresholds.partial 0.7` sets one; one that is out of range is refused before the first step."
    return f"{table(['threshold', 'default', 'what it is'], rows)}\n\n{how}"


def explained(name: str) -> str:
    """Return what the docstring of `Thresholds` says of one."""
    lines = (inspect.getdoc(Thresholds) or "").splitlines()  # without indentation, as Python 3.13 has it anyway
    start = next(i for i, line in enumerate(lines) if line.strip().startswith(f"{name}:"))
    found = [lines[start].partition(":")[2].strip()]
    for line in lines[start + 1 :]:
        if not line.startswith(" " * 8):
            break
        found.append(line.strip())
    return " ".join(found)


def reactions_text() -> str:
    """Return what can be done about it."""
    rows = [[f"`{name}`", known.meaning] for name, known in REACTIONS.items()]
    return (
        "`--collapse.reactions '[log, alert, keep, look_more, stop]'`, or in a YAML file; each is opt-in but "
        f"`log`.\n\n{table(['reaction', 'what it does'], rows)}\n\n`keep` scores a look that seems the best so far "
        "again on fresh noise, and compares and writes down that second score: the best of many noisy looks "
        "flatters. `look_more` looks `collapse.look_more_often` times as often. `stop` ends the run at "
        "`collapse.stop_at` or a worse state, with exit code 3 and `post-mortem.md`, which shows the first sign, "
        "onset, detection, every look, and samples before and after. Which generator is looked at: "
        "`--evaluation.generator raw` shows what averaging hides; `--evaluation.cells 50` makes modes of unlabelled "
        "data."
    )


def bench_parts(result: Mapping[str, Any]) -> list[str]:
    """Return what the bench measured."""
    quiet = result["healthy"]
    return [
        "## The bench",
        "`gannorm bench-detector` draws looks of 2,048 real test digits that were judged before, "
        f"{result['evaluations']:,} of them from generators that are well, and {result['repeats']} streams of each "
        "failure: 12 healthy looks, then the failure. One half of the test digits makes the streams, the other the "
        "yardsticks for copies. Written by `gannorm bench-detector --from benchmarks/detector.json --markdown > "
        "docs/detector.md`.",
        "### False alarms",
        f"{quiet['alarms']} events of severity warn or higher in {quiet['evaluations']:,} looks at healthy "
        f"generators, runs of {quiet['length']} looks: {quiet['alarms_per_200']:.3f} per 200 looks (95 %: at most "
        f"{quiet['alarms_per_200_high']:.3f}). Average run length, looks from one false alarm to the next, by state: "
        f"{run_lengths(quiet)}.",
        healthy_table(quiet),
        "### Delays",
        "Looks from the beginning of the failure to the first event of severity warn or higher, median and worst of "
        f"the streams in which it came within {WITHIN} looks; a share where it did not come in all of them; – where "
        "in none. "
        '"By name": until the state that the failure is called. The simple rules stand at the threshold of public '
        "code, and at their most sensitive threshold that gives no more false alarms than the detector on the "
        "healthy streams above; empty cells are streams in which copies were not sought. A hopping generator can be "
        f"called so at its first exchange; until then it is a collapse. {early(result['failures'])}",
        delays_table(result["failures"]),
        *(f"![{name.removesuffix('.svg')}](images/{name})" for name in FIGURES),
        verdict(result),
        tradeoff_text(result),
        "### Thresholds, lower and higher",
        sensitivity_text(result["sensitivity"]),
        "### Rules of others",
        "\n".join(f"- {rule.name}: {rule.source}." for rule in SIMPLE_RULES)
        + "\n- The gradient rule of *From Fitting to Collapse* (TMLR 2025) needs gradients, which digits have "
        "not: it is compared on [real runs](collapse-runs.md).",
    ]


def run_lengths(quiet: Mapping[str, Any]) -> str:
    """Return the mean number of looks from one raising of a state to the next, at healthy generators."""
    looks = quiet["evaluations"]
    raised = {name: quiet["by_state"].get(name, 0) for name, state in STATES.items() if state.level > 0}
    never = ", ".join(name for name, number in raised.items() if not number)
    seen = [f"{name} {looks / number:,.0f}" for name, number in raised.items() if number]
    return "; ".join([*seen, f"more than {looks:,} for {never}"] if never else seen)


def counted(states: Mapping[str, int]) -> str:
    """Return states with their numbers."""
    return ", ".join(f"{name} {number}" for name, number in states.items()) or "none"


def healthy_table(quiet: Mapping[str, Any]) -> str:
    """Return false alarms by generator."""
    rows = [
        [name, f"{row['evaluations']:,}", str(row["warnings"]), str(row["infos"])]
        for name, row in quiet["by_generator"].items()
    ]
    return table(["healthy generator", "looks", "warn or worse", "info"], rows)


def delays_table(failures: Sequence[Mapping[str, Any]]) -> str:
    """Return how soon each rule finds each failure."""
    columns = [OURS, f"{OURS}, by name", *(f"{rule.name}{at}" for rule in SIMPLE_RULES for at in ("", EQUAL))]
    heads = [column.replace(EQUAL, ", equal") for column in columns]
    rows = [
        [
            failure["name"],
            failure["kind"],
            counted(failure["raised"]),
            *(cell(failure["delays"][column]) if is_measured(column, failure) else "" for column in columns),
        ]
        for failure in failures
    ]
    return table(["failure", "called", "raised", *heads], rows)


def early(failures: Sequence[Mapping[str, Any]]) -> str:
    """Return how often the detector warned before anything was wrong."""
    return f"Before the failures, the detector raised {sum(failure['early'] for failure in failures)} events."


def cell(delay: Mapping[str, Any]) -> str:
    """Return one delay.

    Example:
        >>> cell({"found": 1.0, "median": 1.0, "worst": 2}), cell({"found": 0.25, "median": 3, "worst": None})
        ('1 / 2', '3 (25 %)')
    """
    if delay["median"] is None:
        return "–"
    if delay["worst"] is None:
        return f"{delay['median']:g} ({100 * delay['found']:.0f} %)"
    return f"{delay['median']:g} / {delay['worst']:g}"


def verdict(result: Mapping[str, Any]) -> str:
    """Return where a simple rule is sooner than ours at equal false alarms, or that none is."""
    sooner = [
        f"{failure['name']} ({rule.name})"
        for failure in result["failures"]
        for rule in SIMPLE_RULES
        if is_sooner(failure["delays"][f"{rule.name}{EQUAL}"], failure["delays"][OURS])
    ]
    where = "in no failure" if not sooner else "in " + ", ".join(sooner)
    ours = [failure["name"] for failure in result["failures"] if failure["delays"][OURS]["found"] < 1]
    missed = "; ".join(missing(rule, result["failures"]) for rule in SIMPLE_RULES)
    return (
        f"At equal false alarms a simple rule is sooner than the detector {where}. Failures that are not found in "
        f"every stream: {missed}. Those of the detector are: {', '.join(ours) or 'none'}; a digit that has clearly "
        f"more than {100 * Thresholds().dropped:g} % of its frequency is not called dropped."
    )


def missing(rule: SimpleRule, failures: Sequence[Mapping[str, Any]]) -> str:
    """Return how many failures are not always found by a rule and by the detector, of those that the rule can see."""
    seen = [failure["delays"] for failure in failures if is_measured(rule.name, failure)]
    theirs = sum(delays[f"{rule.name}{EQUAL}"]["found"] < 1 for delays in seen)
    ours = sum(delays[OURS]["found"] < 1 for delays in seen)
    return f"{rule.name} {theirs} of {len(seen)}, the detector {ours} of the same"


def tradeoff_text(result: Mapping[str, Any]) -> str:
    """Return what the figure of delay over false alarms says."""
    ours = result["tradeoff"][OURS][0]
    best = {name: min(delay for _, delay in points) for name, points in result["tradeoff"].items() if name != OURS}
    name = min(best, key=lambda rule: best[rule])
    strict = min(points[0][1] for rule, points in result["tradeoff"].items() if rule != OURS)
    return (
        f"Over one stream of each failure the detector's mean delay is {ours[1]:.1f} looks (what is not found counts "
        f"as {WITHIN}), with {100 * ours[0]:g} % false alarms; the best simple rule without false alarms has "
        f"{strict:.1f}, and {best[name]:.1f} ({name}) where it fires at up to a fifth of all healthy looks. Copies "
        "were sought in all pictures of digits here; modes that are mere counts have none."
    )


def is_sooner(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> bool:
    """Return whether a rule finds more streams, or finds them sooner."""
    if theirs["found"] != ours["found"] or theirs["median"] is None:
        return bool(theirs["found"] > ours["found"])
    return bool(theirs["median"] < ours["median"])


def sensitivity_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return what each threshold does."""
    cells = [
        [
            f"`{row['threshold']}`",
            f"{row['value']:g}" + (" (default)" if row["default"] else ""),
            str(row["false_alarms"]),
            f"{row['found']} of {row['failures']}",
            "–" if row["mean_delay"] is None else f"{row['mean_delay']:.2f}",
        ]
        for row in rows
    ]
    looks = f"{rows[0]['evaluations']:,}" if rows else "0"
    head = ["threshold", "value", f"false alarms in {looks} looks", "failures found", "mean delay"]
    says = (
        "Each alone, on the same streams, one of each failure. A number that does not move says that no stream is "
        "near that threshold. Half of the samples rejected is never healthy by a `quality` of 0.7, which is not "
        "wrong."
    )
    return f"{filled(says)}\n\n{table(head, cells)}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)

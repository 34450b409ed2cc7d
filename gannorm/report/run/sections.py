"""The parts of a run's page, from the verdict to how to run it again; one function each, in a table."""

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import yaml

from gannorm.collapse import SEVERITIES, code
from gannorm.report.run.curves import (
    GROUPS,
    charts,
    mode_name,
    modes_over_time,
    prior_of,
    severity_of,
    time_line,
)
from gannorm.report.run.layers import layers
from gannorm.report.run.record import UNKNOWN, RunRecord

Section = Callable[[RunRecord], str]
ENDS = {"failed": "error", UNKNOWN: "unknown"}  # how an end looks where no event says it
LOOKS = ("none", "unknown", *SEVERITIES[1:])  # of a verdict, from good to bad
FIGURES = {"evaluation": "averaged", "evaluation_raw": "raw", "real": "real, held out"}


def verdict(record: RunRecord) -> str:
    """Return in words how the run went."""
    worst, final = record.worst_event(), final_figures(record)
    sentences = [how_it_ended(record)]
    if final:
        sentences.append(
            f"{final['covered_modes']:.0f} of {final['num_modes']:.0f} modes are covered, "
            f"{final['effective_modes']:.2f} effective; {100 * final['high_quality']:.1f} % of samples are accepted."
        )
    if worst is not None:
        sentences.append(f"The worst event was {worst['state']} at {worst['images_seen']:,} images.")
    elif record.series("collapse/state"):
        sentences.append("No event of severity warn or higher.")
    ends = [ENDS.get(record.status, "none"), "none" if worst is None else severity_of(worst["state"])]
    kind = max(ends, key=LOOKS.index)
    if worst is None and never_judged(record):
        sentences.append("It never got out of immature: its samples were not good enough to be judged.")
        kind = "unknown"
    return f'<p class="verdict {kind}">{escape(" ".join(sentences))}</p>'


def never_judged(record: RunRecord) -> bool:
    """Return whether the detector looked and never found samples that it could judge."""
    states = record.series("collapse/state")
    return bool(states) and all(value == code("immature") for _, value in states)


def how_it_ended(record: RunRecord) -> str:
    """Return one sentence on the end, if there was one."""
    if record.status == UNKNOWN:
        return (
            "The run has not come to an end: it is still going, or was broken off. "
            f"It last wrote at {record.last_written:%Y-%m-%d %H:%M}, at {record.images_seen:,} images."
        )
    reason = record.results.get("reason")
    return f"The run {record.status} at {record.images_seen:,} images{f': {reason}' if reason else ''}."


def final_figures(record: RunRecord) -> Mapping[str, Any]:
    """Return the final figures, or those of the last look."""
    if "evaluation" in record.results:
        return dict(record.results["evaluation"])
    looks = [row for row in record.rows if "coverage/covered_modes" in row]
    return {key.removeprefix("coverage/"): value for key, value in looks[-1].items()} if looks else {}


def notes(record: RunRecord) -> str:
    """Return what is missing."""
    return "".join(f'<p class="note">{escape(note)}</p>' for note in record.notes)


def figures(record: RunRecord) -> str:
    """Return the table of final figures, with what as many samples of a perfect generator would show."""
    rows = {named(name, record.results[key]): record.results[key] for key, name in rows_of(record.results).items()}
    if not rows:
        return ""
    columns: dict[str, Callable[[Mapping[str, Any]], str]] = {
        "samples": lambda found: f"{found['num_samples']:,}",
        "covered": lambda found: f"{found['covered_modes']}/{found['num_modes']}",
        "effective": lambda found: interval(found, "effective_modes", "{:.2f}"),
        "KL, nats": lambda found: interval(found, "kl", "{:.4f}"),
        "accepted": lambda found: interval(found, "high_quality", "{:.3f}"),
    }
    body = [[name, *(cell(found) for cell in columns.values())] for name, found in rows.items()]
    return f"{table(['', *columns], [*body, perfect(next(iter(rows.values())))])}<p>{escape(judged_by(record))}</p>"


def named(name: str, found: Mapping[str, Any]) -> str:
    """Return a row's name, with the statistics that its norms sampled with."""
    return f"{name}, {found['statistics']} statistics" if "statistics" in found else name


def perfect(found: Mapping[str, Any]) -> list[str]:
    """Return the row of a perfect generator, as far as it is known."""
    known = {"effective_modes_ceiling": "{:.2f}", "kl_floor": "{:.4f}", "high_quality_ceiling": "{:.3f}"}
    limits = ["" if found.get(key) is None else form.format(found[key]) for key, form in known.items()]
    return ["a perfect generator", f"{found['num_samples']:,}", f"{found['num_modes']}/{found['num_modes']}", *limits]


def rows_of(results: Mapping[str, Any]) -> dict[str, str]:
    """Return which figures stand in the table, and under which names; a generator that is not averaged stands once.

    Example:
        >>> rows_of({"evaluation": {"generator": "raw"}, "evaluation_raw": {"generator": "raw"}, "real": {}})
        {'evaluation': 'raw', 'real': 'real, held out'}
    """
    found = {key: name for key, name in FIGURES.items() if key in results}
    if results.get("evaluation", {}).get("generator") == "raw":
        found["evaluation"] = found.pop("evaluation_raw", FIGURES["evaluation_raw"])
    return found


def judged_by(record: RunRecord) -> str:
    """Return by whom and how the figures were made: a number without its protocol cannot be compared."""
    final = record.results.get("evaluation", {})
    protocol = final.get("protocol") or record.judge.get("protocol", "a judge of one's own")
    weights = str(record.results.get("classifier_sha256") or record.judge.get("sha256", "unknown"))
    return (
        f"Judged by {protocol}, SHA-256 {weights[:8]}; natural logarithms; in brackets 95 % intervals of these "
        "samples, not of other seeds."
    )


def interval(found: Mapping[str, Any], key: str, form: str) -> str:
    """Return a figure with its interval, if it has one."""
    if found.get(key) is None:
        return "none"
    value = form.format(found[key])
    low, high = found.get(f"{key}_low"), found.get(f"{key}_high")
    return value if low is None or high is None else f"{value} ({form.format(low)} to {form.format(high)})"


def events(record: RunRecord) -> str:
    """Return the state over time, and all events as a list."""
    line = time_line(record)
    if not record.events:
        return line + ("<p>There were none.</p>" if (record.path / "events.jsonl").exists() else "")
    items = [f'<li class="{severity_of(event["state"])}">{told(event)}</li>' for event in record.events]
    return f'{line}<ol class="events">{"".join(items)}</ol>'


def told(event: Mapping[str, Any]) -> str:
    """Return an event's sentence with its state in bold."""
    state, text = escape(str(event["state"])), escape(str(event.get("text", event["state"])))
    return text.replace(state, f"<b>{state}</b>", 1)


def each_mode(record: RunRecord) -> str:
    """Return one row for each mode: how often it comes."""
    final = record.results.get("evaluation", {})
    shares = final.get("shares")
    if not shares or len(shares) > 100:
        return ""
    prior, covered = prior_of(record), set(final.get("covered", ()))
    body = [
        [
            mode_name(record, mode),
            f"{100 * share:.1f} %",
            f"{100 * real:.1f} %",
            f"{share / real:.2f}" if real else "none",
            "covered" if mode in covered else "not covered",
        ]
        for mode, (share, real) in enumerate(zip(shares, prior, strict=True))
    ]
    return table(["mode", "of the accepted samples", "of the real ones", "ratio", ""], body)


def config(record: RunRecord) -> str:
    """Return the configuration as it was resolved."""
    if not record.config:
        return ""
    text = yaml.safe_dump(dict(record.config), sort_keys=False, allow_unicode=True)
    return f"<details><summary>config.yaml</summary><pre>{escape(text)}</pre></details>"


def again(record: RunRecord) -> str:
    """Return how to run it again, and with what it was run."""
    command = f"gannorm train --config {shlex.quote(str(record.path / 'config.yaml'))} --fresh"
    versions = record.results.get("versions", {})
    listed = table(["", "version"], [[name, str(version)] for name, version in versions.items()]) if versions else ""
    return f"<pre>{escape(command)}</pre><p>{escape(time_taken(record.results))}</p>{listed}"


def time_taken(results: Mapping[str, Any]) -> str:
    """Return how long the run took, and on what."""
    if not {"seconds", "images_per_second", "evaluation_seconds"} <= results.keys():
        return ""
    parts = {"evaluation_seconds": "evaluating", "instrument_seconds": "reading layers"}
    whole = max(results["seconds"], 1e-9)
    shares = [f"{100 * results[key] / whole:.1f} % {words}" for key, words in parts.items() if key in results]
    return (
        f"{results['seconds'] / 60:.1f} minutes, {results['images_per_second']:,.0f} images/s; "
        f"of the time {', '.join(shares)}."
    )


def curves_of(group: str) -> Section:
    """Return the section of a group of charts."""

    def section(record: RunRecord) -> str:
        """Return the charts side by side."""
        drawn = charts(record, group)
        return f'<div class="charts">{"".join(drawn)}</div>' if drawn else ""

    return section


def modes(record: RunRecord) -> str:
    """Return charts and heat map of the modes."""
    drawn = [*charts(record, "modes"), modes_over_time(record)]
    return f'<div class="charts">{"".join(drawn)}</div>' if any(drawn) else ""


SECTIONS: dict[str, Section] = {
    "Events": events,
    "Figures": figures,
    "Modes": modes,
    "Samples": lambda _: "",  # the page fills it with what has room
    "Each mode": each_mode,
    **{GROUPS[group]: curves_of(group) for group in ("training", "signals")},
    "Layers": layers,
    "Configuration": config,
    "Run it again": again,
}
"""Sections by heading, in order; one that comes out empty is left out."""


def table(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """Return a table; all text is escaped.

    Example:
        >>> "<td>&lt;script&gt;</td>" in table(["a"], [["<script>"]])
        True
    """
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    rows = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in body)
    return f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{rows}</tbody></table></div>'


def as_data(record: RunRecord) -> str:
    """Return the final figures as JSON for a program that reads the page."""
    plain = {"run": record.title, "status": record.status, "images_seen": record.images_seen, **final_figures(record)}
    return json.dumps(plain).replace("<", "\\u003c")

"""Which curves a page shows: one row of a table for each chart, left out where a run has none of its keys."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gannorm.collapse import STATES
from gannorm.report.run.chart import Line, Mark, chart
from gannorm.report.run.maps import heat_map, strip
from gannorm.report.run.record import WARN, RunRecord

SHOWN_MODES = 30  # rows of a heat map; of more modes the page shows the number only


@dataclass(frozen=True)
class Curves:
    """One chart.

    Attributes:
        title: What is shown.
        unit: Of the vertical axis.
        lines: Key of metrics.csv to its name in the legend; a key with `_low` and `_high` beside it has a band.
        references: Likewise, of what a perfect generator would show.
        bounds: Of the vertical axis; None = those of the curves. "modes" at the top is the number of modes.
        meaning: One sentence under the chart.
    """

    title: str
    unit: str
    lines: dict[str, str]
    meaning: str
    bounds: tuple[float, float | str] | None = None
    group: str = "modes"
    references: Mapping[str, str] = field(default_factory=dict)


CURVES: tuple[Curves, ...] = (
    Curves(
        "modes",
        "",
        {"coverage/effective_modes": "effective", "coverage/covered_modes": "covered"},
        "How many modes the samples have: covered ones, and e to the entropy of their frequencies. "
        "The band is a 95 % interval.",
        (0.0, "modes"),
        references={"coverage/effective_modes_ceiling": "effective, perfect"},
    ),
    Curves(
        "accepted samples",
        "share",
        {"coverage/high_quality": "accepted"},
        "How many samples the judge takes for a mode at all, and how many of real ones.",
        (0.0, 1.0),
        references={"coverage/high_quality_ceiling": "real samples"},
    ),
    Curves(
        "distance from the real frequencies",
        "nats, share",
        {"coverage/kl": "KL divergence", "coverage/tv": "total variation"},
        "0 where each mode comes as often as in the data; so few samples of a perfect generator show the floors.",
        (0.0, 0.1),
        references={"coverage/kl_floor": "KL floor", "coverage/tv_floor": "total variation floor"},
    ),
    Curves(
        "variety without a judge",
        "share of the real",
        {"collapse/spread": "spread", "collapse/near_duplicates": "near-duplicates"},
        "How much samples vary, and how many have a twin: one picture again and again has no spread.",
        (0.0, 1.0),
        group="signals",
    ),
    Curves(
        "churn",
        "share",
        {"collapse/churn": "of a fixed noise bank"},
        "How many latent vectors make another mode than at the look before: who goes round in circles has much.",
        (0.0, 1.0),
        group="signals",
    ),
    Curves(
        "losses",
        "",
        {"train/discriminator_loss": "discriminator", "train/generator_loss": "generator"},
        "Means since the reading before. They say little of quality.",
        group="training",
    ),
    Curves(
        "logits",
        "",
        {"train/real_logit": "of real images", "train/fake_logit": "of fakes"},
        "What the discriminator says; far apart, it tells both with ease.",
        group="training",
    ),
    Curves(
        "gradients",
        "norm",
        {
            "signals/discriminator_gradient": "of the discriminator's weights",
            "signals/generator_gradient": "of the generator's weights",
            "signals/fake_gradient": "at fakes",
        },
        "A gradient that explodes is a training that falls apart.",
        group="training",
    ),
    Curves(
        "effective rank",
        "share of the largest",
        {
            "collapse/discriminator_rank": "discriminator's weights",
            "collapse/generator_rank": "generator's weights",
            "collapse/feature_rank": "features of fakes",
        },
        "Few directions that matter are a sign of collapse (Liu et al. 2019).",
        (0.0, 1.0),
        group="signals",
    ),
    Curves(
        "spread of features",
        "fakes / real",
        {"signals/feature_deviation": "in the discriminator"},
        "How much the discriminator's features of fakes vary, as a share of those of real images.",
        (0.0, 1.0),
        group="signals",
    ),
    Curves(
        "batch against running statistics",
        "",
        {"collapse/statistics_gap": "gap in the generator"},
        "How far the statistics of one batch are from those that batch norm has gathered.",
        (0.0, 0.1),
        group="signals",
    ),
)
"""All charts, in the order of the page."""

GROUPS = {"modes": "Modes", "training": "Losses and gradients", "signals": "Signals and spectra"}


def charts(record: RunRecord, group: str) -> list[str]:
    """Return the charts of a group that a run has anything for."""
    return [drawn for curves in CURVES if curves.group == group and (drawn := draw(curves, [record]))]


def draw(curves: Curves, records: Sequence[RunRecord]) -> str:
    """Return one chart of one run, all its curves, or of several, the first curve of each; empty without a point."""
    several = len(records) > 1
    keys = list(curves.lines)[: 1 if several else None]
    lines = [
        line(record, key, record.title if several else curves.lines[key], number, with_band=not several)
        for number, (record, key) in enumerate((record, key) for record in records for key in keys)
    ]
    lines = [one for one in lines if one.points]
    if not lines:
        return ""
    if not several:
        lines += references(curves, records[0])
    title = f"{curves.title}: {curves.lines[keys[0]]}" if several and len(curves.lines) > 1 else curves.title
    drawn = chart(title, curves.unit, lines, () if several else marks(records[0]), bounds_of(curves, records))
    return drawn.replace("</figure>", f"<p>{curves.meaning}</p></figure>")


def references(curves: Curves, record: RunRecord) -> list[Line]:
    """Return what a perfect generator would show, where the run says it."""
    found = [Line(name, record.series(key), reference=True) for key, name in curves.references.items()]
    return [one for one in found if one.points]


def line(record: RunRecord, key: str, name: str, number: int, *, with_band: bool) -> Line:
    """Return one curve with its interval."""
    low, high = dict(record.series(f"{key}_low")), dict(record.series(f"{key}_high"))
    points = record.series(key)
    band = [(x, low[x], high[x]) for x, _ in points if with_band and x in low and x in high]
    return Line(name, points, band, number)


def bounds_of(curves: Curves, records: Sequence[RunRecord]) -> tuple[float, float] | None:
    """Return the ends of the vertical axis."""
    if curves.bounds is None:
        return None
    low, high = curves.bounds
    return low, float(max(record.num_modes for record in records)) if isinstance(high, str) else high


def marks(record: RunRecord) -> list[Mark]:
    """Return the events as marks."""
    return [
        Mark(
            float(event["images_seen"]),
            str(event.get("text", event["state"])),
            severity_of(event["state"]),
        )
        for event in record.events
    ]


def severity_of(state: str) -> str:
    """Return how bad a state is; one of another version is a warning.

    Example:
        >>> severity_of("total"), severity_of("of another version")
        ('critical', 'warn')
    """
    return STATES[state].severity if state in STATES else STATES["mode dropped"].severity


def time_line(record: RunRecord) -> str:
    """Return the detector's state at each look as a strip from the start to the end; empty where nothing detected."""
    states, names = record.series("collapse/state"), list(STATES)
    known = [(moment, names[int(value)]) for moment, value in states if 0 <= int(value) < len(names)]
    if not known:
        return ""
    return strip("state at each look", known, [severity_of(name) if name != "immature" else name for _, name in known])


def modes_over_time(record: RunRecord) -> str:
    """Return the heat map of each mode's share over its real frequency, at each look; empty without a judge."""
    modes = [mode for mode in range(min(record.num_modes, SHOWN_MODES)) if record.series(f"share/{mode}")]
    looks = [row for row in record.rows if "share/0" in row]
    if not modes or not looks:
        return ""
    prior = prior_of(record)
    shares = [[row.get(f"share/{mode}", 0.0) / max(prior[mode], 1e-9) for row in looks] for mode in modes]
    names = [mode_name(record, mode) for mode in modes]
    drawn = heat_map("each mode over time", [row["images_seen"] for row in looks], names, shares)
    more = record.num_modes - len(modes)
    note = f"<p>The first {len(modes)} of {record.num_modes:,} modes.</p>" if more > 0 else ""
    return drawn.replace("</figure>", f"{note}</figure>")


def prior_of(record: RunRecord) -> list[float]:
    """Return the real frequencies: the judge's, those of the held-out real samples, or, of old folders, equal ones."""
    known = record.judge.get("prior"), record.results.get("real", {}).get("shares")
    fitting = [list(shares) for shares in known if isinstance(shares, list) and len(shares) == record.num_modes]
    return [*fitting, [1 / record.num_modes] * record.num_modes][0]


def mode_name(record: RunRecord, mode: int) -> str:
    """Return what a mode is called."""
    return f"digit {mode}" if record.num_modes == 10 and is_digits(record) else f"mode {mode}"


def is_digits(record: RunRecord) -> bool:
    """Return whether the ten modes are digits, by the results or, before there are any, by the configuration."""
    configured = str((record.config.get("data") or {}).get("class_path", ""))
    return record.results.get("data") == "mnist" or configured.rpartition(".")[2] == "MNIST"


def is_bad(state: str) -> bool:
    """Return whether somebody should look."""
    return state in STATES and STATES[state].level >= WARN

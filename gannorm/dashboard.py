"""The dashboard of a Weights & Biases project as code, and a report template for a study."""

import argparse
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gannorm.report.run.curves import CURVES, GROUPS
from gannorm.report.run.layers import NETWORKS, QUANTITIES
from gannorm.vocabulary import expression

AXIS = "images_seen"
NAME = "gannorm"


@dataclass(frozen=True)
class Panel:
    """One panel, as plain data.

    Attributes:
        title: On top.
        keys: Of what it draws; each is logged by a run.
        pattern: A regular expression of keys instead, for what every layer has.
        kind: Of drawing, one of DRAWN.
    """

    title: str
    keys: tuple[str, ...] = ()
    pattern: str | None = None
    kind: str = "lines"


def sections() -> dict[str, list[Panel]]:
    """Return all panels by section: modes and events on top, then samples, training, signals, speed, layers.

    Example:
        >>> list(sections())[:2]
        ['Modes and events', 'Samples']
    """
    events = [Panel("state: 0 immature, 1 healthy, ... 12 total", ("collapse/state",))]
    events += [Panel("severity: 2 warn, 3 error, 4 critical", ("collapse/severity",))]
    curves = {group: [Panel(one.title, tuple(one.lines)) for one in CURVES if one.group == group] for group in GROUPS}
    found = {"Modes and events": [*curves.pop("modes"), *events]}
    found["Samples"] = [
        Panel("samples", ("samples",), kind="pictures"),
        Panel("each mode over time", ("shares of the modes",)),
        Panel("modes 0 to 9, last", tuple(f"share/{digit}" for digit in range(10)), kind="bars"),
        Panel("share of each mode", pattern="^share/[0-9]+$"),
    ]
    found |= {GROUPS[group]: panels for group, panels in curves.items()}
    found["Speed"] = [Panel("images per second", ("speed/images_per_second",))]
    return found | {"Layers": layer_panels()}


def layer_panels() -> list[Panel]:
    """Return one panel for each quantity and network."""
    return [
        Panel(f"{quantity.title}: {NETWORKS[network]}", pattern=f"^{expression(quantity.of(network))}$")
        for quantity in QUANTITIES
        for network in quantity.networks
    ]


def workspace(entity: str, project: str) -> Any:
    """Return the workspace, not yet saved."""
    workspaces, reports = libraries()
    settings = workspaces.WorkspaceSettings(x_axis=AXIS)
    shown = [
        workspaces.Section(name=name, panels=[drawn(reports, panel) for panel in panels], is_open=name != "Layers")
        for name, panels in sections().items()
    ]
    return workspaces.Workspace(entity=entity, project=project, name=NAME, sections=shown, settings=settings)


def study(entity: str, project: str) -> Any:
    """Return a report template for a study: curves of all runs, grouped by the generator's and discriminator's norm."""
    _, reports = libraries()
    runs = reports.Runset(name="by norm", groupby=["config.norm_g", "config.norm_d"])  # of the report's own project
    blocks: list[Any] = [reports.P(text="Runs with the same norms are one line: their mean, and their spread.")]
    for name, panels in sections().items():
        if name != "Layers":
            grid = reports.PanelGrid(runsets=[runs], panels=[drawn(reports, panel) for panel in panels])
            blocks += [reports.H2(text=name), grid]
    return reports.Report(entity=entity, project=project, title=f"{NAME}: a study of norms", blocks=blocks)


def drawn(reports: Any, panel: Panel) -> Any:
    """Return a panel as the library has it."""
    return DRAWN[panel.kind](reports, panel)


def lines(reports: Any, panel: Panel) -> Any:
    """Return curves over images seen."""
    return reports.LinePlot(title=panel.title, x=AXIS, y=list(panel.keys), metric_regex=panel.pattern)


def bars(reports: Any, panel: Panel) -> Any:
    """Return one bar per key: its last value."""
    return reports.BarPlot(title=panel.title, metrics=list(panel.keys))


def pictures(reports: Any, panel: Panel) -> Any:
    """Return pictures with a slider over images seen."""
    return reports.MediaBrowser(title=panel.title, media_keys=list(panel.keys))


DRAWN = {"lines": lines, "bars": bars, "pictures": pictures}
"""How each kind of panel is drawn."""


def libraries() -> tuple[Any, Any]:
    """Return the two modules of `wandb-workspaces`.

    Raises:
        ValueError: It is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it is written for an older pydantic
            import wandb_workspaces.reports.v2 as reports
            import wandb_workspaces.workspaces as workspaces
    except ImportError as error:
        raise ValueError("dashboards need wandb-workspaces: pip install 'gannorm[dashboards]'") from error
    return workspaces, reports


def as_json(made: Any) -> str:
    """Return what would be uploaded; the library has no public way to say it."""
    return str(made._to_model().model_dump_json(indent=2))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("target", metavar="RUN_OR_PROJECT", help="a run folder, or PROJECT or ENTITY/PROJECT")
    parser.add_argument("--study", action="store_true", help="a report that groups runs by norm, not a workspace")
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--print", action="store_true", help="print it as JSON, offline (the default)")
    action.add_argument("--save", action="store_true", help="upload it; who is not logged in is told how")


def run(options: argparse.Namespace) -> str:
    """Return the JSON, or where it was saved.

    Raises:
        ValueError: A target that is neither a run folder nor a project, or nobody is logged in.
    """
    entity, project = target_of(options.target, must_have_entity=options.save)
    made = (study if options.study else workspace)(entity, project)
    return saved(made) if options.save else as_json(made)


def saved(made: Any) -> str:
    """Upload, and return the address.

    Raises:
        ValueError: The server could not be reached, or nobody is logged in.
    """
    try:
        return str(made.save().url)
    except Exception as error:  # the library raises whatever its connection does
        words = " ".join(str(error).split())[:200]
        raise ValueError(f"not saved: {words or type(error).__name__}; `wandb login`, or --print it offline") from error


def target_of(target: str, *, must_have_entity: bool) -> tuple[str, str]:
    """Return entity and project; a run folder stands for the project that runs are logged to.

    Example:
        >>> target_of("team/digits", must_have_entity=True)
        ('team', 'digits')
    """
    parts = target.split("/")
    entity, project = os.environ.get("WANDB_ENTITY", ""), os.environ.get("WANDB_PROJECT", NAME)
    if not (Path(target) / "config.yaml").exists():
        if len(parts) > 2 or not all(parts):
            raise ValueError(f"{target} is neither a run folder nor PROJECT or ENTITY/PROJECT")
        entity, project = ([entity, *parts] if len(parts) == 1 else parts)[-2:]
    if must_have_entity and not entity:
        raise ValueError(f"{target}: whose project? Give ENTITY/PROJECT, or set WANDB_ENTITY")
    return entity, project

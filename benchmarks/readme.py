"""The tables of README.md that say what there is and what was found: the norms, and the second stage of the study."""

from collections.abc import Iterator
from typing import Any

from benchmarks import document
from benchmarks.study_norms import LONG, ROOT, told
from gannorm import norms
from gannorm.report.norms_listing import COLUMNS
from gannorm.report.study.maps import maps_of
from gannorm.report.study.markdown import matrix
from gannorm.report.study.told import Told

PAGE = ROOT / "README.md"
BLOCKS = ("readme_norms", "readme_study")


def run(rounds: int) -> dict[str, Any]:  # noqa: ARG001 (nothing is repeated)
    """Print both tables."""
    blocks = dict(zip(BLOCKS, (norms_table(), study_table()), strict=True))
    print("\n\n".join(blocks.values()))
    return blocks


def markdown(result: dict[str, Any]) -> dict[str, str]:
    """Return the blocks of the page by name."""
    return result


def norms_table() -> str:
    """Return all norms by kind and what shares a statistic; in italics those that make a sample depend on its batch."""
    fields: dict[str, dict[str, list[str]]] = {}
    for info in (info for info in map(norms.describe, norms.names()) if info.origin == "gannorm"):
        kinds = fields.setdefault(COLUMNS["axes"](info), {})
        kinds.setdefault(info.kind, []).append(f"*{info.name}*" if info.couples_samples else info.name)
    heads = list(dict.fromkeys(kind for kinds in fields.values() for kind in kinds))
    rows = [[axes, *(", ".join(kinds.get(kind, ())) for kind in heads)] for axes, kinds in fields.items()]
    return document.table(["statistics over", *heads], rows)


def study_table() -> str:
    """Return what may be concluded of the second stage, and its map."""
    study = told(LONG)
    return "\n\n".join([matrix(maps_of(study)[0], study), "\n".join(claims(study))])


def claims(study: Told) -> Iterator[str]:
    """Yield which factors matter, and how many differences between two norms are shown."""
    for factor in (factor for factor in study.factors if factor.shown):
        order = sorted(factor.means.items(), key=lambda level: -level[1])
        means = "; ".join(f"{level} {mean:.2f}" for level, mean in order)
        yield f"- The {factor.factor} matters; means: {means} ({factor.seeds} seeds, p = {factor.adjusted:.1g})."
    shown = sum(effect.shown for effect in study.effects)
    yield f"- {shown} of {len(study.effects)} differences between two norms are shown, after Holm's correction."

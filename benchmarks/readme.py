"""The tables of README.md that say what there is and what was found: the norms, and the second stage of the study."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from benchmarks import document
from benchmarks.study_norms import LONG, ROOT, told
from gannorm import norms
from gannorm.norms import NormInfo
from gannorm.report.norms_listing import COLUMNS
from gannorm.report.study.claims import sentences
from gannorm.report.study.maps import maps_of
from gannorm.report.study.markdown import matrix, plain
from gannorm.report.study.sections import state

PAGE = ROOT / "README.md"
CLAIMS = 3  # sentences beside the map


def run(rounds: int) -> dict[str, Any]:  # noqa: ARG001 (nothing is repeated)
    """Print both tables."""
    blocks = {"readme_norms": norms_table(), "readme_study": study_table()}
    print("\n\n".join(blocks.values()))
    return blocks


def markdown(result: dict[str, Any]) -> dict[str, str]:
    """Return the blocks of the page by name."""
    return result


def norms_table() -> str:
    """Return all norms by what shares a statistic; in italics those whose samples depend on the rest of the batch."""
    infos = [norms.describe(name) for name in norms.names()]
    rows = [[kind, axes, ", ".join(map(named, those))] for (kind, axes), those in groupby(sorted(infos, key=place), of)]
    return document.table(["kind", "statistics over", "norms"], rows)


def of(info: NormInfo) -> tuple[str, str]:
    """Return the row that a norm is in."""
    return info.kind, COLUMNS["axes"](info)


def place(info: NormInfo) -> tuple[int, str]:
    """Return what brings norms of one row together."""
    kinds = list(dict.fromkeys(norms.describe(name).kind for name in norms.names()))
    return kinds.index(info.kind), of(info)[1]


def named(info: NormInfo) -> str:
    """Return a norm's name."""
    return f"*{info.name}*" if info.couples_samples else info.name


def study_table() -> str:
    """Return what may be concluded of the second stage, and its map."""
    study = told(LONG)
    return "\n\n".join([matrix(maps_of(study)[0], study), "\n".join(claims(study))])


def claims(study: Any) -> Iterator[str]:
    """Yield what may be concluded, without what is not shown."""
    for claim in [state(study.record), *sentences(study.factors, study.effects, study.outcome)[:CLAIMS]]:
        yield f"- {plain(claim)}"

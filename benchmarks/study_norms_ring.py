"""What the committed journal of the ring says: its part of docs/study-norms.md."""

from typing import Any

from benchmarks.study_norms import PAGE, ROOT, told
from gannorm.report.study.claims import sentences
from gannorm.report.study.maps import maps_of
from gannorm.report.study.markdown import matrix, plain
from gannorm.report.study.page import write_csv
from gannorm.report.study.sections import state

RING = ROOT / "configs" / "studies" / "norms-ring.yaml"
TABLE = ROOT / "docs" / "study-norms-ring.csv"  # every cell

__all__ = ["PAGE", "markdown", "run"]


def run(rounds: int) -> dict[str, Any]:  # noqa: ARG001 (nothing is repeated)
    """Print what may be concluded and the maps, and write the table of all cells."""
    study = told(RING)
    write_csv(study, TABLE)
    claims = [state(study.record), *sentences(study.factors, study.effects, study.outcome)]
    parts = ["\n".join(f"- {plain(claim)}" for claim in claims)]
    parts += [f"**{plain(one.title)}**\n\n{matrix(one, study)}" for one in maps_of(study)]
    print(text := "\n\n".join(parts))
    return {"text": text}


def markdown(result: dict[str, Any]) -> str:
    """Return the generated part of the page."""
    return str(result["text"])

"""What the committed journal of the study of norms says: the generated part of docs/study-norms.md."""

import tempfile
from pathlib import Path
from typing import Any

from gannorm.report.study.markdown import markdown as study_markdown
from gannorm.report.study.page import write_csv
from gannorm.report.study.record import StudyRecord
from gannorm.report.study.told import Told
from gannorm.study import folder, read

ROOT = Path(__file__).parents[1]
STUDY = ROOT / "configs" / "studies" / "norms-mlp.yaml"
PAGE = ROOT / "docs" / "study-norms.md"
TABLE = ROOT / "docs" / "study-norms.csv"  # every cell


def told() -> Told:
    """Return the study as its journal tells it."""
    with tempfile.TemporaryDirectory() as place:
        folder.write(read(STUDY), Path(place))
        return Told(StudyRecord.read(Path(place)))


def run(rounds: int) -> dict[str, Any]:  # noqa: ARG001 (nothing is repeated)
    """Print what may be concluded, and write the table of all cells."""
    study = told()
    write_csv(study, TABLE)
    text = study_markdown(study)
    print(text)
    return {"text": text}


def markdown(result: dict[str, Any]) -> str:
    """Return the generated part of the page."""
    return str(result["text"]).rstrip()

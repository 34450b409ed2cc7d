"""What the committed journal of the study of norms says: the generated part of docs/study-norms.md."""

import json
import statistics
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
LONG = ROOT / "configs" / "studies" / "norms-mlp-long.yaml"  # the second stage
BATCH_SIZE = "16"  # of the second stage
PAGE = ROOT / "docs" / "study-norms.md"
TABLE = ROOT / "docs" / "study-norms.csv"  # every cell


def told(path: Path = STUDY) -> Told:
    """Return a study as its journal tells it."""
    study = read(path)
    with tempfile.TemporaryDirectory() as place:
        runs = [(job.key, job.cell, job.seed) for job in study.jobs()]
        (Path(place) / "study.json").write_text(json.dumps(folder.content(study, Path(place), runs)))
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


def best_rates() -> list[dict[str, Any]]:
    """Return the settings of the second stage: for each pair of norms the rate that was best in the screening."""
    first, found = told().record, []
    for cell in read(LONG).cells():
        rate = max(first.factors["rate"], key=lambda rate: score(first, {**cell, "rate": rate}))
        found.append({"where": cell, "options": dict(first.factors["rate"][rate])})
    return found


def score(record: StudyRecord, cell: dict[str, str]) -> tuple[float, float]:
    """Return median and mean of a cell's outcome, in that order of importance."""
    runs = record.by_cell.get(tuple({**cell, "batch size": BATCH_SIZE}.values()), [])
    values = [record.value(run) for run in runs] or [0.0]
    return statistics.median(values), statistics.fmean(values)

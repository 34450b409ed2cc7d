"""What ships beside the code: the digits and the weights of their judge are those that the package was made with."""

from collections.abc import Iterator
from pathlib import Path

from gannorm.doctor.finding import Finding


def digits(folder: Path) -> Iterator[Finding]:  # noqa: ARG001
    """Compare the SHA-256 of the bundled digits with what `gannorm.data.idx` records."""
    from gannorm.data import idx

    number, wrong = 0, list[str]()
    for split in ("train", "test"):
        try:
            number += len(idx.mnist(split, idx.FOLDER)[0])
        except idx.DataError as error:
            wrong.append(str(error))
    if not wrong:
        yield Finding("digits", f"{number:,} bundled, SHA-256 of {len(idx.FILES)} files as recorded")
    for text in wrong:
        told, _, way_out = text.rpartition(": ")
        yield Finding("digits", told, "wrong", way_out)


def judge(folder: Path) -> Iterator[Finding]:  # noqa: ARG001
    """Compare the SHA-256 of the judge's weights with what the code names."""
    from gannorm import classifier

    try:
        shipped = classifier.load()
    except classifier.WeightsError as error:
        told, _, way_out = str(error).rpartition(": ")
        yield Finding("judge", told, "wrong", way_out)
        return
    told = f"{shipped.sha256[:8]}, SHA-256 as recorded, accepts from confidence {shipped.threshold:.4f}"
    yield Finding("judge", told, details={"sha256": shipped.sha256, "threshold": shipped.threshold})

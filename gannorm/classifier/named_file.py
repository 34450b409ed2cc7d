"""Arrays in a file that is named by its SHA-256, with the facts about them inside and, to be read, beside it."""

import hashlib
import json
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor

from gannorm import files
from gannorm.classifier.judge import WeightsError

FACTS = "gannorm"  # the one key of the metadata: with several their order, and so the hash, would be left to chance


def content(tensors: dict[str, Tensor], facts: dict[str, Any]) -> bytes:
    """Return the file's bytes: the hash covers tensors and facts, such as the threshold, alike.

    Example:
        >>> import torch
        >>> content({"a": torch.zeros(1)}, {"b": 1}) == content({"a": torch.zeros(1)}, {"b": 1})
        True
    """
    contiguous = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    return safetensors.torch.save(contiguous, metadata={FACTS: json.dumps(facts, sort_keys=True)})


def sha256_of(tensors: dict[str, Tensor], facts: dict[str, Any]) -> str:
    """Return what the file will be named by."""
    return hashlib.sha256(content(tensors, facts)).hexdigest()


def write(path: Path, tensors: dict[str, Tensor], facts: dict[str, Any]) -> str:
    """Write the file, and beside it a JSON file with its SHA-256 and the facts; return the SHA-256."""
    files.folder(path.parent)
    written = content(tensors, facts)
    files.write(path, written)
    sha256 = hashlib.sha256(written).hexdigest()
    files.write(beside(path), json.dumps({"sha256": sha256, **facts}, indent=2) + "\n")
    return sha256


def read(path: Path, kind: str) -> tuple[dict[str, Tensor], dict[str, Any], str]:
    """Return tensors, facts and SHA-256 of a file whose facts say that it is of this kind.

    Raises:
        WeightsError: One of the two files is missing or damaged, or it is of another kind.
    """
    way_out = "copy both files again, or make them anew"
    try:
        found = path.read_bytes()
        expected = json.loads(beside(path).read_text())["sha256"]
    except OSError as error:
        raise WeightsError(f"the file {error.filename} is missing or cannot be read: {way_out}") from None
    except (ValueError, KeyError, TypeError):
        raise WeightsError(f"the file {beside(path)} is damaged: {way_out}") from None
    sha256 = hashlib.sha256(found).hexdigest()
    if sha256 != expected:
        raise WeightsError(
            f"the file {path} is damaged (its SHA-256 is another than in {beside(path).name}): {way_out}"
        )
    facts = _facts(found)
    if facts.get("kind") != kind:
        raise WeightsError(f"the file {path} holds {facts.get('kind', 'something else')}, not {kind}")
    return safetensors.torch.load(found), facts, sha256


def kind_of(path: Path) -> str | None:
    """Return what a file says that it holds; None where it says nothing, as the digit classifier's."""
    try:
        return json.loads(beside(path).read_text()).get("kind")
    except (OSError, ValueError, AttributeError):
        return None


def beside(path: Path) -> Path:
    """Return where the JSON file stands."""
    return path.with_suffix(".json")


def _facts(found: bytes) -> dict[str, Any]:
    try:  # a header of JSON after its length in 8 bytes: the safetensors format
        header = json.loads(found[8 : 8 + int.from_bytes(found[:8], "little")])
        return json.loads(header["__metadata__"][FACTS])
    except (ValueError, KeyError, TypeError):
        return {}

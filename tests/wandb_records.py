"""Read back what an offline W&B run holds: the records of its `.wandb` file, without wandb's command line.

The file is a LevelDB log: a header of 7 bytes, then blocks of 32 KiB, each a row of chunks (CRC-32 of type and data,
length, type, data). A record is one chunk of type FULL, or FIRST, MIDDLE..., LAST; no chunk crosses a block's end.
"""

import json
import struct
import time
import zlib
from pathlib import Path

from wandb.proto.wandb_internal_pb2 import Record

FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4
BLOCK = 32 * 1024
CHUNK_HEADER = struct.Struct("<IHB")
FILE_HEADER = struct.Struct("<4sHB")


def chunks(data):
    """Yield (type, bytes) of each chunk; stop at the torn end of a run that was killed."""
    assert FILE_HEADER.unpack_from(data) == (b":W&B", 0xBEE1, 0)
    position = FILE_HEADER.size
    while position + CHUNK_HEADER.size <= len(data):
        space = BLOCK - position % BLOCK
        if space < CHUNK_HEADER.size:
            position += space
            continue
        checksum, length, kind = CHUNK_HEADER.unpack_from(data, position)
        position += CHUNK_HEADER.size
        piece = data[position : position + length]
        if kind == 0 or len(piece) < length:
            return
        assert zlib.crc32(bytes([kind]) + piece) == checksum, f"damaged at byte {position}"
        position += length
        yield kind, piece


def read(path):
    """Return the records of a `.wandb` file as far as it goes."""
    found, parts = [], []
    for kind, piece in chunks(Path(path).read_bytes()):
        parts = [piece] if kind in (FULL, FIRST) else [*parts, piece]
        if kind in (FULL, LAST):
            found.append(Record.FromString(b"".join(parts)))
    return found


def records(folder, seconds=10.0):
    """Return all records of a finished run; wandb's own process writes the last of them after `finish` has returned."""
    (path,) = Path(folder).glob("run-*.wandb")
    for _ in range(int(seconds / 0.02)):
        found = read(path) if path.stat().st_size else []
        if any(record.WhichOneof("record_type") == "exit" for record in found):
            return found
        time.sleep(0.02)
    raise TimeoutError(f"{path} has no exit record after {seconds} s; is the run finished?")


def of_type(folder, name):
    """Return the records of one kind: run, config, metric, history, alert, exit..."""
    return [getattr(record, name) for record in records(folder) if record.WhichOneof("record_type") == name]


def history(folder):
    """Return one dictionary per logged row; keys of nested values are joined by dots."""
    return [row_of(row) for row in of_type(folder, "history")]


def rows_written(folder, seconds=3.0):
    """Return the rows in a run's file, of a run that may not have come to an end: as many as come to be there."""
    (path,) = Path(folder).glob("run-*.wandb")
    before = None
    for _ in range(int(seconds / 0.3)):
        found = [row_of(record.history) for record in read(path) if record.WhichOneof("record_type") == "history"]
        if before == len(found) > 0:
            break
        before = len(found)
        time.sleep(0.3)
    return found


def row_of(row):
    """Return one logged row as a dictionary."""
    return {item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in row.item}


def config(folder):
    """Return the last value of each key of the configuration."""
    updates = [*(run.config for run in of_type(folder, "run")), *of_type(folder, "config")]
    return {
        item.key or ".".join(item.nested_key): json.loads(item.value_json)
        for update in updates
        for item in update.update
    }

"""A worker whose runs hang, as often as the length of the file `times` says, with nothing that takes long to import."""

import time
from multiprocessing.connection import Connection
from pathlib import Path


def serve(line: Connection, parent: int, lock: str, group: str) -> None:
    """Take tasks as `gannorm.study.local.serve` does."""
    times = Path(lock).with_name("times")
    while True:
        task = line.recv()
        if times.read_text():
            times.write_text(times.read_text()[1:])
            time.sleep(600)
        line.send(task.told | {"status": "finished"})

"""Runs on this machine: as many processes as fit, each of which takes one run after the other."""

import contextlib
import fcntl
import math
import multiprocessing
import os
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from gannorm.study.attempts import ATTEMPTS, Attempts, lost
from gannorm.study.journal import Line, signalled
from gannorm.study.watch import LOOKS, PATIENCE, Watch
from gannorm.study.worker import SINGLE, Task, perform, set_up
from gannorm.variables import environment

BYTES_PER_WORKER = 1.5 * 2**30  # of a process with torch and a small GAN
CONTAINER = Path("/sys/fs/cgroup")
STAY = 0.5  # seconds between two looks at whether the study is still there


def workers_that_fit() -> int:
    """Return one worker per processor that this process may use, or fewer where memory is short."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(processors, int(available_bytes() / BYTES_PER_WORKER)))


def available_bytes() -> float:
    """Return the memory that is there to be used: of this machine, or of the container; infinite where nobody says."""
    found = [math.inf]
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        found.append(1024.0 * int(next(line for line in lines if line.startswith("MemAvailable")).split()[1]))
    with contextlib.suppress(OSError, ValueError):  # of control groups, version 2
        used, limit = ((CONTAINER / name).read_text() for name in ("memory.current", "memory.max"))
        found.append(float(limit) - float(used))
    return min(found)


@dataclass
class Worker:
    """A process, the line to it, and what it is at."""

    process: Any
    line: Connection
    task: Task | None = None
    watch: Watch | None = None
    hung: bool = False


@dataclass
class Local:
    """Processes of this machine.

    Args:
        workers: How many.
        folder: Of the study; a file in it tells whether workers of an earlier attempt are still there.
        group: Of Weights & Biases.
        patience: Minutes after which a run of which nothing new is written is begun again in another process.

    Attributes:
        attempts: How often each task was begun.
    """

    workers: int
    folder: Path
    group: str
    patience: float = PATIENCE
    attempts: Attempts = field(default_factory=Attempts)

    def run(self, tasks: Sequence[Task]) -> Iterator[Line]:
        """Yield the line of each task as it ends; a task whose worker dies is begun again, from its checkpoint."""
        waiting, pool = deque(tasks), []
        try:
            for _ in range(min(self.workers, len(tasks))):
                pool.append(self.hire())
            while waiting or any(worker.task for worker in pool):
                self.give_out(waiting, pool)
                busy = [worker for worker in pool if worker.task]
                ready = set(wait([worker.line for worker in busy], timeout=60 * self.patience / LOOKS))
                self.end_hanging(busy)
                heard = [self.hear(worker, waiting, pool) for worker in busy if worker.line in ready]
                self.give_out(waiting, pool)  # before whoever reads the lines takes time to write a page
                yield from (line for line in heard if line is not None)
        finally:
            for worker in pool:
                worker.process.kill()
                worker.process.join()

    def end_hanging(self, busy: Sequence[Worker]) -> None:
        """End the processes of which nothing new is heard; that they have died is noticed when they are listened to."""
        for worker in busy:
            if worker.watch is not None and worker.watch.hangs():
                worker.hung = True
                worker.process.kill()

    def hire(self) -> Worker:
        """Start a process."""
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        with environment(SINGLE):
            arguments = (theirs, os.getpid(), str(lock_of(self.folder)), self.group)
            process = context.Process(target=serve, args=arguments, daemon=True)
            process.start()
        theirs.close()
        return Worker(process, ours)

    def give_out(self, waiting: deque[Task], pool: Sequence[Worker]) -> None:
        """Give each worker that has none a task, as far as there are some."""
        for worker in pool:
            if worker.task is None and waiting:
                self.give(worker, waiting.popleft())

    def give(self, worker: Worker, task: Task) -> None:
        """Tell a worker what to do; one that has died is noticed when it is listened to."""
        worker.task, worker.watch = task, Watch(Path(task.folder), self.patience)
        self.attempts.begin(task)
        with contextlib.suppress(BrokenPipeError):
            worker.line.send(task)

    def hear(self, worker: Worker, waiting: deque[Task], pool: list[Worker]) -> Line | None:
        """Return what a worker says, None of a task that is begun again; replace one that has died."""
        task = worker.task
        assert task is not None
        try:
            line: Line = worker.line.recv()
        except (EOFError, OSError):
            return self.bury(worker, task, waiting, pool)
        worker.task = None
        if signalled(line) and self.attempts.more(task):
            waiting.append(task)
            return None
        return line

    def bury(self, worker: Worker, task: Task, waiting: deque[Task], pool: list[Worker]) -> Line | None:
        """Put another in the place of a worker that died; its task begins again, or has failed too often."""
        worker.process.join()
        pool.remove(worker)
        failed = None
        if self.attempts.more(task):
            waiting.appendleft(task)
        else:
            died = f"its process died ({worker.process.exitcode}) {ATTEMPTS} times; too little memory?"
            hung = f"nothing new was written for {self.patience:g} minutes, {ATTEMPTS} times; see --patience"
            failed = lost(task, hung if worker.hung else died)
        if waiting:
            pool.append(self.hire())
        return failed


def serve(line: Connection, parent: int, lock: str, group: str) -> None:
    """Be a worker: take tasks until the line is closed, and end at once where the study has gone."""
    threading.Thread(target=leave_with, args=(parent,), daemon=True).start()
    with Path(lock).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        set_up(group=group)
        while True:
            try:
                task = line.recv()
            except (EOFError, OSError):
                return
            line.send(perform(task))


def leave_with(parent: int) -> None:
    """End this process when the one that started it has ended, however it did."""
    while os.getppid() == parent:
        time.sleep(STAY)
    os._exit(1)


def lock_of(folder: Path) -> Path:
    """Return the file that workers hold as long as they live."""
    return folder / "workers.lock"

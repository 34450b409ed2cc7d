"""Runs on a Ray cluster: one task each, with a share of a GPU, begun again on another node if its own is lost.

The study's folder has to be on storage that every node sees: checkpoints are there, and a task that is begun again goes
on from its last one. The only file that imports ray.
"""

import contextlib
import fcntl
import math
import os
import socket
import threading
import uuid
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gannorm._version import __version__
from gannorm.study.attempts import ATTEMPTS, Attempts, lost
from gannorm.study.errors import StudyError
from gannorm.study.folder import made
from gannorm.study.journal import Line, signalled
from gannorm.study.local import lock_of
from gannorm.study.watch import PATIENCE, Notice, Watch
from gannorm.study.worker import SINGLE, Task, perform, set_up

AHEAD = 2  # runs that are given out, for each that the cluster has room for
SHOWN = 8  # nodes in a message
KNOCK = 10.0  # seconds for a cluster's head to take a connection
ANSWER = 60.0  # seconds for a cluster to answer whether it sees the folder


class Cluster:
    """Tasks of a cluster.

    Args:
        folder: Of the study.
        group: Of Weights & Biases.
        address: Of the cluster; None = the one this machine is in, or a new one of this machine alone.
        gpus: Of each run; fractions share one.
        workers: Runs that are given out at a time; None = twice as many as there is room for.
        patience: Minutes after which a run of which nothing new is written is begun again.

    Raises:
        StudyError: Ray is not installed; the cluster cannot be reached, cannot hold a run, or does not see the folder.
    """

    def __init__(
        self,
        folder: Path,
        group: str,
        address: str | None,
        gpus: float,
        workers: int | None,
        patience: float = PATIENCE,
    ) -> None:
        self.folder, self.group, self.gpus, self.asked = folder.resolve(), group, gpus, workers
        self.patience = patience
        self.attempts = Attempts()
        self.ray = connected(address)
        self.remote = self.ray.remote(num_cpus=1, num_gpus=gpus, max_retries=0)(in_cluster)
        self.check_room()
        self.check_nodes()

    @property
    def workers(self) -> int:
        """Runs that are given out at a time, of the cluster as it is now.

        Where nobody says how many, there are always some that wait: a cluster that grows does so for them.
        """
        there = self.ray.cluster_resources()
        fitting = min(there.get("CPU", 0), there.get("GPU", 0) / self.gpus if self.gpus else math.inf)
        return self.asked or max(1, int(AHEAD * fitting))

    def check_room(self) -> None:
        """Refuse a cluster none of whose nodes has what one run needs, unless somebody says how many runs fit it.

        Raises:
            StudyError: None has.
        """
        nodes = [node["Resources"] for node in self.ray.nodes() if node["Alive"]]
        if self.asked or any(node.get("CPU", 0) >= 1 and node.get("GPU", 0) >= self.gpus for node in nodes):
            return
        needed = "a processor" + (f" and {self.gpus:g} GPUs" if self.gpus else "")
        there = ", ".join(f"{node.get('CPU', 0):g} + {node.get('GPU', 0):g}" for node in nodes[:SHOWN])
        raise StudyError(
            f"no node of the cluster has {needed} for a run (processors + GPUs: {there}); "
            "add one, or give --workers if the cluster adds nodes by itself"
        )

    def check_nodes(self) -> None:
        """Refuse a cluster one of whose nodes does not see the study's folder, or has another version.

        Raises:
            StudyError: One does not.
        """
        with made(self.folder):
            mark = self.folder / f"seen-{uuid.uuid4().hex}"
            mark.touch()
            try:
                self.ask_nodes(mark)
            finally:
                mark.unlink(missing_ok=True)

    def ask_nodes(self, mark: Path) -> None:
        """Ask each node whether it sees a file, and which version it has.

        Raises:
            StudyError: See `check_nodes`.
        """
        try:
            nodes = [node for node in self.ray.nodes() if node["Alive"]]
            asked = {self.seeing(node["NodeID"]).remote(str(mark)): node["NodeManagerAddress"] for node in nodes}
            for reference, where in asked.items():
                there, version = self.ray.get(reference, timeout=ANSWER)
                if not there:
                    raise StudyError(
                        f"{self.folder} is not there on node {where}; --folder has to be on shared storage"
                    )
                if version != __version__:
                    raise StudyError(f"node {where} has gannorm {version}, this machine {__version__}")
        except self.ray.exceptions.RayTaskError as error:
            raise StudyError(f"a node has no gannorm: {str(error).splitlines()[-1]}") from error
        except self.ray.exceptions.GetTimeoutError as error:
            raise StudyError(f"a node did not answer within {ANSWER:.0f} s whether it sees {self.folder}") from error

    def seeing(self, node: str) -> Any:
        """Return a task that says on one node whether a file is there, and which gannorm."""
        pinned = self.ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node, soft=False)
        return self.ray.remote(num_cpus=0, scheduling_strategy=pinned)(seen)

    def run(self, tasks: Sequence[Task]) -> Iterator[Line]:
        """Yield the line of each task as it ends; one whose node or process is lost is begun again."""
        waiting, running, notice = deque(tasks), dict[Any, Task](), Notice(lock_of(self.folder))
        try:
            while waiting or running:
                self.give_out(waiting, running)
                ended = self.ray.wait(list(running), num_returns=1, timeout=notice.seconds)[0]
                notice.look(bool(ended))
                heard = [self.hear(reference, running.pop(reference), waiting) for reference in ended]
                self.give_out(waiting, running)  # before whoever reads the lines takes time to write a page
                yield from (line for line in heard if line is not None)
        finally:
            for reference in running:
                with contextlib.suppress(Exception):  # the cluster may be gone
                    self.ray.cancel(reference, force=True)

    def give_out(self, waiting: deque[Task], running: dict[Any, Task]) -> None:
        """Give the cluster tasks, as far as there are some and it has room."""
        asked = {name: value for name, value in os.environ.items() if name.startswith("WANDB_")}
        room = self.workers - len(running)
        while waiting and room > 0:
            task = waiting.popleft()
            self.attempts.begin(task)
            running[self.remote.remote(task, self.group, lock_of(self.folder), asked, self.patience)] = task
            room -= 1

    def hear(self, reference: Any, task: Task, waiting: deque[Task]) -> Line | None:
        """Return what came of a task, None of one that is begun again."""
        try:
            line: Line = self.ray.get(reference)
        except self.ray.exceptions.RayTaskError as error:
            return lost(task, words(error))
        except self.ray.exceptions.RayError as error:
            if not self.attempts.more(task):
                return lost(task, f"lost {ATTEMPTS} times; {words(error)}")
            waiting.appendleft(task)
            return None
        if signalled(line) and self.attempts.more(task):
            waiting.append(task)
            return None
        return line


def words(error: Exception) -> str:
    """Return an error in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


def seen(path: str) -> tuple[bool, str]:
    """Return whether a file is there, and this node's version."""
    return os.path.exists(path), __version__


def in_cluster(task: Task, group: str, lock: Path, asked: dict[str, str], patience: float) -> Line:
    """Train on whatever node this is, and let the file say meanwhile that somebody does.

    Args:
        task: What to do.
        group: Of Weights & Biases.
        lock: The file.
        asked: Variables of whoever started the study, which a node does not have by itself.
        patience: Minutes after which this process is ended if nothing new is written of its run.
    """
    os.environ.update(asked | SINGLE)
    set_up(group=group)
    with lock.open("a") as file:
        lock.touch()
        with contextlib.suppress(OSError):  # some shared storage has no locks
            fcntl.flock(file, fcntl.LOCK_SH)
        over = threading.Event()
        watch = Watch(Path(task.folder), patience)
        threading.Thread(target=watch.end_this_process, args=(over,), daemon=True).start()
        try:
            return perform(task)
        finally:
            over.set()


def connected(address: str | None) -> Any:
    """Return the library, connected.

    Raises:
        StudyError: It is not installed, or the cluster cannot be reached.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
        import ray.exceptions
        import ray.util.scheduling_strategies
    except ImportError as error:
        raise StudyError("--launcher ray needs Ray: pip install 'gannorm[ray]'") from error
    try:
        knock(address)
        if not ray.is_initialized():
            ray.init(address=address, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    except (OSError, ValueError, RuntimeError) as error:
        words = " ".join(str(error).split())[:200]
        raise StudyError(f"the cluster {address or 'of this machine'} cannot be reached: {words}") from error
    return ray


def knock(address: str | None) -> None:
    """Make sure that somebody listens at HOST:PORT, for which Ray itself would wait for minutes.

    Raises:
        OSError: Nobody does.
    """
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=KNOCK).close()

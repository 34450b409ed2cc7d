"""Runs on a Ray cluster: one task each, with a share of a GPU, begun again on another node if its own is lost.

The study's folder has to be on storage that every node sees: checkpoints are there, and a task that is begun again goes
on from its last one. The only file that imports ray.
"""

import contextlib
import fcntl
import os
import socket
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gannorm._version import __version__
from gannorm.study.errors import StudyError
from gannorm.study.journal import Line
from gannorm.study.local import lock_of
from gannorm.study.worker import SINGLE, Task, perform, set_up

ATTEMPTS = 3  # of a run whose node or process is lost
KNOCK = 10.0  # seconds for a cluster's head to take a connection
PATIENCE = 60.0  # seconds for a cluster to answer whether it sees the folder


class Cluster:
    """Tasks of a cluster.

    Args:
        folder: Of the study.
        group: Of Weights & Biases.
        address: Of the cluster; None = the one this machine is in, or a new one of this machine alone.
        gpus: Of each run; fractions share one.
        workers: Runs at a time; None = as many as the cluster has processors.

    Raises:
        StudyError: Ray is not installed, the cluster cannot be reached, or does not see the folder.
    """

    def __init__(self, folder: Path, group: str, address: str | None, gpus: float, workers: int | None) -> None:
        self.folder, self.group, self.gpus = folder.resolve(), group, gpus
        self.ray = connected(address)
        self.workers = workers or max(1, int(self.ray.cluster_resources().get("CPU", 1)))
        if gpus > self.ray.cluster_resources().get("GPU", 0):
            raise StudyError(f"--gpus {gpus:g}: the cluster has {self.ray.cluster_resources().get('GPU', 0):g}")
        self.check_nodes()

    def check_nodes(self) -> None:
        """Refuse a cluster one of whose nodes does not see the study's folder, or has another version.

        Raises:
            StudyError: One does not.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        mark = self.folder / f"seen-{uuid.uuid4().hex}"
        mark.touch()
        try:
            nodes = [node for node in self.ray.nodes() if node["Alive"]]
            asked = {self.seeing(node["NodeID"]).remote(str(mark)): node["NodeManagerAddress"] for node in nodes}
            for reference, where in asked.items():
                there, version = self.ray.get(reference, timeout=PATIENCE)
                if not there:
                    raise StudyError(
                        f"{self.folder} is not there on node {where}; --folder has to be on shared storage"
                    )
                if version != __version__:
                    raise StudyError(f"node {where} has gannorm {version}, this machine {__version__}")
        except self.ray.exceptions.RayTaskError as error:
            raise StudyError(f"a node has no gannorm: {str(error).splitlines()[-1]}") from error
        except self.ray.exceptions.GetTimeoutError as error:
            raise StudyError(f"a node did not answer within {PATIENCE:.0f} s whether it sees {self.folder}") from error
        finally:
            mark.unlink(missing_ok=True)

    def seeing(self, node: str) -> Any:
        """Return a task that says on one node whether a file is there, and which gannorm."""
        pinned = self.ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node, soft=False)
        return self.ray.remote(num_cpus=0, scheduling_strategy=pinned)(seen)

    def run(self, tasks: Sequence[Task]) -> Iterator[Line]:
        """Yield the line of each task as it ends."""
        remote = self.ray.remote(num_cpus=1, num_gpus=self.gpus, max_retries=ATTEMPTS - 1)(in_cluster)
        waiting = list(reversed(tasks))
        running: dict[Any, Task] = {}
        try:
            while waiting or running:
                while waiting and len(running) < self.workers:
                    task = waiting.pop()
                    running[remote.remote(task, self.group, lock_of(self.folder))] = task
                for reference in self.ray.wait(list(running), num_returns=1)[0]:
                    yield self.line_of(reference, running.pop(reference))
        finally:
            for reference in running:
                with contextlib.suppress(Exception):  # the cluster may be gone
                    self.ray.cancel(reference, force=True)

    def line_of(self, reference: Any, task: Task) -> Line:
        """Return what came of a task."""
        try:
            line: Line = self.ray.get(reference)
            return line
        except self.ray.exceptions.RayError as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            return task.told | {"id": task.id, "status": "failed", "reason": reason}


def seen(path: str) -> tuple[bool, str]:
    """Return whether a file is there, and this node's version."""
    return os.path.exists(path), __version__


def in_cluster(task: Task, group: str, lock: Path) -> Line:
    """Train on whatever node this is, and let the file say meanwhile that somebody does."""
    os.environ.update(SINGLE)
    set_up(group=group)
    with lock.open("a") as file:
        with contextlib.suppress(OSError):  # some shared storage has no locks
            fcntl.flock(file, fcntl.LOCK_SH)
        return perform(task)


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

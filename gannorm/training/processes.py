"""The processes of one run: one for each device. The first one starts the others; torchrun and SLURM start all."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from pytorch_lightning.plugins.environments import (
    ClusterEnvironment,
    LightningEnvironment,
    SLURMEnvironment,
    TorchElasticEnvironment,
)

from gannorm import screen
from gannorm.training.errors import ConfigError
from gannorm.variables import environment

POLL = 1.0  # seconds between two looks at whether the others are alive
GRACE = 20.0  # seconds in which a process may notice by itself that another one has ended
PARENT = "GANNORM_FIRST_PROCESS"  # variable with the id of the process that has started another one
MEETING = ("LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")  # variables that somebody sets who starts processes by hand


class Processes:
    """What is known of the processes of one run.

    Args:
        num_devices: Of this machine that take part.
        num_nodes: Machines.

    Attributes:
        size: How many processes train.
        rank: Of this one; 0 writes all files.
        external: Whether somebody else, such as torchrun, has started them all.

    Raises:
        ConfigError: No such numbers, or somebody has started other numbers of processes.
    """

    def __init__(self, num_devices: int, num_nodes: int) -> None:
        for name, number in (("devices", num_devices), ("num_nodes", num_nodes)):
            if number < 1:
                raise ConfigError(f"trainer.{name}={number}: at least 1")
        self.size, self.rank = num_devices * num_nodes, 0
        self.others: list[subprocess.Popen[bytes]] = []
        self.watch: Watch | None = None
        where = environment_of(self.size)
        by_hand = self.size > 1 and all(name in os.environ for name in MEETING)
        self.external = by_hand or not isinstance(where, LightningEnvironment)
        if self.external:
            self.rank = where.node_rank() * num_devices + where.local_rank()
            self.watch = Watch(self)
        elif num_nodes > 1:
            raise ConfigError(
                f"trainer.num_nodes={num_nodes}: nobody has started the processes of the other machines; "
                "start this command with torchrun or srun on all of them"
            )

    @contextmanager
    def started(self, arguments: Sequence[str]) -> Iterator[None]:
        """Start the other processes with the same arguments, and end none before all are done.

        Args:
            arguments: Of the command.
        """
        if self.size == 1:
            yield
            return
        meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "NODE_RANK": "0", "LOCAL_RANK": "0"}
        with environment({} if self.external else meeting):
            try:
                for rank in range(1, 1 if self.external else self.size):
                    self.others.append(other(rank, arguments))
                self.watch = self.watch or Watch(self)
                yield
                for process in self.others:
                    process.wait()
            finally:
                self.part()
                for process in self.others:
                    process.kill()
                    process.wait()
                if torch.distributed.is_initialized():
                    torch.distributed.destroy_process_group()

    def part(self) -> None:
        """Need the others no longer: training has ended for all of them, and how they end is their own matter."""
        if self.watch is not None:
            self.watch.over.set()

    def missing(self) -> str:
        """Return which other process has failed, as a clause; empty where none is known to have."""
        ended = [(rank, process.poll()) for rank, process in enumerate(self.others, start=1)]
        failed = [f"process {rank} of {self.size} ended with {in_words(status)}" for rank, status in ended if status]
        return "; ".join(failed)


class Watch:
    """A thread that ends this process where another one has failed and this one waits for it all the same.

    gloo tells at once that a connection is lost; NCCL may wait for minutes, and a process that has not yet met the
    others for as long.
    """

    def __init__(self, processes: Processes) -> None:
        self.processes = processes
        self.parent = int(os.environ.get(PARENT, os.getppid()))
        self.over = threading.Event()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self) -> None:
        """Look until it is over."""
        while not self.over.wait(POLL):
            if told := self.told():
                if not self.over.wait(GRACE):
                    screen.warn(f"{told}; this one ends, too")
                    os._exit(1)
                return

    def told(self) -> str:
        """Return what has happened; empty where nothing has."""
        orphan = self.processes.rank and os.getppid() != self.parent
        return "the process that started this one has ended" if orphan else self.processes.missing()


def environment_of(size: int) -> ClusterEnvironment:
    """Return who has started the processes of a run: torchrun, srun, or nobody, or somebody by hand.

    Raises:
        ConfigError: They are not as many as the run has, or SLURM was asked in a way that Lightning does not know.
    """
    if TorchElasticEnvironment.detect():
        check_number("torchrun", int(os.environ["WORLD_SIZE"]), size)
        return TorchElasticEnvironment()
    tasks = int(os.environ.get("SLURM_NTASKS", 1)) if "SLURM_PROCID" in os.environ else 1
    if size == 1 or tasks == 1:  # tasks of SLURM may be runs of their own
        return LightningEnvironment()
    check_number("SLURM", tasks, size)
    try:
        return SLURMEnvironment(auto_requeue=False)  # its checkpoints would be found by whatever run comes next
    except RuntimeError as error:
        raise ConfigError(str(error)) from error


def check_number(who: str, number: int, size: int) -> None:
    """Refuse another number of processes than a run has.

    Raises:
        ConfigError: It is another.

    Example:
        >>> check_number("torchrun", 2, 1)
        Traceback (most recent call last):
        gannorm.training.errors.ConfigError: torchrun has started 2 processes, and trainer.devices times ... is 1
    """
    if number != size:
        raise ConfigError(
            f"{who} has started {number} processes, and trainer.devices times trainer.num_nodes is {size}"
        )


def other(rank: int, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start one of the other processes of this machine; what it imports is found where this one finds it."""
    own = {"LOCAL_RANK": str(rank), PARENT: str(os.getpid())}
    own["PYTHONPATH"] = os.pathsep.join(path or os.getcwd() for path in sys.path)
    return subprocess.Popen([sys.executable, "-m", "gannorm", "train", *arguments], env={**os.environ, **own})


def in_words(status: int) -> str:
    """Return what a process ended with.

    Example:
        >>> in_words(-9), in_words(1)
        ('SIGKILL', 'exit code 1')
    """
    return signal.Signals(-status).name if status < 0 else f"exit code {status}"


def free_port() -> int:
    """Return a port of this machine that nobody listens at."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port

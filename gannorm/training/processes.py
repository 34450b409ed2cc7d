"""The processes of one run: one for each device. The first one starts the others; torchrun and SLURM start all."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from pytorch_lightning.plugins.environments import LightningEnvironment, SLURMEnvironment, TorchElasticEnvironment

from gannorm import screen
from gannorm.training.errors import ConfigError

POLL = 1.0  # seconds between two looks at whether the others are alive
GRACE = 20.0  # seconds in which a process may notice by itself that another one has ended


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
        ConfigError: Several machines, and nobody has started the processes.
    """

    def __init__(self, num_devices: int, num_nodes: int) -> None:
        self.size = num_devices * num_nodes
        self.rank, self.external = 0, False
        self.others: list[subprocess.Popen[bytes]] = []
        if self.size == 1:
            return
        for environment in (TorchElasticEnvironment, SLURMEnvironment):
            if environment.detect():
                self.rank, self.external = environment().global_rank(), True
                return
        if "LOCAL_RANK" in os.environ:
            local = LightningEnvironment()
            self.rank, self.external = local.node_rank() * num_devices + local.local_rank(), True
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
        begun = {} if self.external else {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "NODE_RANK": "0"}
        with environment({**begun, **({} if self.external else {"LOCAL_RANK": "0"})}):
            if not self.external:
                self.others = [other(rank, arguments) for rank in range(1, self.size)]
            watch = Watch(self)
            try:
                yield
                for process in self.others:
                    process.wait()
            finally:
                watch.stop()
                for process in self.others:
                    process.kill()
                    process.wait()
                if torch.distributed.is_initialized():
                    torch.distributed.destroy_process_group()

    def missing(self) -> str:
        """Return which other process has failed, as a clause; empty where none is known to have."""
        ended = [(rank, process.poll()) for rank, process in enumerate(self.others, start=1)]
        failed = [f"process {rank} of {self.size} ended with {in_words(status)}" for rank, status in ended if status]
        return "; ".join(failed)


class Watch:
    """A thread that ends this process where another one has failed and this one waits for it all the same.

    gloo tells at once that a connection is lost; NCCL may wait for minutes.
    """

    def __init__(self, processes: Processes) -> None:
        self.processes = processes
        self.parent = os.getppid()
        self.over = threading.Event()
        threading.Thread(target=self.run, daemon=True).start()

    def stop(self) -> None:
        """Watch no longer."""
        self.over.set()

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


def other(rank: int, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start one of the other processes of this machine; what it imports is found where this one finds it."""
    own = {"LOCAL_RANK": str(rank), "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)}
    return subprocess.Popen([sys.executable, "-m", "gannorm", "train", *arguments], env={**os.environ, **own})


def in_words(status: int) -> str:
    """Return what a process ended with.

    Example:
        >>> in_words(-9), in_words(1)
        ('SIGKILL', 'exit code 1')
    """
    return signal.Signals(-status).name if status < 0 else f"exit code {status}"


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables in the block."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def free_port() -> int:
    """Return a port of this machine that nobody listens at."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port

"""What holds for every test: one torch thread, no network beyond this machine, nothing sent to W&B."""

import os
import socket

import pytest
import torch

os.environ.update(
    WANDB_MODE="offline",
    WANDB_SILENT="true",
    WANDB_ERROR_REPORTING="false",
    WANDB_CONSOLE="off",
    WANDB__DISABLE_STATS="true",
)
torch.set_num_threads(1)

collect_ignore = ["plugin"]  # imported here it would register its norm for all tests

_connect = socket.socket.connect


def _connect_here_only(self: socket.socket, address: object) -> None:
    if self.family != socket.AF_UNIX and address[0] not in {"127.0.0.1", "::1", "localhost"}:
        raise OSError(f"a test tried to reach {address}; tests use no network")
    _connect(self, address)


socket.socket.connect = _connect_here_only


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)

"""A study on a Ray cluster of two nodes on this machine: it loses nothing with one, and comes to the same numbers."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gannorm import cli
from tests.test_study import command, journal, written
from tests.test_study_kills import LONG

pytest.importorskip("ray")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Start a head that runs nothing, so that it can be told which node a run is on."""
    from ray.cluster_utils import Cluster

    started = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    yield started
    started.shutdown()


def on_ray(path: Path, address: str) -> list[str]:
    return [sys.executable, "-m", "gannorm", *command(path, "--launcher", "ray", "--address", address)]


def figures(path: Path) -> dict[str, Any]:
    """Return what stands in a journal and does not depend on time."""
    return {line["key"]: (line["status"], line["final"], line["looks"], line["id"]) for line in journal(path)}


def test_a_lost_node_loses_no_run_and_the_numbers_are_those_of_this_machine(cluster: Any, tmp_path: Path) -> None:
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    here, there = (tmp_path / name for name in ("here", "there"))
    for folder in (here, there):
        folder.mkdir()
    study = subprocess.Popen(on_ray(written(there), cluster.address), cwd=tmp_path)
    try:
        while not list((there / "runs" / "tiny").glob("*/metrics.csv")):
            assert study.poll() is None
            time.sleep(0.2)
        cluster.remove_node(nodes[0], allow_graceful=False)
        assert study.wait(timeout=400) == 0
    finally:
        study.kill()
    assert cli.main(command(written(here))) == 0
    assert figures(there / "tiny.yaml") == figures(here / "tiny.yaml")
    assert len(figures(there / "tiny.yaml")) == 4


def test_a_study_that_is_killed_goes_on_and_comes_to_the_same_numbers(cluster: Any, tmp_path: Path) -> None:
    cluster.add_node(num_cpus=1)
    here, there = (tmp_path / name for name in ("here", "there"))
    for folder in (here, there):
        folder.mkdir()
    path = written(there, config=LONG, seeds=1)
    study = subprocess.Popen(on_ray(path, cluster.address), cwd=tmp_path)
    while not list((there / "runs" / "tiny").glob("*/checkpoints/last.ckpt")):
        assert study.poll() is None
        time.sleep(0.2)
    study.kill()
    study.wait()
    assert len(journal(path)) < 2
    assert subprocess.run(on_ray(path, cluster.address), cwd=tmp_path, check=False, timeout=400).returncode == 0
    assert cli.main(command(written(here, config=LONG, seeds=1))) == 0
    assert figures(path) == figures(here / "tiny.yaml")


def test_a_cluster_that_cannot_be_reached_is_one_line(tmp_path: Path) -> None:
    done = subprocess.run(on_ray(written(tmp_path), "127.0.0.1:1"), capture_output=True, text=True, timeout=200)
    assert done.returncode == 2
    assert "127.0.0.1:1 cannot be reached" in done.stderr.splitlines()[-1]
    assert list(tmp_path.iterdir()) == [tmp_path / "tiny.yaml"]

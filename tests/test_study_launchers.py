"""Who runs a study: what a cluster is asked for, and what is begun again. Ray itself is in `test_study_ray.py`."""

import importlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
import torch

from gannorm import cli
from gannorm._version import __version__
from gannorm.study import StudyError, local, ray, watch
from gannorm.study import run as study_run
from gannorm.study.attempts import ATTEMPTS
from gannorm.study.journal import Journal
from gannorm.study.local import Local
from gannorm.study.ray import Cluster
from gannorm.study.watch import Watch
from gannorm.study.worker import Task
from tests import hanging
from tests.test_study import written


class LostError(Exception):
    """A node or a process was lost."""


class Reference:
    """What will come of a task that was given."""

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments


class FakeRay:
    """A cluster that does a task when its line is asked for.

    Args:
        nodes: Resources of each.
        does: Returns the line of a task, or raises.
        sees: Whether its nodes see the folder.
    """

    exceptions = SimpleNamespace(RayError=LostError, RayTaskError=ZeroDivisionError, GetTimeoutError=TimeoutError)
    util = SimpleNamespace(
        scheduling_strategies=SimpleNamespace(NodeAffinitySchedulingStrategy=lambda node, soft: node)
    )

    def __init__(
        self, nodes: list[dict[str, float]], does: Callable[[Task], dict[str, Any]] | None = None, sees: bool = True
    ) -> None:
        self.resources, self.does, self.sees = nodes, does, sees
        self.given: list[Reference] = []
        self.waits: list[float | None] = []

    def nodes(self) -> list[dict[str, Any]]:
        return [
            {"Alive": True, "NodeID": str(i), "NodeManagerAddress": str(i), "Resources": one}
            for i, one in enumerate(self.resources)
        ]

    def cluster_resources(self) -> dict[str, float]:
        return {name: sum(one.get(name, 0) for one in self.resources) for name in ("CPU", "GPU")}

    def remote(self, **_: Any) -> Callable[[Any], Any]:
        return lambda _: SimpleNamespace(remote=self.give)

    def give(self, *arguments: Any) -> Reference:
        self.given.append(Reference(*arguments))
        return self.given[-1]

    def wait(self, references: list[Any], num_returns: int, timeout: float | None) -> Any:
        self.waits.append(timeout)
        number = 0 if timeout == 0 else num_returns
        return references[:number], references[number:]

    def get(self, reference: Reference, timeout: float | None = None) -> Any:
        if timeout is not None:  # whether a node sees the folder
            return self.sees, __version__
        assert self.does is not None
        return self.does(reference.arguments[0])

    def cancel(self, reference: Any, force: bool) -> None:
        raise AssertionError(f"{reference} {force}: nothing is left to cancel")


def finished(task: Task) -> dict[str, Any]:
    return task.told | {"status": "finished"}


@pytest.fixture(autouse=True)
def _process_as_it_was() -> Iterator[None]:
    """A worker makes its process one with a single thread and variables of its own; here it is that of the tests."""
    threads = torch.get_num_threads()
    with patch.dict(os.environ):
        yield
    torch.set_num_threads(threads)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Cluster]:
    """Return how to make a launcher of a fake."""

    def make(fake: FakeRay, gpus: float = 0.0, workers: int | None = None) -> Cluster:
        monkeypatch.setattr(ray, "connected", lambda _: fake)
        return Cluster(tmp_path, "tiny", None, gpus, workers)

    return make


def some(number: int, folder: Path) -> list[Task]:
    return [Task(str(i), (), str(folder / str(i)), {"key": str(i), "cell": {}, "seed": i}) for i in range(number)]


@pytest.mark.parametrize(
    ("nodes", "gpus", "words"),
    [
        ([{"CPU": 1.0, "GPU": 1.0}] * 2, 2.0, r"no node .* a processor and 2 GPUs .* 1 \+ 1, 1 \+ 1\)"),
        ([{"CPU": 4.0}, {"GPU": 1.0}], 0.5, r"no node .* and 0.5 GPUs .* 4 \+ 0, 0 \+ 1\)"),
        ([{}], 0.0, r"no node of the cluster has a processor for a run"),
    ],
)
def test_a_cluster_that_could_never_start_a_run_is_refused_unless_it_may_grow(
    cluster: Callable[..., Cluster], nodes: list[dict[str, float]], gpus: float, words: str
) -> None:
    with pytest.raises(StudyError, match=words):
        cluster(FakeRay(nodes), gpus)
    assert cluster(FakeRay(nodes), gpus, workers=3).workers == 3


def test_a_share_of_two_gpus_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["study", str(written(tmp_path)), "--launcher", "ray", "--gpus", "1.5"]) == 2
    assert "--gpus 1.5: a share of one GPU, or whole ones" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("fake", "words"),
    [
        (None, "needs Ray: pip install"),
        (FakeRay([{}]), "no node of the cluster"),
        (FakeRay([{"CPU": 1.0}], sees=False), "is not there on node 0"),
    ],
)
def test_a_cluster_that_cannot_do_it_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    fake: FakeRay | None,
    words: str,
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    if fake is not None:
        monkeypatch.setattr(ray, "connected", lambda _: fake)
    path = written(tmp_path, seeds=1)
    assert cli.main(["study", str(path), "--launcher", "ray", "--folder", str(tmp_path / "runs")]) == 2
    assert words in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [path]


def test_some_runs_always_wait_so_that_a_cluster_grows_and_is_used_when_it_has(
    cluster: Callable[..., Cluster], tmp_path: Path
) -> None:
    fake = FakeRay([{"CPU": 2.0}], finished)
    launcher = cluster(fake)
    fake.given.clear()  # whether nodes see the folder
    lines = launcher.run(some(12, tmp_path))
    next(lines)
    assert len(fake.given) == 4 + 1  # twice the processors, and the next one before the first line was told
    fake.resources.append({"CPU": 2.0})
    next(lines)
    assert len(fake.given) == 1 + 8 + 1
    assert len(list(lines)) == 10


def test_runs_at_a_time_are_those_that_the_gpus_hold(cluster: Callable[..., Cluster]) -> None:
    assert cluster(FakeRay([{"CPU": 16.0, "GPU": 1.0}]), gpus=0.25).workers == 2 * 4


@pytest.mark.parametrize("reason", ["SIGTERM", None])
def test_a_run_that_a_node_takes_with_it_is_begun_again_but_not_for_ever(
    cluster: Callable[..., Cluster], tmp_path: Path, reason: str | None
) -> None:
    begun = []

    def spoilt(task: Task) -> dict[str, Any]:
        begun.append(task.key)
        if task.key == "0" or (task.key == "1" and begun.count("1") < 2):
            if reason is None:
                raise LostError("the node died")
            return task.told | {"status": "stopped", "reason": reason}
        return finished(task)

    lines = {line["key"]: line for line in cluster(FakeRay([{"CPU": 1.0}], spoilt)).run(some(3, tmp_path))}
    assert [begun.count(key) for key in "012"] == [ATTEMPTS, 2, 1]
    assert [lines[key]["status"] for key in "012"] == ["failed" if reason is None else "stopped", *["finished"] * 2]


def test_what_was_set_for_weights_and_biases_goes_with_the_task(
    monkeypatch: pytest.MonkeyPatch, cluster: Callable[..., Cluster], tmp_path: Path
) -> None:
    monkeypatch.setenv("WANDB_PROJECT", "norms")
    monkeypatch.setattr(ray, "perform", lambda task: {"seen": os.environ.get("WANDB_PROJECT"), **task.told})
    fake = FakeRay([{"CPU": 1.0}], finished)
    assert len(list(cluster(fake).run(some(1, tmp_path)))) == 1
    monkeypatch.delenv("WANDB_PROJECT")  # as it is on a node
    assert ray.in_cluster(*fake.given[-1].arguments)["seen"] == "norms"


@pytest.mark.parametrize("starts", [False, True])
def test_it_is_told_where_nothing_starts(
    monkeypatch: pytest.MonkeyPatch,
    cluster: Callable[..., Cluster],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    starts: bool,
) -> None:
    monkeypatch.setattr(watch, "NOTICE", 0.0)
    fake = FakeRay([{"CPU": 1.0}], finished)
    if starts:
        monkeypatch.setattr(
            fake, "give", lambda *arguments: (tmp_path / "workers.lock").touch() or Reference(*arguments)
        )
    assert len(list(cluster(fake).run(some(2, tmp_path)))) == 2
    assert fake.waits[:2] == [0.0, None]
    assert ("nothing has started" in capsys.readouterr().err) is not starts


def test_pages_take_a_small_part_of_the_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pages: list[None] = []
    running = importlib.import_module("gannorm.study.run")  # the package's `run` is the function
    monkeypatch.setattr(running, "PAGE_EVERY", 0.0)
    monkeypatch.setattr(running, "page_of", lambda _: pages.append(time.sleep(0.05)))
    lines = (task.told | {"status": "finished"} for task in some(50, tmp_path))
    running.follow(lines, Journal(tmp_path / "journal.jsonl"), tmp_path, 50)
    assert len(pages) == 1  # the next one is due after a second


@pytest.mark.parametrize("times", [1, ATTEMPTS])
def test_a_run_that_hangs_is_begun_again_but_not_for_ever(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, times: int
) -> None:
    monkeypatch.setattr(local, "serve", hanging.serve)
    (tmp_path / "times").write_text("x" * times)
    launcher = Local(1, tmp_path, "tiny", patience=(10 if times < ATTEMPTS else 1) / 60)
    (line,) = launcher.run(some(1, tmp_path))
    assert launcher.attempts.begun["0"] == min(times + 1, ATTEMPTS)
    assert (line["status"], "nothing new was written" in line.get("reason", "")) == (
        ("finished", False) if times < ATTEMPTS else ("failed", True)
    )


def test_a_run_hangs_when_nothing_new_is_written(tmp_path: Path) -> None:
    own = Watch(tmp_path, 1 / 60)
    own.since -= 2
    assert own.hangs()
    (tmp_path / "metrics.csv").write_text("1")
    assert not own.hangs()
    own.since -= 2
    (tmp_path / "metrics.csv").write_text("12")
    assert not own.hangs()


def test_a_run_that_finished_without_the_outcome_is_told_as_failed_and_run_once_more_if_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given: list[int] = []

    def run(tasks: Sequence[Task]) -> Iterator[dict[str, Any]]:
        given.append(len(tasks))
        finals: Iterator[dict[str, Any]] = iter([{}, {"effective_modes": None, "high_quality": 0}])
        yield from (finished(task) | {"id": task.id, "final": next(finals), "seconds": None} for task in tasks)

    study = partial(study_run, written(tmp_path, seeds=1), lambda *_: SimpleNamespace(run=run), folder=tmp_path)
    outcomes = [study(), study(), study(retry_failed=True)]
    assert [(outcome.ended, outcome.failed) for outcome in outcomes] == [(1, 1)] * 3
    assert given == [2, 1]
    said = capsys.readouterr().out.splitlines()
    assert said[1].endswith("batch, seed 0: failed: it has no effective_modes: nobody judged its samples")
    assert said[2].endswith("layer, seed 0: finished, 0.0 s")


def test_a_task_of_a_cluster_ends_its_own_process_when_it_hangs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ended = threading.Event()
    monkeypatch.setattr(watch.os, "_exit", lambda _: ended.set())
    monkeypatch.setattr(ray, "perform", lambda task: finished(task) if ended.wait(20) else {})
    (task,) = some(1, tmp_path)
    assert ray.in_cluster(task, "tiny", tmp_path / "workers.lock", {}, 0.1 / 60)["status"] == "finished"

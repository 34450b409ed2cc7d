"""The benchmarks run; what they measure is not tested, it depends on the machine."""

import subprocess
import sys

import pytest

import benchmarks.__main__ as command
from benchmarks import norms as benchmark
from gannorm import norms


def test_every_norm_that_follows_a_layer_is_measured(monkeypatch, capsys):
    monkeypatch.setattr(benchmark, "SHAPE", (4, 8, 3, 3))
    monkeypatch.setattr(benchmark, "IMPORTS", {"torch": "import json", "gannorm.norms": "import json, fractions"})
    result = benchmark.run(rounds=1)
    names = [*norms.names(kind="activation"), *norms.names(kind="fused")]
    twice = [name for name in names if norms.describe(name).double_backward]
    measured = result["measured"]
    assert list(measured["backward, contiguous"]) == list(measured["backward, channels_last"]) == names
    assert list(measured["double_backward, contiguous"]) == list(measured["double_backward, channels_last"]) == twice
    assert all(cell["ratio"] > 0 and cell["seconds"] > 0 for column in measured.values() for cell in column.values())
    assert result["import"]["ratio"] > 0
    rows = capsys.readouterr().out.splitlines()
    assert [row.split()[0] for row in rows[3:-2]] == names


def test_the_benchmarks_are_a_table(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["benchmarks", "nothing"])
    with pytest.raises(SystemExit):
        command.main()
    errors = capsys.readouterr().err
    assert all(name in errors for name in command.BENCHMARKS)


@pytest.mark.slow
def test_the_command_writes_json(tmp_path):
    line = [sys.executable, "-m", "benchmarks", "--rounds", "1", "--json", f"{tmp_path}/x.json"]
    process = subprocess.run(line, capture_output=True, text=True, check=True)
    assert "ratio" in process.stdout
    assert '"seconds_per_step"' in (tmp_path / "x.json").read_text()

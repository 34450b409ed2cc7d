"""Compiled networks take the steps of those that are not, keep their names, and refuse what they cannot do."""

import json
import subprocess
import sys

import pytest

from tests import tiny

# In a process of its own: torch cannot trace the checks of shapes that tests put around each function.
TRAIN_BOTH = """
import json, sys
from torch._dynamo.utils import counters
from tests import tiny

def trained(**options):
    gan = tiny.gan(d_norm="layer", **options)
    tiny.fit(gan, tiny.loader(20))
    return gan

plain, compiled = trained().state_dict(), (gan := trained(compile=sys.argv[1])).state_dict()
assert list(plain) == list(compiled)
print(json.dumps({
    "traced": counters["frames"]["ok"],
    "breaks": sum(counters["graph_break"].values()),
    "apart": max(float((plain[name] - compiled[name]).abs().max()) for name in plain),
    "copy_is_compiled": gan.snapshot("raw")._compiled_call_impl is not None,
}))
"""


def train_both(backend):
    done = subprocess.run([sys.executable, "-c", TRAIN_BOTH, backend], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_they_take_the_same_steps_under_the_same_names():
    found = train_both("eager")  # torch's trace, with its ordinary kernels
    assert found["traced"] > 0
    assert found["breaks"] == 0
    assert found["apart"] == 0.0
    assert not found["copy_is_compiled"]  # what is sampled from


@pytest.mark.slow
def test_other_kernels_take_the_same_steps_to_rounding():
    assert 0.0 < train_both("inductor")["apart"] < 1e-4


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"penalties": "r1"}, "compile='eager': torch.compile cannot differentiate twice, as penalty 'r1' does"),
        ({"remedies": "unrolling"}, "as remedy 'unrolling' does; leave one out"),
    ],
)
def test_second_derivatives_are_refused_before_the_first_step(options, words):
    with pytest.raises(ValueError, match=words):
        tiny.gan(compile="eager", **options)

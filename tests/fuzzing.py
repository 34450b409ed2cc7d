"""What is drawn where a test tries what nobody meant, and how often."""

import copy

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from gannorm import norms

QUICK, SLOW = 50, 1500  # cases of each thing that is tried


def lots(number):
    """Return hypothesis's settings for so many cases: the same ones each time."""
    unhurried = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much]
    return settings(
        max_examples=number, deadline=None, derandomize=True, database=None, suppress_health_check=unhurried
    )


def both(test):
    """Return a test of few cases, and the same with many as a slow one."""
    return pytest.mark.parametrize("cases", [QUICK, pytest.param(SLOW, marks=pytest.mark.slow)])(test)


NUMBERS = st.one_of(
    st.integers(-3, 70),
    st.sampled_from([0, -1, 2**31, 2**63, 10**30, -(10**12)]),
    st.floats(allow_nan=True, allow_infinity=True),
)
WORDS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [*norms.names(), "BN", "none", "null", "~", "[]", "{}", "[", "!!python/name:os.system", "\0", "é", "1e3"]
    ),
    st.sampled_from(["os.system", "torch.nn.BatchNorm2d", "torch.nn", "gannorm.networks.MLPGenerator", "a.b.c", "."]),
)
PLAIN = st.one_of(st.none(), st.booleans(), NUMBERS, WORDS)
ANYTHING = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(WORDS, st.sampled_from(["name", "class_path", "init_args"])), inner, max_size=3),
    ),
    max_leaves=6,
)


def paths(content, before=()):
    """Return the places of a nested mapping."""
    found = [before] if before else []
    for key, value in content.items() if isinstance(content, dict) else ():
        found += paths(value, (*before, key))
    return found


@st.composite
def mutated(draw, base):
    """Return a nested mapping in one to three places of which something else stands."""
    content = copy.deepcopy(base)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.sampled_from(paths(content)))
        inside = content
        for key in place[:-1]:
            inside = inside[key]
        kind = draw(st.sampled_from(["other", "gone", "renamed"]))
        old = inside.pop(place[-1])
        if kind == "other":
            inside[place[-1]] = draw(ANYTHING)
        elif kind == "renamed":
            inside[draw(WORDS)] = old
        if not paths(content):
            break
    return content

"""Schedules: what the number is at each moment, and what is refused."""

import itertools
import math
import re

import pytest

from gannorm.schedules import Schedule, resolve


def curve(spec, images, total_images=1000):
    return [resolve(spec).at(seen, total_images) for seen in images]


def test_a_number_stays():
    schedule = resolve(3)
    assert schedule.constant
    assert {schedule.at(seen, total) for seen in (0, 10**9) for total in (1, None)} == {3.0}
    assert resolve(schedule) is schedule
    assert resolve({"start": 3.0, "shape": "constant"}) == schedule


def test_linear_is_a_straight_line_between_two_flat_ones():
    spec = {"start": 2.0, "end": 4.0, "begin": 200, "until": 600}
    assert curve(spec, [0, 199, 200, 300, 400, 600, 601, 5000]) == [2.0, 2.0, 2.0, 2.5, 3.0, 4.0, 4.0, 4.0]
    assert not resolve(spec).constant


def test_cosine_is_flat_at_both_ends_and_half_way_in_the_middle():
    steps = curve({"start": 1.0, "end": 0.0, "shape": "cosine"}, range(0, 1001, 125))
    assert steps == pytest.approx([(1 + math.cos(math.pi * k / 8)) / 2 for k in range(9)])
    falls = [a - b for a, b in itertools.pairwise(steps)]
    assert all(fall > 0 for fall in falls)
    assert max(falls) == max(falls[3:5])


def test_a_share_of_the_run_and_its_images_are_one_thing():
    in_shares = {"start": 1.0, "end": 0.0, "begin": 0.25, "until": 0.75}
    in_images = {"start": 1.0, "end": 0.0, "begin": 250, "until": 750}
    assert curve(in_shares, range(1001)) == curve(in_images, range(1001))
    assert curve({"start": 1.0, "end": 0.0}, [500, 1000]) == [0.5, 0.0], "the end of the run is where it ends"


def test_whole_numbers_are_images_and_fractions_are_shares():
    assert curve({"start": 1.0, "end": 0.0, "until": 1}, [0, 1]) == [1.0, 0.0]
    assert curve({"start": 1.0, "end": 0.0, "until": 1.0}, [0, 1]) == [1.0, 0.999]


def test_a_step_where_begin_is_until():
    assert curve({"start": 1.0, "end": 5.0, "begin": 300, "until": 300}, [0, 299, 300]) == [1.0, 1.0, 5.0]


def test_a_run_of_unknown_length_or_one_too_short_stays_at_the_start():
    assert curve({"start": 1.0, "end": 0.0}, [0, 10**9], total_images=None) == [1.0, 1.0]
    assert curve({"start": 1.0, "end": 0.0, "begin": 0.5, "until": 9}, [10], total_images=None) == [1.0]
    assert curve({"start": 1.0, "end": 0.0, "until": 100}, [50], total_images=None) == [0.5], "images need no length"
    assert curve({"start": 1.0, "end": 0.0, "begin": 5000}, [0, 999]) == [1.0, 1.0]


@pytest.mark.parametrize("shape", ["linear", "cosine"])
def test_ends_are_exact(shape):
    spec = {"start": 0.1, "end": 0.7, "begin": 100, "until": 900, "shape": shape}
    assert curve(spec, [0, 100, 900, 1000]) == [0.1, 0.1, 0.7, 0.7]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            {"start": 1, "end": 0, "untill": 5},
            "a schedule has no 'untill'; did you mean 'until'?; there are",
        ),
        ({"start": 1, "end": 0, "?": 5}, "a schedule has no '?'; there are start, end, begin, until, shape"),
        ({"end": 1}, "needs start and end"),
        ({"start": 1}, "needs start and end"),
        ({"start": 1, "end": 0, "begin": 5, "until": 4}, "until=4 of a schedule comes before begin=5"),
        ({"start": 1, "end": 0, "begin": 0.5, "until": 0.4}, "until=0.4 of a schedule comes before begin=0.5"),
        ({"start": 1, "end": 0, "until": 1.5}, "until=1.5 of a schedule is no moment of a run"),
        ({"start": 1, "end": 0, "begin": -1}, "begin=-1 of a schedule is no moment"),
        ({"start": 1, "end": 0, "begin": None}, "begin=None of a schedule is no moment"),
        ({"start": 1, "end": 0, "shape": "cosin"}, "shape='cosin' of a schedule is none of linear, cosine, constant"),
        ({"start": 1, "end": 0, "shape": "constant"}, "start=1, end=0 of a constant schedule"),
        ({"start": 1, "end": math.nan}, "end=nan of a schedule is no finite number"),
        ({"start": "1e-3", "end": 0}, "start='1e-3' of a schedule is no finite number"),
        (math.inf, "schedule inf is no finite number"),
        ("linear", "schedule 'linear' is no finite number, and no mapping"),
        (True, "schedule True is no finite number"),
        (None, "schedule None is no finite number"),
    ],
)
def test_what_is_no_schedule(spec, message):
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        resolve(spec)
    assert "\n" not in str(error.value)


def test_moments_of_two_kinds_are_compared_in_the_run():
    schedule = Schedule(1.0, 0.0, begin=0.5, until=400)
    assert schedule.at(300, total_images=600) == 1.0
    with pytest.raises(ValueError, match="until comes before begin in a run of 1000 images"):
        schedule.at(500, total_images=1000)

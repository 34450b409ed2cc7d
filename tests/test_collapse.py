"""The detector on streams of counts whose truth is known: what it says, when, and that it is silent otherwise."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from gannorm.collapse import DEPTHS, STATES, Detector, Event, Row, Thresholds, code

EVERY = 32_000
UNIFORM = [0.1] * 10
REAL_COPIES = {"near_duplicates_real": 0.016}


def without(*modes: int, num_modes: int = 10) -> np.ndarray:
    shares = np.ones(num_modes)
    shares[list(modes)] = 0
    return shares / shares.sum()


def rows(
    streams: Sequence[np.ndarray], num: int = 2048, quality: float = 0.98, seed: int = 0
) -> Iterator[tuple[Row, Row]]:
    """Yield looks at a generator with these shares, each with its repetition on fresh noise."""
    random = np.random.default_rng(seed)
    for number, shares in enumerate(streams, start=1):
        probabilities = np.append(np.asarray(shares) * quality, 1 - quality)
        first, second = (random.multinomial(num, probabilities)[:-1].tolist() for _ in range(2))
        row = Row(images_seen=number * EVERY, num_samples=num, counts=first)
        yield row, replace(row, counts=second)


def feed(detector: Detector, looks: Iterator[tuple[Row, Row]]) -> list[Event]:
    events = []
    for row, again in looks:
        events += detector.update(row, again if detector.needs_confirmation(row) else None)
    return events


def told(streams: Sequence[np.ndarray], prior: Sequence[float] = UNIFORM, **options: float) -> list[tuple[int, str]]:
    """Return (look, state) of each event, looks counted from 0."""
    events = feed(Detector(prior), rows(streams, **options))  # type: ignore[arg-type]
    return [(event.images_seen // EVERY - 1, event.state) for event in events]


HEALTHY = [np.full(10, 0.1)] * 4


@pytest.mark.parametrize(
    ("gone", "expected"),
    [
        ((3,), [(5, "mode dropped")]),
        ((3, 7), [(4, "partial")]),
        ((0, 1, 2, 3), [(4, "partial")]),
        ((0, 1, 2, 3, 4), [(4, "severe")]),
        ((0, 1, 2, 3, 4, 5, 6), [(4, "severe")]),
        ((0, 1, 2, 3, 4, 5, 6, 7), [(4, "total")]),
        ((0, 1, 2, 3, 4, 5, 6, 7, 8), [(4, "total")]),
    ],
)
def test_lost_modes_are_told_by_depth_and_only_the_deepest(
    gone: tuple[int, ...], expected: list[tuple[int, str]]
) -> None:
    assert told(HEALTHY + [without(*gone)] * 6) == expected


def test_a_dropped_mode_is_named_with_its_onset() -> None:
    events = feed(Detector(UNIFORM), rows(HEALTHY + [without(3)] * 3))
    assert [(event.modes, event.onset) for event in events] == [([3], 5 * EVERY)]
    assert "3" in events[0].text
    assert events[0].severity == "warn"


@pytest.mark.parametrize("num_modes", [2, 8, 25, 100, 1000])
def test_half_and_nearly_all_modes_gone_whatever_their_number(num_modes: int) -> None:
    prior, num = [1 / num_modes] * num_modes, 10_000 if num_modes > 100 else 2048
    healthy = [np.array(prior)] * 4
    half = told([*healthy, *[without(*range(num_modes // 2), num_modes=num_modes)] * 3], prior, num=num)
    one = told([*healthy, *[without(*range(num_modes - 1), num_modes=num_modes)] * 3], prior, num=num)
    assert half[0] == ((4, "total") if num_modes == 2 else (4, "severe") if num_modes != 25 else (4, "partial"))
    assert one == [(4, "total")]


def test_few_samples_of_a_thousand_modes_are_no_collapse_and_tell_a_real_one() -> None:
    prior = np.full(1000, 1e-3)
    assert told([prior] * 12, prior.tolist(), num=2048) == []
    assert told([prior] * 4 + [without(*range(400), num_modes=1000)] * 2, prior.tolist(), num=2048) == [(4, "partial")]


def test_rare_modes_are_judged_by_several_looks_together() -> None:
    prior = np.full(1000, 1e-3)
    gone = tuple(range(20))
    events = feed(Detector(prior.tolist()), rows([prior] * 4 + [without(*gone, num_modes=1000)] * 10, num=10_000))
    assert [(event.state, tuple(event.modes)) for event in events] == [("mode dropped", gone)]


def test_an_uneven_prior_is_no_collapse_and_an_even_generator_of_it_no_warning() -> None:
    prior = np.array([0.55] + [0.05] * 9)
    assert told([prior] * 20, prior.tolist()) == []
    assert told([np.full(10, 0.1)] * 8, prior.tolist()) == [(2, "imbalance")]
    assert told([prior] * 4 + [without(*range(1, 10))] * 2, prior.tolist())[0] == (4, "total")


@pytest.mark.parametrize("period", [1, 2, 4, 7])
def test_modes_that_come_and_go_are_hopping_at_the_first_exchange(period: int) -> None:
    odd, even = without(0, 2, 4, 6, 8), without(1, 3, 5, 7, 9)
    circle = [odd if (look // period) % 2 else even for look in range(4 * period + 2)]
    assert (4 + period, "hopping") in told(HEALTHY + circle)


def test_players_that_go_round_in_circles_without_a_change_of_modes_are_no_hopping() -> None:
    detector = Detector(UNIFORM)
    for number, (row, _) in enumerate(rows([np.full(10, 0.1)] * 16)):
        swing = 3.0 * (-1) ** number
        detector.update(replace(row, logit_gap=swing, churn=0.9, fake_gradient=1.0 + abs(swing)))
        detector.update(Row(images_seen=row.images_seen + 1, logit_gap=-swing, gradient_cosine=swing / 4))
    assert detector.events == []


def test_a_loss_of_modes_and_its_recovery_is_no_hopping() -> None:
    dip = HEALTHY + [without(*range(1, 10))] * 3 + HEALTHY
    assert told(dip) == [(4, "total"), (9, "recovered")]


def test_a_collapse_that_gets_deeper_and_less_deep_says_each() -> None:
    stages = HEALTHY + [without(0, 1, 2)] * 2 + [without(*range(6))] * 2 + [without(*range(9))] + [without(0, 1, 2)] * 4
    assert [state for _, state in told(stages)] == ["partial", "severe", "total", "partial"]


def test_a_generator_as_even_as_good_ones_never_warns() -> None:
    shares = np.exp(np.random.default_rng(1).normal(0, 0.2, 10))
    detector = Detector(UNIFORM)
    feed(detector, rows([shares / shares.sum()] * 500, quality=0.8))
    assert [event for event in detector.events if STATES[event["state"]].level > 1] == []


def test_noise_is_told_to_have_never_been_healthy_once() -> None:
    assert told([np.full(10, 0.1)] * 12, quality=0.2) == [(3, "never healthy")]


def test_a_mode_that_was_never_there_is_told_after_the_immature_images() -> None:
    assert told([without(5)] * 8) == [(2, "imbalance"), (4, "mode dropped")]


def test_modes_that_are_not_yet_there_are_no_collapse_and_few_pictures_of_them_neither() -> None:
    detector = Detector(UNIFORM)
    learning = [without(*range(gone)) for gone in (4, 3, 2)]
    events = []
    for row, _ in rows(learning):
        events += detector.update(replace(row, class_rke=[0.1] * 10))
    assert [event.state for event in events if event.severity != "info"] == []
    assert told([without(*range(7))] * 2) == [(0, "severe")]


def test_samples_that_are_all_alike_collapse_whatever_the_judge_says() -> None:
    detector = Detector(UNIFORM)
    feed(detector, rows(HEALTHY))
    rejected = Row(images_seen=5 * EVERY, num_samples=2048, counts=[0] * 10, spread=0.01, kinds=1.0)
    assert detector.needs_confirmation(rejected)
    assert [event.state for event in detector.update(rejected, rejected)] == ["total"]


def test_copies_before_the_modes_were_learned_are_told_where_nearly_all_samples_are_some() -> None:
    def told_of(share: float) -> list[str]:
        detector = Detector(UNIFORM)
        early = Row(images_seen=20_000, num_samples=512, counts=[0] * 10, near_duplicates=share, **REAL_COPIES)
        return [event.state for event in detector.update(early, early if detector.needs_confirmation(early) else None)]

    assert told_of(0.7) == []  # as in a healthy run of plain MLPs
    assert told_of(0.99) == ["intra-mode"]


def test_samples_that_are_alike_before_the_modes_were_learned_have_to_stay_so() -> None:
    def told_of(*spreads: float) -> list[str]:
        detector = Detector(UNIFORM)
        for number, spread in enumerate(spreads, start=1):
            row = Row(images_seen=number * 20_000, num_samples=512, counts=[0] * 10, spread=spread)
            detector.update(row, row if detector.needs_confirmation(row) else None)
        return [event["state"] for event in detector.events]

    assert told_of(0.1, 0.4, 0.1, 0.9) == []
    assert told_of(0.1, 0.1, 0.1) == ["total"]


def test_few_accepted_samples_of_a_run_that_falls_apart_say_nothing_of_modes() -> None:
    detector = Detector(UNIFORM)
    feed(detector, rows(HEALTHY, quality=0.8))
    feed(detector, rows([without(*range(6))] * 4, quality=0.05, seed=1))
    assert [event["state"] for event in detector.events] == ["diverging"]


def test_without_a_judge_the_label_free_test_is_left() -> None:
    detector = Detector(None)
    varied = Row(images_seen=EVERY, num_samples=512, spread=0.95, kinds=90.0)
    alike = replace(varied, images_seen=2 * EVERY, spread=0.05, kinds=1.2)
    assert detector.update(varied) == []
    assert detector.state == "healthy"
    assert [event.state for event in detector.update(alike, alike)] == ["total"]


def test_a_collapse_that_fresh_noise_does_not_show_waits_for_the_next_look() -> None:
    detector = Detector(UNIFORM)
    feed(detector, rows(HEALTHY))
    (good, _), (bad, worse) = next(rows(HEALTHY)), next(rows([without(*range(6))]))
    assert detector.update(replace(bad, images_seen=5 * EVERY), replace(good, images_seen=5 * EVERY)) == []
    assert [event.state for event in detector.update(replace(worse, images_seen=6 * EVERY))] == ["severe"]


def test_a_mode_of_few_pictures_is_an_intra_mode_collapse() -> None:
    detector = Detector(UNIFORM)
    entropy = [0.9] * 4 + [0.1] + [0.9] * 5
    events = []
    for row, _ in rows(HEALTHY):
        events += detector.update(replace(row, class_rke=entropy))
    assert [(event.state, event.modes, event.images_seen // EVERY) for event in events] == [("intra-mode", [4], 2)]


def test_a_gradient_that_explodes_twice_and_a_number_that_is_none_are_diverging() -> None:
    def readings(*gradients: float) -> list[str]:
        detector = Detector(UNIFORM)
        feed(detector, rows(HEALTHY[:1]))
        moments = enumerate([0.1] * 20 + list(gradients), start=EVERY)
        return [
            e.state for images, value in moments for e in detector.update(Row(images_seen=images, fake_gradient=value))
        ]

    assert readings(5.0) == []
    assert readings(5.0, 5.0) == ["diverging"]
    assert readings(float("nan")) == ["diverging"]


def test_quality_under_half_of_its_best_is_diverging_and_blur_above_it_nothing() -> None:
    detector = Detector(UNIFORM)
    feed(detector, rows(HEALTHY, quality=0.9))
    assert feed(detector, rows([np.full(10, 0.1)] * 4, quality=0.55, seed=1)) == []
    assert [event.state for event in feed(detector, rows([np.full(10, 0.1)] * 4, quality=0.2, seed=2))] == ["diverging"]


def test_signs_before_a_loss_are_precursors_and_say_nothing_during_one() -> None:
    detector = Detector(UNIFORM)
    good = [replace(row, discriminator_rank=0.8) for row, _ in rows(HEALTHY)]
    sick = [replace(row, discriminator_rank=0.4, images_seen=row.images_seen + 4 * EVERY) for row, _ in rows(HEALTHY)]
    assert [event.state for row in good + sick for event in detector.update(row)] == ["precursor"]
    assert told(HEALTHY * 3 + [without(0, 1, 2)] * 6) == [(12, "partial")]


def test_modes_that_fade_slowly_are_seen_before_they_are_gone() -> None:
    fading = [np.array([0.1 * (1 - step / 20)] + [0.1] * 9) for step in range(21)]
    events = told(HEALTHY * 3 + [shares / shares.sum() for shares in fading])
    assert [state for _, state in events] == ["precursor", "mode dropped"]


def test_nothing_is_said_in_the_warm_up_and_a_number_that_is_none_all_the_same() -> None:
    detector = Detector(UNIFORM)
    early = Row(images_seen=10_000, num_samples=2048, counts=[2048] + [0] * 9, spread=0.0)
    assert not detector.needs_confirmation(early)
    assert detector.update(early) == []
    assert [event.state for event in detector.update(Row(images_seen=11_000, finite=False))] == ["diverging"]


def test_misread_samples_do_not_hide_a_dropped_mode() -> None:
    leak = np.full(10, 0.1)
    leak[3] = 0.006  # of 2,048 samples 12 are misread as a 3
    looks = [
        (replace(row, leaked=[0.0] * 3 + [12.0] + [0.0] * 6), again) for row, again in rows([leak / leak.sum()] * 4)
    ]
    detector = Detector(UNIFORM)
    feed(detector, rows(HEALTHY))
    events = feed(detector, ((replace(row, images_seen=row.images_seen + 4 * EVERY), again) for row, again in looks))
    assert [event.modes for event in events if event.state == "mode dropped"] == [[3]]


def test_a_saved_detector_goes_on_as_if_it_had_never_stopped() -> None:
    looks = list(
        rows(HEALTHY + [without(3)] * 3 + [without(*range(7))] * 4 + [without(*range(3, 10))] * 3 + HEALTHY * 2)
    )
    whole = Detector(UNIFORM)
    feed(whole, iter(looks))
    for cut in range(len(looks)):
        first, second = Detector(UNIFORM), Detector(UNIFORM)
        feed(first, iter(looks[:cut]))
        second.load_state_dict(json.loads(json.dumps(first.state_dict())))
        feed(second, iter(looks[cut:]))
        assert second.events == whole.events
        assert second.state_dict() == whole.state_dict()


def test_states_are_in_order_and_events_are_plain() -> None:
    levels = [state.level for state in STATES.values()]
    assert levels == sorted(levels)
    assert code("total") == max(map(code, DEPTHS))
    event = feed(Detector(UNIFORM), rows(HEALTHY + [without(3)] * 2))[0].to_dict()
    assert json.loads(json.dumps(event)) == event


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"partial": 1.2}, "partial=1.2"),
        ({"total": 0.6}, "severe=0.5 is not above total=0.6"),
        ({"window": 1}, "window=1"),
        ({"gradient": 0.5}, "gradient=0.5"),
        ({"warm_up_images": -1}, "warm_up_images=-1"),
        ({"dropped": float("nan")}, "dropped=nan"),
    ],
)
def test_thresholds_out_of_range_are_refused(options: dict[str, float], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        Thresholds(**options)  # type: ignore[arg-type]


def test_what_does_not_fit_the_prior_is_refused() -> None:
    with pytest.raises(ValueError, match="counts of 3 modes; the prior has 10"):
        Detector(UNIFORM).update(Row(images_seen=EVERY, num_samples=3, counts=[1, 1, 1]))
    with pytest.raises(ValueError, match="prior has 1 modes"):
        Detector([1.0])


def test_the_detector_needs_neither_torch_nor_lightning() -> None:
    program = "import sys, gannorm.collapse; print({'torch', 'pytorch_lightning', 'wandb'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"

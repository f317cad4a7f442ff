import math
import random
import tracemalloc
from itertools import pairwise

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actors.monitor.anomaly import (
    ALARM,
    REMEMBERED_MAX,
    REST_POINTS,
    RESTING_MAX,
    YOUNG_POINTS,
    AnomalyDetector,
    NoveltyMemory,
    SavedMemory,
)

STEP_S = 300.0


def noise(count, seed=1, level=50.0, spread=5.0):
    chance = random.Random(seed)
    return [level + chance.gauss(0, spread) for _ in range(count)]


def alarms(values, step_s=STEP_S, detector=None):
    detector = detector or AnomalyDetector()
    return [at for at, value in enumerate(values) if detector.update(at * step_s, value) >= ALARM]


def test_a_value_unlike_any_before_is_an_alarm():
    assert alarms([*noise(1000), 120.0])[-1] == 1000


def test_a_value_that_came_often_is_none():
    series = noise(2000)
    for at in range(300, 2000, 100):
        series[at] = 120.0
    found = alarms(series)
    assert 300 in found
    assert sum(at >= 1000 for at in found) <= 2


def test_a_lasting_shift_is_told_once():
    found = [at for at in alarms(noise(1000) + noise(1000, seed=2, level=150.0)) if at >= 1000]
    assert found[0] == 1000
    assert len(found) <= 3


def test_a_flat_series_alarms_when_it_moves():
    assert alarms([45.0] * 500 + [46.0]) == [500]


def test_nothing_is_an_alarm_while_the_memory_is_young():
    assert alarms([45.0] * (YOUNG_POINTS - 10) + [1e9]) == []


def test_no_alarm_comes_within_the_rest_after_one():
    found = alarms([0.0] * 200 + [10.0**power for power in range(1, 60)])
    assert found
    assert all(later - before > REST_POINTS for before, later in pairwise(found))


def test_a_novelty_in_the_rest_scores_just_under_an_alarm():
    detector = AnomalyDetector()
    for at in range(200):
        detector.update(at * STEP_S, 45.0)
    assert detector.update(200 * STEP_S, 100.0) >= ALARM
    assert detector.update(201 * STEP_S, 1e6) == RESTING_MAX


def test_a_usual_value_at_an_unusual_hour_is_an_alarm():
    day = [50 + 40 * math.sin(2 * math.pi * at / 288) for at in range(288)]
    wobble = noise(288 * 10, level=0.0, spread=1.0)
    series = [day[at % 288] + wobble[at] for at in range(288 * 10)]
    start = 288 * 9 + 40
    series[start : start + 60] = [50.0 + extra for extra in wobble[:60]]
    assert any(start <= at < start + 60 for at in alarms(series))


def test_a_departure_from_the_recent_average_is_an_alarm_on_a_smooth_series():
    series = [
        1000 * math.sin(2 * math.pi * at / 1000.0) + extra
        for at, extra in enumerate(noise(4000, level=0.0, spread=1.0))
    ]
    series[3300] -= 200.0
    assert 3300 in alarms(series)


@pytest.mark.parametrize("step_s", [10.0, 60.0, 300.0])
def test_a_steady_series_alarms_at_most_every_second_day_after_day_three(step_s):
    per_day = int(86400 / step_s)
    found = alarms(noise(per_day * 7), step_s=step_s)
    assert sum(at >= 3 * per_day for at in found) <= 2


@pytest.mark.parametrize("growth", [0.001, 0.1, 10.0])
def test_a_growing_series_does_not_alarm_all_day(growth):
    wobble = noise(288 * 10, level=100.0, spread=0.5)
    found = alarms([growth * at + extra for at, extra in enumerate(wobble)])
    assert sum(at >= 3 * 288 for at in found) <= 7


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_finite_number_scores_nothing_and_leaves_no_trace(value):
    detector = AnomalyDetector()
    detector.update(0.0, 1.0)
    before = detector.save()
    assert detector.update(1.0, value) == 0.0
    assert detector.update(value, 1.0) == 0.0
    assert detector.save() == before


def test_a_restored_detector_goes_on_as_the_first_one_would():
    first = AnomalyDetector()
    series = [*noise(2000), 200.0, *noise(500, seed=3)]
    for at, value in enumerate(series[:1700]):
        first.update(at * STEP_S, value)
    second = AnomalyDetector(first.save())
    rest = list(enumerate(series))[1700:]
    assert [first.update(at * STEP_S, value) for at, value in rest] == [
        second.update(at * STEP_S, value) for at, value in rest
    ]


@pytest.mark.parametrize(
    "saved",
    [b"", b"\x00", b"nonsense", msgspec.msgpack.encode([[], [], b"", b""]), AnomalyDetector().save()[:-300]],
)
def test_what_no_detector_saved_is_refused(saved):
    with pytest.raises(ValueError, match=r"."):
        AnomalyDetector(saved)


def test_a_memory_with_a_time_too_few_is_refused():
    with pytest.raises(ValueError, match="as many times as values"):
        NoveltyMemory(SavedMemory(bytes(16), bytes(8), 2, 0.0, 0.0))


def test_a_full_detector_takes_less_than_ten_kilobytes():
    chance = random.Random(1)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        detector = AnomalyDetector()
        for at in range(20_000):
            detector.update(at * STEP_S, chance.lognormvariate(0, 2))
        took = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert took < 10_000


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=300))
def test_every_input_gives_a_score_between_0_and_1_and_a_state_that_can_be_written(values):
    detector = AnomalyDetector()
    for at, value in enumerate(values):
        assert 0.0 <= detector.update(float(at), value) <= 1.0
    assert AnomalyDetector(detector.save()).save() == detector.save()


@example([-1e-20, 0.0])
@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=200))
def test_any_order_of_times_is_accepted(times_s):
    detector = AnomalyDetector()
    assert all(0.0 <= detector.update(time_s, index % 7) <= 1.0 for index, time_s in enumerate(times_s))


@given(st.lists(st.floats(min_value=-1e6, max_value=1e6), max_size=500))
def test_a_memory_is_ordered_bounded_and_complete(values):
    memory = NoveltyMemory()
    for point, value in enumerate(values):
        assert memory.novelty(value, point) >= 0.0
    assert list(memory.values) == sorted(memory.values)
    assert len(memory.values) == len(memory.met) <= REMEMBERED_MAX
    assert memory.count == len(values)


def test_a_full_memory_forgets_what_was_not_met_for_longest():
    memory = NoveltyMemory()
    for point in range(REMEMBERED_MAX):
        memory._remember(float(point), point, point)
    memory.met[7] = -1
    memory._remember(1000.0, REMEMBERED_MAX, REMEMBERED_MAX)
    assert len(memory.values) == REMEMBERED_MAX
    assert 7.0 not in memory.values
    assert memory.values[-1] == 1000.0
    memory.met[50] = -2
    memory._remember(-5.0, 0, REMEMBERED_MAX + 1)
    assert list(memory.values) == sorted(memory.values)

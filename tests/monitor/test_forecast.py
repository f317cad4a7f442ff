import math
import random
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.monitor.forecast import Forecaster


def feed(forecaster, values, step_s=10.0, start_s=0.0):
    return [forecaster.update(start_s + index * step_s, value) for index, value in enumerate(values)]


def noisy(seed, sigma, count, course):
    chance = random.Random(seed)
    return [course(index) + chance.gauss(0, sigma) for index in range(count)]


def test_a_line_is_carried_on_to_the_limit():
    left_s = feed(Forecaster(100.0), [20 + 0.1 * index for index in range(400)])[-1]
    assert left_s == pytest.approx((100 - 59.9) / 0.01, rel=0.02)


@pytest.mark.parametrize("step_s", [1.0, 10.0, 60.0])
def test_a_noisy_line_is_forecast_at_any_sampling_interval_and_origin(step_s):
    values = noisy(1, 1.0, 700, lambda index: 10 + 0.1 * index)
    left_s = feed(Forecaster(100.0), values, step_s, start_s=1.8e9)[-1]
    assert left_s == pytest.approx((100 - 79.9) / 0.1 * step_s, rel=0.15)


@pytest.mark.parametrize("step_s", [1.0, 2.0, 5.0, 10.0])
def test_a_leak_of_a_megabyte_a_second_is_forecast_a_minute_before_200_megabytes(step_s):
    forecaster = Forecaster(200e6)
    at = {
        time_s: forecaster.update(time_s, 1e6 * time_s)
        for time_s in [index * step_s for index in range(int(139 / step_s) + 1)]
    }
    last_s, left_s = list(at.items())[-1]
    assert left_s == pytest.approx(200 - last_s, rel=0.1)


def test_a_growth_that_begins_late_is_seen():
    values = noisy(2, 0.3, 3000, lambda index: 30 + 0.1 * max(0, index - 2500))
    told = feed(Forecaster(100.0), values)
    assert told[2400] is None
    assert told[-1] == pytest.approx((100 - 79.9) / 0.01, rel=0.15)


def test_steady_noise_is_never_in_sight():
    for seed in range(5):
        assert set(feed(Forecaster(100.0), noisy(seed, 4.0, 3000, lambda _: 70.0))) == {None}


def test_a_wave_is_not_in_sight_once_it_has_been_seen():
    told = feed(Forecaster(100.0), noisy(3, 0.5, 6000, lambda index: 55 + 35 * math.sin(index / 150)))
    assert set(told[2000:]) == {None}


def test_a_growth_with_a_season_is_forecast_for_its_peak():
    values = noisy(4, 0.2, 3300, lambda index: 10 + index / 50 + 10 * math.sin(index / 80))
    end = next(index for index in range(9999) if 10 + index / 50 + 10 * math.sin(index / 80) >= 100)
    left_s = feed(Forecaster(100.0), values)[-1]
    assert left_s == pytest.approx((end - 3299) * 10, rel=0.15)


def test_a_step_alone_is_no_growth():
    told = feed(Forecaster(100.0), noisy(5, 0.5, 2000, lambda index: 30.0 if index < 1000 else 80.0))
    assert set(told) == {None}


def test_what_flattens_below_the_limit_is_not_in_sight():
    told = feed(Forecaster(100.0), noisy(6, 0.3, 2000, lambda index: 80 - 70 * math.exp(-index / 200)))
    assert set(told[600:]) == {None}


def test_the_limit_reached_is_nothing_left():
    forecaster = Forecaster(100.0)
    assert forecaster.update(0.0, 100.0) == 0.0
    assert forecaster.update(10.0, 50.0) is None


def test_one_reading_of_noise_above_the_limit_is_noise_and_two_are_not():
    forecaster = Forecaster(100.0)
    told = feed(forecaster, noisy(7, 6.0, 2500, lambda index: 10 + index / 50))
    assert told[-1]
    left_s = forecaster.update(25_000.0, 101.0)
    assert left_s
    assert left_s > 0
    assert forecaster.update(25_010.0, 101.0) == 0.0


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e300])
def test_what_is_no_number_changes_nothing(value):
    values = [20 + 0.1 * index for index in range(400)]
    one, other = Forecaster(100.0), Forecaster(100.0)
    before = feed(one, values)[-1]
    feed(other, values)
    assert one.update(4000.0, value) == before
    assert one.update(math.nan, 1.0) == before
    assert one.update(4010.0, 60.1) == other.update(4010.0, 60.1)


def test_a_time_that_comes_twice_changes_nothing_and_one_that_goes_back_begins_anew():
    forecaster = Forecaster(100.0)
    before = feed(forecaster, [20 + 0.1 * index for index in range(400)])[-1]
    assert forecaster.update(3990.0, 5.0) == before
    assert forecaster.update(10.0, 60.0) is None


@pytest.mark.parametrize("limit", [math.nan, math.inf])
def test_a_limit_that_is_no_number_is_refused(limit):
    with pytest.raises(ValueError, match="finite"):
        Forecaster(limit)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(1e-9, 1e6), st.floats(allow_nan=True, allow_infinity=True)), min_size=30, max_size=300
    ),
    st.floats(-1e12, 1e12),
)
def test_any_series_gives_none_or_seconds_from_nothing_on(steps, limit):
    forecaster, time_s = Forecaster(limit), 0.0
    for step_s, value in steps:
        time_s += step_s
        left_s = forecaster.update(time_s, value)
        assert left_s is None or 0.0 <= left_s < math.inf
        if abs(value) < 1e100 and value < limit and left_s is not None:
            assert left_s >= 0


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(-20, 20), st.integers(-1000, 1000))
def test_units_and_origin_of_the_values_do_not_matter(seed, power, shift):
    factor = 2.0**power
    values = [round(value * 64) / 64 for value in noisy(seed, 2.0, 700, lambda index: 10 + 0.11 * index)]
    plain = feed(Forecaster(100.0), values)
    scaled = feed(Forecaster((100.0 + shift) * factor), [(value + shift) * factor for value in values])
    assert [one is None for one in plain] == [one is None for one in scaled]
    assert [one for one in scaled if one is not None] == pytest.approx(
        [one for one in plain if one is not None], rel=1e-3, abs=1
    )


def test_memory_is_bounded():
    tracemalloc.start()
    forecaster = Forecaster(100.0)
    feed(forecaster, noisy(8, 1.0, 40_000, lambda _: 50.0))
    before = tracemalloc.get_traced_memory()[0]
    for index in range(40_000, 80_000):
        forecaster.update(index * 10.0, 50.0 + index % 7)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert before < 150_000
    assert grown < 20_000

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.monitor.thresholds import (
    CALM,
    Cleared,
    Crossed,
    Limit,
    Watch,
    ends_hold_s,
    interval_for,
    limit_of,
    limits_of,
    restarted,
    step,
)
from actors.settings import METRICS, Level, Seconds, Threshold

ABOVE = Limit(metric="memory", direction="above", value=100.0, clear=90.0, hold_s=10.0)
BELOW = Limit(metric="availability", direction="below", value=99.0, clear=99.5, hold_s=10.0)
PENDING = Watch(phase="pending", since_s=50.0)
CROSSED = Watch(phase="crossed", since_s=40.0, crossed_s=50.0)


@pytest.mark.parametrize(
    ("watch", "limit", "reading", "now_s", "after"),
    [
        (CALM, ABOVE, 100.0, 55, ("calm", None)),
        (CALM, ABOVE, 100.1, 55, ("pending", None)),
        (CALM, BELOW, 99.0, 55, ("calm", None)),
        (CALM, BELOW, 98.9, 55, ("pending", None)),
        (PENDING, ABOVE, 99.9, 55, ("calm", None)),
        (PENDING, ABOVE, 101.0, 59.9, ("pending", None)),
        (PENDING, ABOVE, 101.0, 60, ("crossed", Crossed(10.0))),
        (PENDING, BELOW, 98.0, 61, ("crossed", Crossed(11.0))),
        (PENDING, BELOW, 99.1, 61, ("calm", None)),
        (CROSSED, ABOVE, 101.0, 60, ("crossed", None)),
        (CROSSED, ABOVE, 90.1, 60, ("crossed", None)),
        (CROSSED, ABOVE, 90.0, 60, ("calm", Cleared(10.0))),
        (CROSSED, BELOW, 99.4, 60, ("crossed", None)),
        (CROSSED, BELOW, 99.5, 60, ("calm", Cleared(10.0))),
    ],
)
def test_every_cell_of_phase_and_reading(watch, limit, reading, now_s, after):
    moved, told = step(watch, limit, reading, now_s)
    assert (moved.phase, told) == after


@pytest.mark.parametrize("watch", [CALM, PENDING, CROSSED], ids=lambda watch: watch.phase)
@pytest.mark.parametrize("reading", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_changes_nothing(watch, reading):
    assert step(watch, ABOVE, reading, 99.0) == (watch, None)


def test_without_a_hold_time_the_first_reading_beyond_crosses():
    limit = Limit(metric="zombies", direction="above", value=0.0, clear=0.0)
    watch, told = step(CALM, limit, 1.0, 5.0)
    assert told == Crossed(0.0)
    assert step(watch, limit, 0.0, 6.0) == (CALM, Cleared(1.0))


def test_a_clock_that_goes_backwards_starts_the_hold_afresh():
    watch, told = step(PENDING, ABOVE, 101.0, 20.0)
    assert told is None
    assert watch == Watch(phase="pending", since_s=20.0)
    assert step(CROSSED, ABOVE, 1.0, 20.0)[1] == Cleared(0.0)


def test_a_new_life_starts_a_hold_afresh_and_keeps_what_was_told():
    assert restarted(PENDING) is CALM
    assert restarted(CROSSED) is CROSSED
    assert restarted(CALM) is CALM


@pytest.mark.parametrize(("watch", "end_s"), [(CALM, None), (PENDING, 60.0), (CROSSED, None)])
def test_only_a_pending_hold_has_an_end(watch, end_s):
    assert ends_hold_s(watch, ABOVE) == end_s


readings = st.lists(
    st.tuples(st.floats(0, 60), st.one_of(st.floats(0, 200), st.just(math.nan))), min_size=1, max_size=80
)


@given(readings, st.sampled_from([ABOVE, BELOW]), st.floats(0, 100))
def test_a_crossing_is_told_once_and_only_after_an_unbroken_hold(steps, limit, hold_s):
    limit = Limit(metric="m", direction=limit.direction, value=limit.value, clear=limit.clear, hold_s=hold_s)
    watch, now_s, since_s, crossed_s = CALM, 0.0, None, None
    for gap_s, reading in steps:
        now_s += gap_s
        watch, told = step(watch, limit, reading, now_s)
        if math.isnan(reading):
            assert told is None
            continue
        since_s = (now_s if since_s is None else since_s) if limit.beyond(reading) else None
        if isinstance(told, Crossed):
            assert crossed_s is None
            assert since_s is not None
            assert now_s - since_s >= hold_s
            crossed_s = now_s
        elif isinstance(told, Cleared):
            assert crossed_s is not None
            assert limit.behind(reading)
            assert told.lasted_s == pytest.approx(now_s - crossed_s)
            crossed_s = None
        elif crossed_s is None:
            assert since_s is None or now_s - since_s < hold_s
        else:
            assert not limit.behind(reading)
        assert (watch.phase == "crossed") == (crossed_s is not None)


def test_the_clear_value_of_an_availability_can_be_reached():
    limit = limit_of("availability", Threshold(below=Level(95, "percent")), "percent", 1e9)
    assert (limit.direction, limit.value, limit.clear) == ("below", 95.0, 97.5)
    asked = limit_of("availability", Threshold(below=95, clear=96), "percent", 1e9)
    assert asked.clear == 96.0


def test_percent_of_memory_is_of_the_hosts():
    limit = limit_of("memory", Threshold(above=Level(50, "percent"), for_=Seconds(3)), "bytes", 8e9)
    assert (limit.value, limit.clear, limit.hold_s) == (4e9, 3.6e9, 3.0)


def test_limits_by_metric_take_severity_and_unit_over():
    limits = limits_of(
        {"cpu": Threshold(above=80, severity="critical"), "queue": Threshold(above=Level(2, "seconds"))}, METRICS, 1e9
    )
    assert limits["cpu"].severity == "critical"
    assert limits["queue"].value == 2.0


@pytest.mark.parametrize(
    ("holds_s", "interval_s"), [([], 5.0), ([0.0], 0.5), ([60.0], 5.0), ([4.0, 60.0], 2.0), ([0.2], 0.5)]
)
def test_readings_are_as_close_as_the_shortest_hold_wants(holds_s, interval_s):
    limits = {
        str(index): Limit(metric="m", direction="above", value=1, clear=1, hold_s=hold_s)
        for index, hold_s in enumerate(holds_s)
    }
    assert interval_for(limits, 5.0, 0.5) == interval_s


COOLED = Limit(metric="memory", direction="above", value=100.0, clear=90.0, hold_s=10.0, cool_down_s=600.0)


def crossed_and_cleared():
    watch, told = step(Watch(phase="pending", since_s=0.0), COOLED, 150.0, 10.0)
    assert told == Crossed(10.0)
    return step(watch, COOLED, 50.0, 20.0)[0]


def test_a_limit_that_cools_down_is_not_told_again_before_that():
    watch = crossed_and_cleared()
    watch, told = step(watch, COOLED, 150.0, 30.0)
    assert (watch.phase, told) == ("pending", None)
    watch, told = step(watch, COOLED, 150.0, 609.0)
    assert told is None
    assert ends_hold_s(watch, COOLED) == 610.0
    watch, told = step(watch, COOLED, 150.0, 610.0)
    assert told == Crossed(580.0)


def test_what_came_and_went_while_it_cooled_down_is_never_told():
    watch = crossed_and_cleared()
    for at_s, reading in ((30.0, 150.0), (300.0, 150.0), (310.0, 50.0), (605.0, 150.0), (614.0, 150.0)):
        watch, told = step(watch, COOLED, reading, at_s)
        assert told is None
    assert step(watch, COOLED, 150.0, 615.0)[1] == Crossed(10.0)


def test_a_new_life_and_a_clock_that_goes_backwards_do_not_lengthen_the_rest():
    watch = crossed_and_cleared()
    assert restarted(step(watch, COOLED, 150.0, 30.0)[0]).rests_s == 610.0
    watch = step(watch, COOLED, 150.0, -1000.0)[0]
    assert watch.rests_s == -400.0


def test_the_action_and_the_forecast_of_a_threshold_are_those_of_its_limit():
    limit = limit_of(
        "fds", Threshold(above=5, action="hook:close", cool_down=Seconds(60), forecast=Seconds(9)), "count", 1
    )
    assert (limit.action, limit.cool_down_s, limit.forecast_s) == ("hook:close", 60.0, 9.0)
    plain = limit_of("fds", Threshold(above=5), "count", 1)
    assert (plain.action, plain.cool_down_s, plain.forecast_s) == ("", 0.0, None)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.monitor.schedule import Due, Schedule


def test_everything_is_due_at_once_and_then_each_interval():
    schedule = Schedule(100.0)
    assert schedule.take(100.0) == Due(everything=True, names=frozenset())
    schedule.again(100.2, 5.0)
    assert schedule.next_s == 105.0


def test_a_late_reading_shifts_what_follows():
    schedule = Schedule(100.0)
    schedule.again(112.0, 5.0)
    assert schedule.next_s == 117.0


def test_a_single_reading_comes_before_everything_or_with_it():
    schedule = Schedule(100.0)
    schedule.again(100.0, 5.0)
    schedule.bring_forward(101.0, "web")
    schedule.bring_forward(103.0, "web")
    schedule.bring_forward(109.0, "late")
    assert schedule.next_s == 101.0
    assert schedule.take(101.0) == Due(everything=False, names=frozenset({"web"}))
    assert schedule.next_s == 105.0
    schedule.bring_forward(104.0, "web")
    assert schedule.take(105.0).everything
    assert schedule.take(104.0) == Due(everything=False, names=frozenset())


def test_readings_due_close_together_are_taken_at_once():
    schedule = Schedule(100.0)
    schedule.again(100.0, 5.0)
    schedule.bring_forward(101.0, "a")
    schedule.bring_forward(101.04, "b")
    assert schedule.take(101.0).names == {"a", "b"}


def test_everything_can_be_brought_forward_and_a_shorter_interval_counts_at_once():
    schedule = Schedule(100.0)
    schedule.again(100.0, 60.0)
    schedule.bring_forward(150.0)
    assert schedule.next_s == 150.0
    schedule.change(101.0, 2.0)
    assert schedule.next_s == 103.0
    schedule.change(101.0, 30.0)
    assert schedule.next_s == 103.0


def test_workloads_that_are_gone_are_forgotten():
    schedule = Schedule(100.0)
    schedule.again(100.0, 5.0)
    schedule.bring_forward(101.0, "gone")
    schedule.keep({"web"})
    assert schedule.next_s == 105.0


@given(st.lists(st.floats(0, 30), max_size=50), st.floats(0.1, 60))
def test_after_a_reading_the_next_one_is_ahead_and_not_further_than_one_interval(delays_s, interval_s):
    schedule, now_s = Schedule(0.0), 0.0
    for delay_s in delays_s:
        now_s = max(now_s, schedule.next_s) + delay_s
        schedule.take(now_s)
        schedule.again(now_s, interval_s)
        assert now_s < schedule.next_s <= now_s + interval_s + 1e-9


def test_nothing_is_due_before_its_time():
    schedule = Schedule(100.0)
    assert schedule.take(99.0) == Due(everything=False, names=frozenset())
    assert schedule.next_s == pytest.approx(100.0)

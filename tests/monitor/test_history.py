import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.monitor.history import History, Ring


@given(st.lists(st.floats(0.95, 100), max_size=60), st.integers(1, 20))
def test_a_ring_holds_the_newest_points_in_order(gaps_s, capacity):
    ring, kept, now_s = Ring(capacity, 1.0), [], 0.0
    for index, gap_s in enumerate(gaps_s):
        now_s += gap_s
        assert ring.add(now_s, float(index))
        kept.append((now_s, float(index)))
    times, values = ring.since(float("-inf"))
    assert list(zip(times, values, strict=True)) == kept[-capacity:]
    assert len(ring) == len(times)


def test_points_closer_than_the_step_are_left_out():
    ring = Ring(10, 10.0)
    assert [ring.add(at_s, 1.0) for at_s in (0.0, 5.0, 8.9, 9.1, 18.0, 19.2)] == [True, False, False, True, False, True]


def test_a_clock_that_goes_backwards_begins_anew():
    ring = Ring(10, 1.0)
    ring.add(100.0, 1.0)
    ring.add(50.0, 2.0)
    assert [list(column) for column in ring.since(0.0)] == [[50.0], [2.0]]


def test_since_takes_the_points_from_a_time_on():
    ring = Ring(3, 1.0)
    for at_s in (1.0, 2.0, 3.0, 4.0):
        ring.add(at_s, at_s * 10)
    assert [list(column) for column in ring.since(3.0)] == [[3.0, 4.0], [30.0, 40.0]]
    assert [list(column) for column in ring.since(9.0)] == [[], []]


def test_a_history_has_a_ring_for_each_metric():
    history = History(10, 1.0)
    history.add(1.0, [("cpu", 5.0), ("memory", 6.0)])
    history.add(2.0, [("cpu", 7.0)])
    assert history.metrics == ["cpu", "memory"]
    assert list(history.since("cpu", 0.0)[1]) == [5.0, 7.0]
    with pytest.raises(KeyError):
        history.since("fds", 0.0)


def test_another_size_keeps_the_newest_points():
    history = History(10, 1.0)
    for at_s in range(5):
        history.add(float(at_s), [("cpu", at_s * 1.0)])
    assert history.resized(10, 1.0) is history
    assert list(history.resized(2, 1.0).since("cpu", 0.0)[0]) == [3.0, 4.0]

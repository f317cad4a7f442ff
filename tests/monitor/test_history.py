from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.monitor.history import History, Track

READINGS = st.lists(st.tuples(st.floats(0.95, 100), st.integers(0, 2)), max_size=60)


@given(READINGS, st.integers(1, 20), st.integers(0, 60))
def test_a_track_gives_the_newest_points_in_order_however_often_a_value_repeats(readings, capacity, left_out):
    track, kept, now_s = Track(capacity, 1.0, ["cpu"]), [], 0.0
    for gap_s, value in readings:
        now_s += gap_s
        assert track.add(now_s, {"cpu": float(value)})
        kept.append((now_s, float(value)))
    kept = kept[-capacity:]
    from_s = kept[min(left_out, len(kept) - 1)][0] if kept else 0.0
    kept = [(at_s, value) for at_s, value in kept if at_s >= from_s]
    assert list(zip(*track.since("cpu", from_s), strict=True)) == kept
    values = {value for _, value in kept}
    expected = None if len(values) > 1 else (len(kept), kept[-1][0] - kept[0][0] if kept else 0.0)
    assert track.steady("cpu", from_s) == expected


@given(st.lists(st.sets(st.sampled_from("abc"), min_size=1), max_size=30), st.integers(1, 8))
def test_metrics_keep_their_own_points_whichever_are_read_together(readings, capacity):
    history = History(capacity, 1.0)
    kept: dict[str, list[tuple[float, float]]] = {}
    for number, metrics in enumerate(readings):
        history.add(float(number), [(metric, float(number % 3)) for metric in metrics])
        for metric in metrics:
            kept.setdefault(metric, []).append((float(number), float(number % 3)))
    assert set(history.metrics) == kept.keys()
    for metric, points in kept.items():
        assert list(zip(*history.since(metric, 0.0), strict=True)) == points[-capacity:]


def test_points_closer_than_the_step_are_left_out():
    track = Track(10, 10.0, ["cpu"])
    times = (0.0, 5.0, 8.9, 9.1, 18.0, 19.2)
    assert [track.add(at_s, {"cpu": 1.0}) for at_s in times] == [True, False, False, True, False, True]


def test_a_clock_that_goes_backwards_begins_anew():
    track = Track(10, 1.0, ["cpu"])
    track.add(100.0, {"cpu": 1.0})
    track.add(50.0, {"cpu": 2.0})
    assert [list(column) for column in track.since("cpu", 0.0)] == [[50.0], [2.0]]


def test_since_takes_the_points_from_a_time_on():
    track = Track(3, 1.0, ["cpu"])
    for at_s in (1.0, 2.0, 3.0, 4.0):
        track.add(at_s, {"cpu": at_s * 10})
    assert [list(column) for column in track.since("cpu", 3.0)] == [[3.0, 4.0], [30.0, 40.0]]
    assert [list(column) for column in track.since("cpu", 9.0)] == [[], []]
    assert track.steady("cpu", 9.0) == (0, 0.0)


def test_a_new_metric_joins_what_is_read_with_it_and_has_its_own_beginning():
    history = History(10, 1.0)
    history.add(1.0, [("memory", 6.0)])
    history.add(2.0, [("memory", 6.0), ("cpu", 7.0)])
    history.add(3.0, [("memory", 6.0), ("cpu", 7.0)])
    assert [list(column) for column in history.since("cpu", 0.0)] == [[2.0, 3.0], [7.0, 7.0]]
    assert history.steady("memory", 0.0) == (3, 2.0)
    assert history.steady("cpu", 0.0) == (2, 1.0)


def test_a_history_has_a_series_for_each_metric():
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


def listed(stretches):
    """Metric -> its points; one that held all the time in full."""
    found: dict[str, list[tuple[float, float]]] = {}
    for stretch in stretches:
        for metric, values in stretch.values.items():
            every = [values] * len(stretch.times) if isinstance(values, float) else list(values)
            found.setdefault(metric, []).extend(zip(stretch.times, every, strict=True))
    return {metric: sorted(points) for metric, points in found.items()}


@given(
    st.lists(st.sets(st.sampled_from("abc"), min_size=1), max_size=30),
    st.integers(1, 8),
    st.integers(0, 30),
    st.integers(0, 30),
)
def test_what_lies_between_two_times_is_given_whole_whichever_were_read_together(readings, capacity, begin, length):
    history = History(capacity, 1.0)
    for number, metrics in enumerate(readings):
        history.add(float(number), [(metric, float(number // 4 % 2)) for metric in metrics])
    expected = {}
    for metric in history.metrics:
        points = zip(*history.since(metric, 0.0), strict=True)
        within = [(at_s, value) for at_s, value in points if begin < at_s <= begin + length]
        if within:
            expected[metric] = within
    assert listed(history.after(float(begin), float(begin + length))) == expected


def test_a_value_that_held_is_given_once():
    history = History(10, 1.0)
    for at_s in (1.0, 2.0, 3.0):
        history.add(at_s, [("cpu", 5.0), ("memory", at_s)])
    (stretch,) = history.after(1.0, 3.0)
    assert stretch.values == {"cpu": 5.0, "memory": array("d", [2.0, 3.0])}


def test_the_past_goes_before_what_is_read_then_and_shares_its_times():
    history = History(5, 1.0)
    times = array("d", range(6))
    history.recall(
        {
            "late": (times[3:], array("d", [1.0, 1.0, 2.0])),
            "cpu": (times, array("d", [4.0] * 6)),
            "other": (array("d", [0.5]), array("d", [9.0])),
        }
    )
    history.add(6.0, [("cpu", 5.0), ("late", 3.0)])
    assert [list(column) for column in history.since("cpu", 0.0)] == [[2, 3, 4, 5, 6], [4, 4, 4, 4, 5]]
    assert [list(column) for column in history.since("late", 0.0)] == [[3, 4, 5, 6], [1, 1, 2, 3]]
    assert [list(column) for column in history.since("other", 0.0)] == [[0.5], [9.0]]
    assert len(history._tracks) == 2
    assert history.oldest_s == 0.5
    assert History(5, 1.0).oldest_s is None


def test_one_history_follows_another():
    before, after = History(10, 1.0), History(10, 1.0)
    before.recall({"cpu": (array("d", [1.0, 2.0]), array("d", [5.0, 6.0]))})
    after.add(3.0, [("cpu", 7.0), ("fds", 8.0)])
    before.follow(after)
    assert list(before.since("cpu", 0.0)[1]) == [5.0, 6.0, 7.0]
    assert list(before.since("fds", 0.0)[1]) == [8.0]


def test_a_value_that_moved_while_the_history_was_changed_is_not_lost():
    history = History(10, 10.0)
    history.add(0.0, [("cpu", 1.0)])
    history.add(5.0, [("cpu", 2.0)])  # too soon to be kept
    history = history.resized(20, 10.0)
    history.add(10.0, [("cpu", 2.0)], moved=False)
    assert list(history.since("cpu", 0.0)[1]) == [1.0, 2.0]

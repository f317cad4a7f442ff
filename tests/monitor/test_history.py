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
